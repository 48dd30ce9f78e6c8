"""Where in the user's program an operation happens: file, line, call stack, and which calls and loops it stands in.

`Stack.observe` is told of every operation, in order.  It compares the user's frames with those of the operation before: a new
frame is a new call, and a frame whose position went back has begun another iteration of the innermost loop around both
positions.  Loops are read from the bytecode (a jump back closes a loop), so that no source text is needed.
"""

from __future__ import annotations

import dis
import inspect
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType

from adjoint.errors import foreign_files

# Python's own frames of comprehensions are loops to the reader, not calls.
COMPREHENSIONS = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))


@dataclass(frozen=True, slots=True)
class Group:
    """One call, one loop, or one iteration of a loop; the same group for all operations in it.

    ``kind`` is ``"call"``, ``"loop"`` or ``"iteration"``; ``name`` the function's name, or the source line that begins the
    loop; ``line`` the line of the call or of the loop; ``number`` tells groups of the same name apart: of calls and loops,
    which are numbered throughout a trace, and of iterations, counted from 0 within their loop.
    """

    kind: str
    name: str
    line: int
    number: int

    @property
    def title(self) -> str:
        """The group in words."""
        return (
            f"iteration {self.number + 1}"
            if self.kind == "iteration"
            else f"{self.name}()"
            if self.kind == "call"
            else self.name
        )


@dataclass(frozen=True, slots=True)
class Place:
    """The user's line that an operation stands on.

    ``stack`` is the user's call stack, outermost first, as pairs of function name and line; ``groups`` the calls, loops and
    iterations around the operation, outermost first, without the call of the explained function itself.
    """

    file: str
    line: int
    source: str
    function: str
    stack: tuple[tuple[str, int], ...]
    groups: tuple[Group, ...]


@dataclass(slots=True)
class Loop:
    """A loop that a frame is in: the offsets that it spans, its line, and which loop and iteration of the trace this is."""

    start: int
    end: int
    line: int
    number: int
    iteration: int


@dataclass(slots=True)
class Level:
    """One user's frame: the frame that it called, the position in it, and the loops around that."""

    frame: FrameType
    child: FrameType | None
    number: int
    offset: int
    line: int
    loops: list[Loop]

    def groups(self, called_from: int | None) -> Iterator[Group]:
        """Yield the groups of this level; ``called_from`` is the line of the call, None for the explained function itself."""
        code = self.frame.f_code
        if called_from is not None and code.co_name not in COMPREHENSIONS:
            yield Group("call", "lambda" if code.co_name == "<lambda>" else code.co_name, called_from, self.number)
        for loop in self.loops:
            yield Group("loop", source_of(self.frame, loop.line), loop.line, loop.number)
            yield Group("iteration", "", loop.line, loop.iteration)


class Stack:
    """The user's frames at the operation before, and the count of calls and loops so far."""

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.count = 0
        # Of generators, which are left and entered again.
        self.suspended: dict[FrameType, Level] = {}
        self.regions: dict[CodeType, list[tuple[int, int, int]]] = {}
        self.foreign = foreign_files()

    def observe(self, frame: FrameType | None, end: CodeType) -> Place | None:
        """Return the place of an operation: ``frame`` is any frame below the user's, ``end`` the code of the one above them."""
        levels: list[Level] = []
        known = True
        for position, (user, child) in enumerate(self.users(frame, end)):
            before = self.levels[position] if known and position < len(self.levels) else None
            known = before is not None and before.frame is user
            level = self.level(user, child, before if known else self.suspended.get(user))
            if user.f_code.co_flags & inspect.CO_GENERATOR:
                self.suspended[user] = level
            levels.append(level)
        self.levels = levels
        return place_of(levels)

    def users(self, frame: FrameType | None, end: CodeType) -> list[tuple[FrameType, FrameType | None]]:
        """Return the user's frames, outermost first, each with the frame that it called."""
        found = []
        child = None
        while frame is not None and frame.f_code is not end:
            if not frame.f_code.co_filename.startswith(self.foreign):
                found.append((frame, child))
            frame, child = frame.f_back, frame
        return found[::-1]

    def level(self, frame: FrameType, child: FrameType | None, before: Level | None) -> Level:
        """Return the level of a frame, from what it was at the operation before."""
        offset = frame.f_lasti
        if before is None:
            self.count += 1
            old, number, back = [], self.count, False
        else:
            old, number = before.loops, before.number
            if offset == before.offset and child is before.child:
                return before
            back = offset <= before.offset
        shared = [Loop(n.start, n.end, n.line, n.number, n.iteration) for n in old if n.start <= offset <= n.end]
        if back and shared:
            shared[-1].iteration += 1
        return Level(frame, child, number, offset, frame.f_lineno, shared + self.entered(frame.f_code, offset, len(shared)))

    def entered(self, code: CodeType, offset: int, known: int) -> list[Loop]:
        """Return the loops around a position, in their first iteration, without the outermost ones that are known."""
        if code not in self.regions:
            self.regions[code] = loops_of(code)
        around = [region for region in self.regions[code] if region[0] <= offset <= region[1]]
        loops = []
        for start, end, line in around[known:]:
            self.count += 1
            loops.append(Loop(start, end, line, self.count, 0))
        return loops


def loops_of(code: CodeType) -> list[tuple[int, int, int]]:
    """Return the loops of a code object, outermost first: first and last offset, and the line where the loop begins."""
    spans: dict[int, int] = {}
    instructions = list(dis.get_instructions(code))
    for instruction in instructions:
        name, target = instruction.opname, instruction.argval
        if "JUMP_BACKWARD" in name and "NO_INTERRUPT" not in name and isinstance(target, int):
            spans[target] = max(spans.get(target, 0), instruction.offset)
    lines = [(start, line) for start, _, line in code.co_lines() if line is not None]
    found = []
    for start, end in spans.items():
        within = [line for offset, line in lines if start <= offset <= end]
        found.append((start, end, min(within, default=code.co_firstlineno)))
    return sorted(found, key=lambda region: (region[0], -region[1]))


def place_of(levels: list[Level]) -> Place | None:
    """Return the place of the innermost of the user's frames; None if there is no user's frame."""
    if not levels:
        return None
    last = levels[-1]
    groups: list[Group] = []
    called_from = None
    for level in levels:
        groups += level.groups(called_from)
        called_from = level.line
    stack = tuple((level.frame.f_code.co_name, level.line) for level in levels)
    code = last.frame.f_code
    return Place(code.co_filename, last.line, source_of(last.frame, last.line), code.co_name, stack, tuple(groups))


def source_of(frame: FrameType, line: int) -> str:
    """Return the text of a line of a frame's file, empty if there is none."""
    return linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
