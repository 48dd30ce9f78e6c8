"""What each kind of rule means for dependence: which elements of the arguments an element of the result depends on.

============  =======================================================================================================
elementwise   on those at the same position
linear        functions that move elements are run on the sets; sums, and functions along an axis, are named here
bilinear      on those that the product meets; with a constant factor only on those that meet an entry that is not zero
general       reductions, functions along an axis, and functions of stacks of matrices are named here
============  =======================================================================================================

What is not named depends on everything, as a rule without further knowledge of its function may.  So do functions that are
differentiated as one operation: `custom_jvp`, `custom_vjp`, `checkpoint`, and programs of `jit`.
"""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import numpy as np

from adjoint import _ufunc_methods
from adjoint._rules import arithmetic, arrays, einsum, fft, indexing, kinds, products, reductions, shaping, stores
from adjoint._rules.forms import axes_of, outline
from adjoint._trace.dependence import MEANINGS, MOST, Call, Dependence, Dependent, Sweep, means, shape_of
from adjoint._trace.traced import signature

# Functions that move elements -------------------------------------------------------------------------------------------------


@means(
    np.reshape, np.ravel, np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis, np.squeeze, np.expand_dims, np.flip,
    np.fliplr, np.flipud, np.rot90, np.roll, np.copy, np.broadcast_to, np.repeat, np.tile, shaping.windows, np.concatenate,
    np.stack, operator.getitem, np.take, np.where, np.tril, np.triu, np.diagonal, indexing.window, stores.assign,
    stores.winners, fft.fitted,
)  # fmt: skip
def moved(call: Call) -> Dependence:
    """Run a function that moves elements, and fills in zeros, on the sets: its result is made of its arguments' elements."""
    sweep, shape, given = call.sweep, call.shape, call.given
    options = {name: value for name, value in call.kwargs.items() if name not in kinds.AFFINE}
    slots = []
    for k in range(max(_width(a) for a in given.values())):
        inputs = list(call.args)
        for position, a in enumerate(call.args):
            if position in given:
                inputs[position] = _slot(sweep, given[position], a, k)
            elif position < len(call.rule.formulas) and kinds.is_active(call.rule, position):
                inputs[position] = np.zeros(outline(a), np.int64)
        slots.append(call.rule.function(*inputs, **options))
    if not shape:
        return sweep.number([int(slot) for slot in slots])
    return sweep.union([Dependent([sweep.shared(slot) for slot in map(np.asarray, slots) if slot.any()], shape)], shape)


def _width(a: Dependence) -> int:
    """Return how many slots an argument has at most."""
    if isinstance(a, list):
        return max(map(_width, a))
    return 0 if a is None else len(a) if isinstance(a, frozenset) else len(a.slots)


def _slot(sweep: Sweep, a: Dependence, argument: Any, k: int) -> Any:
    """Return a slot of an argument, zeros if it has no such slot."""
    if isinstance(a, list):
        return [_slot(sweep, part, like, k) for part, like in zip(a, argument, strict=True)]
    if k >= _width(a):
        return np.zeros(outline(argument), np.int64)
    return np.array(sorted(a)[k]) if isinstance(a, frozenset) else a.slots[k]


@means(
    np.conj, arithmetic.real_part, arithmetic.imaginary_part, arrays.real_copy, shaping.convert, fft.weighted, np.modf,
    np.frexp, builtins.float, builtins.complex, np.float64,
)  # fmt: skip
def alike(call: Call) -> Dependence:
    """Functions that leave elements where they are."""
    sweep, shape, given = call.sweep, call.shape, call.given
    if isinstance(shape, list):
        return [sweep.union(list(given.values()), part) for part in shape]
    return sweep.union(list(given.values()), shape)


@means(builtins.sum)
def summed(call: Call) -> Dependence:
    """Sum of a list."""
    sweep, shape, given = call.sweep, call.shape, call.given
    return sweep.union(list(given[0]) if isinstance(given[0], list) else [given[0]], shape)


@means(indexing.scatter)
def scattered(call: Call) -> Dependence:
    """Elements that are added where an index says."""
    sweep, shape, given = call.sweep, call.shape, call.given
    index = call.args[1]
    if not indexing.may_repeat(index):
        return moved(call)
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    return sweep.scattered(places, sweep.array(given[0], np.shape(places)), shape)


# Functions along axes ---------------------------------------------------------------------------------------------------------


@means(np.sum, np.mean, np.prod, np.linalg.norm, np.linalg.vector_norm, np.linalg.matrix_norm, np.median)
def reduced(call: Call) -> Dependence:
    """Reductions: an element depends on all those along the axes."""
    sweep, shape, given = call.sweep, call.shape, call.given
    if list(given) != [0] or isinstance(given[0], list):
        return None
    axis = (-2, -1) if call.rule.function is np.linalg.matrix_norm else _option("axis", call)
    return over(sweep, given[0], axis, shape)


def _option(name: str, call: Call) -> Any:
    """Return the value of an option of a call."""
    if name in call.kwargs:
        return call.kwargs[name]
    names, defaults = signature(call.rule)
    place = names.index(name)
    return call.args[place] if place < len(call.args) else defaults[name]


def over(sweep: Sweep, a: Dependence, axis: Any, shape: tuple[int, ...]) -> Dependence:
    """Return the union over axes, in the shape of the result, which may keep them with length 1."""
    own = shape_of(a)
    axes = tuple(range(len(own))) if axis is None else axes_of(axis, len(own))
    if not axes or isinstance(a, frozenset):
        return sweep.union([a], shape)
    length = math.prod(own[k] for k in axes)
    if length == 0 or not a.slots:
        return None if not shape else Dependent([], shape)
    rest = [k for k in range(len(own)) if k not in axes]
    parts = [np.transpose(slot, (*axes, *rest)).reshape(length, *shape) for slot in a.slots]
    if not shape:
        members = np.concatenate(parts)
        members = members[members > 0]
        return sweep.number(members.tolist() if len(members) <= MOST else [sweep.one(members)])
    if sum(map(len, parts)) <= MOST:
        return sweep.union([Dependent([sweep.shared(slot) for part in parts for slot in part], shape)], shape)
    members = np.concatenate(parts)
    members = members.reshape(len(members), math.prod(shape))
    return sweep.grouped(np.ascontiguousarray(members.T), shape)


@means(np.cumsum, np.cumprod, np.cumulative_sum, np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft)
def along(call: Call) -> Dependence:
    """Functions along an axis: an element depends on all that share its line, for sums of the first ones on too many."""
    sweep, shape, given = call.sweep, call.shape, call.given
    own, axis = shape_of(given[0]), _option("axis", call)
    if axis is None:
        return sweep.spread([given[0]], shape)
    line = tuple(1 if k == axis % len(own) else n for k, n in enumerate(own))
    return sweep.union([over(sweep, given[0], axis, line)], shape)


@means(reductions.recur)
def recurrent(call: Call) -> Dependence:
    """Linear recurrences along an axis."""
    sweep, shape, given = call.sweep, call.shape, call.given
    axis = call.args[2] % len(shape)
    line = tuple(1 if k == axis else n for k, n in enumerate(shape))
    parts = [over(sweep, sweep.array(a, shape), axis, line) for a in given.values()]
    return sweep.union(parts, shape)


# Products ---------------------------------------------------------------------------------------------------------------------


@means(np.matmul, np.dot)
def multiplied(call: Call) -> Dependence:
    """Products of matrices and vectors."""
    sweep, shape, given = call.sweep, call.shape, call.given
    ranks = len(kinds.shape_of(call.args[0])), len(kinds.shape_of(call.args[1]))
    if 0 in ranks:
        return sweep.union(list(given.values()), shape)
    if len(given) == 1 and max(ranks) <= 2:
        ((position, a),) = given.items()
        found = met(sweep, a, call.args[1 - position], position, shape)
        if found is not None:
            return found
    parts = []
    for position, a in given.items():
        own = shape_of(a)
        axis = len(own) - 1 if position == 0 else max(len(own) - 2, 0)
        rest = own[:axis] + own[axis + 1 :]
        part = over(sweep, a, axis, rest)
        if part is not None and call.rule.function is np.dot and position == 0:
            part = placed(part, rest + (1,) * (ranks[1] - 1))
        elif part is not None and position == 0 and ranks[1] > 1:
            part = placed(part, (*rest, 1))
        elif part is not None and position == 1 and call.rule.function is np.matmul and len(own) > 1 and ranks[0] > 1:
            part = placed(part, (*rest[:-1], 1, rest[-1]))
        parts.append(part)
    return sweep.union(parts, shape)


def placed(a: Dependence, shape: tuple[int, ...]) -> Dependence:
    """Return a dependence in another shape with the same elements."""
    return a if a is None or isinstance(a, frozenset) else Dependent([np.reshape(slot, shape) for slot in a.slots], shape)


def met(sweep: Sweep, a: Dependence, factor: Any, position: int, shape: tuple[int, ...]) -> Dependence:
    """Return what a product depends on of which one factor is constant: only on what meets its entries that are not zero.

    None where these are so many that it is not worth it.
    """
    factor = np.asarray(factor)
    factor = np.reshape(factor, (1, -1) if position else (-1, 1)) if factor.ndim == 1 else factor
    # ``factor @ a``, if need be of the transposes.
    rows, columns = np.nonzero(factor if position else factor.T)
    if 4 * len(rows) > 3 * factor.size or not isinstance(a, Dependent):
        return None
    slots = [slot if position else slot.T for slot in a.slots]
    slots = [slot[:, None] if slot.ndim == 1 else slot for slot in slots]
    count = slots[0].shape[1] if slots else 1
    height = factor.shape[0] if position else factor.shape[1]
    places = rows[:, None] * count + np.arange(count)
    part = Dependent([slot[columns] for slot in slots], places.shape)
    found = sweep.scattered(places, part, (height, count))
    slots = [slot if position else slot.T for slot in found.slots]
    if not shape:
        return sweep.number([int(slot.reshape(())) for slot in slots])
    return Dependent([slot.reshape(shape) for slot in slots], shape)


@means(np.tensordot)
def contracted(call: Call) -> Dependence:
    """Sums over pairs of axes."""
    sweep, shape, given = call.sweep, call.shape, call.given
    shapes = [kinds.shape_of(a) for a in call.args[:2]]
    axes = products.contracted(np.empty(shapes[0]), np.empty(shapes[1]), _option("axes", call))
    rest = [tuple(n for k, n in enumerate(own) if k not in over) for own, over in zip(shapes, axes, strict=True)]
    parts = []
    for position, a in given.items():
        part = over(sweep, a, axes[position], rest[position])
        ones = rest[0] + (1,) * len(rest[1]) if position == 0 else rest[1]
        parts.append(None if part is None else placed(part, ones))
    return sweep.union(parts, shape)


@means(einsum.contract, einsum.contract_pair)
def subscripted(call: Call) -> Dependence:
    """Products and sums by subscripts: an element depends on those that agree with it in the subscripts of the result."""
    sweep, shape, given = call.sweep, call.shape, call.given
    subscripts = call.args[1] if call.rule.function is einsum.contract else _option("subscripts", call)
    terms, _, result = subscripts.partition("->")
    parts = []
    for position, a in given.items():
        term = terms.split(",")[position]
        letters = "".join(dict.fromkeys(term))
        slots = [np.einsum(f"{term}->{letters}", slot) for slot in a.slots] if term else []
        own = dict(zip(term, shape_of(a), strict=True))
        kept = [x for x in letters if x in result]
        whole = a if not term else Dependent(slots, tuple(own[x] for x in letters))
        part = over(sweep, whole, [k for k, x in enumerate(letters) if x not in result], tuple(own[x] for x in kept))
        if isinstance(part, Dependent):
            order = [kept.index(x) for x in result if x in kept]
            lengths = tuple(own.get(x, 1) for x in result)
            part = Dependent([np.transpose(slot, order).reshape(lengths) for slot in part.slots], lengths)
        parts.append(part)
    return sweep.union(parts, shape)


@means(products.cross3)
def crossed(call: Call) -> Dependence:
    """Products of vectors of three components: on all of the vectors."""
    sweep, shape, given = call.sweep, call.shape, call.given
    parts = [over(sweep, a, -1, (*shape_of(a)[:-1], 1)) for a in given.values()]
    return sweep.union(parts, shape)


@means(products.in_space)
def in_space(call: Call) -> Dependence:
    """Vectors with a third component that depends on nothing: each component on the vector."""
    return call.sweep.union([over(call.sweep, a, -1, (*shape_of(a)[:-1], 1)) for a in call.given.values()], call.shape)


@means(products.vecdot)
def paired(call: Call) -> Dependence:
    """Inner products along the last axis."""
    sweep, shape, given = call.sweep, call.shape, call.given
    return sweep.union([over(sweep, a, -1, shape_of(a)[:-1]) for a in given.values()], shape)


@means(np.convolve)
def convolved(call: Call) -> Dependence:
    """Convolutions with a constant: each entry of it that is not zero moves the elements."""
    sweep, shape, given = call.sweep, call.shape, call.given
    if len(given) > 1:
        return None
    ((position, a),) = given.items()
    kernel = np.atleast_1d(np.asarray(call.args[1 - position]))
    entries = np.flatnonzero(kernel)
    if not isinstance(a, Dependent) or len(a.shape) != 1 or len(entries) * len(a.slots) > 4 * MANY:
        return None
    slots = []
    for k in entries:
        one = np.zeros(len(kernel), np.int64)
        one[k] = 1
        for slot in a.slots:
            left, right = (slot, one) if position == 0 else (one, slot)
            slots.append(np.convolve(left, right, *call.args[2:], **call.kwargs))
    return sweep.union([Dependent(slots, shape)], shape)


# Slots up to which a convolution is told apart.
MANY = 64


# Stacks of matrices -----------------------------------------------------------------------------------------------------------


@means(
    np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.qr, np.linalg.eigh, np.linalg.eigvalsh,
    np.linalg.eig, np.linalg.eigvals, np.linalg.svd, np.linalg.pinv,
)  # fmt: skip
def of_matrices(call: Call) -> Dependence:
    """Functions of stacks of matrices: what belongs to a matrix depends on all of that matrix."""
    sweep, shape, given = call.sweep, call.shape, call.given
    if list(given) != [0]:
        return None
    stack = shape_of(given[0])[:-2]
    shapes = shape if isinstance(shape, list) else [shape]
    if not stack or any(part[: len(stack)] != stack for part in shapes):
        return None
    each = over(sweep, given[0], (-2, -1), stack)
    found = [sweep.union([placed(each, stack + (1,) * (len(part) - len(stack)))], part) for part in shapes]
    return found if isinstance(shape, list) else found[0]


@means(np.linalg.solve)
def solved(call: Call) -> Dependence:
    """Systems of equations: a solution depends on all of its matrix, and on its right-hand side."""
    sweep, shape, given = call.sweep, call.shape, call.given
    vectors = len(kinds.shape_of(call.args[1])) == 1
    parts = []
    for position, a in given.items():
        own = shape_of(a)
        if position == 0:
            ones = (*own[:-2], 1) if vectors else (*own[:-2], 1, 1)
            parts.append(placed(over(sweep, a, (-2, -1), (*own[:-2], 1, 1)), ones))
        elif vectors:
            parts.append(over(sweep, a, 0, (1,)))
        else:
            parts.append(over(sweep, a, -2, (*own[:-2], 1, own[-1])))
    return sweep.union(parts, shape)


for _log_of_sum in _ufunc_methods.REDUCTIONS.values():
    MEANINGS.setdefault(_log_of_sum, reduced)
