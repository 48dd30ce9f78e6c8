"""Elementary functions as LLVM IR: scalar, without branches and tables, so that any loop that calls them can be vectorised.

`definitions` gives the text of ``@adj.exp``, …, and of ``@adj.f32.exp``, …, and `intrinsics` what they need declared.

Every result is within 2 units in the last place, over the whole range, and special values are those of C99 and NumPy.
Products are fused with sums everywhere (``llvm.fma``): where the target has no such instruction (`suits`), they are very slow.

How to compile a module that calls them, in this order:

1. its text: `intrinsics`, then `definitions`, then the functions that call;
2. LLVM's pipeline, which inlines them and vectorises the loops;
3. if `late` gives a text: link that module, inline once more (``alwaysinline``), simplify the flow of control, and drop dead
   functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from adjoint._backend.native.elementary import error, exponential, far, hyperbolic, roots, trigonometric
from adjoint._backend.native.elementary.text import ATTRIBUTES, Formula, written

FORMULAS: dict[str, tuple[int, Formula]] = {
    "exp": (1, exponential.exp),
    "exp2": (1, exponential.exp2),
    "expm1": (1, exponential.expm1),
    "log": (1, exponential.log),
    "log2": (1, exponential.log2),
    "log10": (1, exponential.log10),
    "log1p": (1, exponential.log1p),
    "logaddexp": (2, exponential.logaddexp),
    "expit": (1, exponential.expit),
    "power": (2, exponential.power),
    "sin": (1, trigonometric.sin),
    "cos": (1, trigonometric.cos),
    "tan": (1, trigonometric.tan),
    "arcsin": (1, trigonometric.arcsin),
    "arccos": (1, trigonometric.arccos),
    "arctan": (1, trigonometric.arctan),
    "arctan2": (2, trigonometric.arctan2),
    "sinh": (1, hyperbolic.sinh),
    "cosh": (1, hyperbolic.cosh),
    "tanh": (1, hyperbolic.tanh),
    "arcsinh": (1, hyperbolic.arcsinh),
    "arccosh": (1, hyperbolic.arccosh),
    "arctanh": (1, hyperbolic.arctanh),
    "cbrt": (1, roots.cbrt),
    "hypot": (2, roots.hypot),
    "erf": (1, error.erf),
    "erfc": (1, error.erfc),
}

SINGLE = "f32."
"""What the names of functions of single precision begin with."""

NAMES: dict[str, int] = {prefix + name: count for prefix in ("", SINGLE) for name, (count, _) in FORMULAS.items()}
"""For each function, how many arguments it takes."""


def definitions(names: Iterable[str]) -> str:
    """Return the definitions of these functions, and of those that they call, each once.

    The text may define ``@llvm.compiler.used``, of which a module has one.
    """
    needed = _needed(names)
    texts = [_definition(name).text for name in needed]
    return "\n\n".join([*texts, far.kept(_far(needed))] if _far(needed) else texts)


def intrinsics(names: Iterable[str]) -> set[str]:
    """Return the declarations, a line each, that `definitions` of the same names needs: intrinsics, and ``@adj.far.sin``, …."""
    return set().union(*(_definition(name).declarations for name in _needed(names)))


def late(names: Iterable[str]) -> str:
    """Return the module to link after loops have been vectorised, and before ``alwaysinline`` is seen to again; "" for none."""
    found = _far(_needed(names))
    return far.module(found) if found else ""


def suits(triple: str, features: Mapping[str, bool]) -> bool:
    """Return whether a target has the instruction that these functions are made of."""
    return triple.startswith(("aarch64", "arm64")) or features.get("fma", False)


def _far(needed: list[str]) -> list[str]:
    return sorted(set().union(*(_definition(name).far for name in needed)))


def _needed(names: Iterable[str]) -> list[str]:
    """Return the names and those that they call, each once."""
    found: dict[str, None] = {}
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found[name] = None
            left.extend(_definition(name).calls)
    return sorted(found)


class Definition(NamedTuple):
    """The text of a function, what is declared for it, and the names that it calls here and in `far`."""

    text: str
    declarations: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    far: frozenset[str] = frozenset()


@cache
def _definition(name: str) -> Definition:
    if name.startswith(SINGLE):
        return Definition(_widened(name.removeprefix(SINGLE)), calls=frozenset({name.removeprefix(SINGLE)}))
    count, formula = FORMULAS[name]
    text, body = written(name, count, formula)
    declared = body.intrinsics.union(*(far.declarations(each) for each in body.far))
    return Definition(text, frozenset(declared), frozenset(body.calls), frozenset(body.far))


def _widened(name: str) -> str:
    """Return the function of single precision: computed in double precision, and rounded."""
    count = NAMES[name]
    given = ", ".join(f"float %x{i}" for i in range(count))
    wide = ", ".join(f"double %w{i}" for i in range(count))
    return "\n".join(
        [
            f"define internal float @adj.{SINGLE}{name}({given}) {ATTRIBUTES} {{",
            *(f"  %w{i} = fpext float %x{i} to double" for i in range(count)),
            f"  %y = call double @adj.{name}({wide})",
            "  %z = fptrunc double %y to float",
            "  ret float %z",
            "}",
        ]
    )
