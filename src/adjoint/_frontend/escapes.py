"""Exceptions within ``try`` that depend on values: what follows is written under the condition that nothing was raised.

Python runs on after the branch that raises, as though it had not. So all that it does until the code ends that may be left
by the exception (a *frame*: the body of a ``try``, a branch, the turn of a loop) goes to the other side of the branch. There
the two sides are merged: at the end of a ``try`` the handlers run, at the end of a branch or a turn the exception
becomes a flag, on which the code around is left in the same way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from adjoint._frontend.state import RefusedError, Region, Signal, State, is_own
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.nodes import Block, Value


class UserError(Exception):
    """Carries the user's own exception out of a branch."""


class EscapingError(UserError):
    """Carries exceptions of which one leaves the code that runs, for a ``try`` around it: which one is told by flags."""

    def __init__(self, errors: dict[Any, Held]) -> None:
        super().__init__(errors)
        self.errors = errors


class AssigningTestError(Exception):
    """The test of a loop assigns a name, or may raise: it has to be run within the body."""


@dataclass(frozen=True)
class Mark:
    """What tells exceptions apart: their class, and the structure of what they hold."""

    kind: type[BaseException]
    key: Any


@dataclass
class Held:
    """Whether an exception was raised, and the leaves of what it holds; ``example`` is one."""

    flag: Any
    leaves: list[Any]
    tree: Tree
    example: BaseException

    def error(self) -> BaseException:
        """Return the exception."""
        if self.leaves is self.tree.leaves:
            return self.example
        args, attributes = self.tree.rebuild(self.leaves)
        made = type(self.example).__new__(type(self.example), *args)
        made.args = args
        made.__dict__.update(attributes, __adjoint_raised__=True)
        return made


@dataclass
class Outcome:
    """What a branch left.

    ``raises``  it surely raises what a ``try`` around takes, and ``left`` are the names of the frame around it then
    """

    block: Block
    names: tuple[Any, ...]
    contents: dict[int, Any] = field(default_factory=dict)
    objects: dict[int, Any] = field(default_factory=dict)
    signal: Signal | None = None
    dead: bool = False
    bottom: bool = False
    left: tuple[Any, ...] | None = None


@dataclass(eq=False)
class Escape:
    """A branch of which one side raises.  ``first`` tells whether that is the side of a true condition."""

    test: Value
    raised: Outcome
    first: bool
    block: Block
    region: Region
    before: tuple[Any, ...]


@dataclass(eq=False)
class Frame:
    """Code that exceptions under conditions leave.

    ``depth``  how many blocks are open where it begins; with ``own`` the last one is its own
    ``takes``  whether its handlers take an exception, of the body of a ``try``
    ``test``   it is the test of a loop, which nothing can leave
    ``closed`` code of the user's would have to run when it is left
    """

    state: State
    depth: int
    own: bool = False
    takes: Callable[[BaseException], bool] | None = None
    test: bool = False
    closed: bool = False
    escapes: list[Escape] = field(default_factory=list)

    @property
    def top(self) -> int:
        """How many blocks are open where its code is written now."""
        return self.depth + len(self.escapes)


@contextlib.contextmanager
def framed(recorder: Any, state: State, **kind: Any) -> Iterator[Frame]:
    """Run code that exceptions may leave; the caller closes the frame."""
    frame = Frame(state, len(recorder.blocks), **kind)
    recorder.frames.append(frame)
    try:
        yield frame
    finally:
        abandon(recorder, frame)
        recorder.frames.pop()


def abandon(recorder: Any, frame: Frame, keep: int = 0) -> None:
    """Forget escapes from a frame, but for the first ones."""
    while len(frame.escapes) > keep:
        shut(recorder, frame)


def shut(recorder: Any, frame: Frame) -> Escape:
    """End the part that runs if the last escape was not taken."""
    escape = frame.escapes.pop()
    recorder.blocks.pop()
    recorder.drop_region(escape.region)
    recorder.conditions -= 1
    recorder.escaped -= 1
    return escape


def start(recorder: Any, test: Value, raised: Outcome, block: Block, moment: int, *, first: bool) -> None:
    """Begin the part that runs if an exception was not raised, in a block of its own.  ``moment`` is when the block began."""
    frame = recorder.frames[-1]
    region = Region(moment)
    frame.escapes.append(Escape(test, raised, first, block, region, frame.state.read()))
    for obj in recorder.latest:
        region.keep(obj)
    recorder.regions.append(region)
    recorder.blocks.append(block)
    recorder.conditions += 1
    recorder.escaped += 1


def taken(recorder: Any, error: BaseException) -> bool:
    """Tell whether a handler around takes an exception that is raised here; refuse what cannot get there."""
    level, test = len(recorder.blocks), False
    for frame in reversed(recorder.frames):
        if level != frame.top or frame.closed:
            break
        test = test or frame.test
        if frame.takes is not None and frame.takes(error):
            if test:
                raise AssigningTestError
            return True
        level = frame.depth - frame.own
    if any(isinstance(error, guard.classes()) for guard in recorder.tries):
        raise RefusedError(
            f"a {type(error).__name__} that depends on a condition is raised within `try`",
            why="it would leave a recursive function, a derivative, a generator or a `with` of a class of yours",
            remedy="return a value or a flag instead of raising",
        ) from error
    return False


def errors_of(error: BaseException) -> dict[Mark, Held] | None:
    """Return the exceptions that one stands for, None if it is one of the translation."""
    if isinstance(error, EscapingError):
        return error.errors
    if isinstance(error, UserError):
        error = error.args[0]
    if not is_own(error):
        return None
    attributes = {name: x for name, x in error.__dict__.items() if name != "__adjoint_raised__"}
    tree = flatten((error.args, attributes))
    return {Mark(type(error), tree.key): Held(True, tree.leaves, tree, error)}
