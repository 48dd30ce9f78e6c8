"""Which rule an operation has, and with respect to which of its arguments it is differentiated."""

from __future__ import annotations

import contextlib
import inspect
import linecache
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Line, Value, values
from adjoint._rules import kinds, stores
from adjoint._rules.book import Rule, find, name_of
from adjoint._transform.rule_call import RuleCall
from adjoint.errors import AdjointError, MissingRuleError

# Functions of lists and records, and those that take any nest of arrays: their derivatives are forms of their own (`lists`).
# Each with the arguments that are differentiated; a record has any number of them.
LISTS: dict[Callable[..., Any], Sequence[int]] = {
    stores.append: (0, 1),
    stores.joined: (0, 1),
    stores.without_last: (0,),
    stores.listed: (0,),
    stores.filled: (1,),
    stores.combine: (0, 1),
    stores.pack: range(1, 10**9),
    stores.unpack: (0,),
    np.array: (0,),
    np.asarray: (0,),
}
_SKIPPED = {"elementwise": 1, "linear": 1, "bilinear": 1, "general": 2}


def rule_of(function: Callable[..., Any]) -> Rule | None:
    """Return the rule of a function, None if the book has none."""
    return find(function)


def required_rule(op: Apply) -> Rule:
    """Return the rule of an operation that is to be differentiated, or raise `MissingRuleError`."""
    rule = rule_of(op.function)
    with located(op):
        if rule is None:
            raise MissingRuleError.of(name_of(op.function))
        if rule.kind == "excluded":
            raise MissingRuleError.of(rule.name, rule.reason)
    return rule


def active_positions(op: Apply, active: Collection[Value]) -> list[int | str]:
    """Return the positions of the arguments, bound to positions as `bound` does, that are differentiated.

    A function without a rule counts as differentiable: whoever differentiates it raises.  Options of functions that are
    defined by others have names in place of positions.
    """
    if not any(output.type.differentiable for output in op.outputs):
        return []
    if not any(value in active for value in values(op.operands)):
        return []
    rule = None if isinstance(op.function, RuleCall) or op.function in LISTS else rule_of(op.function)
    if rule is not None and (rule.kind == "constant" or _makes_integers(op)):
        return []
    with located(op):
        args, kwargs = bound(op, active)
        positions = [k for k, arg in enumerate(args) if any(value in active for value in values(arg))]
        names = [name for name, arg in kwargs.items() if any(value in active for value in values(arg))]
        if op.function in LISTS:
            return [k for k in positions if k in LISTS[op.function]]
        if rule is None or rule.kind in ("composite", "excluded"):
            return [*positions, *names]
        return [k for k in positions if kinds.is_active(rule, k)]


def argument(op: Apply, position: int | str, active: Collection[Value]) -> Any:
    """Return the argument at a position that `active_positions` tells."""
    args, kwargs = bound(op, active)
    return kwargs[position] if isinstance(position, str) else args[position]


def bound(op: Apply, active: Collection[Value]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with active keyword arguments, and those before them, at their positions: there rules look for them.

    The names are those of the rule's first formula, which follow NumPy's.
    """
    named = [name for name, arg in op.kwargs.items() if any(value in active for value in values(arg))]
    rule = rule_of(op.function)
    if not named or rule is None or rule.kind == "composite":
        return op.args, op.kwargs
    names, defaults = _signature(rule)
    for name in named:
        if name not in names:
            raise MissingRuleError.of(rule.name, "the rule takes it for an option that is held fixed", f"argument {name!r}")
    last = max(map(names.index, named))
    rest = dict(op.kwargs)
    moved = tuple(rest.pop(name) if name in rest else defaults[name] for name in names[len(op.args) : last + 1])
    return (*op.args, *moved), rest


def _signature(rule: Rule) -> tuple[list[str], dict[str, Any]]:
    """Return the names of a rule's positional arguments, and their defaults."""
    formula = next((formula for formula in rule.formulas if callable(formula)), None)
    skip = _SKIPPED.get(rule.kind, 0) if formula else 0
    try:
        parameters = list(inspect.signature(formula or rule.function).parameters.values())[skip:]
    except ValueError:  # a function of NumPy's that is written in C
        return [], {}
    parameters = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [p.name for p in parameters], {p.name: p.default for p in parameters if p.default is not p.empty}


def _makes_integers(op: Apply) -> bool:
    """Tell whether an operation was asked for results of a dtype without derivatives."""
    dtype = op.kwargs.get("dtype")
    return dtype is not None and np.dtype(dtype).kind not in "fc"


@contextlib.contextmanager
def located(op: Apply) -> Iterator[None]:
    """Let errors about an operation name the user's line that it comes from."""
    try:
        yield
    except AdjointError as error:
        if op.line is None:
            raise
        raise type(error)(error.what, why=error.why, remedy=error.remedy, where=place(op.line)) from error


def place(line: Line) -> str:
    """Return ``file:line: source``."""
    source = linecache.getline(line.filename, line.number).strip()
    return f"{line.filename}:{line.number}" + (f": {source}" if source else "")
