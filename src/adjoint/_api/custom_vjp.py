"""`custom_vjp`: a function whose derivative the user gives as a vjp, for both modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._api import evaluate, opaque, tree
from adjoint._api.custom import Custom
from adjoint._rules import kinds
from adjoint._trace.memory import owner_of
from adjoint._trace.traced import is_array
from adjoint._trace.transpose import transpose
from adjoint.errors import MissingRuleError, StructureError


class custom_vjp(Custom):  # noqa: N801  (a decorator, named as in JAX)
    """Give a function a derivative of your own, as a vector-Jacobian product; forward mode follows by transposition.

    Parameters
    ----------
    f
        The function, of positional arguments that are numbers, arrays or trees of them.
    nondiff_argnums
        Positions of arguments that are not differentiated; ``bwd`` takes them first.

    Returns
    -------
    custom_vjp
        A function with the method ``defvjp``.

    Raises
    ------
    MissingRuleError
        The function is differentiated before its vjp is given.
    StructureError
        ``bwd`` returns cotangents that do not match the arguments.

    Notes
    -----
    ``defvjp(fwd, bwd)`` registers ``fwd(*args) -> (y, residuals)`` and ``bwd(*nondiff_args, residuals, ct) -> cotangents``, a
    tuple with one entry for each differentiated argument (None is zero).  ``bwd`` must be linear in ``ct``; it is
    differentiated in turn, so higher orders follow.  For complex values the cotangents are those of the real inner product (see
    `vjp`).

    Examples
    --------
    >>> import adjoint as ad
    >>> @ad.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda residuals, ct: (min(max(ct, -1.0), 1.0),))
    >>> ad.grad(lambda x: 5.0 * clipped(x))(2.0)
    1.0
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: tuple[int, ...] = ()) -> None:
        super().__init__(f, nondiff_argnums)
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Register ``fwd(*args) -> (y, residuals)`` and ``bwd(*nondiff_args, residuals, ct) -> cotangents``."""
        self.fwd, self.bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the function; under a derivative, with the given vjp."""
        fixed, free, function = self.split(args, kwargs)

        def evaluate_leaves(leaves: list[Any], structure: Any) -> tuple[Any, Any]:
            if self.fwd is None:
                raise MissingRuleError.of(self.__name__, "it is a custom_vjp function without a vjp; register one with defvjp")
            pair = evaluate.instrumented(self.fwd)(*self.merge(fixed, tree.unflatten(structure, leaves)))
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise StructureError(f"fwd of {self.__name__} must return (y, residuals), got {type(pair).__name__}")
            return pair

        def vjp(leaves: list[Any], note: opaque.Note, cotangents: list[Any], structure: Any) -> list[Any]:
            return self._pull(fixed, note, cotangents, tree.unflatten(structure, leaves))

        def jvp(leaves: list[Any], note: opaque.Note, tangents: list[Any], structure: Any) -> list[Any]:
            # The jvp is the transpose of the vjp, which is linear in the cotangent.
            primals = tree.unflatten(structure, leaves)
            like = note.content[1]
            return transpose(lambda ct: self._pull(fixed, note, ct, primals), like, tangents)

        def evaluated(leaves: list[Any], structure: Any) -> tuple[Any, Any]:
            y, residuals = evaluate_leaves(leaves, structure)
            results = evaluate.results_of(y, self.__name__)[0]
            return y, (safe(residuals, [*leaves, *results]), [kinds.Like(leaf) for leaf in results])

        return opaque.call(free, self.__name__, function, jvp, vjp, evaluated)

    def _pull(self, fixed: list[Any], note: opaque.Note, cotangents: list[Any], primals: tuple[Any, ...]) -> list[Any]:
        """Return the cotangent of every leaf of the arguments."""
        residuals, like = note.content
        full = [kinds.zeros_like(form) if ct is None else ct for ct, form in zip(cotangents, like, strict=True)]
        assert self.bwd is not None
        given = evaluate.instrumented(self.bwd)(*fixed, residuals, tree.unflatten(note.structure, full))
        if not isinstance(given, (tuple, list)) or len(given) != len(primals):
            form = f"{len(given)} of them" if isinstance(given, (tuple, list)) else type(given).__name__
            raise StructureError(
                f"bwd of {self.__name__} must return a tuple of {len(primals)} cotangents, one for each argument, got {form}",
                remedy="return a tuple, with None for an argument without derivative",
            )
        leaves: list[Any] = []
        for ct, primal in zip(given, primals, strict=True):
            parts, structure = tree.flatten(primal)
            if ct is None:
                leaves += [None] * len(parts)
                continue
            own, own_structure = tree.flatten(ct)
            if own_structure is not structure and own_structure != structure:
                raise StructureError(
                    f"bwd of {self.__name__}: expected a cotangent of structure {tree.describe(structure)}, "
                    f"got {tree.describe(own_structure)}"
                )
            leaves += opaque.matching([evaluate.as_traced(leaf) for leaf in own], parts, f"bwd of {self.__name__}: a cotangent")
        return leaves


def safe(residuals: Any, seen: list[Any]) -> Any:
    """Return residuals in which arrays that the program sees, and may write to before the way back, are copies."""
    owners = {id(owner_of(x)) for x in seen if is_array(x)}

    def separate(leaf: Any) -> Any:
        leaf = evaluate.as_traced(leaf)
        return np.copy(leaf) if is_array(leaf) and id(owner_of(leaf)) in owners else leaf

    return tree.tree_map(separate, residuals)
