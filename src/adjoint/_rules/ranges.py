"""Ranges of numbers between traced ends."""

from typing import Any

import numpy as np

from adjoint._rules.book import composite


@composite(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **_: Any,
) -> Any:
    """``start + (stop - start) * k / n``, with the last point the stop itself."""
    steps = num - 1 if endpoint else num
    rank = max(np.ndim(start), np.ndim(stop))
    weight = np.reshape(np.arange(num) / max(steps, 1), (num,) + (1,) * rank)
    y = start * (1 - weight) + stop * weight
    y = np.moveaxis(y, 0, axis) if axis else y
    y = np.astype(y, np.result_type(start, stop, float(num)) if dtype is None else dtype)
    return (y, (stop - start) / steps) if retstep else y


@composite(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """``base ** linspace(start, stop)``."""
    return np.power(base, linspace(start, stop, num, endpoint, axis=axis))


@composite(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """``start * (stop/start) ** (k / n)``."""
    y = start * np.power(stop / start, linspace(0.0 * start, 0.0 * stop + 1.0, num, endpoint, axis=axis))
    return np.astype(y, np.result_type(start, stop, float) if dtype is None else dtype)
