"""Arithmetic."""
import numpy as np
from adjoint._rules.book import FIXED, composite, constant, elementwise, linear
from adjoint._rules.domains import POSITIVE, REAL

# fmt: off
elementwise(np.add,          lambda y, a, b: 1,       lambda y, a, b: 1)
elementwise(np.subtract,     lambda y, a, b: 1,       lambda y, a, b: -1)
elementwise(np.multiply,     lambda y, a, b: b,       lambda y, a, b: a)
elementwise(np.divide,       lambda y, a, b: 1 / b,   lambda y, a, b: -y / b,  on=(REAL, POSITIVE))
elementwise(np.negative,     lambda y, x: -1)
elementwise(np.positive,     lambda y, x: 1)
elementwise(np.sin,     lambda y, x: np.cos(x))
elementwise(np.cos,     lambda y, x: -np.sin(x))
elementwise(np.exp,     lambda y, x: y)
elementwise(np.tanh,     lambda y, x: 1-y*y)
elementwise(np.sqrt,     lambda y, x: 0.5/y)
elementwise(np.power,     lambda y, x, n: n*x**(n-1))
linear(np.where,     FIXED, lambda ct, c, a, b: np.where(c, ct, 0), lambda ct, c, a, b: np.where(c, 0, ct))
linear(np.copy,     lambda ct, x: ct)
linear(np.transpose,     lambda ct, x, axes=None: np.transpose(ct, None if axes is None else np.argsort(axes)))
linear(np.stack,     lambda ct, xs, axis=0: list(np.moveaxis(ct, axis, 0)))
linear(np.broadcast_to,     lambda ct, x, shape: ct)
linear(np.moveaxis,     lambda ct, x, a, b: np.moveaxis(ct, b, a))
constant(np.less, np.greater, np.less_equal, np.greater_equal, np.equal, np.not_equal, np.floor, np.sign, np.shape, np.ndim, np.size)
# fmt: on
