"""A program that was translated, with the ways in which its callers reach its machine code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api.compiled import Compiled
from adjoint._backend.options import Options
from adjoint._frontend.captures import holds
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.state import put
from adjoint._frontend.translate import Program
from adjoint._frontend.trees import Tree
from adjoint._trace.traced import sample
from adjoint.errors import MutationError


def direct_key(args: tuple[Any, ...]) -> Any:
    """Return what a program depends on if all arguments are plain numbers and arrays; None for others."""
    key: list[Any] = []
    arrays = []
    for x in args:
        cls = type(x)
        if cls is np.ndarray:
            key.append((x.dtype, x.ndim))
            arrays.append(x)
        elif cls in _NUMBERS:
            key.append(cls)
        else:
            return None
    if len(arrays) < 2 or len(set(map(id, arrays))) == len(arrays):
        return tuple(key)
    return tuple(key), same_arrays(args)


_NUMBERS = frozenset({float, complex, int, np.float64})
_PLAIN = _NUMBERS | {np.ndarray}


def kind_of(leaf: Any) -> Any:
    """Return what a program depends on: Python's type of a number, dtype and rank of an array."""
    dtype = getattr(leaf, "dtype", None)
    return type(leaf) if dtype is None else (dtype, leaf.ndim, isinstance(leaf, np.ndarray))


def same_arrays(leaves: Sequence[Any]) -> tuple[int, ...]:
    """Return, for each leaf, the place of the first that is the same array: a store to the one is a store to the other."""
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(leaf), k) if isinstance(leaf, np.ndarray) else k for k, leaf in enumerate(leaves))


class Entry:
    """A program that was translated, and its compiled form."""

    def __init__(
        self, program: Program, backend: str = "python", options: Options | None = None, leaves: Sequence[Any] = ()
    ) -> None:
        self.program = program
        captured = [sample(getter()) for getter, _ in program.captures.inputs]
        shapes = [np.shape(x) if isinstance(x, np.ndarray) else () for x in (*[leaves[k] for k in program.places], *captured)]
        self.compiled = Compiled(program.function, backend=backend, options=options, shapes=shapes)
        self.kinds = list(map(kind_of, captured))
        # What the captured values looked like when they were last found to be of these kinds.
        self.forms: list[Any] = [None] * len(self.kinds)
        marks = [object() for _ in range(program.count)]
        rebuilt = program.rebuild(marks)
        self.is_single = program.count == 1 and rebuilt is marks[0]
        self.shape = _shape(rebuilt, marks)

    @property
    def writes_outside(self) -> bool:
        """Whether the program writes to arrays that are not arguments; under a derivative these hold traced values."""
        return any(param >= len(self.program.places) for param, _ in self.program.written)

    def captured(self) -> list[Any] | None:
        """Return the values of the hidden arguments; None if the world around is not what the program was written for."""
        values = self.hidden()
        for k, x in enumerate(values or ()):
            form = type(x) if type(x) is not np.ndarray else (x.dtype, x.ndim)
            if form != self.forms[k]:
                if kind_of(sample(x)) != self.kinds[k]:
                    return None
                self.forms[k] = form
        return values

    def hidden(self) -> list[Any] | None:
        """Return the values of the hidden arguments, perhaps of other types; None if the world around is another one."""
        captures = self.program.captures
        for guard in captures.guards:
            if not holds(guard):
                return None
        try:
            return [getter() for getter, _ in captures.inputs]
        except Exception:
            return None

    @functools.cached_property
    def shaped(self) -> Callable[[Sequence[Any]], Any] | None:
        """What makes the value of the function from its results; None if a single one is the value, or it has no plain form."""
        return None if self.is_single or self.shape is None else eval(f"lambda y: {self.shape}")  # noqa: S307 - the text is ours

    @property
    def is_as_given(self) -> bool:
        """Whether the value of the function is what machine code returns: one result, or a tuple of all of them."""
        return self.is_single or self.shape == f"({''.join(f'y[{k}], ' for k in range(self.program.count))})"

    @property
    def is_plain(self) -> bool:
        """Whether a direct program is machine code, and what it gives has a plain form and is none of its arguments."""
        if self.program.returned or self.shape is None or self.program.count == 0:
            return False
        return self.compiled.native is not None

    def is_alone(self, count: int) -> bool:
        """Tell whether a plain program takes so many arguments, and nothing of the world around it."""
        captures = self.program.captures
        return not (captures.guards or captures.inputs) and len(self.program.places) == count

    def quick(self, args: tuple[Any, ...]) -> Callable[..., Any]:
        """Return what runs machine code on arguments of which the same ones are the same arrays; it may decline."""
        places, count, native = self.program.places, len(args), self.compiled.native
        if self.is_alone(count):
            return native.quick
        doubles = [(k, j) for k, j in enumerate(same_arrays(args)) if k != j]

        def gathered(*args: Any) -> Any:
            if len(args) != count:
                return NotImplemented
            for k, j in doubles:
                if args[k] is not args[j]:
                    return NotImplemented
            hidden = self.hidden()
            if hidden is None:
                return NotImplemented
            return native.quick(*args, *hidden) if len(places) == count else native.quick(*[args[k] for k in places], *hidden)

        return gathered

    @property
    def is_direct(self) -> bool:
        """Whether the program takes plain arguments as they are, and does nothing but return a value."""
        return not (self.program.specialised or self.program.written or self.program.changed)

    def run(self, args: Sequence[Any], captured: list[Any]) -> Any:
        """Run a program that is direct on plain numbers and arrays, and what it finds around it."""
        if len(self.program.places) != len(args):  # an array that is given twice is one argument
            args = [args[k] for k in self.program.places]
        if all(type(x) in _PLAIN for x in captured):
            outputs = self.compiled.evaluate((*args, *captured))
        else:
            outputs = self.compiled([*args, *captured])
        return self.value(outputs, args)

    def value(self, outputs: list[Any], inputs: Sequence[Any]) -> Any:
        """Return the value of the function, in which arrays of the caller's are these themselves."""
        for result, param in self.program.returned.items():
            outputs[result] = inputs[param]
        if self.is_single:
            return outputs[0]
        return plain(self.program.rebuild(outputs[: self.program.count])) if self.shaped is None else self.shaped(outputs)

    def __call__(self, tree: Tree, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the program, write to the caller's arrays and containers what it writes, and return its value."""
        program = self.program
        inputs = [tree.leaves[k] for k in program.places]
        inputs += [getter() for getter, _ in program.captures.inputs]
        if program.written:
            _expect_apart(inputs, [k for k, _ in program.written])
        outputs = self.compiled(inputs)
        for param, result in program.written:
            inputs[param][...] = outputs[result]
        value = self.value(outputs, inputs)
        for path, rebuild, where in program.changed:
            put(_found((args, kwargs), path), plain(rebuild(outputs[where])))
        return value


def _shape(value: Any, marks: list[Any]) -> str | None:
    """Return the text of a value of tuples, lists and dicts of results, in which these are ``y[0]``, ``y[1]``, …."""
    place = {id(mark): f"y[{k}]" for k, mark in enumerate(marks)}

    def text(x: Any) -> str:
        if id(x) in place:
            return place[id(x)]
        if type(x) is tuple:
            return f"({''.join(f'{text(part)}, ' for part in x)})"
        if type(x) is list:
            return f"[{', '.join(map(text, x))}]"
        if type(x) is dict and all(type(key) in (str, int) for key in x):
            return "{" + ", ".join(f"{key!r}: {text(part)}" for key, part in x.items()) + "}"
        raise TypeError("no plain form")

    try:
        return text(value) if len(marks) != 1 or value is marks[0] else None
    except TypeError:
        return None


def _expect_apart(inputs: list[Any], written: list[int]) -> None:
    """Raise if an array that the program writes to shares its memory with another argument, or its elements do."""
    for k in written:
        if isinstance(inputs[k], np.ndarray) and _overlaps_itself(inputs[k]):
            raise MutationError(
                "the function writes into an array of which several elements lie at one place of memory",
                why="the program takes them for independent numbers",
                remedy="pass a copy of it",
            )
        for j, other in enumerate(inputs):
            both = isinstance(inputs[k], np.ndarray) and isinstance(other, np.ndarray)
            if j != k and both and np.may_share_memory(inputs[k], other) and np.shares_memory(inputs[k], other):
                raise MutationError(
                    "the function writes into an array that shares its memory with another one among its arguments",
                    why="the program takes them for independent arrays",
                    remedy="pass a copy of one of them",
                )


def _overlaps_itself(x: np.ndarray) -> bool:
    """Tell whether elements of an array may share memory: axes by their strides, each reaches beyond all that is within."""
    if x.flags.forc or not x.size:
        return False
    reach = x.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(x.strides, x.shape, strict=True) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False


def _found(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key] if isinstance(tree, (tuple, list, dict)) else getattr(tree, key)
    return tree


def plain(x: Any) -> Any:
    """Return a result with plain lists in place of those of the frontend."""
    if isinstance(x, GrowingList):
        return [plain(part) for part in x.known_items]
    if type(x) is dict:
        return {key: plain(part) for key, part in x.items()}
    if type(x) is tuple:
        return tuple(plain(part) for part in x)
    return x
