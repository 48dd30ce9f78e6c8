"""Add rules to the rule book: the calls that adjoint's own rules are written with.

Examples
--------
A function of your own, elementwise in ``x``, that a derivative shall not look into:

>>> import numpy as np
>>> import adjoint as ad
>>> def softplus(x):
...     return np.logaddexp(0.0, x)
>>> ad.rules.elementwise(softplus, lambda y, x: 1 / (1 + np.exp(-x)))
>>> ad.grad(softplus)(0.0)
0.5

The function is then one operation, in forward and reverse mode, wherever instrumented code calls it.  Where it is called by
code that adjoint does not read, make it dispatch with `primitive`, as a decorator, and register what that returns.
"""

from adjoint._rules.book import FIXED as FIXED
from adjoint._rules.book import Unknown as Unknown
from adjoint._rules.book import bilinear as bilinear
from adjoint._rules.book import composite as composite
from adjoint._rules.book import constant as constant
from adjoint._rules.book import elementwise as elementwise
from adjoint._rules.book import general as general
from adjoint._rules.book import linear as linear
from adjoint._rules.primitive import primitive as primitive

__all__ = ["FIXED", "Unknown", "bilinear", "composite", "constant", "elementwise", "general", "linear", "primitive"]
