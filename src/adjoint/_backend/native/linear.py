"""Linear algebra by LAPACK: equations, inverses, determinants, the Cholesky factor.

The routines and the order of elements are those of `numpy.linalg`, so that the same pivots are chosen.  Where NumPy raises,
for a matrix that is singular or not positive definite, machine code leaves.
"""

from __future__ import annotations

import numpy as np

from adjoint._backend.native import kernels, nests
from adjoint._backend.native.function import Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.text import number
from adjoint._backend.native.values import Array, Scalar, is_native, rank_of
from adjoint._ir.nodes import Apply, Value, atom_type

# LAPACK counts with 32 bits.
MOST = 2**30


def solve(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the solution of linear equations of one right side, or of several as the columns of a matrix."""
    a, b = _matrix(w, op, 2), _right_side(w, op)
    w.leave_if(w.text.compare("ne", a.dims[0], b.dims[0]))
    x = w.copy(transposed(w, b) if b.rank == 2 else b, "f8")
    _solved(w, a, x, "1" if b.rank == 1 else b.dims[1])
    return w.copy(transposed(w, x)) if b.rank == 2 else x


def inverse(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the inverse of a matrix: the solution for the columns of the unit matrix."""
    a = _matrix(w, op, 1)
    x = identity(w, "f8", a.dims)
    _solved(w, a, x, a.dims[0])
    return w.copy(transposed(w, x))


def determinant(w: Writer, op: Apply, target: Value | None = None) -> Scalar:
    """Return the determinant, as NumPy does by the logarithm of its absolute value: so no part of the product overflows."""
    sign, log = _sign_and_log(w, op)
    size = w.call("exp", "f8", [log])
    return Scalar("f8", w.text.let(f"fmul double {sign}, {size}"))


def sign_and_log(w: Writer, op: Apply) -> list[Scalar]:
    """Return the sign of a determinant, and the logarithm of its absolute value."""
    return [Scalar("f8", x) for x in _sign_and_log(w, op)]


def cholesky(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the lower triangular factor of a positive definite matrix, of which the lower triangle is read."""
    a = _matrix(w, op, 1)
    text, n = w.text, a.dims[0]
    out = w.copy(a, "f8")
    # By columns it is the transposed matrix: its upper factor is our lower one.
    status = text.variable("i32")
    call(w, "lapack.dpotrf", letter(w, "U"), whole(w, n), out.data, whole(w, n), status)
    w.leave_if(text.let(f"icmp ne i32 {text.load('i32', status)}, 0"))

    def row(i: str) -> None:
        start = text.integer("mul", i, n)

        def turn(j: str) -> None:
            place = text.item("double", out.data, text.integer("add", start, j))
            above = text.compare("sgt", j, i)
            text.store("double", text.select(above, "double", number(0.0), text.load("double", place)), place)

        nests.loop(text, n, turn)

    nests.loop(text, n, row)
    return out


# Parts --------------------------------------------------------------------------------------------------------------------


def _matrix(w: Writer, op: Apply, count: int) -> Array:
    """Return the matrix that a function takes; what is not square, or empty, leaves."""
    if op.kwargs or len(op.args) != count or any(y.type.dtype != np.float64 for y in op.outputs):  # type: ignore[union-attr]
        raise UnsupportedError("options")
    if rank_of(op.args[0]) != 2 or not is_native(atom_type(op.args[0])):
        raise UnsupportedError("a stack of matrices")
    a = w.array(op.args[0])
    w.leave_if(w.text.compare("ne", a.dims[0], a.dims[1]))
    w.leave_if(w.text.compare("uge", w.text.integer("sub", a.dims[0], "1"), str(MOST)))
    return Array(a.kind, a.data, (a.dims[0], a.dims[0]), a.strides, a.owner)


def _right_side(w: Writer, op: Apply) -> Array:
    if rank_of(op.args[1]) not in (1, 2) or not is_native(atom_type(op.args[1])):
        raise UnsupportedError("a stack of right sides")
    b = w.array(op.args[1])
    for n in b.dims:
        w.leave_if(w.text.compare("uge", w.text.integer("sub", n, "1"), str(MOST)))
    return b


def _solved(w: Writer, a: Array, x: Array, count: str) -> None:
    """Put solutions in the place of right sides, which lie one after the other."""
    n, status = whole(w, a.dims[0]), w.text.variable("i32")
    factors, pivots = w.copy(transposed(w, a), "f8"), w.allocate("i8", (a.dims[0],))
    call(w, "lapack.dgesv", n, whole(w, count), factors.data, n, pivots.data, x.data, n, status)
    w.leave_if(w.text.let(f"icmp ne i32 {w.text.load('i32', status)}, 0"))


def _sign_and_log(w: Writer, op: Apply) -> tuple[str, str]:
    a = _matrix(w, op, 1)
    text, n = w.text, a.dims[0]
    size, status = whole(w, n), text.variable("i32")
    factors, pivots = w.copy(transposed(w, a), "f8"), w.allocate("i8", (n,))
    call(w, "lapack.dgetrf", size, size, factors.data, size, pivots.data, status)
    sign, total = text.variable("double"), text.variable("double")
    text.store("double", number(1.0), sign)
    text.store("double", number(0.0), total)

    def turn(k: str) -> None:
        x = text.load("double", text.item("double", factors.data, text.integer("mul", k, text.integer("add", n, "1"))))
        pivot = text.let(f"sext i32 {text.load('i32', text.item('i32', pivots.data, k))} to i64")
        moved = text.compare("ne", pivot, text.integer("add", k, "1"))
        below = text.let(f"fcmp olt double {x}, {number(0.0)}")
        old = text.load("double", sign)
        turned = text.let(f"xor i1 {moved}, {below}")
        text.store("double", text.select(turned, "double", text.let(f"fneg double {old}"), old), sign)
        log = w.call("log", "f8", [w.call("fabs", "f8", [x])])
        text.store("double", text.let(f"fadd double {text.load('double', total)}, {log}"), total)

    nests.loop(text, n, turn)
    singular = text.let(f"icmp sgt i32 {text.load('i32', status)}, 0")
    return (
        text.select(singular, "double", number(0.0), text.load("double", sign)),
        text.select(singular, "double", number(float("-inf")), text.load("double", total)),
    )


def identity(w: Writer, kind: str, dims: tuple[str, ...], offset: str = "0", target: Value | None = None) -> Array:
    """Return a matrix of zeros with ones on a diagonal, the main one or one to the right of it."""
    text = w.text
    out = w.allocate(kind, dims, target)
    kernels.fill(w, out, kernels.Number(Scalar(kind, _literal(kind, 0))))
    m, n = dims

    def turn(i: str) -> None:
        j = text.integer("add", i, offset)
        with text.when(text.compare("ult", j, n)):
            place = text.integer("add", text.integer("mul", i, n), j)
            nests.store(text, Scalar(kind, _literal(kind, 1)), text.item(out.stored, out.data, place))

    nests.loop(text, m, turn)
    return out


def _literal(kind: str, x: int) -> str:
    return str(x) if kind == "i8" else ("true" if x else "false") if kind == "b1" else number(float(x))


def transposed(w: Writer, a: Array) -> Array:
    """Return a matrix with its axes exchanged, in the same memory."""
    return Array(a.kind, a.data, a.dims[::-1], nests.strides_of(w.text, a)[::-1], a.owner)


# What Fortran takes: all by address -----------------------------------------------------------------------------------------


def call(w: Writer, name: str, *args: str) -> None:
    """Call a routine of BLAS or LAPACK."""
    w.text.do(f"call void {w.module.foreign(name)}({', '.join(f'ptr {arg}' for arg in args)})")


def whole(w: Writer, n: str) -> str:
    """Return the address of a whole number."""
    place = w.text.variable("i32")
    w.text.store("i32", n if n[0] != "%" else w.text.let(f"trunc i64 {n} to i32"), place)
    return place


def letter(w: Writer, x: str) -> str:
    """Return the address of a letter, which is written out or the code of one."""
    place = w.text.variable("i8")
    w.text.store("i8", str(ord(x)) if x.isalpha() else x, place)
    return place
