"""Cases of `numpy.fft`: even and odd lengths, cropped and padded, all forms of ``norm``, single axes and several."""

from __future__ import annotations

import numpy as np

from adjoint._trace.traced import apply
from tests.rules.case import Case

RNG = np.random.default_rng(5)
F = np.fft


def real(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape)


def cplx(*shape: int) -> np.ndarray:
    return real(*shape) + 1j * real(*shape)


NORMS = (None, "backward", "ortho", "forward")
ONE = (F.fft, F.ifft, F.rfft, F.irfft, F.hfft, F.ihfft)
TWO = (F.fft2, F.ifft2, F.rfft2, F.irfft2)
MANY = (F.fftn, F.ifftn, F.rfftn, F.irfftn)
REAL_ONLY = (F.rfft, F.ihfft, F.rfft2, F.rfftn)


def inputs(function: object, *shape: int) -> list[tuple[str, np.ndarray]]:
    return [("real", real(*shape))] + ([] if function in REAL_ONLY else [("complex", cplx(*shape))])


# fmt: off
CASES: list[Case] = [
    *[Case(f, (x,), name=f"{kind}-{m}") for f in ONE for m in (2, 5, 6) for kind, x in inputs(f, m)],
    *[Case(f, (x, n), name=f"{kind}-{m}-to-{n}") for f in ONE for m, n in ((5, 3), (5, 4), (4, 7), (4, 8), (3, 1), (1, 2)) for kind, x in inputs(f, m)],
    *[Case(f, (x,), {"norm": norm, "n": n}, name=f"{kind}-{norm}-{n}") for f in ONE for norm in NORMS for n in (None, 5) for kind, x in inputs(f, 4)],
    *[Case(f, (x,), {"axis": axis, "n": n}, name=f"{kind}-axis-{axis}-{n}") for f in ONE for axis, n in ((0, None), (1, 5), (-2, 2)) for kind, x in inputs(f, 3, 4, 2)],
    *[Case(f, (x,), name=kind) for f in (*TWO, *MANY) for kind, x in inputs(f, 2, 3, 4)],
    *[Case(f, (x,), {"s": s, "axes": axes, "norm": norm}, name=f"{kind}-{s}-{axes}-{norm}")
      for f in (*TWO, *MANY)
      for s, axes, norm in ((None, (0, 2), "ortho"), ((2, 5), (1, 0), None), ((-1, 3), (0, -1), "forward"), ((4, 4), (-2, -1), "backward"))
      for kind, x in inputs(f, 2, 3, 4)],
    *[Case(f, (x,), {"axes": (1,)}, name=f"{kind}-one-axis") for f in MANY for kind, x in inputs(f, 3, 4)],
    *[Case(f, (x,), {"axes": (0, 0, 1)}, name=f"{kind}-repeated-axis") for f in (F.fftn, F.ifftn) for kind, x in inputs(f, 3, 2)],
    *[Case(f, (x, axes), name=f"{kind}-{axes}") for f in (F.fftshift, F.ifftshift) for axes in (None, 0, (0, -1)) for kind, x in inputs(f, 3, 4)],
    *[Case(lambda d, n=n, f=f: f(n, d), (0.7,), name=f"{f.__name__}-{n}") for f in (F.fftfreq, F.rfftfreq) for n in (1, 4, 5)],
    # NumPy's code follows a traced spacing by itself; the rules are what other engines read.
    *[Case(lambda d, n=n, f=f: apply(f, (n, d), {}), (0.7,), name=f"{f.__name__}-rule-{n}") for f in (F.fftfreq, F.rfftfreq) for n in (1, 4, 5)],
    Case(lambda x: F.irfft(np.exp(-F.rfftfreq(6)) * F.rfft(x) * F.rfft(x**2)), (real(6),), name="filter"),
    Case(lambda x: np.abs(F.fft(x)) ** 2, (real(5),), name="power-spectrum"),
    Case(F.irfft, (cplx(4, 0).T.reshape(0, 4),), name="no-signals"),
]
# fmt: on
