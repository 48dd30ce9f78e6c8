"""Run a user's function under a trace: arguments in, results out, errors that name the argument.

All operators are built from the two functions here, `pushforward` and `pullback`.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api import tree
from adjoint._rules import kinds
from adjoint._trace.buffers import is_stale
from adjoint._trace.forward import Dual, Forward
from adjoint._trace.memory import as_traced, owner_of
from adjoint._trace.reverse import Tape, target_of
from adjoint._trace.routes import instrumented
from adjoint._trace.sweep import accumulate, backward
from adjoint._trace.traced import Host, Trace, Traced, plain
from adjoint.errors import ConversionError, InputError, MutationError, OutputError, StructureError


def select(args: tuple[Any, ...], argnums: int | Sequence[int], name: str) -> tuple[int, ...]:
    """Return the positions to differentiate, counted from 0."""
    wanted: tuple[Any, ...] = tuple(argnums) if isinstance(argnums, (tuple, list, range)) else (argnums,)
    for k in wanted:
        if not isinstance(k, (int, np.integer)):
            raise TypeError(f"{name}: argnums must be an int or a sequence of ints, got {argnums!r}")
        if not -len(args) <= k < len(args):
            raise InputError(
                f"{name}: argnums={argnums!r} names an argument that the call does not have ({len(args)} positional arguments)",
                remedy="pass the arguments to differentiate by position, or choose another argnums",
            )
    positions = tuple(operator.index(k) % len(args) for k in wanted)
    if len(set(positions)) < len(positions):
        raise InputError(f"{name}: argnums={argnums!r} names an argument twice", remedy="name each argument once")
    return positions


def differentiable(leaf: Any, where: str) -> Any:
    """Return a leaf of a differentiated argument as a number or array that has derivatives; None if it is inactive.

    Python ints are promoted to float; arrays of integers and booleans are inactive inside a tree.
    """
    if isinstance(leaf, Host) and leaf.content is not None:
        return leaf.content
    if isinstance(leaf, (float, complex, Traced)):
        return leaf
    if isinstance(leaf, (bool, np.bool_)):
        return None
    if isinstance(leaf, int):
        return float(leaf)
    dtype = getattr(leaf, "dtype", None)
    if dtype is not None and dtype.kind in "fc":
        return leaf
    if dtype is not None and dtype.kind in "iub":
        return None
    raise InputError(
        f"cannot differentiate with respect to {where}: {_form(leaf)}",
        why="derivatives exist with respect to floats, complex numbers and arrays of these",
        remedy="leave it out of argnums, or pass it as another argument",
    )


def leaves_of(arg: Any, where: str) -> tuple[list[Any], list[Any], Any]:
    """Return the leaves of an argument, those of them that are differentiable (None elsewhere), and the structure."""
    leaves, structure = tree.flatten(arg)
    active = [differentiable(leaf, where) for leaf in leaves]
    if leaves and all(leaf is None for leaf in active):
        raise InputError(
            f"cannot differentiate with respect to {where}: {', '.join(map(_form, leaves[:3]))}",
            why="integers and booleans have no derivative",
            remedy="convert it to float, e.g. x.astype(float), or leave it out of argnums",
        )
    return leaves, active, structure


def protected(args: tuple[Any, ...], positions: tuple[int, ...]) -> tuple[tuple[Any, ...], bool]:
    """Return the arguments, and whether no differentiated array among them shares its memory with another.

    Those that do are made read-only: a derivative takes them for independent, and a store into one would change the other.
    """
    if len(args) == 1 and not isinstance(args[0], (dict, list, tuple)):
        return args, True
    trees = {k: tree.flatten(args[k]) for k in positions}
    arrays = [leaf for leaves, _ in trees.values() for leaf in leaves if type(leaf) is np.ndarray]
    arrays += [a for k, a in enumerate(args) if k not in trees and type(a) is np.ndarray]
    owners = [id(owner_of(a)) for a in arrays]
    if len(set(owners)) == len(owners):
        return args, True
    apart = True

    def guarded(leaf: Any) -> Any:
        nonlocal apart
        if type(leaf) is not np.ndarray or sum(np.may_share_memory(leaf, a) for a in arrays) < 2:
            return leaf
        apart = False
        view = leaf.view(np.ndarray)
        view.flags.writeable = False
        return view

    views = list(args)
    for k, a in enumerate(args):
        leaves, structure = trees.get(k, ([a], tree.LEAF))
        guards = list(map(guarded, leaves))
        if any(guard is not leaf for guard, leaf in zip(guards, leaves, strict=True)):
            views[k] = tree.unflatten(structure, guards)
    return tuple(views), apart


def run(f: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], *, apart: bool = True) -> Any:
    """Call ``f`` in the form in which derivatives follow it.

    When NumPy stores a traced value in a plain array it asks for a float, is refused, and reports that as an error of its own.
    """
    try:
        return instrumented(f)(*args, **kwargs)
    except SystemError as error:  # compiled code that overlooked our refusal
        if isinstance(error.__cause__, ConversionError):
            raise error.__cause__ from None
        raise
    except ValueError as error:
        if not apart and "read-only" in str(error):
            raise MutationError(
                "the function writes into an array that shares its memory with another one among its arguments",
                why="the two are taken for independent, and the store would change both",
                remedy="pass a copy of one of them",
            ) from error
        refusal = error.__cause__
        if not isinstance(refusal, ConversionError):
            raise
        raise MutationError(
            "a traced value was put into a plain NumPy array",
            why="the array was made outside of the function that is differentiated, or by code that cannot be followed",
            remedy="make the array inside the function (numpy.zeros), or pass it as an argument; "
            "stop_gradient(x) stores a constant",
            where=refusal.where,
        ) from error


def results_of(y: Any, name: str) -> tuple[list[Any], Any]:
    """Return the leaves of a result, traced values in place of the buffers and sequences that hold them."""
    if inspect.isgenerator(y) or inspect.iscoroutine(y) or isinstance(y, (map, filter, zip)):
        raise OutputError(
            f"{name}: the function returned a {type(y).__name__}",
            why="its values would be computed after the derivative has ended",
            remedy="return list(...) or np.array(list(...))",
        )
    leaves, structure = tree.flatten(y)
    results = [_result(leaf, name) for leaf in leaves]
    if any(map(is_stale, results)):
        raise ConversionError(
            "the result was computed from an array in which a traced value is stored, by code that reads plain memory",
            why="that code cannot be followed (its source cannot be read, or it is compiled), "
            "and so the derivative would be lost",
            remedy="use NumPy functions there, or give the function a rule (custom_jvp, custom_vjp)",
        )
    return results, structure


def _result(leaf: Any, name: str) -> Any:
    if isinstance(leaf, Host):
        return leaf.content if leaf.content is not None else leaf.plain()
    if isinstance(leaf, np.ndarray) and leaf.dtype == object:
        leaf = as_traced(leaf)
    if isinstance(leaf, (Traced, float, complex, int, np.ndarray, np.generic)) or hasattr(leaf, "__array_function__"):
        return leaf
    raise OutputError(
        f"{name}: the function returned {_form(leaf)}",
        why="only numbers and arrays have derivatives",
        remedy="return it as auxiliary data: has_aux=True and `return value, aux`",
    )


def _form(x: Any) -> str:
    dtype = getattr(x, "dtype", None)
    if dtype is not None:
        shape = kinds.shape_of(x)
        return f"an array of dtype {dtype} and shape {shape}" if len(shape) else f"a number of dtype {dtype}"
    return f"{type(x).__name__} {plain(x)!r:.60}"


def pushforward(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tangents: dict[int, list[Any]],
    *,
    has_aux: bool,
    name: str,
) -> tuple[Any, Any, Any]:
    """Evaluate ``f`` and the derivative along tangents (leaves, by argument position); return value, tangent and aux."""
    trace = Forward()
    args, apart = protected(args, tuple(tangents))
    inputs = list(args)
    for k, ts in tangents.items():
        leaves, active, structure = leaves_of(args[k], f"argument {k}")
        inputs[k] = tree.unflatten(
            structure,
            [leaf if x is None or t is None else Dual(trace, x, t) for leaf, x, t in zip(leaves, active, ts, strict=True)],
        )
    aux = None
    try:
        y = run(f, inputs, kwargs, apart=apart)
        if has_aux:
            y, aux = split_aux(y, name)
        leaves, structure = results_of(y, name)
    finally:
        trace.close()
    for k in tangents:
        reflect(args[k], inputs[k], trace)
    mine = [isinstance(leaf, Traced) and leaf.run is trace for leaf in leaves]
    values = [leaf.primal if own else leaf for leaf, own in zip(leaves, mine, strict=True)]
    ts = [leaf.tangent if own else kinds.zeros_like(leaf) for leaf, own in zip(leaves, mine, strict=True)]
    values = [as_traced(v) for v in values]
    taken = {id(owner_of(t)) for seeds in tangents.values() for t in seeds if isinstance(t, np.ndarray)}
    return (
        tree.unflatten(structure, [tidy(v) for v in values]),
        tree.unflatten(structure, [_number_like(v, _separate(tidy(t), taken)) for v, t in zip(values, ts, strict=True)]),
        drop(aux, trace) if has_aux else None,
    )


class Pullback:
    """The linear map from cotangents of the results to cotangents of the inputs, on a recorded tape.

    It may be called any number of times, from several threads; it holds the tape's memory until it is dropped.
    """

    def __init__(
        self, tape: Tape, results: list[Any], structure: Any, inputs: dict[int, tuple[list[Any], list[Any], Any]]
    ) -> None:
        self.results = [(target_of(tape, r), kinds.shape_of(r), kinds.dtype_of(r)) for r in results]
        self.structure = structure
        self.inputs = inputs
        self.tape = tape
        self.entries = tape.recorded
        self.count = len(tape.recorded)

    def sweep(self, cotangents: list[Any], *, free: bool = False) -> list[Any]:
        """Return, for each argument, its cotangent in the argument's structure."""
        self.tape.verify()
        cts: list[Any] = [None] * self.count
        for (target, shape, dtype), ct in zip(self.results, cotangents, strict=True):
            if target is not None and ct is not None:
                accumulate(cts, set(), target, ct, (shape, dtype), None)
        cts = backward(self.entries, cts, free=free)
        slot = 0
        taken = {id(owner_of(ct)) for ct in cotangents if isinstance(ct, np.ndarray)}
        outcome = []
        for leaves, active, structure in self.inputs.values():
            grads = []
            for leaf, x in zip(leaves, active, strict=True):
                if x is None:
                    grads.append(np.zeros(kinds.shape_of(leaf)) if len(kinds.shape_of(leaf)) else 0.0)
                    continue
                ct = cts[slot]
                slot += 1
                grads.append(_number_like(x, _zero(x) if ct is None else _separate(tidy(as_traced(ct)), taken)))
            outcome.append(tree.unflatten(structure, grads))
        return outcome


def _separate(x: Any, taken: set[int]) -> Any:
    """Return an array in memory that may be written to and that none of the others has; ``taken`` are their owners."""
    if not isinstance(x, np.ndarray):
        return x
    if not x.flags.writeable or id(owner_of(x)) in taken:
        x = np.copy(x)
    taken.add(id(owner_of(x)))
    return x


def record(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    positions: tuple[int, ...],
    *,
    has_aux: bool,
    name: str,
    later: bool = False,
    tape: Tape | None = None,
) -> tuple[list[Any], Any, Pullback, Any]:
    """Run ``f`` on a tape; return the leaves of its value, their structure, the pullback and the auxiliary data.

    ``later`` says that the caller gets the pullback, and may change arguments and results before it is called; ``tape`` is one
    that notes more than the way back needs (`adjoint.explain`).
    """
    tape = Tape() if tape is None else tape
    args, apart = protected(args, positions)
    values = list(args)
    inputs = {}
    for k in positions:
        leaves, active, structure = inputs[k] = leaves_of(args[k], f"argument {k}")
        values[k] = tree.unflatten(
            structure, [leaf if x is None else tape.lift(x) for leaf, x in zip(leaves, active, strict=True)]
        )
    aux = None
    try:
        y = run(f, values, kwargs, apart=apart)
        if has_aux:
            y, aux = split_aux(y, name)
        leaves, structure = results_of(y, name)
        pullback = Pullback(tape, leaves, structure, inputs)
    finally:
        tape.close()
    for k in positions:
        reflect(args[k], values[k], tape)
    if later:
        given = [leaf for k in positions for leaf in [*inputs[k][1], *tree.flatten(args[k])[0]]]
        tape.part_with([*given, *[leaf.whole().primal for leaf in leaves if isinstance(leaf, Traced) and leaf.run is tape]])
    primals = [tidy(as_traced(leaf.primal if isinstance(leaf, Traced) and leaf.run is tape else leaf)) for leaf in leaves]
    return primals, structure, pullback, drop(aux, tape) if has_aux else None


def reflect(given: Any, used: Any, trace: Trace) -> None:
    """Do to the caller's dicts and lists what the program did to those that it was given in their place.

    Arrays need no such care: the program works on the caller's own memory.
    """
    if type(given) is dict:
        for key in [key for key in given if key not in used]:
            del given[key]
        for key, value in used.items():
            given[key] = _reflected(given.get(key), value, trace)
    elif type(given) is list:
        old = given + [None] * len(used)
        given[:] = [_reflected(old[k], value, trace) for k, value in enumerate(used)]
    elif type(given) is tuple:
        for before, after in zip(given, used, strict=True):
            reflect(before, after, trace)


def _reflected(before: Any, after: Any, trace: Trace) -> Any:
    """Return what takes the place of a caller's value."""
    if (
        type(before) in (dict, list, tuple)
        and type(after) is type(before)
        and (type(before) is not tuple or len(before) == len(after))
    ):
        reflect(before, after, trace)
        return before
    leaves, structure = tree.flatten(after)
    if structure is not tree.LEAF and len(leaves) and leaves[0] is not after:  # a named tuple, a dataclass
        return _reflected_node(before, leaves, structure, trace)
    value = lowered(after, trace)
    return before if type(before) is int and value == before else value


def _reflected_node(before: Any, after: list[Any], structure: Any, trace: Trace) -> Any:
    """Return what takes the place of a caller's object with parts: itself, if they are the same."""
    new = [lowered(leaf, trace) for leaf in after]
    old, own = tree.flatten(before)
    if own == structure and all(map(_is_same, old, new)):
        return before
    return tree.unflatten(structure, new)


def _is_same(x: Any, y: Any) -> bool:
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.shape == y.shape and np.may_share_memory(x, y)
    return x is y or (type(x) in (int, float, complex, np.float64) and x == y)


def split_aux(y: Any, name: str) -> tuple[Any, Any]:
    """Return value and auxiliary data of a function that was differentiated with ``has_aux=True``."""
    if not isinstance(y, tuple) or len(y) != 2:
        raise OutputError(
            f"{name}: has_aux=True needs a function that returns a pair (value, aux), got {_kind(y)}",
            remedy="return value, aux",
        )
    return y


def _kind(y: Any) -> str:
    """Return the type of a value as the user knows it."""
    return type(plain(y)).__name__


def drop(aux: Any, trace: Any) -> Any:
    """Return auxiliary data without the values of a trace that has ended."""
    return tree.tree_map(lambda leaf: lowered(leaf, trace), aux)


def lowered(leaf: Any, trace: Trace) -> Any:
    """Return a value without a trace that has ended."""
    leaf = as_traced(leaf) if isinstance(leaf, Host) and leaf.content is not None else leaf
    return tidy(leaf.primal if isinstance(leaf, Traced) and leaf.run is trace else leaf)


def tidy(x: Any) -> Any:
    """Return a plain result as the user should see it: no buffers."""
    return x.plain() if isinstance(x, Host) and x.content is None else as_traced(x)


def _number_like(x: Any, g: Any) -> Any:
    """Return the derivative of a Python number as a Python number."""
    return type(x)(g) if type(x) in (float, complex) and type(g) in (np.float64, np.complex128) else g


def _zero(x: Any) -> Any:
    return kinds.zeros_like(x) if len(kinds.shape_of(x)) else kinds.dtype_of(x).type(0)


def check_tangent(ct: Any, shape: tuple[int, ...], dtype: np.dtype, where: str) -> Any:
    """Return a tangent or cotangent in the dtype of its primal; raise unless it has the primal's shape."""
    if isinstance(ct, Host) and ct.content is not None:
        ct = ct.content
    if kinds.shape_of(ct) != shape:
        raise StructureError(
            f"{where}: expected shape {shape}, got shape {kinds.shape_of(ct)}",
            remedy="give it the shape of the value that it belongs to",
        )
    own = kinds.dtype_of(ct)
    if own.kind not in "fciub" or (own.kind == "c" and dtype.kind != "c"):
        raise StructureError(f"{where}: expected dtype {dtype}, got dtype {own}", remedy="convert it")
    return kinds.cast(ct, dtype)


def match(given: Any, structure: Any, primals: list[Any], where: str) -> list[Any]:
    """Return the leaves of tangents or cotangents; raise unless they match the primal."""
    leaves, own = tree.flatten(given)
    if own is not structure and own != structure:
        raise StructureError(
            f"{where}: expected the structure {tree.describe(structure)}, got {tree.describe(own)}",
            remedy="give it the structure of the value that it belongs to",
        )
    return [
        None if x is None else kinds.adopt(check_tangent(t, kinds.shape_of(x), kinds.dtype_of(x), where), x)
        for t, x in zip(leaves, primals, strict=True)
    ]


def scalar_result(primals: list[Any], structure: Any, name: str, *, holomorphic: bool) -> None:
    """Raise unless the result is one real number (one complex number for a holomorphic function)."""
    remedy = "return one number (for example the sum), or use jacobian for arrays"
    if structure is not tree.LEAF or kinds.shape_of(primals[0]) != ():
        form = _form(primals[0]) if structure is tree.LEAF else f"a tree {tree.describe(structure)}"
        raise OutputError(f"{name}: the function must return a scalar, got {form}", remedy=remedy)
    kind = kinds.dtype_of(primals[0]).kind
    if kind == "c" and not holomorphic:
        raise OutputError(
            f"{name}: the function returned a complex number",
            remedy="return a real number such as abs(z)**2 or z.real, or pass holomorphic=True if the function is holomorphic",
        )
    if kind in "iub":
        raise OutputError(
            f"{name}: the function returned {_form(primals[0])}", why="integers have no derivative", remedy="return a float"
        )
    if holomorphic and kind != "c":
        raise OutputError(
            f"{name}: holomorphic=True needs a complex result, got {_form(primals[0])}", remedy="drop holomorphic=True"
        )
