"""NumPy's namespace with every function able to take traced values: ``import adjoint.numpy as np``.

Programs whose source adjoint can read do not need it; plain ``import numpy as np`` works there.  It is for code that runs as it
is (generated code, code in a library, a notebook cell that was deleted): here ``np.array([x, y])`` and ``np.zeros(n)`` followed
by ``a[i] = x`` work too.  Names that need no such care are NumPy's own objects.  Outside of a derivative, everything is NumPy.

Examples
--------
>>> import adjoint as ad
>>> import adjoint.numpy as np
>>> ad.grad(eval("lambda x: np.sum(np.array([x, x**2]))", {"np": np}))(3.0)
7.0
"""

from __future__ import annotations

from typing import Any

import numpy as _numpy  # noqa: ICN001 - `np` would be a name for users
from numpy import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]

from adjoint.numpy import fft as fft
from adjoint.numpy import linalg as linalg


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)


def __dir__() -> list[str]:
    return dir(_numpy)


def _replace() -> None:
    from adjoint._trace.routes import REPLACEMENTS

    for name in _numpy.__all__:
        original = getattr(_numpy, name)
        if not isinstance(original, type) and callable(original) and original in REPLACEMENTS:
            globals()[name] = REPLACEMENTS[original]


_replace()
