"""The batched form of each function: what it does to a stack of arguments at once.

A form is called ``form(call, mapped, size, *args, **kwargs)``.  ``call`` is the function itself; ``mapped`` tells, for each argument,
whether it carries a batch axis, which then stands first and has ``size`` entries (for an argument that is a list or tuple: a tuple of
these); ``args`` and ``kwargs`` are otherwise what the caller wrote, in terms of the *logical* arrays, which have no batch axis.  The
result has the batch axis first.  A form returns `NotImplemented` where it does not apply: the function is then called once for each
element of the batch.  A form raises `Ragged` where the results of the elements may differ in shape.

Forms know arrays and NumPy only, and reach NumPy by its public functions: the arrays may be traced.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules import (
    arithmetic,
    arrays,
    indexing,
    linalg_norms,
    linalg_solve,
    linalg_spectral,
    products,
    reductions,
    shaping,
    stores,
)
from adjoint._rules import einsum as einsums
from adjoint._rules import fft as transforms_of
from adjoint._rules import linalg_degenerate as degenerate
from adjoint._rules.batching_forms import (
    Form,
    accumulation,
    along,
    along_second,
    along_third,
    broadcast_to,
    choice,
    concatenate,
    diag,
    diagflat,
    diagonal,
    diff,
    elementwise,
    elementwise_in,
    expand_dims,
    fftshift,
    flip,
    in_place_of,
    matrix_transpose,
    only_first,
    pad,
    quantile,
    ravel,
    recurrence,
    reduction,
    repeat,
    reshape,
    roll,
    rollaxis,
    rot90,
    squeeze,
    stack,
    stacked_ufunc,
    tile,
    transform,
    transforms,
    transpose,
    triangle,
    two_axes,
    windows,
)
from adjoint._rules.batching_indexing import (
    getitem,
    scatter,
    take,
    take_along_axis,
)
from adjoint._rules.batching_products import (
    contraction,
    dot,
    einsum,
    inner,
    matmul,
    norm,
    outer,
    pairwise,
    solve,
    stacked,
    tensordot,
    vdot,
    vector_norm,
)
from adjoint._rules.batching_stores import fit, largest, no_truth, of_dtype, smallest, store, stretch, truth, winners
from adjoint._rules.book import Rule

FORMS: dict[Callable[..., Any], Form] = {}


def form_for(rule: Rule) -> Form | None:
    """Return the batched form of a rule's function, None if it has none."""
    function = rule.function
    form = FORMS.get(function)
    if form is None and (rule.kind == "elementwise" or (isinstance(function, np.ufunc) and function.signature is None)):
        return elementwise
    if form is None and isinstance(function, np.ufunc):
        return stacked_ufunc
    return form


# The table -----------------------------------------------------------------------------------------------------------------------

# Functions that look at shapes and dtypes only: their result is one for the whole batch.
FORM_ONLY = frozenset({
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, np.result_type, np.can_cast, np.common_type,
    np.iscomplexobj, np.isrealobj, np.broadcast_shapes, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
})  # fmt: skip


def enter(form: Form, *functions: Any) -> None:
    """Give functions a batched form."""
    for function in functions:
        FORMS[function] = form


# fmt: off
la, fft = np.linalg, np.fft
enter(only_first(reduction),          np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.all, np.any, np.count_nonzero, np.var, np.std,
                                      np.median, np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin, np.nanvar, np.nanstd,
                                      np.nanmedian, np.ptp)
enter(only_first(along(-1)),          np.sort, np.argsort)
enter(only_first(along(None)),        np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.argmax, np.argmin, np.nanargmax, np.nanargmin)
enter(only_first(accumulation),       np.cumulative_sum, np.cumulative_prod)
enter(only_first(along_second),       np.partition, np.argpartition)
enter(only_first(quantile),           np.quantile, np.percentile, np.nanquantile, np.nanpercentile)
enter(only_first(repeat),             np.repeat)
enter(only_first(diff),               np.diff)
enter(recurrence,                     reductions.recur)

enter(elementwise,                    np.real, np.imag, arithmetic.real_part, arithmetic.imaginary_part, np.angle, np.nan_to_num, np.isreal,
                                      np.iscomplex, np.clip, np.isclose, arithmetic.signum)
enter(elementwise_in(0),              np.round, np.around, np.fix, np.isneginf, np.isposinf, np.digitize, np.interp, np.isin)
enter(elementwise_in(1),              np.searchsorted)
enter(choice,                         np.where)

enter(only_first(reshape),            np.reshape)
enter(only_first(ravel),              np.ravel)
enter(only_first(transpose),          np.transpose)
enter(only_first(matrix_transpose),   np.matrix_transpose, la.matrix_transpose)
enter(only_first(two_axes),           np.swapaxes, np.moveaxis)
enter(only_first(rollaxis),           np.rollaxis)
enter(only_first(expand_dims),        np.expand_dims)
enter(only_first(squeeze),            np.squeeze)
enter(only_first(broadcast_to),       np.broadcast_to)
enter(only_first(flip),               np.flip)
enter(only_first(lambda call, m: np.flip(m, 2)), np.fliplr)
enter(only_first(lambda call, m: np.flip(m, 1)), np.flipud)
enter(only_first(roll),               np.roll)
enter(only_first(rot90),              np.rot90)
enter(only_first(tile),               np.tile)
enter(only_first(pad),                np.pad)
enter(only_first(diagonal),           np.diagonal, np.trace)
enter(only_first(diag),               np.diag)
enter(only_first(diagflat),           np.diagflat)
enter(only_first(triangle),           np.tril, np.triu)
enter(only_first(windows),            np.lib.stride_tricks.sliding_window_view, shaping.windows)
enter(only_first(in_place_of),        np.copy, np.astype, shaping.convert, shaping.discretise, arrays.real_copy)
enter(concatenate,                    np.concatenate)
enter(stack,                          np.stack)

enter(matmul,                         np.matmul)
enter(dot,                            np.dot)
enter(inner,                          np.inner)
enter(outer,                          np.outer)
enter(vdot,                           np.vdot)
enter(tensordot,                      np.tensordot, la.tensordot)
enter(einsum,                         np.einsum)
enter(contraction(1),                 einsums.contract)
enter(contraction(2),                 einsums.contract_pair)
enter(stacked(1, 1),                  np.vecdot, products.vecdot, products.cross3)
enter(stacked(1),                     products.in_space)

enter(stacked(2),                     la.inv, la.pinv, la.det, la.slogdet, la.cholesky, la.eig, la.eigvals, la.eigh, la.eigvalsh, la.svd, la.svdvals,
                                      la.qr, la.matrix_power, la.matrix_rank, la.cond)
enter(solve,                          la.solve)
enter(only_first(norm),               la.norm)
enter(only_first(vector_norm),        la.vector_norm)
enter(stacked(2),                     la.matrix_norm, degenerate.inverse, linalg_solve.regular, linalg_solve.adjugate, linalg_spectral.largest)
enter(stacked(1),                     degenerate.positive)
enter(stacked(2, 1),                  degenerate.reciprocal, degenerate.attached)
enter(stacked(1, 1),                  degenerate.share)
enter(stacked(2, 2),                  degenerate.vanishing)
enter(stacked(2, 1, 1),               degenerate.separable)
enter(stacked(2, 2, 1, 2),            degenerate.quotient)
enter(pairwise,                       linalg_spectral.matching)
enter(only_first(reduction),          linalg_norms.ties)

enter(getitem,                        operator.getitem)
enter(scatter,                        indexing.scatter)
enter(take,                           np.take)
enter(take_along_axis,                np.take_along_axis)

enter(only_first(transform),          fft.fft, fft.ifft, fft.rfft, fft.irfft, fft.hfft, fft.ihfft)
enter(only_first(transforms(None)),   fft.fftn, fft.ifftn, fft.rfftn, fft.irfftn)
enter(only_first(transforms((-2, -1))), fft.fft2, fft.ifft2, fft.rfft2, fft.irfft2)
enter(only_first(along_third),        transforms_of.fitted, transforms_of.weighted)
enter(only_first(fftshift),           fft.fftshift, fft.ifftshift)

# What only programs are written with.
enter(store,                          stores.assign, stores.accumulate)
enter(winners,                        stores.winners)
enter(fit,                            stores.fit)
enter(stretch,                        stores.spread)
enter(only_first(in_place_of),        stores.held, stores.form)
enter(of_dtype(float),                builtins.float, np.float64)
enter(of_dtype(complex),              builtins.complex)
enter(only_first(truth),              builtins.bool)
enter(only_first(no_truth),           operator.not_)
enter(largest,                        builtins.max)
enter(smallest,                       builtins.min)
# fmt: on
