"""Operations as text: ``v3 = v-1 / v0``, ``v5 = sin(v2)``, ``v3[1:]``; values folded to what fits in a cell."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from adjoint._api import tree
from adjoint._overload import BINARY, COMPARISONS
from adjoint._rules.book import name_of

_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
    "lt": "<", "le": "<=", "eq": "==", "gt": ">", "ge": ">=", "ne": "!=",
}  # fmt: skip
INFIX = {functions[0]: _SIGNS[name] for name, functions in {**BINARY, **COMPARISONS}.items()}
# As many elements of an array, and entries of a list, are shown.
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Reference:
    """An argument that is a value of the tape, by slot, or a view of one, by slot and the text of the view."""

    slot: int
    view: str = ""


def references(a: Any) -> Iterator[Reference]:
    """Yield the references in an argument."""
    if isinstance(a, Reference):
        yield a
    elif isinstance(a, (list, tuple)):
        for part in a:
            yield from references(part)


def label_of(index: int) -> str:
    """Return the name of an intermediate."""
    return f"v{index}"


def text_of(a: Any, offset: int) -> str:
    """Return an argument as it is written in a formula."""
    if isinstance(a, Reference):
        return label_of(a.slot - offset) + a.view
    if isinstance(a, (list, tuple)) and any(references(a)):
        parts = [text_of(part, offset) for part in a[:SHOWN]] + ["..."] * (len(a) > SHOWN)
        return f"[{', '.join(parts)}]" if isinstance(a, list) else f"({', '.join(parts)})"
    return constant_text(a)


def constant_text(value: Any) -> str:
    """Return a constant as it is written in a formula; a negative number in parentheses."""
    if isinstance(value, (bool, np.bool_, str)) or value is None:
        return repr(value)
    if isinstance(value, (int, float, np.integer, np.floating)):
        text = f"{value:.6g}"
        return f"({text})" if text.startswith("-") else text
    if isinstance(value, np.ndarray):
        return index_text(value)
    name = getattr(value, "__name__", "")
    return name or (index_text(value) if isinstance(value, (tuple, slice)) else f"{value!r:.40}")


def operation_text(function: Callable[..., Any], arguments: list[str], options: dict[str, Any]) -> str:
    """Return a function applied to arguments: with an operator's sign, or by its name."""
    sign = INFIX.get(function)
    if sign and len(arguments) == 2 and not options:
        return f"{arguments[0]} {sign} {arguments[1]}"
    if function is np.negative and len(arguments) == 1:
        return f"-{arguments[0]}"
    if function is operator.getitem and len(arguments) == 2:
        return f"{arguments[0]}[{arguments[1]}]"
    name = name_of(function).removeprefix("numpy.").removeprefix("scipy.").replace("<locals>.", "")
    name = name.rpartition(".")[2] if name.startswith("adjoint.") else name
    shown = [*arguments, *(f"{key}={constant_text(value)}" for key, value in options.items())]
    return f"{name}({', '.join(shown)})"


def suffix(function: Callable[..., Any], rest: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Return the text of a view's step: ``[1:]``, ``.T``, ``.reshape(2, 3)``."""
    home, _, name = name_of(function).rpartition(".")
    if home.startswith("adjoint."):  # a window of an array that the program stores into
        return "[...]"
    if name == "getitem" and rest:
        return f"[{index_text(rest[0])}]"
    if name == "transpose" and not rest and not options:
        return ".T"
    shown = [index_text(part) for part in rest] + [f"{key}={value!r}" for key, value in options.items()]
    return f".{name}({', '.join(shown)})"


def index_text(index: Any) -> str:
    """Return an index as it is written between brackets."""
    if isinstance(index, tuple):
        return ", ".join(index_text(part) for part in index)
    if isinstance(index, slice):
        ends = [("" if end is None else str(end)) for end in (index.start, index.stop)]
        return ":".join(ends) + ("" if index.step is None else f":{index.step}")
    if index is Ellipsis:
        return "..."
    if isinstance(index, np.ndarray):
        return str(index.tolist()) if index.size <= 6 else f"{index.dtype}{list(index.shape)}"
    return str(index)


def parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """Return the names of a function's positional parameters, ``args[k]`` where it does not name them."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # compiled, without a signature
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    stars = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
    return names + [f"{stars}[{k}]" for k in range(count - len(names))]


def leaf_names(name: str, arg: Any) -> list[str]:
    """Return a name for each leaf of an argument: ``p['w'][0]``."""
    leaves, structure = tree.flatten(arg)
    if structure is tree.LEAF:
        return [name]
    accessors = optree.tree_accessors(arg, namespace=tree.NAMESPACE)
    return (
        [accessor.codify(name) for accessor in accessors]
        if len(accessors) == len(leaves)
        else [f"{name}#{k}" for k in range(len(leaves))]
    )


def value_text(x: Any, *, fold: bool = True, digits: int = 6) -> str:
    """Return a value as it fits in a cell: of a large array its shape and first elements, all of them if not folded."""
    if x is None:
        return "0"
    if isinstance(x, (tuple, list)):
        return "(" + ", ".join(value_text(part, fold=fold, digits=digits) for part in x if part is not None) + ")"
    if isinstance(x, np.ndarray) and x.ndim:
        if not fold:
            return np.array2string(x, precision=digits, separator=", ", threshold=x.size + 1)
        if x.size <= SHOWN:
            return _nested(x, min(digits, 4))
        first = ", ".join(_number(v, min(digits, 4)) for v in x.flat[:3])
        dtype = "" if x.dtype == np.float64 else f" {x.dtype}"
        return f"[{first}, …] ({'×'.join(map(str, x.shape))}{dtype})"
    if isinstance(x, (np.ndarray, bool, int, float, complex, np.generic)):
        return _number(x, digits)
    return f"{x!r:.60}"


def _nested(x: np.ndarray, digits: int) -> str:
    return "[" + ", ".join(_nested(row, digits) if row.ndim else _number(row, digits) for row in map(np.asarray, x)) + "]"


def _number(x: Any, digits: int) -> str:
    x = x.item() if isinstance(x, (np.ndarray, np.generic)) else x
    if isinstance(x, (float, complex)):
        text = f"{x:.{digits}g}"
        return text.removeprefix("-") if text == "-0" else text
    return str(x)
