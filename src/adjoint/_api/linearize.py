"""`linearize`: the derivative at a point as a linear map, evaluated forward and transposed as often as one likes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._api.function import expect_function
from adjoint._rules import kinds
from adjoint._trace import sweep


class LinearMap:
    """The derivative of a function at a point.

    Calling it pushes tangents forward, `transpose` pulls cotangents back, `as_operator` gives both to SciPy.
    The function is not evaluated again.
    """

    def __init__(self, pullback: evaluate.Pullback, structure: Any, values: list[Any]) -> None:
        self._pullback = pullback
        self._structure = structure
        self._values = values

    def __call__(self, *tangents: Any) -> Any:
        """Return the tangent of the result for tangents of all arguments."""
        seeds = []
        for k, (given, (_, active, structure)) in enumerate(zip(tangents, self._pullback.inputs.values(), strict=True)):
            matched = evaluate.match(given, structure, active, f"linearize: tangent of argument {k}")
            seeds += [t for t, x in zip(matched, active, strict=True) if x is not None]
        return tree.unflatten(self._structure, self._push(seeds))

    def _push(self, seeds: list[Any]) -> list[Any]:
        self._pullback.tape.verify()
        ts: list[Any] = [None] * self._pullback.count
        ts[: len(seeds)] = [kinds.copy(t) if len(kinds.shape_of(t)) else t for t in seeds]
        sweep.forward(self._pullback.entries, ts)
        outcome = []
        for (target, shape, dtype), value in zip(self._pullback.results, self._values, strict=True):
            t = None if target is None else sweep.fetch(ts, target, None)
            t = kinds.zeros_like(value) if t is None else kinds.conform(t, shape, dtype)
            outcome.append(evaluate.tidy(t))
        return outcome

    def transpose(self, cotangent: Any) -> tuple[Any, ...]:
        """Return the cotangents of the arguments for a cotangent of the result."""
        return tuple(self._pullback.sweep(evaluate.match(cotangent, self._structure, self._values, "linearize: cotangent")))

    @property
    def T(self) -> Callable[[Any], tuple[Any, ...]]:
        return self.transpose

    @property
    def shape(self) -> tuple[int, int]:
        """Number of elements of the result and of the arguments."""
        return sum(map(np.size, self._values)), sum(np.size(x) for x in self._inputs())

    def _inputs(self) -> list[Any]:
        return [x for _, active, _ in self._pullback.inputs.values() for x in active if x is not None]

    def as_operator(self) -> Any:
        """Return the map as a `scipy.sparse.linalg.LinearOperator` on flat vectors, arguments and results in order."""
        from scipy.sparse.linalg import LinearOperator

        inputs = self._inputs()
        dtype = np.result_type(*[kinds.dtype_of(x) for x in [*inputs, *self._values]])

        def matvec(t: Any) -> Any:
            return _ravel(self._push(_split(t, inputs)))

        def rmatvec(ct: Any) -> Any:
            grads = self._pullback.sweep(_split(ct, self._values))
            return _ravel([leaf for g in grads for leaf in tree.flatten(g)[0]])

        return LinearOperator(self.shape, matvec=matvec, rmatvec=rmatvec, dtype=dtype)

    def __repr__(self) -> str:
        return f"LinearMap(shape={self.shape}, operations={sum(entry is not None for entry in self._pullback.entries)})"


def _split(vector: Any, like: list[Any]) -> list[Any]:
    """Cut a flat vector into pieces of the forms of ``like``."""
    vector = np.asarray(vector).reshape(-1)
    ends = np.cumsum([math.prod(np.shape(x)) for x in like])
    return [
        kinds.cast(vector[end - math.prod(np.shape(x)) : end].reshape(np.shape(x))[()], kinds.dtype_of(x))
        for end, x in zip(ends, like, strict=True)
    ]


def _ravel(leaves: list[Any]) -> Any:
    return np.concatenate([np.reshape(leaf, -1) for leaf in leaves])


def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return the value of ``f`` and its derivative there as a linear map, with its transpose.

    Parameters
    ----------
    f
        Function of arrays, numbers or trees of them.
    *primals
        The arguments at which ``f`` is linearised, all of them.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through as third result.

    Returns
    -------
    y, f_jvp
        ``f_jvp(*tangents)`` returns the tangent of the result, ``f_jvp.transpose(ct)`` the tuple of cotangents of the
        arguments, ``f_jvp.as_operator()`` a `scipy.sparse.linalg.LinearOperator` of shape ``(y.size, x.size)``, units
        ``[y]/[x]``.

    Raises
    ------
    StructureError
        A tangent or cotangent does not match.
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    ``f`` runs once; the operations it performed are kept and swept forward or backward at each application, which costs
    about as much as ``f``.  Use `jvp` for a single direction: it keeps nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> y, f_jvp = ad.linearize(lambda x: np.array([x[0] * x[1], x[1] ** 2]), np.array([2.0, 3.0]))
    >>> f_jvp(np.array([1.0, 0.0]))
    array([3., 0.])
    >>> f_jvp.transpose(np.array([1.0, 0.0]))
    (array([3., 2.]),)
    >>> f_jvp.as_operator() @ np.array([1.0, 1.0])
    array([5., 6.])
    """
    expect_function(f, "linearize")
    positions = tuple(range(len(primals)))
    values, structure, pullback, aux = evaluate.record(f, primals, {}, positions, has_aux=has_aux, name="linearize", later=True)
    y, linear = tree.unflatten(structure, values), LinearMap(pullback, structure, values)
    return (y, linear, aux) if has_aux else (y, linear)
