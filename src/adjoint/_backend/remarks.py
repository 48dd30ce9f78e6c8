"""The user's own lines: which statements are his, what he commented, and where the other statements come from."""

from __future__ import annotations

import io
import linecache
import tokenize
from collections.abc import Iterable
from typing import Any

from adjoint._ir.nodes import Apply, Block, Function, If, Line, Loop, Op, Raise, Value, values

# Columns of the user's code in a remark.
_LONGEST = 84
_DERIVATIVES = ("_bar", "_dot")


def is_derivative(name: str) -> bool:
    """Tell whether a name is that of a tangent or a cotangent."""
    return name.endswith(_DERIVATIVES)


def source_of(line: Line | None) -> tuple[str, str]:
    """Return the user's code in a line, and his comment on it."""
    text = linecache.getline(line.filename, line.number).strip() if line is not None else ""
    place = _comment(text)
    return (text, "") if place is None else (text[:place].rstrip(), text[place:])


def comments_above(line: Line) -> list[str]:
    """Return the user's comments on lines of their own right above a line."""
    found: list[str] = []
    number = line.number - 1
    while number > 0 and (text := linecache.getline(line.filename, number).strip()).startswith("#"):
        found.insert(0, text)
        number -= 1
    return found


def remark(line: Line) -> str:
    """Return the remark that says where statements come from: ``# line 12: y = np.sin(x) * x``."""
    code, _ = source_of(line)
    if not code:
        return f"# line {line.number}"
    return f"# line {line.number}: {code if len(code) <= _LONGEST else code[: _LONGEST - 3] + '...'}"


def is_same(text: str, line: Line | None) -> bool:
    """Tell whether a statement is the user's line as he wrote it, up to spaces and parentheses."""
    code, _ = source_of(line)
    return bool(code) and _bare(code) == _bare(text)


def _bare(code: str) -> str:
    return "".join(c for c in code if c not in " ()'\"")


def _comment(text: str) -> int | None:
    """Return where the comment of a line begins."""
    if "#" not in text:
        return None
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                return token.start[1]
    except (tokenize.TokenError, SyntaxError):  # a line that is a part of a statement; strings are no comments there either
        return text.index("#") if not any(quote in text for quote in "'\"") else None
    return None


class Authors:
    """Tells which operations the user wrote: all on the way to a value that he named or that decides where to go."""

    def __init__(self, function: Function) -> None:
        self.ops: set[int] = set()
        self.wanted: dict[Value, Any] = {}
        self.want(function.results, None)
        self.block(function.body)

    def __call__(self, op: Op) -> bool:
        return id(op) in self.ops

    def want(self, tree: Any, line: Line | None) -> None:
        """Note that the user's own line needs values; without a line wherever they come from."""
        for value in values(tree):
            self.wanted.setdefault(value, set()).add(line)

    def block(self, block: Block) -> None:
        for op in reversed(block.ops):
            if self.is_his(op):
                self.ops.add(id(op))
                self.want(op.operands, op.line)
            match op:
                case If():
                    self.want(op.condition, None)
                    for output, *sides in zip(op.outputs, op.then.results, op.orelse.results, strict=True):
                        self.pass_on(output, sides)
                case Loop():
                    self.want(op.range, None)
                    self.want([] if op.test is None else op.test.results, None)
                    self.want(op.body.results[len(op.body.results) - op.stops :], None)
                    for final, *rest in zip(op.finals, op.inits, op.updates, strict=True):
                        self.pass_on(final, rest)
            for inner in op.blocks:
                self.block(inner)

    def pass_on(self, value: Value, sources: Iterable[Any]) -> None:
        """What goes into a value that is no derivative is none either."""
        if value.name and not is_derivative(value.name):
            self.want(list(sources), None)

    def is_his(self, op: Op) -> bool:
        if isinstance(op, Raise) or (isinstance(op, Apply) and op.effect):
            return True
        if any(output.name and not is_derivative(output.name) for output in op.outputs):
            return True
        lines = set().union(*(self.wanted.get(output, set()) for output in op.outputs)) if op.outputs else set()
        return not any(is_derivative(output.name) for output in op.outputs) and (None in lines or op.line in lines)
