"""The types of an operation's results: dtype and rank from dtypes and ranks.

Where the rank of a result depends on how many entries an argument has (an index, a shape), it is counted here.  For every
other function the function is the authority: it is called once on small samples of the arguments' types, and the answer is
kept.  So the book needs no second table of what NumPy promotes to what.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import operator
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from adjoint._ir.nodes import Undefined, Value, atom_type, atoms, map_atoms, values
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import BOOL, FLOAT, INT, ListOf, Opaque, Record, Tensor, Type, join, type_of
from adjoint._rules import indexing, kinds, linalg_degenerate, products, stores
from adjoint.errors import AdjointError

Function = Callable[..., Any]


class UnknownTypeError(AdjointError, TypeError):
    """The type of a function's result cannot be told from the types of its arguments."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", where: str | None = None) -> None:
        why = why or "the types of a program are found before it runs"
        super().__init__(what, why=why, remedy=remedy or "write it in another way, or use jit(f, fallback=True)", where=where)


@dataclass(frozen=True)
class Result:
    """The types of the parts of a result; ``form`` is the class of a result of several parts, None of a single value."""

    types: tuple[Type, ...]
    form: type | None = None

    def assemble(self, parts: Sequence[Any]) -> Any:
        """Return the parts in the form of the function's own result."""
        if self.form is None:
            return parts[0]
        return self.form(*parts) if hasattr(self.form, "_fields") else self.form(parts)


def single(t: Type) -> Result:
    """Return the result of one value."""
    return Result((t,))


def result(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Result:
    """Return the types of the parts of ``function(*args, **kwargs)``, whose arguments are trees of atoms."""
    counted = COUNTED.get(function)
    if counted is not None and (t := counted(*args, **kwargs)) is not None:
        return t if isinstance(t, Result) else single(t)
    key = (function, _key(args), _key(kwargs))
    try:
        known = _KNOWN.get(key)
    except TypeError:  # an argument that cannot be hashed
        return _sampled(function, args, kwargs)
    if known is None:
        known = _KNOWN[key] = _sampled(function, args, kwargs)
    return known


# By counting ----------------------------------------------------------------------------------------------------------------


def _indexed(a: Any, index: Any) -> Type | None:
    """Return the type of ``a[index]``; None where NumPy raises."""
    t = atom_type(a)
    if isinstance(t, Tensor):
        return _indexed_array(t, index)
    if not isinstance(t, ListOf) or not (_is_range(index) if isinstance(index, slice) else _is_index(atom_type(index))):
        return None
    return t if isinstance(index, slice) else t.item


def _indexed_array(t: Tensor, index: Any) -> Type | None:
    rank, fancy, taken = 0, None, 0
    parts = index if isinstance(index, tuple) else (index,)
    if not all(_is_range(part) for part in parts if isinstance(part, slice)):
        return None
    for part in parts:
        if part is None:
            rank += 1
        elif part is Ellipsis:
            continue
        elif isinstance(part, slice):
            rank, taken = rank + 1, taken + 1
        else:
            kind: Any = part.type if isinstance(part, Value) else _type_of_index(part)
            if not _is_index(kind):
                return None
            if kind.rank or kind.dtype.kind == "b":
                boolean = kind.dtype.kind == "b"
                fancy = max(fancy or 0, 1 if boolean else kind.rank)
                taken += kind.rank if boolean else 1
            else:
                taken += 1
    return Tensor(t.dtype, t.rank - taken + rank + (fancy or 0)) if taken <= t.rank else None


def _is_range(part: slice) -> bool:
    bounds = [atom_type(x) for x in (part.start, part.stop, part.step) if x is not None]
    return all(_is_index(t) and not t.rank and (t.number or t.dtype.kind != "b") for t in bounds)


def _is_index(t: Any) -> TypeGuard[Tensor]:
    return isinstance(t, Tensor) and t.dtype.kind in "iub"


def _type_of_index(part: Any) -> Tensor:
    if isinstance(part, (list, tuple)):
        inner: Any = (part[0].type if isinstance(part[0], Value) else _type_of_index(part[0])) if part else INT
        return Tensor(inner.dtype, inner.rank + 1)
    return Tensor(np.asarray(part).dtype, np.ndim(part))


def _shaped(rank_of: Callable[..., tuple[int, Any]]) -> Callable[..., Type | None]:
    def typed(*args: Any, **kwargs: Any) -> Type | None:
        shape, dtype = rank_of(*args, **kwargs)
        rank = len(shape) if isinstance(shape, (tuple, list)) else _rank_of_shape(shape)
        return None if rank is None else Tensor(np.dtype(dtype), rank)

    return typed


def _rank_of_shape(shape: Any) -> int | None:
    t = atom_type(shape)
    return 1 if isinstance(t, Tensor) and t.rank == 0 else None


def _dtype(x: Any) -> np.dtype[Any]:
    if isinstance(x, (tuple, list)):
        return np.result_type(*[_dtype(part) for part in x])
    t = atom_type(x)
    return t.dtype if isinstance(t, Tensor) else np.dtype(float)


def _promoted(p: Any, t: Any) -> Type:
    """Return the type of ``p * t``."""
    return result(np.multiply, (p, t), {}).types[0]


def _like(x: Any, dtype: Any = None, shape: Any = None, **_: Any) -> Type | None:
    t = atom_type(x)
    if shape is not None or not isinstance(t, Tensor):
        return None
    return Tensor(t.dtype if dtype is None else np.dtype(dtype), t.rank)


def _full(shape: Any, value: Any, dtype: Any = None, **_: Any) -> tuple[Any, Any]:
    return shape, _dtype(value) if dtype is None else dtype


def _first(a: Any, *_: Any, **__: Any) -> Type:
    return atom_type(a)


def _appended(items: Any, x: Any) -> Type:
    t = atom_type(items)
    return t if isinstance(t, ListOf) else ListOf(atom_type(x))


def _joined(items: Any, more: Any) -> Type | None:
    return join(atom_type(items), atom_type(more))


def _one_of(*items: Any) -> Type | None:
    """Return the type of what is one of several numbers, which of them only the run tells."""
    found: Type | None = atom_type(items[0])
    for item in items[1:]:
        found = None if found is None else join(found, atom_type(item))
    return found if len(items) > 1 and isinstance(found, Tensor) and not found.rank else None


def _listed(items: Any) -> Type | None:
    return ListOf(atom_type(items[0])) if items else None


def _rows(x: Any) -> Type:
    t = atom_type(x)
    assert isinstance(t, Tensor)
    return ListOf(Tensor(t.dtype, t.rank - 1))


def _stacked(items: Any) -> Type | None:
    t = atom_type(items)
    inner = t.item if isinstance(t, ListOf) else None
    return Tensor(inner.dtype, inner.rank + 1) if isinstance(inner, Tensor) else None


def _same_form(g: Any, x: Any) -> Type | None:
    """Return the type of a cotangent that is brought into the form of ``x``."""
    t = atom_type(x)
    return Tensor(t.dtype, t.rank) if isinstance(t, Tensor) else t


def _scattered(ct: Any, index: Any, shape: Any) -> Type:
    return Tensor(_dtype(ct), len(shape))


def _crossed(a: Any, b: Any, *_: Any, **__: Any) -> Type:
    """Return the type of a cross product in space, where one vector has three components; the frontend checks that one has."""
    y = _promoted(a, b)
    assert isinstance(y, Tensor)
    return Tensor(y.dtype, y.rank)


COUNTED: dict[Function, Callable[..., Type | Result | None]] = {
    operator.getitem: _indexed,
    builtins.max: _one_of,
    builtins.min: _one_of,
    extent: lambda x, axis: INT,
    length: lambda x: INT,
    len: lambda x: INT,
    np.size: lambda a, axis=None: INT,
    np.reshape: _shaped(lambda a, shape, order="C", **_: (shape, _dtype(a))),
    np.broadcast_to: _shaped(lambda array, shape, subok=False: (shape, _dtype(array))),
    np.zeros: _shaped(lambda shape, dtype=float, order="C", **_: (shape, dtype)),
    np.ones: _shaped(lambda shape, dtype=None, order="C", **_: (shape, dtype or float)),
    np.empty: _shaped(lambda shape, dtype=float, order="C", **_: (shape, dtype or float)),
    np.full: _shaped(_full),
    np.resize: _shaped(lambda a, new_shape: (new_shape, _dtype(a))),
    np.zeros_like: _like,
    np.ones_like: _like,
    np.empty_like: _like,
    stores.assign: _first,
    stores.accumulate: _first,
    stores.winners: _first,
    stores.listed: _listed,
    stores.numbers: lambda x: ListOf(FLOAT),
    stores.rows: _rows,
    stores.vector: _stacked,
    stores.held: _first,
    stores.append: _appended,
    stores.joined: _joined,
    stores.without_last: _first,
    stores.filled: lambda n, x: ListOf(atom_type(x)),
    linalg_degenerate.vanishing: _first,
    stores.fit: _same_form,
    stores.spread: _same_form,
    stores.pack: lambda name, *parts: Record(name),
    stores.unpack: lambda record, types: Result(types, tuple),
    stores.blank: _first,
    stores.combine: _first,
    stores.form: lambda x: _same_form(x, x),
    kinds.scale: _promoted,
    np.cross: _crossed,
    products.cross3: _crossed,
    indexing.scatter: _scattered,
}


# By samples -----------------------------------------------------------------------------------------------------------------

_KNOWN: dict[Any, Result] = {}
# Lengths to try: of a square matrix, then lengths that divide by what functions divide by.
_LENGTHS = (2, 3, 4, 12, 1, 5, 8)
_SAMPLES: dict[type, Callable[[], Any]] = {
    np.random.Generator: lambda: np.random.default_rng(0),
    np.random.RandomState: lambda: np.random.RandomState(0),
    random.Random: lambda: random.Random(0),  # noqa: S311 - a sample of the class
    str: lambda: "text",
}


def _key(tree: Any) -> Any:
    """Return a tree of atoms as a key: the types of values, and plain objects with their types, for 1 is not 1.0."""
    if isinstance(tree, (tuple, list)):
        return (type(tree), *map(_key, tree))
    if type(tree) is dict:
        return tuple((name, _key(part)) for name, part in tree.items())
    if type(tree) is slice:
        return (slice, _key(tree.start), _key(tree.stop), _key(tree.step))
    return tree.type if isinstance(tree, (Value, Undefined)) else (type(tree), tree)


def _sampled(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Result:
    error: Exception | None = None
    for n, number in itertools.product(_LENGTHS, (0, 1)):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                a, k = map_atoms(functools.partial(_sample, n=n, number=number), (args, kwargs))
                found = _described(function(*a, **k))
        except Exception as caught:
            error = error or caught
            continue
        _expect_same(found, function, args, kwargs)
        return found
    types = ", ".join(str(atom_type(atom)) for atom in atoms((args, kwargs)))
    raise UnknownTypeError(
        f"the type of the result of {getattr(function, '__name__', function)}({types}) cannot be told",
        why=f"it fails on samples of its arguments ({type(error).__name__}: {error})",
        remedy="check the arguments, or use jit(f, fallback=True)",
    )


def _expect_same(found: Result, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise if the type of a result depends on values or lengths: on samples of another kind it is another one.

    The eigenvalues of a real matrix are real or complex; `numpy.real_if_close` looks at the numbers.
    """
    if not any(isinstance(v.type, Tensor) and v.type.rank for v in values((args, kwargs))):
        return
    for n in (3, 2):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                a, k = map_atoms(functools.partial(_other_sample, n=n), (args, kwargs))
                other = _described(function(*a, **k))
        except Exception:  # noqa: S112 - a sample that the function does not take tells nothing
            continue
        if other.types != found.types:
            raise UnknownTypeError(
                f"the type of the result of {getattr(function, '__name__', function)} depends on the values of its arguments",
                why=f"it may be {', '.join(map(str, found.types))} or {', '.join(map(str, other.types))}",
                remedy="use a function whose result has one type (eigh, astype(complex)), or jit(f, fallback=True)",
            )


def _other_sample(atom: Any, n: int) -> Any:
    """Return a sample of another kind: of mixed signs, and if a matrix, with complex eigenvalues."""
    if (
        not isinstance(atom, Value)
        or not isinstance(atom.type, Tensor)
        or not atom.type.rank
        or atom.type.dtype.kind not in "fc"
    ):
        return _sample(atom, n, 1)
    t = atom.type
    if t.rank == 1:
        return np.resize([1.0, -1.0, 2.0], n).astype(t.dtype)
    skew = np.eye(n) + np.tri(n).T - np.tri(n)
    return np.broadcast_to(skew, (n,) * t.rank).astype(t.dtype)


def _sample(atom: Any, n: int, number: int) -> Any:
    if not isinstance(atom, Value):
        return atom
    return sample(atom.type, n, number)


def sample(t: Type, n: int = 2, number: int = 1) -> Any:
    """Return a value of a type: positive, and if a matrix, symmetric and regular."""
    if isinstance(t, ListOf):
        return [sample(t.item, n, number)] * n
    if isinstance(t, Opaque):
        return _SAMPLES[t.cls]()
    if isinstance(t, Record):
        raise TypeError("a record has no samples")
    if t.number:
        return {"b": bool, "i": int, "f": float, "c": complex}[t.dtype.kind](number)
    if t.rank == 0:
        return t.dtype.type(number)
    x = (
        np.full((n,) * t.rank, number * 0.25).astype(t.dtype)
        if t.dtype.kind in "fc"
        else np.full((n,) * t.rank, number, t.dtype)
    )
    if t.rank >= 2 and t.dtype.kind in "fc":
        x = x + np.eye(n, dtype=t.dtype) * (1 + np.arange(n)).astype(t.dtype)
    elif t.rank == 1 and t.dtype.kind in "fc":
        x = x + np.arange(n).astype(t.dtype)
    return x


def _described(y: Any) -> Result:
    if isinstance(y, (tuple, list)):
        if any(isinstance(part, (tuple, list)) for part in y):
            raise UnknownTypeError("a function gives nested sequences")
        return Result(tuple(type_of(part) for part in y), type(y))
    return single(type_of(y))


__all__ = ["BOOL", "Result", "UnknownTypeError", "result", "sample"]
