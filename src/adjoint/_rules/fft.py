"""Discrete Fourier transforms: all of `numpy.fft`.

Three transforms are linear by themselves, `fft`, `ifft`, and the pair `rfft` and `irfft`; the others are compositions of these, and
the n-dimensional ones loops over the axes, as in NumPy.

The matrix of ``fft`` is symmetric, so its transpose is itself; an argument that was cropped or padded with zeros to ``n`` is padded
or cropped back.  ``rfft`` and ``irfft`` are linear over the real numbers only.  With the real inner product, and ``w`` counting each bin
that stands for two (all but the first and, for even ``n``, the last) twice,

    ``<c, rfft(x)> = <irfft(c / w) n, x>``,     ``<c, irfft(x)> = <w rfft(c) / n, x>``,

where the factors of n are those of ``norm`` reversed.  A kind's transpose is the adjoint between two conjugations, hence the
conjugates below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, composite, linear
from adjoint._rules.kinds import conj
from adjoint._rules.primitive import primitive

# The factor of the adjoint of a real transform, which is the inverse transform but for its factor.
REVERSED: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


@primitive
def fitted(x: Any, n: int, axis: int) -> Any:
    """Return ``x`` cropped, or padded with zeros, to length ``n`` along ``axis``."""
    y = np.zeros((*x.shape[: axis % x.ndim], n, *x.shape[axis % x.ndim + 1 :]), x.dtype)
    kept = (slice(None),) * (axis % x.ndim) + (slice(min(n, x.shape[axis])),)
    y[kept] = x[kept]
    return y


@primitive
def weighted(x: Any, n: int, axis: int, factor: float) -> Any:
    """Return ``x`` with the bins that stand for two in the transform of ``n`` real numbers multiplied by ``factor``."""
    inner = (slice(None),) * (axis % x.ndim) + (slice(1, (n + 1) // 2),)
    y = x.copy()
    y[inner] *= factor
    return y


def length(n: Any, shape: tuple[int, ...], axis: int) -> int:
    return shape[axis] if n is None else n


def rfft_transpose(ct: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    n = length(n, a.shape, axis)
    y = np.fft.irfft(weighted(conj(ct), n, axis, 0.5), n, axis, REVERSED[norm])
    return fitted(y, a.shape[axis], axis)


def irfft_transpose(ct: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    n = 2 * (a.shape[axis] - 1) if n is None else n
    y = weighted(np.fft.rfft(ct, n, axis, REVERSED[norm]), n, axis, 2.0)
    return conj(fitted(y, a.shape[axis], axis))


# fmt: off
linear(fitted,        lambda ct, x, n, axis: fitted(ct, x.shape[axis], axis), FIXED, FIXED)
linear(weighted,      lambda ct, x, n, axis, factor: weighted(ct, n, axis, factor), FIXED, FIXED, FIXED)

linear(np.fft.fft,    lambda ct, a, n=None, axis=-1, norm=None, out=None: fitted(np.fft.fft(ct, None, axis, norm), a.shape[axis], axis))
linear(np.fft.ifft,   lambda ct, a, n=None, axis=-1, norm=None, out=None: fitted(np.fft.ifft(ct, None, axis, norm), a.shape[axis], axis))
linear(np.fft.rfft,   rfft_transpose)
linear(np.fft.irfft,  irfft_transpose)

composite(np.fft.hfft,   lambda a, n=None, axis=-1, norm=None, out=None: np.fft.irfft(conj(a), length(n, (2 * (a.shape[axis] - 1),), 0), axis, REVERSED[norm]))
composite(np.fft.ihfft,  lambda a, n=None, axis=-1, norm=None, out=None: conj(np.fft.rfft(a, n, axis, REVERSED[norm])))

composite(np.fft.fft2,   lambda a, s=None, axes=(-2, -1), norm=None, out=None: np.fft.fftn(a, s, axes, norm))
composite(np.fft.ifft2,  lambda a, s=None, axes=(-2, -1), norm=None, out=None: np.fft.ifftn(a, s, axes, norm))
composite(np.fft.rfft2,  lambda a, s=None, axes=(-2, -1), norm=None, out=None: np.fft.rfftn(a, s, axes, norm))
composite(np.fft.irfft2, lambda a, s=None, axes=(-2, -1), norm=None, out=None: np.fft.irfftn(a, s, axes, norm))
# fmt: on


def sizes(a: Any, s: Any, axes: Any) -> list[tuple[int, int]]:
    """Return the pairs ``(n, axis)`` of the transforms of an n-dimensional one, as NumPy reads them."""
    if s is None:
        axes = range(-a.ndim, 0) if axes is None else axes
        return [(a.shape[axis], axis) for axis in axes]
    axes = range(-len(s), 0) if axes is None else axes
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return [(a.shape[axis] if n in (-1, None) else n, axis) for n, axis in zip(s, axes, strict=True)]


@composite(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    for n, axis in reversed(sizes(a, s, axes)):
        a = np.fft.fft(a, n, axis, norm)
    return a


@composite(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    for n, axis in reversed(sizes(a, s, axes)):
        a = np.fft.ifft(a, n, axis, norm)
    return a


@composite(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    *others, last = sizes(a, s, axes)
    a = np.fft.rfft(a, *last, norm)
    for n, axis in reversed(others):
        a = np.fft.fft(a, n, axis, norm)
    return a


@composite(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    *others, last = sizes(a, s, axes)
    for n, axis in others:
        a = np.fft.ifft(a, n, axis, norm)
    return np.fft.irfft(a, None if s is None else last[0], last[1], norm)


def shift(x: Any, axes: Any, sign: int) -> Any:
    """Roll each axis by half of its length, the zero frequency to the middle or back."""
    axes = tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, (int, np.integer)) else tuple(axes)
    half = [x.shape[axis] // 2 for axis in axes]
    return np.roll(x, [sign * k for k in half], axes)


# fmt: off
composite(np.fft.fftshift,  lambda x, axes=None: shift(x, axes, 1))
composite(np.fft.ifftshift, lambda x, axes=None: shift(x, axes, -1))
# Frequencies depend on the spacing d of the samples.
composite(np.fft.fftfreq,   lambda n, d=1.0, device=None: np.fft.ifftshift(np.arange(-(n // 2), (n + 1) // 2)) * (1.0 / (n * d)))
composite(np.fft.rfftfreq,  lambda n, d=1.0, device=None: np.arange(n // 2 + 1) * (1.0 / (n * d)))
# fmt: on
