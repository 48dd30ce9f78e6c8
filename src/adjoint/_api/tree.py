"""Arguments and results of any structure: dicts, lists, tuples, named tuples, dataclasses and registered classes (optree).

A plain number or array, by far the commonest argument, is its own only leaf and never meets the tree library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optree

from adjoint._trace.routes import followed
from adjoint._trace.traced import Traced
from adjoint._trace.twins import original

NAMESPACE = "adjoint"
LEAF = object()  # the structure of a single leaf
_TWINS: set[type] = set()  # the twins of dataclasses that have been met


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Return the leaves of a tree and its structure."""
    if isinstance(tree, (float, np.ndarray, Traced, int, complex, np.generic)):
        return [tree], LEAF
    if hasattr(type(tree), "__array_function__"):  # an array of another library
        return [tree], LEAF
    leaves, structure = optree.tree_flatten(tree, namespace=NAMESPACE)
    twins = {type(leaf) for leaf in leaves if original(type(leaf)) is not type(leaf)}
    if twins:
        return flatten(optree.tree_unflatten(structure, [_untwinned(leaf) if type(leaf) in twins else leaf for leaf in leaves]))
    if _register_dataclasses(leaves):
        return flatten(tree)
    return leaves, _canonical(structure, leaves)


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """Return the tree of a structure with these leaves."""
    return leaves[0] if structure is LEAF else optree.tree_unflatten(structure, leaves)


def tree_map(function: Callable[..., Any], tree: Any) -> Any:
    """Apply ``function`` to every leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def spread_prefix(prefix: Any, structure: Any, count: int) -> list[Any]:
    """Return, for each leaf of a structure, the leaf of a tree that is its upper part; None is a leaf there.

    >>> spread_prefix((0, None), flatten((1.0, {"a": 2.0, "b": 3.0}))[1], 3)
    [0, None, None]
    """
    if structure is LEAF:
        raise ValueError("a tree for a single leaf")
    full = unflatten(structure, list(range(count)))
    spread = optree.broadcast_prefix(prefix, full, none_is_leaf=True, namespace=NAMESPACE)
    leaves = optree.tree_leaves(full, none_is_leaf=True, namespace=NAMESPACE)
    return [value for value, leaf in zip(spread, leaves, strict=True) if leaf is not None]


def _canonical(structure: Any, leaves: list[Any]) -> Any:
    """Return a structure with users' own classes in place of the twins that a derivative made of them."""
    if not _TWINS or not any(_holds_twin(structure)):
        return structure
    return optree.tree_structure(optree.tree_unflatten(structure, [0.0] * len(leaves)), namespace=NAMESPACE)


def _holds_twin(structure: Any) -> Iterator[bool]:
    yield structure.type in _TWINS
    for child in structure.children():
        yield from _holds_twin(child)


def describe(structure: Any) -> str:
    """Return a structure as text, for error messages."""
    return "*" if structure is LEAF else str(structure).removeprefix("PyTreeSpec")


def _register_dataclasses(leaves: list[Any]) -> bool:
    """Teach optree the dataclasses among the leaves: their fields are their children."""
    new: set[Any] = {type(leaf) for leaf in leaves if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type)}
    for cls in new:
        names = [field.name for field in dataclasses.fields(cls)]
        try:
            optree.register_pytree_node(cls, _take_apart(names), _put_together(original(cls)), namespace=NAMESPACE)
        except ValueError:  # another thread was first
            continue
        if original(cls) is not cls:
            _TWINS.add(cls)
    return bool(new)


def _untwinned(leaf: Any) -> Any:
    """Return an object that traced code made as an object of the user's own class, by which optree knows it."""
    cls = original(type(leaf))
    x = object.__new__(cls)
    slots = [name for base in cls.__mro__ for name in _slots(base) if hasattr(leaf, name)]
    for name in [*getattr(leaf, "__dict__", {}), *slots]:
        object.__setattr__(x, name, getattr(leaf, name))
    return x


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return tuple(name for name in ((slots,) if isinstance(slots, str) else slots) if name not in ("__dict__", "__weakref__"))


def _take_apart(names: list[str]) -> Callable[[Any], Any]:
    return lambda x: ([getattr(x, name) for name in names], tuple(names), tuple(names))


def _put_together(cls: type) -> Callable[[Any, Any], Any]:
    def build(names: Any, children: Any) -> Any:
        # Neither ``__init__`` nor ``__post_init__`` runs: they may check or convert what here are traced values.
        x = object.__new__(followed(cls) if any(isinstance(child, Traced) for child in children) else cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(x, name, child)
        return x

    return build
