"""The models of the nine problems, each written as a scientist would write it: plain NumPy, and nothing of adjoint.

``b`` are the parameters, ``x`` is the predictor, with the formulas of NIST's own files.  They are meant to look different:
loops, helpers and nested products are what derivatives have to get through in other people's programs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Model = Callable[[Any, Any], Any]


def misra1a(b, x):
    return b[0] * (1 - np.exp(-b[1] * x))


def dan_wood(b, x):
    return b[0] * x ** b[1]


def peak(height, centre, width, x):
    return height * np.exp(-((x - centre) ** 2) / width**2)


def gauss1(b, x):
    return b[0] * np.exp(-b[1] * x) + peak(b[2], b[3], b[4], x) + peak(b[5], b[6], b[7], x)


def lanczos3(b, x):
    y = 0.0
    for k in range(0, 6, 2):
        y += b[k] * np.exp(-b[k + 1] * x)
    return y


def hahn1(b, x):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def mgh09(b, x):
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def mgh17(b, x):
    offset, amplitudes, rates = b[0], b[1:3], b[3:5]
    return offset + np.exp(-np.outer(x, rates)) @ amplitudes


def eckerle4(b, x):
    b1, b2, b3 = b
    return b1 / b2 * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def thurber(b, x):
    numerator = b[0] + x * (b[1] + x * (b[2] + x * b[3]))
    denominator = 1 + x * (b[4] + x * (b[5] + x * b[6]))
    return numerator / denominator


MODELS: dict[str, Model] = {
    "DanWood": dan_wood,
    "Eckerle4": eckerle4,
    "Gauss1": gauss1,
    "Hahn1": hahn1,
    "Lanczos3": lanczos3,
    "MGH09": mgh09,
    "MGH17": mgh17,
    "Misra1a": misra1a,
    "Thurber": thurber,
}
