"""Lines that are too long, broken at brackets: what is inside goes onto lines of its own."""

from __future__ import annotations

WIDTH = 100
_OPEN, _CLOSE = "([{", ")]}"


def fold(text: str, indent: int) -> list[str]:
    """Return a statement as lines of at most `WIDTH` columns, if it has brackets to break at.

    >>> for line in fold("y = f(" + ", ".join(["argument"] * 12) + ")", 4):
    ...     print(line)
        y = f(
            argument, argument, argument, argument, argument, argument, argument, argument, argument,
            argument, argument, argument,
        )
    """
    line = " " * indent + text
    if len(line) <= WIDTH:
        return [line]
    pair = _last_brackets(text)
    if pair is None:
        return [line]
    start, end = pair
    inside = " " * (indent + 4) + text[start + 1 : end]
    head, tail = " " * indent + text[: start + 1], " " * indent + text[end:]
    if len(inside) <= WIDTH:
        return [head, inside, tail]
    return [head, *_filled(_parts(text[start + 1 : end]), indent + 4), tail]


def _filled(parts: list[str], indent: int) -> list[str]:
    """Return parts between commas, as many to a line as fit."""
    lines: list[str] = []
    for k, part in enumerate(parts):
        item = part + ("," if len(parts) > 1 or k < len(parts) - 1 else "")
        if lines and len(lines[-1]) + 1 + len(item) <= WIDTH:
            lines[-1] += " " + item
        else:
            lines += fold(item, indent) if len(item) + indent > WIDTH else [" " * indent + item]
    return lines


def _scan(text: str) -> list[tuple[int, int, str]]:
    """Return the place, the depth of brackets and the character of each character outside of strings."""
    found, depth, quote, k = [], 0, "", 0
    while k < len(text):
        c = text[k]
        if quote:
            if c == "\\":
                k += 1
            elif c == quote:
                quote = ""
        elif c in "'\"":
            quote = c
        else:
            depth -= c in _CLOSE
            found.append((k, depth, c))
            depth += c in _OPEN
        k += 1
    return found


def _last_brackets(text: str) -> tuple[int, int] | None:
    """Return the places of the last outer brackets that hold something."""
    outer = [(k, c) for k, depth, c in _scan(text) if depth == 0 and c in _OPEN + _CLOSE]
    pairs = [(a[0], b[0]) for a, b in zip(outer[::2], outer[1::2], strict=False) if b[0] > a[0] + 1]
    return max(pairs, key=lambda pair: pair[1] - pair[0]) if pairs else None


def _parts(text: str) -> list[str]:
    """Return what stands between the outer commas."""
    cuts = [k for k, depth, c in _scan(text) if depth == 0 and c == ","]
    parts = [text[a:b].strip() for a, b in zip([0, *[k + 1 for k in cuts]], [*cuts, len(text)], strict=True)]
    return [part for part in parts if part]
