"""`custom_jvp`: a function whose derivative the user gives as a jvp, for both modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint._api import evaluate, opaque, tree
from adjoint._api.custom import Custom
from adjoint._rules import kinds
from adjoint.errors import MissingRuleError, StructureError


class custom_jvp(Custom):  # noqa: N801  (a decorator, named as in JAX)
    """Give a function a derivative of your own, as a Jacobian-vector product; reverse mode follows by transposition.

    Parameters
    ----------
    f
        The function, of positional arguments that are numbers, arrays or trees of them.
    nondiff_argnums
        Positions of arguments that are not differentiated (flags, functions); they come first in the call of the jvp.

    Returns
    -------
    custom_jvp
        A function with the methods ``defjvp`` and ``defjvps``.

    Raises
    ------
    MissingRuleError
        The function is differentiated before its jvp is given.
    StructureError
        The jvp returns a tangent that does not match the result.

    Notes
    -----
    ``defjvp`` registers ``jvp(*nondiff_args, primals, tangents) -> (y, y_dot)``, where ``y_dot`` must be linear in the
    tangents.  ``defjvps`` registers for each argument ``jvp(t, y, *args) -> y_dot``, or None for an argument without
    derivative.  The jvp is differentiated in turn, so higher orders follow.  Cost: the function and its jvp; reverse mode
    records the jvp.

    Examples
    --------
    >>> import math
    >>> import adjoint as ad
    >>> @ad.custom_jvp
    ... def safe_log(x):
    ...     return math.log(max(x, 1e-300))
    >>> @safe_log.defjvp
    ... def safe_log_jvp(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return safe_log(x), t / (x + 1e-12)
    >>> ad.grad(safe_log)(2.0), ad.jvp(safe_log, (2.0,), (1.0,))[1]
    (0.49999999999975, 0.49999999999975)
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: tuple[int, ...] = ()) -> None:
        super().__init__(f, nondiff_argnums)
        self.jvp: Callable[..., Any] | None = None

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Register ``jvp(*nondiff_args, primals, tangents) -> (y, y_dot)``; usable as a decorator."""
        self.jvp = jvp
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Register for each argument ``jvp(t, y, *args) -> y_dot``, None where it has no derivative."""

        def jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
            y = self(*primals)
            total = None
            for part, t in zip(jvps, tangents, strict=True):
                total = kinds.add(total, None if part is None else part(t, y, *primals))
            return y, total

        self.jvp = jvp

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the function; under a derivative, with the given jvp."""
        fixed, free, function = self.split(args, kwargs)

        def evaluate_leaves(leaves: list[Any], structure: Any) -> tuple[Any, Any]:
            return self(*self.merge(fixed, tree.unflatten(structure, leaves))), None

        def jvp(leaves: list[Any], note: opaque.Note, tangents: list[Any], structure: Any) -> list[Any]:
            if self.jvp is None:
                raise MissingRuleError.of(self.__name__, "it is a custom_jvp function without a jvp; register one with defjvp")
            primals, ts = tree.unflatten(structure, leaves), tree.unflatten(structure, tangents)
            pair = evaluate.instrumented(self.jvp)(*fixed, primals, ts)
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise StructureError(f"the jvp of {self.__name__} must return (y, y_dot), got {type(pair).__name__}")
            return matched(pair[1], note.structure, f"the tangent that the jvp of {self.__name__} returned")

        return opaque.call(free, self.__name__, function, jvp, None, evaluate_leaves)


def matched(given: Any, structure: Any, where: str) -> list[Any]:
    """Return the leaves of what a user's rule returned; raise unless the structure is right."""
    leaves, own = tree.flatten(given)
    if own is not structure and own != structure:
        raise StructureError(f"{where}: expected the structure {tree.describe(structure)}, got {tree.describe(own)}")
    return [evaluate.as_traced(leaf) for leaf in leaves]
