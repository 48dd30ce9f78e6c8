"""Translates functions and compares their programs with the plain functions: value, changed arguments, exceptions."""

# ruff: noqa: PT017 - what an exception says is part of what is compared
from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._frontend.captures import holds
from adjoint._frontend.merge import parts_of
from adjoint._frontend.translate import Program, is_leaf, translate
from adjoint._frontend.trees import flatten
from adjoint._ir.evaluate import run
from adjoint._ir.types import type_of
from adjoint._ir.verify import verify
from adjoint.errors import AdjointError

Case = tuple[Callable[..., Any], tuple[tuple[Any, ...], ...], str]


@dataclasses.dataclass
class Cases:
    """The cases of one test module: functions with the arguments to compare at; ``refused`` is part of a message."""

    every: list[Case] = dataclasses.field(default_factory=list)

    def __call__(self, *calls: tuple[Any, ...], refused: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.every.append((function, calls, refused))
            return function

        return register

    @property
    def names(self) -> list[str]:
        return [function.__name__ for function, _, _ in self.every]


def translated(f: Callable[..., Any], args: tuple[Any, ...]) -> Program:
    """Return the program of the lowest level that there is, as `jit` does."""
    first: AdjointError | None = None
    for level in (0, 1, 2):
        try:
            program = translate(f, copy.deepcopy(args), {}, level)
        except AdjointError as error:
            first = first or error
        else:
            verify(program.function)
            return program
    assert first is not None
    raise first


def outcome(call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Return what a call gives: its value and its arguments afterwards, or the class and the text of its exception."""
    with np.errstate(all="ignore"):
        try:
            return call(*args), args
        except Exception as error:
            return type(error), "" if isinstance(error, IndexError) else str(error)  # Python words these in many ways


def evaluated(program: Program, args: tuple[Any, ...]) -> Any:
    """Return the value of a program, after it has changed the arguments as the function would."""
    leaves = flatten((args, {}), is_leaf).leaves
    inputs = [leaves[k] for k in program.places] + [getter() for getter, _ in program.captures.inputs]
    assert all(map(holds, program.captures.guards)), "what is captured has changed"
    results = run(program.function, [x.copy() if isinstance(x, np.ndarray) else x for x in inputs])
    value = program.rebuild(results[: program.count])
    for k, result in program.written:
        inputs[k][...] = results[result]
    for path, rebuild, part in program.changed:
        target: Any = (args, {})
        for key in path:
            target = parts_of(target)[key]
        _put(target, rebuild(results[part]))
    return value


def _put(target: Any, new: Any) -> None:
    if isinstance(target, list):
        target[:] = list(new)
    elif isinstance(target, dict):
        target.clear()
        target.update(new)
    elif hasattr(target, "extend"):
        target.clear()
        target.extend(new)
    else:
        for name, value in new.items():
            object.__setattr__(target, name, value)


def same(a: Any, b: Any) -> bool:
    """Whether two values have the same structure and, but for rounding, the same numbers."""
    if isinstance(a, (float, complex, int, np.ndarray, np.generic)):
        if not isinstance(b, (float, complex, int, np.ndarray, np.generic)) or np.shape(a) != np.shape(b):
            return False
        if "biufc".find(np.asarray(a).dtype.kind) < "biufc".find(
            np.asarray(b).dtype.kind
        ):  # variables of several types have the widest
            return False
        return (
            bool(np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)) if np.asarray(a).dtype.kind in "biufc" else a == b
        )
    if isinstance(a, np.random.Generator):
        return isinstance(b, np.random.Generator) and a.bit_generator.state == b.bit_generator.state
    first, second = parts_of(a), parts_of(b)
    if first is None or second is None:
        return type(a) is type(b) and (a == b or repr(a) == repr(b))
    if list(first) != list(second) or isinstance(a, tuple) != isinstance(b, tuple):
        return False
    return all(same(first[name], second[name]) for name in first)


def check(case: Case) -> None:
    """Fail unless a case is refused with the message that it should be, or does what the function does."""
    f, calls, refused = case
    if refused:
        try:
            translated(f, calls[0])
        except AdjointError as error:
            assert refused in str(error), f"refused, but by {error}"
            return
        raise AssertionError("it is not refused")
    programs: dict[Any, Program] = {}
    for args in calls:
        # Another number or shape is another program where the first is specialised.
        tree = flatten((args, {}), is_leaf)
        key = (tree.key, *map(type_of, tree.leaves))
        program = programs.get(key)
        if program is None or program.specialised:
            try:
                program = programs[key] = translated(f, args)
            except AdjointError:
                raise
            except Exception as error:  # the function's own: on every way through it
                want = outcome(f, copy.deepcopy(args))
                if want[0] is not type(error):
                    raise
                assert want[1] in ("", str(error))
                continue
        want = outcome(f, copy.deepcopy(args))
        mine = outcome(lambda *a, p=program: evaluated(p, a), copy.deepcopy(args))
        if mine[0] is ValueError and "has no turns" in mine[1]:
            continue  # the program says itself that it was not made for this
        assert same(mine, want), f"{f.__name__}{args}: {mine} is not {want}"
