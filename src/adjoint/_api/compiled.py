"""A program as a Python function of flat arguments, and under a derivative as one operation of the tracing engine.

Its derivatives are programs too, made when they are first asked for; called with traced values they are operations in turn,
so that derivatives of any order need nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api import engine as engine
from adjoint._api import opaque, tree
from adjoint._backend import python
from adjoint._backend.native import machine
from adjoint._backend.options import Options
from adjoint._ir.nodes import Function, atom_type
from adjoint._rules import kinds
from adjoint._trace.memory import as_traced, owner_of
from adjoint._trace.traced import Traced, highest
from adjoint._transform import forward, reverse, simplify, tune

Leaves = list[Any]


class Compiled:
    """A program that can be called; ``function`` is its intermediate representation."""

    def __init__(
        self,
        function: Function,
        finite: Sequence[bool] | None = None,
        *,
        backend: str = "python",
        options: Options | None = None,
        shapes: Sequence[tuple[int, ...]] = (),
    ) -> None:
        self.function = simplify.simplify(function, finite)
        self.finite, self.backend, self.options = finite, backend, options
        # The shapes that arguments have at first.
        self.shapes = shapes
        self.variants: dict[Any, Any] = {}

    @functools.cached_property
    def call(self) -> Callable[..., Any]:
        """The program as a Python function."""
        return python.compile(self.function)

    @functools.cached_property
    def tuning(self) -> functools.partial[Function]:
        """What makes the program ready to become machine code."""
        return tuning(self.function, self.finite, self.options)

    @functools.cached_property
    def native(self) -> Any:
        """The program as machine code; None if it is to be run by Python, or cannot be run otherwise."""
        if self.backend == "python" or not machine.available():
            return None
        from adjoint._backend.native import native  # a tenth of a second that ``import adjoint`` does without

        try:
            return native.compile(self.function, self.options, self.shapes, self.tuning)
        except (native.UnsupportedError, ImportError, OSError):  # LLVM's library may be there, and not to be loaded
            return None

    def __call__(self, leaves: Leaves) -> Leaves:
        """Return the results for arguments one by one."""
        leaves = [leaf if isinstance(leaf, (list, tuple)) else as_traced(leaf) for leaf in leaves]
        parts = [tree.flatten(leaf)[0] for leaf in leaves]
        trace = highest([x for part in parts for x in part if isinstance(x, Traced)])
        if trace is None:
            return self.evaluate(leaves)
        mask = tuple(
            any(isinstance(x, Traced) and x.run is trace for x in part) and _differentiable(p.type)
            for part, p in zip(parts, self.function.params, strict=True)
        )
        return self.traced(leaves, mask)

    def evaluate(self, leaves: Sequence[Any]) -> Leaves:
        """Run the program on plain values: as machine code, or by Python if that leaves or does not exist."""
        y = NotImplemented if self.native is None else self.run_native(self.native, leaves)
        if y is NotImplemented:
            try:
                y = self.call(*leaves)
            except Exception as error:
                annotate(error, self.call)
                raise
        count = len(self.function.body.results)
        return [y] if count == 1 else list(y) if count else []

    def run_native(self, run: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """Run machine code, which takes arrays in C order only."""
        y = run(*leaves)
        if y is NotImplemented and any(type(x) is np.ndarray and not x.flags.carray for x in leaves):
            y = run(*[np.array(x, order="C") if type(x) is np.ndarray else x for x in leaves])
        return y

    def traced(self, leaves: Leaves, mask: tuple[bool, ...]) -> Leaves:
        """Apply the program as one operation, differentiable in the arguments of the mask."""
        split = self.split(mask)
        count = len(self.function.results)

        def evaluated(primals: Leaves, structure: Any) -> tuple[Any, Any]:
            (values,) = tree.unflatten(structure, primals)
            both = split.forward(values)
            results, residuals = [_apart(y, values) for y in both[:count]], both[count:]
            return results, [_apart(r, [*values, *results]) for r in residuals]

        def pull(primals: Leaves, note: opaque.Note, cotangents: Leaves, structure: Any) -> Leaves:
            values = tree.unflatten(note.structure, [_Missing if ct is None else ct for ct in cotangents])
            cts = [_filled(ct, y) for ct, y, own in zip(values, note.content.results, split.active_results, strict=True) if own]
            found = iter(split.backward([*note.content.residuals, *cts]))
            (values,) = tree.unflatten(structure, primals)
            given = [_matched(next(found), x) if own else _matched(None, x) for own, x in zip(mask, values, strict=True)]
            return [None if leaf is _Missing else leaf for leaf in tree.flatten(given)[0]]

        def push(primals: Leaves, note: opaque.Note, ts: Leaves, structure: Any) -> Leaves:
            (values,) = tree.unflatten(structure, primals)
            (given,) = tree.unflatten(structure, [_Missing if t is None else t for t in ts])
            pushed = self.pushed(mask)
            seeds = [_filled(t, x) for x, t, own in zip(values, given, mask, strict=True) if own]
            tangents = iter(pushed.function([*values, *seeds])[count:])
            y = [next(tangents) if own else None for own in pushed.active_results]
            # The caller may store into the array of an argument, and its tangent changes with it.
            dots = [_matched(_apart(t, seeds), like) for t, like in zip(y, note.content.results, strict=True)]
            return [None if t is _Missing else t for t in tree.flatten(dots)[0]]

        def noted(primals: Leaves, structure: Any) -> tuple[Any, Any]:
            results, residuals = evaluated(primals, structure)
            return results, _Kept(residuals, results)

        return opaque.call((leaves,), self.function.name, lambda values: self(values), push, pull, noted)

    def split(self, mask: tuple[bool, ...]) -> Split:
        """Return the program as a way there and a way back."""
        key = ("split", mask)
        if key not in self.variants:
            made = reverse.vjp(self.function, mask, [_differentiable(atom_type(y)) for y in self.function.results])
            seeds = sum(made.active_results)
            # What is kept may be infinite: the program has computed it.
            finite = [False] * (len(made.backward.params) - seeds) + [True] * seeds
            self.variants[key] = Split(
                Compiled(made.forward, backend=self.backend, options=self.options),
                Compiled(made.backward, finite, backend=self.backend, options=self.options),
                list(made.active_results),
            )
        return self.variants[key]

    def pushed(self, mask: tuple[bool, ...]) -> Pushed:
        """Return the program with tangents of the arguments of the mask."""
        key = ("pushed", mask)
        if key not in self.variants:
            made = forward.jvp(self.function, mask)
            self.variants[key] = Pushed(
                Compiled(made.function, backend=self.backend, options=self.options), list(made.active_results)
            )
        return self.variants[key]


def tuning(function: Function, finite: Sequence[bool] | None, options: Options | None) -> functools.partial[Function]:
    """Return what makes a program ready to become machine code."""
    return functools.partial(tune.tune, function, finite, divided=options is not None and options.threads > 1)


class Split:
    """A program's way there and way back."""

    def __init__(self, there: Compiled, back: Compiled, active_results: list[bool]) -> None:
        self.forward, self.backward, self.active_results = there, back, active_results


class Pushed:
    """A program with tangents."""

    def __init__(self, function: Compiled, active_results: list[bool]) -> None:
        self.function, self.active_results = function, active_results


class _Kept:
    """What an operation notes for its derivatives."""

    def __init__(self, residuals: Leaves, results: Leaves) -> None:
        self.residuals, self.results = residuals, results


class _Missing:
    """Stands for a cotangent that is zero, where a tree may hold no None."""


def _differentiable(t: Any) -> bool:
    return bool(t.differentiable)


def _apart(residual: Any, seen: Leaves) -> Any:
    """Return a residual in memory that nobody else sees: what is kept must not change when the caller's arrays do."""
    if isinstance(residual, (tuple, list)):
        return type(residual)([_apart(part, seen) for part in residual])
    if isinstance(residual, np.ndarray) and any(_shares(residual, x) for x in seen):
        return np.copy(residual)
    if isinstance(residual, Traced) and len(kinds.shape_of(residual)):
        owners = {id(owner_of(x)) for x in seen if isinstance(x, Traced)}
        return np.copy(residual) if id(owner_of(residual)) in owners else residual
    return residual


def _shares(x: np.ndarray, y: Any) -> bool:
    if isinstance(y, (list, tuple)):
        return any(_shares(x, part) for part in y)
    return isinstance(y, np.ndarray) and np.may_share_memory(x, y)


def _filled(ct: Any, like: Any) -> Any:
    """Return a cotangent with zeros in place of what is missing."""
    if isinstance(like, (list, tuple)):
        return type(like)([_filled(part, y) for part, y in zip(ct, like, strict=True)])
    if like is None:  # an item that is not there, whose cotangent is added to others
        return 0.0
    return kinds.zeros_like(like) if ct is _Missing else ct


def _matched(t: Any, like: Any) -> Any:
    """Return a tangent or cotangent in the structure of its value, with a mark where there is none."""
    if isinstance(like, (list, tuple)):
        parts = [None] * len(like) if t is None else t
        return type(like)([_matched(part, y) for part, y in zip(parts, like, strict=True)])
    return None if like is None else _Missing if t is None else t


def annotate(error: Exception, call: Any) -> None:
    """Add to an exception the user's line that the generated line comes from."""
    lines = getattr(call, "__adjoint_lines__", {})
    filename = call.__code__.co_filename
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename and (line := lines.get(trace.tb_lineno)) is not None:
            error.add_note(f"in the program that adjoint made of {line.filename}:{line.number} ({line.function})")
            return
        trace = trace.tb_next
