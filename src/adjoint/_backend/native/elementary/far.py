"""Arguments so far out that the reduction of `trigonometric` does not hold: the C library's functions, one number at a time.

A branch keeps LLVM from vectorising a loop, and a choice would compute both sides.  So there is a function ``adj.far.sin``,
which is only declared while loops are vectorised, with vector variants that LLVM may call in its place.
They are defined in a module of their own, to be linked when that is done: a variant asks whether any of its numbers is far out,
and only then calls the library.  Inlined, this costs a comparison and a branch that is never taken.
"""

from __future__ import annotations

from collections.abc import Iterable

from adjoint._backend.native.elementary.text import constant

BOUND = 2.0**40
WIDTHS = (2, 4, 8, 16)
NAMES = ("cos", "sin", "tan")
PURE = "nofree nosync nounwind willreturn memory(none)"


def declarations(name: str) -> set[str]:
    """Return the declarations of ``adj.far.NAME`` and its variants."""
    variants = ",".join(f"_ZGV_LLVM_N{width}vv_adj.far.{name}(adj.far.{name}.{width})" for width in WIDTHS)
    vectors = [(width, _vector(width)) for width in WIDTHS]
    return {
        f'declare double @adj.far.{name}(double, double) {PURE} "vector-function-abi-variant"="{variants}"',
        *(f"declare {vector} @adj.far.{name}.{width}({vector}, {vector}) {PURE}" for width, vector in vectors),
    }


def kept(names: Iterable[str]) -> str:
    """Return the text that keeps LLVM from removing the variants before it knows that it wants them."""
    pointers = ", ".join(f"ptr @adj.far.{name}.{width}" for name in names for width in WIDTHS)
    count = pointers.count("ptr")
    return f'@llvm.compiler.used = appending global [{count} x ptr] [{pointers}], section "llvm.metadata"'


def module(names: Iterable[str]) -> str:
    """Return the module that defines ``adj.far.NAME`` and its variants for these names."""
    return "\n\n".join([
        '!0 = !{!"branch_weights", i32 1, i32 1000000}',
        "declare double @llvm.fabs.f64(double)",
        *(f"declare {_vector(width)} @llvm.fabs.v{width}f64({_vector(width)})" for width in WIDTHS),
        *(f"declare i1 @llvm.vector.reduce.or.v{width}i1(<{width} x i1>)" for width in WIDTHS),
        *(f"declare double @{name}(double) {PURE}" for name in names),
        *(_scalar(name) for name in names),
        *(_variant(name, width) for name in names for width in WIDTHS),
        *(_lanes(name, width) for name in names for width in WIDTHS),
    ])  # fmt: skip


def _vector(width: int) -> str:
    return f"<{width} x double>"


def _scalar(name: str) -> str:
    return f"""define linkonce_odr hidden double @adj.far.{name}(double %x, double %y) alwaysinline {PURE} {{
  %size = call double @llvm.fabs.f64(double %x)
  %far = fcmp ogt double %size, {constant(BOUND)}
  br i1 %far, label %library, label %near, !prof !0
library:
  %z = call double @{name}(double %x)
  ret double %z
near:
  ret double %y
}}"""


def _variant(name: str, width: int) -> str:
    vector = _vector(width)
    bound = f"splat (double {constant(BOUND)})"
    return f"""define linkonce_odr hidden {vector} @adj.far.{name}.{width}({vector} %x, {vector} %y) alwaysinline {PURE} {{
  %size = call {vector} @llvm.fabs.v{width}f64({vector} %x)
  %far = fcmp ogt {vector} %size, {bound}
  %any = call i1 @llvm.vector.reduce.or.v{width}i1(<{width} x i1> %far)
  br i1 %any, label %library, label %near, !prof !0
library:
  %z = call {vector} @adj.far.{name}.{width}.lanes({vector} %x)
  %w = select <{width} x i1> %far, {vector} %z, {vector} %y
  ret {vector} %w
near:
  ret {vector} %y
}}"""


def _lanes(name: str, width: int) -> str:
    vector = _vector(width)
    lines = [f"define linkonce_odr hidden {vector} @adj.far.{name}.{width}.lanes({vector} %x) cold noinline {PURE} {{"]
    for i in range(width):
        lines += [
            f"  %a{i} = extractelement {vector} %x, i32 {i}",
            f"  %b{i} = call double @{name}(double %a{i})",
            f"  %y{i} = insertelement {vector} {f'%y{i - 1}' if i else 'poison'}, double %b{i}, i32 {i}",
        ]
    return "\n".join([*lines, f"  ret {vector} %y{width - 1}", "}"])
