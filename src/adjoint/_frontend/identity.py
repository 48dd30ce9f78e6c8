"""Which object is which: what two branches, or two turns of a loop, leave under one name may be one of several objects.

Every array, list, dict and object of which that may be asked has an `Identity`. Its *roots* are the objects that it may be.
A change of one object makes all that may be the same object *stale*: what they hold is not known any more, and using them
is refused.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from adjoint._ir.symbol import writer
from adjoint.errors import AdjointError

_WHY = "one of two branches, or of two turns of a loop, made them one object"


class AliasError(AdjointError, TypeError):
    """Which object a change concerns depends on how the program ran."""


class Identity:
    """Who an object may be.

    ``born`` is when it was made; ``holders`` are the lists of unknown length that hold it, which do not see that it changes.
    """

    __slots__ = ("__weakref__", "born", "dead", "holders", "members", "noun", "roots", "stale")

    def __init__(self, kin: Iterable[Identity] = (), noun: str = "object") -> None:
        self.noun = noun
        self.born = 0
        self.stale = ""
        self.holders: list[Any] = []
        # Of a trial run that was undone: nobody has the object.
        self.dead = False
        # Of a root: the identities that may be this one.
        self.members: weakref.WeakSet[Identity] = weakref.WeakSet()
        self.roots: frozenset[Identity] = frozenset().union(*(other.roots for other in kin)) or frozenset([self])
        for root in self.roots:
            root.members.add(self)

    @property
    def held(self) -> bool:
        """Whether a list of unknown length holds the object."""
        return bool(self.holders)

    def kin(self) -> list[Identity]:
        """Return the others that may be the same object."""
        found = dict.fromkeys(other for root in self.roots for other in root.members if other is not self and not other.dead)
        return sorted(found, key=id)

    def join(self, others: Iterable[Identity]) -> None:
        """Note that this may be others as well."""
        self.roots = self.roots.union(*(other.roots for other in others))
        for root in self.roots:
            root.members.add(self)

    def related(self, other: Identity) -> bool:
        """Tell whether two may be the same object."""
        return not self.roots.isdisjoint(other.roots)

    def check(self) -> None:
        """Raise if what the object holds is not known any more."""
        if self.stale:
            raise AliasError(
                f"this {self.noun} may be the one that was changed under another name",
                why=self.stale,
                remedy="copy it before the branch or the loop, or change it under one name only",
            )

    def changing(self) -> None:
        """Note that the object is about to be changed."""
        self.check()
        kin = self.kin()
        if self.held or any(other.held for other in kin):
            self.refuse()
        self.spoil()

    def spoil(self) -> None:
        """Let what others know of the object be unknown: it is changed here."""
        for other in self.kin():
            if not other.stale:
                writer().touch(other)
                other.stale = _WHY

    def refuse(self) -> None:
        """Raise because a list holds the object."""
        raise AliasError(
            f"this {self.noun} is changed in place while a list of unknown length holds it",
            why="the list would have to see the change",
            remedy="store the new value in the list (items[k] = ...), or append a copy",
        )


PERHAPS_ONE = "two of its items may be one list"


@dataclass
class Kin:
    """Who the lists in lists may be.

    ``shared`` says why two of them may be one object, "" if they are not; ``inner`` is the same of the lists in these lists.
    """

    identities: list[Identity]
    shared: str = ""
    inner: Kin | None = None

    def __add__(self, other: Kin) -> Kin:
        """Return who the lists in either of two lists may be."""
        inner = self.inner + other.inner if self.inner and other.inner else self.inner or other.inner
        return Kin([*self.identities, *other.identities], self.shared or other.shared, inner)


class Items(Identity):
    """Who the lists in a list of unknown length may be, all of them as one.

    ``shared`` says why two of them may be one object, "" if they are not: then an item can be changed through the list.
    ``moved`` is when items were last put in other places, ``changed`` when one was last changed, as moments of the recorder.
    """

    __slots__ = ("_inner", "changed", "moved", "pending", "shared")

    def __init__(self, born: int, kin: Iterable[Identity] = (), shared: str = PERHAPS_ONE, stale: str = "") -> None:
        super().__init__(kin, "list")
        self.born, self.shared, self.stale = born, shared, stale
        self.moved = self.changed = 0
        self._inner: Items | None = None
        # The first half of an exchange of two items: the places, and when and where it was done.
        self.pending: Any = None

    @property
    def inner(self) -> Items:
        """Those of the lists in these lists."""
        if self._inner is None:
            self._inner = Items(self.born, shared=self.shared)
        return self._inner

    def take(self, new: Kin) -> None:
        """Note that others are among the items now."""
        writer().keep(self)
        self.join(new.identities)
        self.shared = self.shared or new.shared
        if new.inner is not None:
            self.inner.take(new.inner)

    def move(self) -> None:
        """Note that items are put in other places."""
        writer().keep(self)
        self.moved = writer().moment()

    def change(self) -> None:
        """Note that an item is changed through the list."""
        self.check()
        if self.shared:
            raise AliasError(
                "an item of a list of unknown length is changed in place",
                why=self.shared,
                remedy="make each item anew ([[0.0] * m for _ in range(n)]), or store a new one (items[k] = ...)",
            )
        writer().keep(self)
        self.changed = writer().moment()
        self.spoil()
