"""Which object is which: what two branches, or two turns of a loop, leave under one name may be one of several objects.

Every array, list, dict and object of which that may be asked has an `Identity`. Its *roots* are the objects that it may be.
A change of one object makes all that may be the same object *stale*: what they hold is not known any more, and using them
is refused.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from adjoint._ir.symbol import writer
from adjoint.errors import AdjointError

_WHY = "one of two branches, or of two turns of a loop, made them one object"


class AliasError(AdjointError, TypeError):
    """Which object a change concerns depends on how the program ran."""


class Identity:
    """Who an object may be.  ``held``: a list of unknown length holds it, of which the program does not know the items."""

    __slots__ = ("__weakref__", "held", "members", "noun", "roots", "stale")

    def __init__(self, kin: Iterable[Identity] = (), noun: str = "object") -> None:
        self.noun = noun
        self.stale = ""
        self.held = False
        # Of a root: the identities that may be this one.
        self.members: weakref.WeakSet[Identity] = weakref.WeakSet()
        self.roots: frozenset[Identity] = frozenset().union(*(other.roots for other in kin)) or frozenset([self])
        for root in self.roots:
            root.members.add(self)

    def kin(self) -> list[Identity]:
        """Return the others that may be the same object."""
        return [other for root in self.roots for other in root.members if other is not self]

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
        for other in kin:
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
