"""Lists of the user's that may become lists of unknown length."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np

from adjoint._frontend.arrays import Array
from adjoint._frontend.identity import AliasError, Items, Kin
from adjoint._frontend.places import same_place
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
        self._items: Items | None = None
        # The list of which this is the content, if it is that of one of two branches only.
        self.stands_for: GrowingList | None = None

    @property
    def kind(self) -> ListOf | None:
        """The type of a list of unknown length; None if the items are known."""
        return None if self.dynamic is None else self.dynamic.type

    @property
    def owner(self) -> GrowingList:
        """The list itself."""
        return self if self.stands_for is None else self.stands_for

    def stand_for(self, other: GrowingList) -> None:
        """Be what another list was at some time."""
        self.stands_for = other
        if is_of_lists(self):
            self._items = other.within

    @property
    def has_within(self) -> bool:
        """Whether it was ever asked who the lists in this list may be."""
        return self._items is not None

    @property
    def within(self) -> Items:
        """Who the lists in this list may be, if its length is unknown."""
        if self._items is None:
            self._items = Items(self.born, shared="") if self.dynamic is None else Items(self.born)
        return self._items

    def own_within(self, kin: Kin, stale: str = "") -> None:
        """Note, of a new list, who its items may be."""
        self._items = Items(self.born, shared="", stale=stale)
        self._items.take(kin)

    def kin(self, content: Callable[[Any], Any] = lambda x: (None, x.stale, x.shared)) -> Kin | None:
        """Return who the lists in this list may be, where objects hold what ``content`` says; None if there are none."""
        if not is_of_lists(self):
            return None
        if self.kind is None:
            return kin_of_known(self.known_items, self)
        items, inner = self.within, None
        if isinstance(self.kind.item.item, ListOf):  # type: ignore[union-attr]
            inner = Kin([items.inner], content(items.inner)[2])
        return Kin([items], content(items)[2], inner)

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
            self.absorb(x)
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
            if (kin := other.kin()) is not None:  # type: ignore[attr-defined]
                self.within.take(kin)
            self._changed(stores.joined, other.symbol)  # type: ignore[attr-defined]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return writer().apply(function, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = [writer().as_array(x) if isinstance(x, GrowingList) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def become_dynamic(self) -> None:
        """Become a list of unknown length, if it is not one already."""
        if self.dynamic is None:
            if (kin := self.kin()) is not None:
                self.within.take(kin)
            for x in self.known_items:
                hold(x, self)
            self.become(listed(self.known_items))

    def absorb(self, x: Any) -> None:
        """Note that a list is stored in this list of lists."""
        if not isinstance(x, GrowingList):
            return
        identity = writer().identity(x)
        twice = isinstance(x, Row) or any(one.held for one in (identity, *identity.kin())) or not writer().fresh(x, self)
        self.within.take(Kin([identity], STORED_TWICE if twice else "", x.kin()))

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
        if is_of_lists(self):
            self.within.move()
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
        if not isinstance(index, slice):
            return Row(self, index, value) if isinstance(value.type, ListOf) else held(value)
        part = of_value(value)
        if self.kind is not None and (kin := self.kin()) is not None:
            part.own_within(kin)
        return part

    def __setitem__(self, index: Any, x: Any) -> None:
        writer().touch(self)
        if self.dynamic is None and not unknown(index):
            super().__setitem__(index, x)
            return
        if isinstance(x, Row) and x.lies_in(self, index):
            return
        self.become_dynamic()
        assert self.dynamic is not None
        value = writer().list_atom(x) if isinstance(x, Row) else None
        if isinstance(x, Row) and x.exchanged(self, index):
            self._changed(stores.assign, index, value)
            return
        if isinstance(x, GrowingList):
            self.absorb(x)
            self.within.move()
        self._changed(stores.assign, index, item(x, self.dynamic.type) if value is None else value)

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
        result = self.copy()
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
        if self.dynamic is not None and (kin := self.kin()) is not None:
            result.own_within(kin)
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


class Row(GrowingList):
    """A list that is an item of a list of unknown length: it is read there, and a change of it is a store there.

    If items of that list are put in other places, this one is what it was when it was taken, unless an item was changed since.
    """

    def __init__(self, parent: GrowingList, index: Any, value: Value) -> None:
        list.__init__(self)
        self.parent, self.index = parent, index
        self.born, self.stands_for = writer().moment(), None
        self.taken, self.moved, self.changed = value, parent.within.moved, parent.within.changed
        self.cache = (parent.dynamic, value, *written_last())

    @property
    def kind(self) -> ListOf:
        return self.taken.type  # type: ignore[return-value]

    @property
    def has_within(self) -> bool:
        return is_of_lists(self)

    @property
    def within(self) -> Items:
        return self.parent.within.inner

    @property
    def dynamic(self) -> Any:
        """What the list holds now."""
        items = self.parent.within
        items.check()
        return self.read(self.parent.dynamic, items.moved, items.changed)

    @dynamic.setter
    def dynamic(self, value: Any) -> None:
        items, parent = self.parent.within, self.parent
        if items.moved != self.moved:
            raise AliasError(
                "a list is changed that was taken from a list of unknown length, whose items were moved since",
                why="whether it still lies in that list is not known",
                remedy="take it again (items[k]) before it is changed",
            )
        items.change()
        writer().touch(parent)
        parent.dynamic = writer().operation(stores.assign, (parent.dynamic, self.index, value))

    def read(self, whole: Value, moved: int, changed: int) -> Value:
        """Return what it holds if the list around it is ``whole``, whose items were moved and changed at these moments."""
        if moved != self.moved and changed == self.changed:
            return self.taken
        if moved != self.moved:
            raise AliasError(
                "a list was taken from a list of unknown length, whose items were moved and changed since",
                why="whether it is one of those that were changed is not known",
                remedy="copy it (list(row)) when it is taken, or take it again (items[k])",
            )
        if self.cache[0] is not whole or not writer().holds(*self.cache[1:]):
            value = writer().operation(operator.getitem, (whole, self.index))
            self.cache = (whole, value, *written_last())
        return self.cache[1]

    def lies_in(self, parent: GrowingList, index: Any) -> bool:
        """Tell whether this is the item at a place of a list."""
        return self.parent is parent and same_place(self.index, index) and parent.within.moved == self.moved

    def exchanged(self, parent: GrowingList, index: Any) -> bool:
        """Tell whether this is the second half of an exchange of two items, ``a[i], a[j] = a[j], a[i]``; note the first."""
        items, block = parent.within, writer().blocks[-1]
        pending, items.pending = items.pending, None
        if self.parent is not parent:
            return False
        if pending is not None:
            place, source, before, after, where = pending
            whole = same_place(self.index, place) and same_place(index, source) and where is block
            if whole and self.moved == before and items.moved == after:
                items.move()
                items.shared = ""
                return True
        if self.moved == items.moved and not items.shared:
            items.move()
            items.shared = "one of them lies in two places"
            items.pending = (index, self.index, self.moved, items.moved, block)
            return True
        return False


def written_last() -> tuple[Any, int]:
    """Return where the last operation was written: its block, and its position there."""
    block = writer().blocks[-1]
    return block, len(block.ops) - 1


def is_of_lists(x: GrowingList) -> bool:
    """Tell whether a list holds lists."""
    if x.kind is not None:
        return isinstance(x.kind.item, ListOf)
    return any(isinstance(part, GrowingList) for part in x.known_items)


def kin_of_known(items: list[Any], holder: GrowingList) -> Kin | None:
    """Return who the lists among known items are; None if there are none."""
    w, owner = writer(), holder.owner
    lists = [x for x in items if isinstance(x, GrowingList)]
    if not lists:
        return None
    found = [w.identity(x) for x in lists]
    own = w.identity(owner)
    held = any(by is not own for one in found for other in (one, *one.kin()) for by in other.holders)
    twice = any(a is b or a.related(b) for k, a in enumerate(found) for b in found[:k])
    shared = STORED_TWICE if held or twice or any(isinstance(x, Row) for x in lists) else ""
    inner = [kin for x in lists if is_of_lists(x) and (kin := x.kin()) is not None]
    return Kin(found, shared, functools.reduce(operator.add, inner) if inner else None)


STORED_TWICE = "one of them was stored in two places"


def hold(x: Any, holder: GrowingList | None = None) -> None:
    """Note that a list of unknown length holds an array or a list: it must not change any more."""
    if isinstance(x, (Array, GrowingList)):
        writer().hold(x, None if holder is None else holder.owner)


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
    if isinstance(x, GrowingList):
        value = writer().list_atom(x)
        hold(x)
        return value
    hold(x)
    return writer().converted(writer().atom(x), t.item)


def joined_lists(a: Any, b: Any) -> Any:
    """``a + b`` of lists of which one has an unknown length."""
    result = GrowingList()
    result.dynamic = writer().operation(stores.joined, (a, b))
    return result


def holds_symbols(x: Any) -> bool:
    """Tell whether a value is a symbol or holds one, in tuples, lists and dicts."""
    if isinstance(x, GrowingList):
        return x.kind is not None or any(map(holds_symbols, x.known_items))
    if isinstance(x, (tuple, list)):
        return any(map(holds_symbols, x))
    if isinstance(x, dict):
        return any(map(holds_symbols, x.values()))
    return isinstance(x, Overloaded)
