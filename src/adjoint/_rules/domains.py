"""Where tests sample the arguments of a rule: the values of ``on=``.

``on=POSITIVE`` holds for every argument; ``on=(POSITIVE, Integers(0, 5))`` gives one domain for each argument, in call order.
A plain pair ``(low, high)`` of numbers inside such a tuple means ``Interval(low, high)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Interval:
    """Real numbers between ``low`` and ``high``."""

    low: float
    high: float


@dataclass(frozen=True)
class Integers:
    """Integers from ``low`` to ``high``, both included; such an argument is never differentiated."""

    low: int
    high: int


REAL = Interval(-3, 3)
POSITIVE = Interval(0.2, 4)
NONZERO = Interval(0.3, 3)
UNIT = Interval(-0.9, 0.9)
PROBABILITY = Interval(0.05, 0.95)
ABOVE_ONE = Interval(1.1, 4)
DEGREES = Interval(5, 85)
ORDER = Integers(0, 5)


def domain_of(on: Any, position: int) -> Interval | Integers:
    """Return the domain of the argument at ``position``; without ``on`` it is `REAL`."""
    domain = on[position] if isinstance(on, tuple) else on
    if isinstance(domain, tuple):
        return Interval(*domain)
    return REAL if domain is None else domain
