"""What is known of functions: whether a result is memory of its own, a view of an argument, or possibly either."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, atom_type
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import indexing, kinds, stores

Function = Callable[..., Any]

# Names of NumPy's functions whose result is always memory of its own.  A function that is not listed here is taken to share
# memory with its arguments, so that nothing is stored into its result before that was copied.
_OWN = """
 zeros ones empty full zeros_like ones_like empty_like full_like array copy arange linspace logspace geomspace eye
identity sum prod mean var std max min amax amin cumsum cumprod nansum nanprod nanmean nanmax nanmin where concatenate
stack vstack hstack dstack column_stack dot vdot inner outer tensordot kron cross trace tril triu diagflat sort
argsort argmax argmin take repeat tile roll clip round interp convolve correlate searchsorted nonzero flatnonzero
count_nonzero all any pad bincount digitize trapezoid polyval isclose sinc argwhere linalg.solve linalg.inv linalg.det
linalg.slogdet linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.svd linalg.qr linalg.cholesky linalg.lstsq
linalg.norm linalg.pinv linalg.cond linalg.matrix_rank fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft fft.fftn
fft.ifftn fft.fft2 fft.ifft2 fft.rfftn fft.irfftn
"""
# Functions whose result may be a view of their first argument, which can be written to if that can.
_VIEWS = """
reshape ravel transpose swapaxes moveaxis rollaxis squeeze expand_dims asarray asanyarray ascontiguousarray flip flipud fliplr
rot90 matrix_transpose permute_dims atleast_1d atleast_2d atleast_3d real
"""


def _named(names: str) -> frozenset[Function]:
    found = []
    for name in names.split():
        part: Any = np
        for step in name.split("."):
            part = getattr(part, step, None)
        if part is not None:
            found.append(part)
    return frozenset(found)


OWN = _named(_OWN) | {
    kinds.scale,
    stores.winners,
    indexing.scatter,
    extent,
    length,
    len,
    np.size,
    stores.numbers,
    np.ndim,
    np.shape,
}
VIEWS = _named(_VIEWS)
STORES = frozenset({stores.assign, stores.accumulate, stores.append, stores.without_last})


def is_own(op: Apply) -> bool:
    """Tell whether the results of an operation never share memory with its arguments."""
    function = op.function
    if isinstance(function, np.ufunc):
        return True
    if function is operator.getitem:
        return not isinstance(atom_type(op.args[0]), ListOf) and not is_basic(op)
    return function in OWN and "copy" not in op.kwargs


def is_view(op: Apply) -> bool:
    """Tell whether a result shows the memory of the first argument, element for element at most once."""
    return op.function in VIEWS or op.function is operator.getitem


def is_basic(op: Apply) -> bool:
    """Tell whether ``a[index]`` is a view: no part of the index is an array, and the result is no single number."""
    a, index = op.args
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, slice):
            continue
        kind = atom_type(part)
        if isinstance(part, (list, tuple)) or not isinstance(kind, Tensor) or kind.rank or kind.dtype.kind == "b":
            return False
    whole = isinstance(atom_type(a), Tensor) and atom_type(op.outputs[0]) == Tensor(atom_type(a).dtype, 0)  # type: ignore[union-attr]
    return not (whole and all(part is not None and part is not Ellipsis for part in parts))


def repeats(index: Any) -> bool:
    """Tell whether an index may name an element more than once: whether it holds an array of integers."""
    return any(_is_integers(part) for part in (index if isinstance(index, tuple) else (index,)))


def _is_integers(part: Any) -> bool:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return False
    if isinstance(part, (list, tuple)):
        return not all(isinstance(entry, bool) for entry in part) or not part
    kind = atom_type(part)
    return not isinstance(kind, Tensor) or (kind.rank > 0 and kind.dtype.kind in "iu")
