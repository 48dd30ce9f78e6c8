"""Lists of the user's that may become lists of unknown length."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np

from adjoint._frontend.arrays import Array
from adjoint._ir.nodes import Value
from adjoint._ir.symbol import Symbol, UnknownNumberError, length, writer, writing
from adjoint._ir.types import ListOf
from adjoint._overload import Overloaded
from adjoint._rules import stores
from adjoint.errors import AdjointError


class UnknownListError(AdjointError, TypeError):
    """A list whose items are no numbers, arrays or lists of them would have to be of unknown length."""

    def __init__(self, items: list[Any]) -> None:
        other = next(
            type(x).__name__ for x in items if not isinstance(x, (Symbol, GrowingList, bool, int, float, complex, np.generic))
        )
        super().__init__(
            f"a list whose items are of the class {other} changes in a way that is known only when the program runs",
            why="lists of unknown length hold numbers, arrays, or lists of them",
            remedy="use one list for each part of the items",
        )


class GrowingList(list[Any]):
    """A list that Python code holds while it is translated.

    Its items are known one by one, or, once a loop or a branch has changed its length (``dynamic``), only their type is.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self.dynamic: Any = None
        self.born: int = writer().moment() if writing() else 0

    @property
    def known_items(self) -> list[Any]:
        """The items that are known."""
        return list(list.__iter__(self))

    def take(self, items: list[Any], dynamic: Any) -> None:
        """Hold other items."""
        super().__setitem__(slice(None), items)
        self.dynamic = dynamic

    @property
    def symbol(self) -> Any:
        """The list as a symbol."""
        return Symbol(self.dynamic)

    def become(self, value: Value) -> None:
        """Become a list of which the program knows only the type of the items."""
        writer().touch(self)
        super().clear()
        self.dynamic = value

    def _changed(self, function: Callable[..., Any], *args: Any) -> None:
        writer().touch(self)
        self.dynamic = writer().operation(function, (self.dynamic, *args))

    def append(self, x: Any) -> None:
        writer().touch(self)
        if self.dynamic is None:
            super().append(x)
        else:
            self._changed(stores.append, item(x, self.dynamic.type))

    def extend(self, other: Iterable[Any]) -> None:
        writer().touch(self)
        if self.dynamic is None and getattr(other, "dynamic", None) is None:
            super().extend(other)
        elif isinstance(other, list) and getattr(other, "dynamic", None) is None:
            for x in list(other):
                self.append(x)
        else:
            self.become_dynamic()
            self._changed(operator.add, other.symbol)  # type: ignore[attr-defined]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return writer().apply(function, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = [writer().as_array(x) if isinstance(x, GrowingList) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def become_dynamic(self) -> None:
        """Become a list of unknown length, if it is not one already."""
        if self.dynamic is None:
            for x in self.known_items:
                hold(x)
            self.become(listed(self.known_items))

    def __iadd__(self, other: Iterable[Any]) -> Self:  # type: ignore[override, misc]
        self.extend(other)
        return self

    def pop(self, index: Any = -1) -> Any:
        writer().touch(self)
        if self.dynamic is None:
            return super().pop(index)
        if index != -1:
            raise UnknownNumberError(self.symbol, "of the items of a list")
        last = self[-1]
        self._changed(stores.without_last)
        return last

    def __getitem__(self, index: Any) -> Any:
        if self.dynamic is None and not unknown(index):
            part = super().__getitem__(index)
            return GrowingList(part) if isinstance(index, slice) else part
        if self.dynamic is None and not isinstance(index, slice):
            from adjoint._frontend.choice import chosen

            return chosen(self.known_items, index)
        for x in self.known_items:
            hold(x)
        whole = listed(self.known_items) if self.dynamic is None else self.dynamic
        value = writer().operation(operator.getitem, (whole, index))
        return of_value(value) if isinstance(index, slice) else held(value)

    def __setitem__(self, index: Any, x: Any) -> None:
        writer().touch(self)
        if self.dynamic is None and not unknown(index):
            super().__setitem__(index, x)
            return
        self.become_dynamic()
        assert self.dynamic is not None
        self._changed(stores.assign, index, item(x, self.dynamic.type))

    def __delitem__(self, index: Any) -> None:
        writer().touch(self)
        self.known()
        super().__delitem__(index)

    def known(self) -> None:
        """Raise unless the items are known."""
        if self.dynamic is not None:
            raise UnknownNumberError(self.symbol, "of the items of a list")

    def __len__(self) -> int:
        self.known()
        return super().__len__()

    def count_symbol(self) -> Any:
        """Return the number of items."""
        return super().__len__() if self.dynamic is None else writer().apply(length, (self.symbol,), {})

    def __bool__(self) -> bool:
        self.known()
        return super().__len__() > 0

    def __iter__(self) -> Iterator[Any]:
        self.known()
        return super().__iter__()

    def __reversed__(self) -> Iterator[Any]:
        self.known()
        return super().__reversed__()

    def __eq__(self, other: object) -> bool:
        self.known()
        return list(self.known_items) == other

    def __add__(self, other: Any) -> Any:
        result = GrowingList(self.known_items)
        result.dynamic = self.dynamic
        result.extend(other)
        return result

    def __radd__(self, other: Any) -> Any:
        return GrowingList(other) + self

    def __mul__(self, n: Any) -> Any:
        if not isinstance(n, Symbol):
            self.known()
            return GrowingList(self.known_items * n)
        self.known()
        if super().__len__() != 1:
            raise UnknownNumberError(n, "of repetitions of a list")
        result = GrowingList()
        first = self.known_items[0]
        hold(first)
        atom = writer().list_atom(first) if isinstance(first, GrowingList) else writer().atom(first)
        result.dynamic = writer().operation(stores.filled, (n, atom))
        return result

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return repr(self.known_items) if self.dynamic is None else f"<list of {self.dynamic.type.item}>"

    def copy(self) -> GrowingList:
        result = GrowingList(self.known_items)
        result.dynamic = self.dynamic
        return result

    def __copy__(self) -> GrowingList:
        return self.copy()

    def __reduce__(self) -> Any:
        return (GrowingList, (self.known_items,))


def _touching(name: str) -> None:
    plain = getattr(list, name)

    def method(self: GrowingList, *args: Any, **kwargs: Any) -> Any:
        writer().touch(self)
        self.known()
        return plain(self, *args, **kwargs)

    method.__name__ = name
    setattr(GrowingList, name, method)


for _name in ("insert", "remove", "clear", "reverse", "sort"):
    _touching(_name)


def unknown(index: Any) -> bool:
    """Tell whether an index is a symbol, or a slice by symbols."""
    if isinstance(index, slice):
        return any(isinstance(part, Symbol) for part in (index.start, index.stop, index.step))
    return isinstance(index, Symbol)


def hold(x: Any) -> None:
    """Note that a list of unknown length holds an array or a list: it must not change any more."""
    if isinstance(x, (Array, GrowingList)):
        writer().hold(x)


def of_value(value: Any) -> GrowingList:
    """Return the list of the user's that a value of the program is."""
    result = GrowingList()
    result.dynamic = value
    return result


def held(value: Value) -> Any:
    """Return an item of a list of unknown length, which must not be changed in place."""
    x = of_value(value) if isinstance(value.type, ListOf) else writer().symbol(value)
    hold(x)
    return x


def listed(items: list[Any]) -> Value:
    """Return a list of known items as a value of the program; they must be of one type."""
    w = writer()
    if not all(isinstance(x, (Symbol, GrowingList, bool, int, float, complex, np.generic)) for x in items):
        raise UnknownListError(items)
    atoms = [w.list_atom(x) if isinstance(x, GrowingList) else w.atom(x) for x in items]
    return w.listed(atoms)


def item(x: Any, t: ListOf) -> Any:
    """Return what is to be stored in a list."""
    hold(x)
    if isinstance(x, GrowingList):
        return writer().list_atom(x)
    return writer().converted(writer().atom(x), t.item)


def joined_lists(a: Any, b: Any) -> Any:
    """``a + b`` of lists of which one has an unknown length."""
    result = GrowingList()
    result.dynamic = writer().operation(operator.add, (a, b))
    return result


def holds_symbols(x: Any) -> bool:
    """Tell whether a value is a symbol or holds one, in tuples, lists and dicts."""
    if isinstance(x, GrowingList):
        return x.dynamic is not None or any(map(holds_symbols, x.known_items))
    if isinstance(x, (tuple, list)):
        return any(map(holds_symbols, x))
    if isinstance(x, dict):
        return any(map(holds_symbols, x.values()))
    return isinstance(x, Overloaded)
