"""Call a user's function as one operation with a rule of its own: the common part of `custom_jvp`, `custom_vjp`, `checkpoint`.

The operation takes one argument, the list of the leaves of the user's arguments, and returns the list of the leaves of the
result, followed by a `Note` in which the way forward may leave something for the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint._api import evaluate, tree
from adjoint._rules import kinds
from adjoint._rules.book import Rule
from adjoint._trace.memory import as_traced
from adjoint._trace.traced import Traced, highest
from adjoint.errors import StructureError

Leaves = list[Any]


class Note:
    """What the evaluation of an operation leaves for its derivative."""

    __slots__ = ("content", "structure")

    def __init__(self, structure: Any, content: Any = None) -> None:
        self.structure = structure
        self.content = content

    def __eq__(self, other: object) -> bool:
        """Tell whether results have the same structure; batches ask, which hold the results of several calls as one."""
        return isinstance(other, Note) and (self.structure is other.structure or self.structure == other.structure)

    __hash__ = None  # type: ignore[assignment]


def call(
    args: tuple[Any, ...],
    name: str,
    function: Callable[..., Any],
    jvp: Callable[[Leaves, Note, Leaves, Any], Leaves],
    vjp: Callable[[Leaves, Note, Leaves, Any], Leaves] | None,
    evaluate_leaves: Callable[[Leaves, Any], tuple[Any, Any]],
) -> Any:
    """Evaluate ``function(*args)`` with the given derivative if an argument is traced.

    ``evaluate_leaves(leaves, structure)`` returns the result and the content of the note; ``jvp(leaves, note, tangents,
    structure)`` and ``vjp(leaves, note, cotangents, structure)`` return leaves.
    """
    leaves, structure = tree.flatten(args)
    leaves = [as_traced(leaf) for leaf in leaves]
    trace = highest(leaves)
    if trace is None:
        return function(*args)
    # Objects, strings and the like (`self`, a flag) are no arguments of the operation.
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, (Traced, float, complex, int)) or hasattr(leaf, "dtype")]
    rest = {k: leaf for k, leaf in enumerate(leaves) if k not in places}
    leaves = [leaves[k] for k in places]

    def whole(part: Leaves) -> Leaves:
        values = iter(part)
        return [rest[k] if k in rest else next(values) for k in range(len(rest) + len(places))]

    def operation(primals: Leaves) -> Leaves:
        y, content = evaluate_leaves(whole(primals), structure)
        results, result_structure = evaluate.results_of(y, name)
        return [*results, Note(result_structure, content)]

    def push(y: Leaves, t: Leaves, primals: Leaves) -> list[Any]:
        values = iter(t)
        tangents = [None if k in rest else next(values) for k in range(len(rest) + len(places))]
        return [*matching(jvp(whole(primals), y[-1], tangents, structure), y[:-1], f"{name}: a tangent"), None]

    def pull(y: Leaves, ct: Leaves, primals: Leaves) -> Leaves:
        assert vjp is not None
        cotangents = vjp(whole(primals), y[-1], ct[:-1], structure)
        return matching([cotangents[k] for k in places], primals, f"{name}: a cotangent")

    operation.__name__ = operation.__qualname__ = name
    rule = Rule(operation, "general", (push,), (pull,) if vjp is not None else ())
    y = trace.apply(rule, operation, (leaves,), {})
    return tree.unflatten(y[-1].structure, y[:-1])


def matching(given: Leaves, values: Leaves, where: str) -> Leaves:
    """Return tangents or cotangents; raise unless each has the shape of its value (a plain 0 stands for zeros)."""
    for t, x in zip(given, values, strict=True):
        zero = t is None or (isinstance(t, (int, float)) and t == 0)
        if not zero and kinds.shape_of(t) != kinds.shape_of(x):
            raise StructureError(f"{where} of shape {kinds.shape_of(t)} was given for a value of shape {kinds.shape_of(x)}")
    return given
