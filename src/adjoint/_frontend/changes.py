"""What code that is run for a program changes: when objects were made, who they may be, and how changes are undone."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterator, Sequence
from types import GeneratorType
from typing import Any

from adjoint._frontend.arrays import Array
from adjoint._frontend.captures import Captures
from adjoint._frontend.escapes import Frame, abandon
from adjoint._frontend.identity import Identity
from adjoint._frontend.lists import GrowingList, Row
from adjoint._frontend.state import Region, UnstableError
from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Block


class Changes(Builder):
    """A builder that keeps what objects were before the code that is run changes them."""

    def __init__(self) -> None:
        super().__init__()
        self.regions: list[Region] = []
        self.captures = Captures()
        # Conditions known only when the program runs that the code being run depends on.
        self.conditions = 0
        self.held: list[Identity] = []
        # Who containers and objects may be, and when they were made: these are kept alive, for their ids tell them apart.
        self.identities: dict[int, tuple[Any, Identity]] = {}
        self.births: dict[int, tuple[Any, int]] = {}
        self.memories: list[Identity] = []
        self.clock = 0
        # Code that exceptions under conditions may leave, and how many times it may have been left so far.
        self.frames: list[Frame] = []
        self.escaped = 0
        # Objects that were kept last: they may be about to change when such a part begins.
        self.latest: collections.deque[Any] = collections.deque(maxlen=32)
        self.iterators: dict[int, tuple[Any, int]] = {}
        self.advanced: list[Any] = []
        self.spoiled: set[int] = set()

    def moment(self) -> int:
        """Return a new moment in time."""
        self.clock += 1
        return self.clock

    def made(self, obj: Any) -> Any:
        """Note that an object is made now; return it."""
        self.births[id(obj)] = (obj, self.moment())
        return obj

    def remember(self, memory: Identity) -> int:
        """Return when a memory is made: now."""
        self.memories.append(memory)
        return self.moment()

    def born(self, obj: Any) -> int:
        """Return when an object was made; what is not known was there before."""
        if isinstance(obj, (Identity, GrowingList)):
            return obj.born
        found = self.births.get(id(obj))
        return 0 if found is None else found[1]

    def identity(self, obj: Any, kin: Sequence[Identity] = ()) -> Identity:
        """Return who an object may be."""
        found = self.identities.get(id(obj))
        if found is None:
            noun = "list" if isinstance(obj, GrowingList) else type(obj).__name__
            kin = [*kin, obj.parent.within] if isinstance(obj, Row) else kin
            found = self.identities[id(obj)] = (obj, Identity(kin, noun))
            found[1].born = self.born(obj)
        return found[1]

    def bury(self, region: Region) -> None:
        """Forget who the objects of a trial run were that was undone."""
        for obj, identity in [pair for pair in self.identities.values() if self.born(pair[0]) > region.start]:
            identity.dead = True
            if isinstance(obj, GrowingList) and obj.has_within:
                obj.within.dead = True
            del self.identities[id(obj)]
        while self.memories and self.memories[-1].born > region.start:
            self.memories.pop().dead = True

    def fresh(self, x: Any, holder: Any) -> bool:
        """Tell whether an object is another one each time that the code that is run stores it in a list."""
        while isinstance(holder, Row):
            holder = holder.parent
        for region in reversed(self.regions):
            if region.repeats and self.born(holder) < region.start:
                return self.born(x) > region.start
        return True

    def known_identity(self, obj: Any) -> Identity | None:
        """Return who an object may be, if that was asked before."""
        if isinstance(obj, Array):
            return obj.memory
        if isinstance(obj, Identity):
            return obj
        found = self.identities.get(id(obj))
        return None if found is None else found[1]

    def check(self, obj: Any) -> None:
        """Raise if what an object holds is not known any more."""
        if isinstance(obj, Row):  # it holds what the list around it does
            obj.parent.within.check()
            return
        if self.identities and (found := self.identities.get(id(obj))) is not None:
            found[1].check()
        if isinstance(obj, GrowingList) and obj.has_within:
            obj.within.check()

    def keep(self, obj: Any) -> None:
        """Keep an object as it is in the regions that are open."""
        self.captures.refuse_change(obj)
        self.latest.append(obj)
        for region in self.regions:
            region.keep(obj)

    def touch(self, obj: Any) -> None:
        """Note that an object is about to change."""
        if isinstance(obj, Row):  # the list in which it lies does
            return
        self.keep(obj)
        if not isinstance(obj, Identity) and (found := self.identities.get(id(obj))) is not None:
            found[1].changing()

    @contextlib.contextmanager
    def region(self, *, repeats: bool = False) -> Iterator[Region]:
        """Open a region, of code that may be run several times; the caller undoes it."""
        region = Region(self.moment(), repeats=repeats)
        self.regions.append(region)
        try:
            yield region
        finally:
            self.drop_region(region)

    def drop_region(self, region: Region) -> None:
        """Close a region, which need not be the last one: what follows a branch that raises has one of its own."""
        k = next(k for k in reversed(range(len(self.regions))) if self.regions[k] is region)
        del self.regions[k]

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo all that was done, written and changed, if an exception passes."""
        block = self.blocks[-1]
        count, depth, held = len(block.ops), len(self.blocks), len(self.held)
        made, advanced = set(self.iterators), len(self.advanced)
        frame = self.frames[-1]
        escapes = len(frame.escapes)
        with self.region() as region:
            try:
                yield
            except BaseException:
                abandon(self, frame, escapes)
                region.undo()
                for identity in reversed(self.held[held:]):
                    identity.holders.pop()
                del self.held[held:]
                self.spoiled.update(id(x) for x in self.advanced[advanced:] if id(x) in made or id(x) not in self.iterators)
                assert len(self.blocks) == depth
                del block.ops[count:]
                raise

    def hold(self, obj: Any, holder: Any = None) -> None:
        """Note that a list of unknown length holds an array or a list."""
        identity = obj.memory if isinstance(obj, Array) else self.identity(obj)
        identity.holders.append(None if holder is None else self.identity(holder))
        self.held.append(identity)

    def made_iterator(self, x: Any) -> Any:
        """Note under how many conditions an iterator was made."""
        if hasattr(type(x), "__next__") and id(x) not in self.iterators:
            self.iterators[id(x)] = (x, self.conditions)
        return x

    def close_generators(self) -> None:
        """End the generators that trial runs left behind, while their code can still run; what it does is undone."""
        with self.region() as region, self.into(Block()):
            for x, _ in list(self.iterators.values()):
                with contextlib.suppress(Exception):
                    if isinstance(x, GeneratorType) and not x.gi_running:
                        x.close()
            region.undo()

    def used_iterator(self, x: Any) -> None:
        """Raise if an iterator moves on under a condition: that cannot be undone."""
        if not hasattr(type(x), "__next__"):
            return
        found = self.iterators.get(id(x), (x, 0))
        if found[1] < self.conditions or id(x) in self.spoiled:
            raise UnstableError(
                "an iterator is advanced under a condition or in a loop that is known only when the program runs"
            )
        self.advanced.append(x)

    @contextlib.contextmanager
    def condition(self) -> Iterator[None]:
        """Run code that runs, in the program, under a condition."""
        self.conditions += 1
        try:
            yield
        finally:
            self.conditions -= 1
