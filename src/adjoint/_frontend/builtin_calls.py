"""Built-in functions and types of sequences and objects, ``functools``, ``itertools`` and ``copy``, on symbols."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import operator
import warnings
from typing import Any

import numpy as np

from adjoint._frontend import iteration
from adjoint._frontend.arrays import Array
from adjoint._frontend.builtin_numbers import absolute as absolute
from adjoint._frontend.builtin_numbers import nothing
from adjoint._frontend.calls import REPLACED, replaces, routed, special, text
from adjoint._frontend.control import truth
from adjoint._frontend.lists import GrowingList, holds_symbols
from adjoint._frontend.objects import attribute
from adjoint._frontend.runtime import RUNTIME, compared, is_number
from adjoint._frontend.state import RefusedError, UnstableError, is_plain_object
from adjoint._frontend.trees import flatten
from adjoint._ir.infer import sample
from adjoint._ir.symbol import Symbol, UnknownNumberError, writer
from adjoint._ir.types import ListOf, Opaque, Tensor
from adjoint._overload import Overloaded


def _extremum(original: Any, comparison: str, reduction: Any) -> Any:
    def call(*args: Any, key: Any = None, default: Any = ...) -> Any:
        values = args[0] if len(args) == 1 else args
        if isinstance(values, GrowingList) and values.dynamic is not None and key is None:
            return reduction(values)
        source = iteration.of(values)
        if source is not None and source.count is None:
            if key is None and isinstance(values, Array) and values.ndim == 1:
                return reduction(values)
            raise UnknownNumberError(iteration.unknown_bound(source.range), "of the arguments of a function")
        items = list(values if source is None else source.items())
        keys = items if key is None else [routed(key)(x) for x in items]
        if not items:
            if default is ...:
                return original(items)
            return default
        return _first(items, keys, comparison, original)

    return call


def _first(items: list[Any], keys: list[Any], comparison: str, original: Any) -> Any:
    """Return the item of the greatest (least) key, of several the first."""
    if not holds_symbols(keys) and not any(map(is_plain_object, keys)):
        best = original(range(len(items)), key=lambda k: keys[k])
        return items[best]
    best, best_key = items[0], keys[0]
    for item, key in zip(items[1:], keys[1:], strict=True):
        if items is keys and is_scalar(best) and is_scalar(item):
            best = best_key = (
                writer().apply(original, (best, item), {}) if holds_symbols((best, item)) else original(best, item)
            )
            continue
        better = compared(comparison, key, best_key)
        best, best_key = (
            RUNTIME.choose(better, lambda new=item: new, lambda old=best: old),
            RUNTIME.choose(better, lambda new=key: new, lambda old=best_key: old),
        )
    return best


def is_scalar(x: Any) -> bool:
    """Tell whether ``x`` is a number, known or not."""
    return isinstance(x, (bool, int, float, np.number)) or (
        isinstance(x, Symbol) and isinstance(x.type, Tensor) and not x.type.rank
    )


REPLACED[max] = _extremum(max, "gt", np.max)
REPLACED[min] = _extremum(min, "lt", np.min)


# Sequences --------------------------------------------------------------------------------------------------------------------


@replaces(len)
def length(x: Any) -> Any:
    if isinstance(x, (Overloaded, GrowingList, *iteration.LAZY)):
        return iteration.length_of(x)
    method = special(x, "__len__")
    return len(x) if method is None else method()


@replaces(range)
def to_range(*bounds: Any) -> Any:
    return iteration.Range(*bounds) if holds_symbols(bounds) else range(*[operator.index(b) for b in bounds])


def _lazy(original: Any, source: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if any(map(iteration.is_stepped, args)) and original is not reversed:
            return _stepped(original, *args, **kwargs)
        if any(iteration.of(a) is not None and not isinstance(a, range) for a in args):
            return source(*args, **kwargs)
        if any(isinstance(a, range) for a in args) and original is not zip:
            return source(*args, **kwargs)
        if original is enumerate and holds_symbols(tuple(kwargs.values())):
            return source(*args, **kwargs)
        return writer().made_iterator(original(*args, **kwargs))

    return call


def _stepped(original: Any, *args: Any, **kwargs: Any) -> Any:
    """Return ``zip`` or ``enumerate`` where an iterator of the user's is among the arguments."""
    if original is enumerate:
        return iteration.Steps(
            _together([iteration.following(itertools.count(*args[1:], **kwargs)), iteration.following(args[0])])
        )
    if kwargs.get("strict"):
        raise RefusedError("zip with strict=True of an iterator of a class of yours", remedy="leave it out")
    return iteration.Steps(_together([iteration.following(a) for a in args]))


def _together(parts: list[Any]) -> Any:
    return lambda: tuple(part() for part in parts)


REPLACED[zip] = _lazy(zip, iteration.Zip)
REPLACED[enumerate] = _lazy(enumerate, iteration.Enumerate)
REPLACED[reversed] = _lazy(reversed, iteration.Reversed)


@replaces(list)
def to_list(x: Any = ()) -> Any:
    if isinstance(x, GrowingList):
        return x.copy()
    source = iteration.of(x)
    if iteration.is_stepped(x) or (source is not None and source.count is None):
        return RUNTIME.comprehension("list", x, None, lambda item: item, False)
    return GrowingList(x if source is None else source.items())


@replaces(np.fromiter)
def from_iterable(iterable: Any, dtype: Any, count: int = -1, **_: Any) -> Any:
    items = to_list(iterable)
    return routed(np.array)(items if count < 0 else items[:count], dtype)


@replaces(tuple)
def to_tuple(x: Any = ()) -> Any:
    return tuple(iteration.iterated(x))


@replaces(sorted)
def in_order(x: Any, *, key: Any = None, reverse: bool = False) -> Any:
    items = iteration.of(x)
    if items is None:
        x = list(x)
    if not holds_symbols(x) and not isinstance(x, Overloaded) and key is None and not any(map(is_plain_object, x)):
        return GrowingList(sorted(x, key=key and routed(key), reverse=reverse))
    if key is not None or (isinstance(x, list) and not all(map(is_scalar, iteration.iterated(x)))):
        return sorted_by(list(iteration.iterated(x)), key and routed(key), reverse=reverse)
    y = np.sort(x if isinstance(x, Symbol) else writer().as_array(x))
    y = y[::-1] if reverse else y
    return y if isinstance(x, Symbol) else GrowingList([y[k].item() if is_number(v) else y[k] for k, v in enumerate(x)])


def sorted_by(items: list[Any], key: Any, *, reverse: bool) -> GrowingList:
    """Return items in the order of keys that are symbols: insertion by comparisons, each a branch."""
    pairs: list[tuple[Any, Any]] = []
    for item in items:
        new = (item if key is None else key(item), item)
        for k, old in enumerate(pairs):
            before = precedes(old[0], new[0]) if reverse else precedes(new[0], old[0])
            pairs[k], new = RUNTIME.choose(before, lambda a=new, b=old: (a, b), lambda a=new, b=old: (b, a))
        pairs.append(new)
    return GrowingList([item for _, item in pairs])


def precedes(a: Any, b: Any) -> Any:
    """``a < b``, of tuples by their first entries that differ."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        if not a or not b:
            return len(a) < len(b)
        rest = lambda: RUNTIME.and_(lambda: compared("eq", a[0], b[0]), lambda: precedes(a[1:], b[1:]))
        return RUNTIME.or_(lambda: compared("lt", a[0], b[0]), rest)
    return compared("lt", a, b)


@replaces(any)
def any_of(values: Any) -> Any:
    if isinstance(values, Symbol) or (isinstance(values, GrowingList) and values.dynamic is not None):
        return writer().apply(bool, (writer().apply(np.any, (values,), {}),), {})
    items = list(values)
    return RUNTIME.or_(*[lambda x=x: truth(x) for x in items]) if items else False


@replaces(all)
def all_of(values: Any) -> Any:
    if isinstance(values, Symbol) or (isinstance(values, GrowingList) and values.dynamic is not None):
        return writer().apply(bool, (writer().apply(np.all, (values,), {}),), {})
    items = list(values)
    return RUNTIME.and_(*[lambda x=x: truth(x) for x in items]) if items else True


@replaces(map)
def mapped(function: Any, *iterables: Any) -> Any:
    call = routed(function)
    if any(map(iteration.is_stepped, iterables)):
        parts = _together([iteration.following(x) for x in iterables])
        return iteration.Steps(lambda: call(*parts()))
    if any(iteration.of(x) is not None for x in iterables):
        return iteration.Mapped(call, *iterables)
    return writer().made_iterator(map(call, *iterables))


@replaces(filter)
def filtered(function: Any, iterable: Any) -> Any:
    call = (lambda x: x) if function is None else routed(function)
    return RUNTIME.comprehension("list", iterable, call, lambda x: x, False)


@replaces(iter)
def iterator(x: Any, *rest: Any) -> Any:
    method = special(x, "__iter__")
    return writer().made_iterator(iter(iteration.iterated(x), *rest)) if method is None else method()


@replaces(functools.reduce)
def reduced(function: Any, iterable: Any, *initial: Any) -> Any:
    source = iteration.of(iterable)
    if source is not None and source.count is None and initial:
        box, call = GrowingList(initial), routed(function)
        RUNTIME.for_(source, lambda x: box.__setitem__(0, call(box[0], x)), None, nothing())
        return box[0]
    return functools.reduce(routed(function), iteration.iterated(iterable), *initial)


def _over_known(original: Any, functions: tuple[int, ...] = ()) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        args = tuple(
            routed(a) if k in functions and callable(a) else iteration.iterated(a) if not isinstance(a, (int, str)) else a
            for k, a in enumerate(args)
        )
        kwargs = {name: routed(value) if callable(value) else value for name, value in kwargs.items()}
        return writer().made_iterator(original(*args, **kwargs))

    return call


for _name in ("pairwise", "combinations", "permutations", "chain", "product", "islice", "zip_longest", "cycle", "repeat"):
    REPLACED[getattr(itertools, _name)] = _over_known(getattr(itertools, _name))
REPLACED[itertools.accumulate] = _over_known(itertools.accumulate, (1,))
REPLACED[itertools.starmap] = _over_known(itertools.starmap, (0,))


@replaces(itertools.repeat)
def repeated(x: Any, *times: Any) -> Any:
    return writer().made_iterator(itertools.repeat(x, *times))


# Questions --------------------------------------------------------------------------------------------------------------------


@replaces(np.isscalar)
def is_numpy_scalar(x: Any) -> bool:
    return np.isscalar(plain(x))


@replaces(isinstance)
def is_instance(x: Any, classes: Any) -> bool:
    return isinstance(plain(x), classes)


def plain(x: Any) -> Any:
    """Return a sample of what a symbol stands for."""
    if isinstance(x, Symbol) and not isinstance(x.type, Opaque):
        return [] if isinstance(x.type, ListOf) else sample(x.type)
    return x


@replaces(type)
def type_of(*args: Any) -> Any:
    if len(args) != 1:
        return type(*args)
    return list if isinstance(args[0], GrowingList) else type(plain(args[0]))


def expect_attribute(x: Any, name: str) -> None:
    """Raise if whether an object has an attribute depends on how the program ran."""
    if (id(x), name) in writer().doubtful:
        raise UnstableError(
            f"whether the object has an attribute {name!r} is known only when the program runs",
            remedy="set the attribute in __init__, and ask for its value",
        )


@replaces(hasattr)
def has_attribute(x: Any, name: str) -> bool:
    expect_attribute(x, name)
    return hasattr(plain(x), name)


@replaces(getattr)
def get_attribute(x: Any, name: str, *default: Any) -> Any:
    if default:
        expect_attribute(x, name)
    try:
        return attribute(x, name)
    except AttributeError:
        if default:
            return default[0]
        raise


@replaces(setattr)
def put_attribute(x: Any, name: str, value: Any) -> None:
    RUNTIME.set_attribute(x, name, value)


@replaces(print)
def printed(*args: Any, **kwargs: Any) -> None:
    writer().create_effect(print, args, kwargs)


@replaces(str)
def to_text(x: Any = "") -> Any:
    return writer().apply(text, ("{}", x), {}) if holds_symbols(x) else str(x)


@replaces(repr)
def to_repr(x: Any) -> Any:
    return writer().apply(text, ("{!r}", x), {}) if holds_symbols(x) else repr(x)


@replaces(format)
def to_format(x: Any, spec: str = "") -> Any:
    return writer().apply(text, ("{:" + spec + "}", x), {}) if holds_symbols(x) else format(x, spec)


def _generator(original: Any) -> Any:
    return lambda *args: writer().apply(original, args, {}, effect=True)


for _function in (np.random.default_rng, np.random.RandomState):
    REPLACED[_function] = _generator(_function)


@replaces(warnings.warn)
def warned(message: Any, *args: Any, **kwargs: Any) -> None:
    writer().create_effect(warnings.warn, (message, *args), kwargs)


# Copies -----------------------------------------------------------------------------------------------------------------------


@replaces(copy.deepcopy)
def deep_copy(x: Any, *_: Any) -> Any:
    tree = flatten(x)
    return tree.rebuild([np.copy(leaf) if isinstance(leaf, Array) else leaf for leaf in tree.leaves])


@replaces(copy.copy)
def shallow_copy(x: Any) -> Any:
    return np.copy(x) if isinstance(x, Array) else writer().made(copy.copy(x))


@replaces(dataclasses.replace)
def replaced(obj: Any, /, **changes: Any) -> Any:
    fields = [field for field in dataclasses.fields(obj) if field.init]
    return routed(type(obj))(**{field.name: changes.get(field.name, getattr(obj, field.name)) for field in fields})


@replaces(np.ndenumerate)
def enumerated_elements(arr: Any) -> Any:
    shape = arr.shape
    if not all(isinstance(n, int) for n in shape):
        raise UnknownNumberError(next(n for n in shape if isinstance(n, Symbol)), "of elements of an array")
    return ((index, arr[index]) for index in np.ndindex(*shape))


@replaces(np.ndindex)
def indices(*shape: Any) -> Any:
    shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    unknown = next((n for n in shape if isinstance(n, Symbol)), None)
    if unknown is not None:
        raise UnknownNumberError(unknown, "of elements of an array")
    return np.ndindex(*shape)
