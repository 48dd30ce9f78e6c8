"""Sums of products over named axes (`einsum`) and stacks of matrix products: one nest of loops, or BLAS for each of a stack.

Of the letters of the result the last ones that only one operand has are ``columns``, those before them that only the other
one has ``rows``, and the rest the ``stack``; what the result does not have is the ``sum``.  For each element of the stack the
result is then a matrix in C order, the product of a matrix of rows and sum and one of sum and columns: of large ones BLAS does
it, if each group of letters runs through memory like one axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from adjoint._backend.native import kernels, linear, nests, scalars
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.kernels import Leaf, Node
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Machine, Scalar, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value
from adjoint._ir.types import Tensor

# Products of numbers from which on BLAS is quicker than a loop.
LARGE = 1000
# Letters of stacked matrix products.
_LETTERS = "abcdefghijklmnopqrstuvw"


class Term(NamedTuple):
    """An operand: its address, its kind, and its stride along each letter."""

    kind: str
    data: str
    strides: Mapping[str, str]

    def along(self, letters: str) -> tuple[str, ...]:
        return tuple(self.strides.get(x, "0") for x in letters)

    def moved(self, w: Writer, letter: str, k: str) -> Term:
        """Return the part at a place along a letter."""
        if letter not in self.strides:
            return self
        at = w.text.item(scalars.KINDS[self.kind][1], self.data, w.text.integer("mul", k, self.strides[letter]))
        return Term(self.kind, at, {x: stride for x, stride in self.strides.items() if x != letter})


def contracted(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return what `einsum` does of one or two arrays, as ``contract(a, subscripts)``, ``contract_pair(a, b, subscripts)``."""
    count = next(k for k, arg in enumerate(op.args) if isinstance(arg, str))
    atoms, subscripts = op.args[:count], op.args[count]
    left, _, result = subscripts.partition("->")
    letters = left.split(",")
    kind = kind_of(op.outputs[0])
    if kind == "b1" or any(kind_of(atom) != kind for atom in atoms):
        raise UnsupportedError("a contraction of several dtypes")
    if any(len(set(term)) != len(term) for term in (*letters, result)):
        raise UnsupportedError("a diagonal")
    arrays = [_operand(w, atom) for atom in atoms]
    lengths: dict[str, str] = {}
    for term, array in zip(letters, arrays, strict=True):
        for letter, n in zip(term, array.dims, strict=True):
            w.leave_if(w.text.compare("ne", lengths.setdefault(letter, n), n))
    terms = [_term(w, array, term) for array, term in zip(arrays, letters, strict=True)]
    groups = _grouped(terms, lengths, result)
    for k, (array, term) in enumerate(zip(arrays, letters, strict=True)):
        # An array with gaps is copied if letters of one group might not follow each other in it: BLAS could not take it.
        together = max(len(set(term).intersection(part)) for part in (groups.rows, groups.sum, groups.columns))
        if array.strides is not None and together > 1 and groups.rows and groups.columns:
            terms[k] = _term(w, w.copy(array), term)
    return contraction(w, terms, lengths, result)


def _term(w: Writer, array: Array, letters: str) -> Term:
    return Term(array.kind, array.data, dict(zip(letters, nests.strides_of(w.text, array), strict=True)))


def _operand(w: Writer, atom: Any) -> Array:
    """Return an array, also of a number."""
    if rank_of(atom):
        return w.array(atom)
    x = w.scalar(atom)
    place = w.text.buffer(scalars.KINDS[x.kind][1], 1)
    nests.store(w.text, x, place)
    return Array(x.kind, place, (), None, STACK)


def einsum(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return ``einsum("ij,jk->ik", a, b)`` of one or two arrays."""
    subscripts = op.args[0]
    if not isinstance(subscripts, str) or set(op.kwargs) - {"optimize"} or len(op.args) not in (2, 3):
        raise UnsupportedError("options")
    subscripts = subscripts.replace(" ", "")
    left, arrow, result = subscripts.partition("->")
    if not arrow:
        result = "".join(sorted(x for x in set(left) - {","} if left.count(x) == 1))
    if "." in subscripts or any(rank_of(a) != len(term) for a, term in zip(op.args[1:], left.split(","), strict=True)):
        raise UnsupportedError("axes without letters")
    return contracted(w, Apply(function=op.function, args=(*op.args[1:], f"{left}->{result}"), outputs=op.outputs))


def stacked(w: Writer, op: Apply) -> Machine:
    """Return ``a @ b`` of matrices, or of a vector and a matrix, and of stacks of these."""
    text, kind = w.text, kind_of(op.outputs[0])
    a, b = arrays = [w.array(atom) for atom in op.args]
    own = ["xy"[max(0, 2 - a.rank) :], "yz"[: min(2, b.rank)]]
    w.leave_if(text.compare("ne", a.dims[-1], b.dims[-len(own[1])]))
    stack = _LETTERS[: max(a.rank, b.rank) - 2]
    outer = [
        Array(kind, x.data, x.dims[: -len(y)], nests.strides_of(text, x)[: -len(y)], x.owner)
        for x, y in zip(arrays, own, strict=True)
    ]
    dims = kernels.extents(w, [Leaf(x, None, None) for x in outer], len(stack))
    lengths = dict(zip(stack, dims, strict=True))
    for x, letters in zip(arrays, own, strict=True):
        lengths |= dict(zip(letters, x.dims[-len(letters) :], strict=True))
    terms = []
    for x, around, letters in zip(arrays, outer, own, strict=True):
        strides = (*nests.aligned(text, around, dims).strides, *nests.strides_of(text, x)[-len(letters) :])
        terms.append(Term(kind, x.data, dict(zip(stack + letters, strides, strict=True))))
    return contraction(w, terms, lengths, stack + own[0][:-1] + own[1][1:])


# The nest ---------------------------------------------------------------------------------------------------------------------


class _Groups(NamedTuple):
    """The letters of a contraction, and the places of the operands that have the rows and the columns."""

    stack: str
    rows: str
    sum: str
    columns: str
    left: int
    right: int


class _Lines(NamedTuple):
    """How BLAS takes a matrix: the letter, how far its lines are apart, and whether it can take it at all."""

    turned: str
    apart: str
    fits: str


def contraction(w: Writer, terms: list[Term], lengths: Mapping[str, str], result: str) -> Machine:
    """Return the sums over all letters that the result does not have."""
    kind = terms[0].kind
    dims = tuple(lengths[x] for x in result)
    out = w.allocate(kind, dims or ("1",))
    groups = _grouped(terms, lengths, result)
    place = Term(kind, out.data, dict(zip(result, nests.strides_of(w.text, out), strict=False)))

    def by_loops() -> None:
        kernels.fill(w, out, kernels.Number(Scalar(kind, scalars.literal(0, kind))))
        _by_loops(w, place, terms, lengths, groups)

    if len(terms) == 2 and groups.rows and groups.columns and groups.sum:
        _by_blas(w, place, terms, lengths, groups, by_loops)
    else:
        by_loops()
    return out if dims else nests.load(w.text, kind, out.data)


def _grouped(terms: list[Term], lengths: Mapping[str, str], result: str) -> _Groups:
    own = [
        {x for x in result if all((x in term.strides) == (k == j) for j, term in enumerate(terms))} for k in range(len(terms))
    ]
    right = next((k for k, letters in enumerate(own) if result[-1:] in letters and result), len(terms) - 1)
    left = 0 if len(terms) == 1 else 1 - right
    rest = result
    columns = _suffix(rest, own[right])
    rest = rest[: len(rest) - len(columns)]
    rows = _suffix(rest, own[left]) if columns and left != right else ""
    stack = rest[: len(rest) - len(rows)]
    summed = "".join(x for x in lengths if x not in result)
    return _Groups(stack, rows, summed, columns, left, right)


def _suffix(letters: str, own: set[str]) -> str:
    """Return the last letters that are all among some."""
    return letters[len(letters.rstrip("".join(own))) :] if own else ""


def _by_loops(w: Writer, out: Term, terms: list[Term], lengths: Mapping[str, str], groups: _Groups) -> None:
    """Write a nest over all letters, of which the last one runs through memory if one can."""
    inner = groups.sum + groups.columns
    last = groups.columns[-1:]
    if groups.sum and (not last or terms[groups.right].strides[last] != "1"):
        runs = [x for x in groups.sum if all(term.strides.get(x, "1") == "1" for term in terms)]
        if runs or not last:
            x = runs[-1] if runs else groups.sum[-1]
            inner = groups.columns + groups.sum.replace(x, "") + x
    order = groups.stack + groups.rows + inner
    dims = tuple(lengths[x] for x in order)
    leaves = []
    for term in terms:
        own = tuple(lengths[x] if x in term.strides else "1" for x in order)
        leaves.append(Leaf(Array(out.kind, term.data, own, term.along(order), "null"), None, None))
    tree = (
        leaves[0]
        if len(leaves) == 1
        else Node("multiply", tuple(leaves), Tensor(np.dtype(out.kind), len(order)), raising=False)
    )
    kernels.accumulate(w, nests.Operand(out.kind, out.data, out.along(order)), tree, dims, "add")


def _by_blas(
    w: Writer, out: Term, terms: list[Term], lengths: Mapping[str, str], groups: _Groups, otherwise: Callable[[], None]
) -> None:
    """Multiply matrices by BLAS if they are large, which is decided when the program runs."""
    text = w.text
    m, k, n = (nests.size_of(text, tuple(lengths[x] for x in part)) for part in (groups.rows, groups.sum, groups.columns))
    large = text.compare("sgt", nests.size_of(text, (m, k, n)), str(LARGE))
    routine = None if large == "false" else _routine(w, out.kind)
    if routine is None:
        otherwise()
        return
    left, right = terms[groups.left], terms[groups.right]
    conditions = [large]
    merged = [
        _merged(w, term, letters, lengths, conditions)
        for term, letters in ((left, groups.rows), (left, groups.sum), (right, groups.sum), (right, groups.columns))
    ]
    a = Array(out.kind, left.data, (m, k), (merged[0], merged[1]), "null")
    b = Array(out.kind, right.data, (k, n), (merged[2], merged[3]), "null")
    lines = [_lines(w, a, (m, k)), _lines(w, b, (k, n))]
    conditions += [each.fits for each in lines]
    conditions += [text.compare("ult", x, str(linear.MOST)) for x in (m, k, n, lines[0].apart, lines[1].apart)]
    by_blas, by_loops, end = text.fresh("blas"), text.fresh("loops"), text.fresh("end")
    text.branch(text.all(conditions), by_blas, by_loops)
    text.begin(by_blas, alone=True)
    call = _blas(w, routine, out.kind, (m, k, n), lines)

    def each(letters: str, *parts: Term) -> None:
        if not letters:
            call(*(part.data for part in parts))
            return
        x = letters[0]
        nests.loop(text, lengths[x], lambda i: each(letters[1:], *[part.moved(w, x, i) for part in parts]))

    each(groups.stack, out, left, right)
    text.jump(end)
    text.begin(by_loops)
    otherwise()
    text.place(end)


def _routine(w: Writer, kind: str) -> str | None:
    if kind not in ("f8", "f4"):
        return None
    try:
        return w.module.foreign("blas.dgemm" if kind == "f8" else "blas.sgemm")
    except UnsupportedError:
        return None


def _blas(w: Writer, routine: str, kind: str, dims: tuple[str, str, str], lines: list[_Lines]) -> Callable[..., None]:
    """Return what writes a product: a function of the addresses of the result and of both matrices."""
    # By columns all three are transposed, and c' = b' a'.
    m, k, n = (linear.whole(w, size) for size in dims)
    one, zero = (_constant(w, kind, x) for x in (1.0, 0.0))
    (turn_a, lead_a), (turn_b, lead_b) = ((linear.letter(w, turn), linear.whole(w, lead)) for turn, lead, _ in lines)

    def call(out: str, a: str, b: str) -> None:
        args = [turn_b, turn_a, n, m, k, one, b, lead_b, a, lead_a, zero, out, n]
        w.text.do(f"call void {routine}({', '.join(f'ptr {arg}' for arg in args)})")

    return call


def _lines(w: Writer, a: Array, dims: tuple[str, ...]) -> _Lines:
    """Return how BLAS takes a matrix."""
    text = w.text
    far, near = nests.strides_of(w.text, a)
    by_rows = text.all([text.compare("eq", near, "1"), text.compare("sge", far, dims[1])])
    by_columns = text.all([text.compare("eq", far, "1"), text.compare("sge", near, dims[0])])
    turned = text.select(by_rows, "i8", str(ord("N")), str(ord("T")))
    return _Lines(turned, text.select(by_rows, "i64", far, near), text.any([by_rows, by_columns]))


def _constant(w: Writer, kind: str, x: float) -> str:
    place = w.text.variable(scalars.KINDS[kind][0])
    w.text.store(scalars.KINDS[kind][0], scalars.literal(x, kind), place)
    return place


def _merged(w: Writer, term: Term, letters: str, lengths: Mapping[str, str], conditions: list[str]) -> str:
    """Return the stride of some axes as one; note under which conditions they are like one."""
    strides = term.along(letters)
    for far, near, x in zip(strides, strides[1:], letters[1:], strict=False):
        conditions.append(w.text.compare("eq", far, w.text.integer("mul", near, lengths[x])))
    return strides[-1]
