"""Functions of Python that machine code calls back: an operation as a function of the values that it takes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend.native.values import is_native
from adjoint._ir.nodes import Apply, Undefined, Value, map_atoms, values
from adjoint._ir.types import ListOf, Tensor, Type


def leaves(op: Apply) -> list[Value]:
    """Return the values that an operation takes, each once."""
    return list(dict.fromkeys(values((op.args, op.kwargs))))


def function(op: Apply) -> Callable[..., Any]:
    """Return a function of the values that an operation takes, whose results are as machine code expects them."""
    names = {leaf: f"v{k}" for k, leaf in enumerate(leaves(op))}
    known: dict[str, Any] = {"function": op.function, "conform": _conform([y.type for y in op.outputs], op.form)}

    def written(atom: Any) -> Any:
        if type(atom) is Value:
            return _Name(names[atom])
        name = f"c{len(known)}"
        known[name] = None if isinstance(atom, Undefined) else atom
        return _Name(name)

    args, kwargs = map_atoms(written, (op.args, op.kwargs))
    inner = ", ".join([*map(_text, args), *[f"{key}={_text(x)}" for key, x in kwargs.items()]])
    exec(f"def called({', '.join(names.values())}):\n    return conform(function({inner}))", known)  # noqa: S102 - the text is ours
    return known["called"]


class _Name:
    """A name in the text of a call."""

    def __init__(self, name: str) -> None:
        self.name = name


def _text(tree: Any) -> str:
    if isinstance(tree, _Name):
        return tree.name
    if isinstance(tree, slice):
        return f"slice({_text(tree.start)}, {_text(tree.stop)}, {_text(tree.step)})"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {_text(x)}" for key, x in tree.items()) + "}"
    inner = ", ".join(map(_text, tree))
    if isinstance(tree, list):
        return f"[{inner}]"
    return f"({inner},)" if tree else "()"


def _conform(types: list[Type], form: type | None) -> Callable[[Any], Any]:
    if form is None:
        return _conformed(types[0]) if types else lambda y: y
    parts = [_conformed(t) for t in types]
    return lambda y: tuple(conform(part) for conform, part in zip(parts, y, strict=True))


def _conformed(t: Type) -> Callable[[Any], Any]:
    """Return what brings a result into the form that its type promises, or raises."""
    if isinstance(t, ListOf):
        inner = _conformed(t.item)
        return lambda y: [inner(item) for item in y]
    if not is_native(t) or not isinstance(t, Tensor):
        return lambda y: y
    if t.rank:
        return lambda y: _own(y, t)
    return {"f": float, "i": operator.index, "b": bool}[t.dtype.kind]  # 2 ** -1 is no integer


def _own(y: Any, t: Tensor) -> np.ndarray:
    """Return an array in C order that owns its memory."""
    if y.ndim != t.rank:
        raise TypeError(f"an array of {y.ndim} axes in the place of one of {t.rank}")
    plain = type(y) is np.ndarray and y.dtype == t.dtype and y.flags.carray and y.flags.owndata
    return y if plain else np.array(y, t.dtype, order="C")
