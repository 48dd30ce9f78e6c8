"""NIST's Statistical Reference Datasets for nonlinear regression: the file format and the nine problems of the demo.

Entry points: `names`, `load`, `parse`.  A file states in its header at which lines its tables stand, and `parse` reads them
there: starting and certified values in one table, the observations ``y x`` in another.

References
----------
.. [1] National Institute of Standards and Technology, *Statistical Reference Datasets*, Information Technology Laboratory.
   A work of the United States Government, in the public domain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """One nonlinear regression problem with its certified solution."""

    name: str
    difficulty: str
    """NIST's own grade: Lower, Average or Higher."""
    y: Vector
    """The response, one entry per observation."""
    x: Vector
    """The predictor, one entry per observation."""
    starts: Vector
    """Two starting points, one in each row: the first far from the solution, the second near."""
    certified: Vector
    """The parameters of the best fit, to 11 significant digits."""
    deviations: Vector
    """The certified standard deviation of each parameter."""
    residual_ss: float
    """The certified residual sum of squares."""


def names() -> tuple[str, ...]:
    """Return the names of the problems that come with the package, in alphabetical order.

    >>> names()[:3]
    ('DanWood', 'Eckerle4', 'Gauss1')
    """
    files = resources.files("adjoint.demo").joinpath("nist_strd").iterdir()
    return tuple(sorted(file.name.removesuffix(".dat") for file in files if file.name.endswith(".dat")))


def load(name: str) -> Problem:
    """Return the problem called ``name``; a name that is not one of `names` raises `KeyError`.

    >>> load("Misra1a").certified.tolist()
    [238.94212918, 0.00055015643181]
    """
    if name not in names():
        raise KeyError(name)
    return parse(resources.files("adjoint.demo").joinpath("nist_strd", f"{name}.dat").read_text(encoding="ascii"))


def parse(text: str) -> Problem:
    """Read a problem from the text of a ``.dat`` file; a text that is no such file raises `ValueError`."""
    lines = text.splitlines()
    parameters = np.array([_numbers(line.partition("=")[2]) for line in _section(lines, "Starting Values")])
    data = np.array([_numbers(line) for line in _section(lines, "Data")])
    return Problem(
        name=_field(text, r"Dataset Name:\s+(\w+)"),
        difficulty=_field(text, r"(\w+) Level of Difficulty"),
        y=data[:, 0].copy(),
        x=data[:, 1].copy(),
        starts=parameters[:, :2].T.copy(),
        certified=parameters[:, 2].copy(),
        deviations=parameters[:, 3].copy(),
        residual_ss=float(_field(text, r"Residual Sum of Squares:\s+(\S+)")),
    )


def _field(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"not a StRD file: nothing in it matches {pattern!r}")
    return found[1]


def _section(lines: list[str], title: str) -> list[str]:
    """Return the lines that the header announces as ``title  (lines 41 to 47)``."""
    bounds = re.search(rf"^\s+{title}\s+\(lines\s+(\d+)\s+to\s+(\d+)\)", "\n".join(lines[:12]), re.MULTILINE)
    if bounds is None:
        raise ValueError(f"not a StRD file: its header does not say at which lines {title!r} stand")
    return lines[int(bounds[1]) - 1 : int(bounds[2])]


def _numbers(line: str) -> list[float]:
    return [float(word) for word in line.split()]
