"""Independent truth about derivatives: differences with an error estimate, the complex step, and trees of numbers.

Nothing here imports adjoint.  A tree is a float, an array, or a dict, list, tuple, named tuple or dataclass of trees;
everything else (integers, strings, None) is carried along and has no derivative.

`directional` extrapolates central differences [Ridders 1982] from several starting steps and keeps, for every output
element, the entry of the tableau with the smallest error estimate.  Facts.md section 5 records why plain difference
packages are no oracle: they return wrong numbers without saying so.  This one returns its doubt with its number.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

Tree = Any
Arguments = tuple[Tree, ...]

EPS = float(np.finfo(np.float64).eps)


# --- trees -------------------------------------------------------------------------------------------------------------


def children(tree: Tree) -> list[Tree] | None:
    """Return the subtrees in a canonical order (dicts by key), or None for a leaf."""
    if isinstance(tree, dict):
        return [tree[key] for key in sorted(tree, key=str)]
    if isinstance(tree, (list, tuple)):
        return list(tree)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    return None


def leaves(tree: Tree) -> Iterator[Any]:
    """Yield every leaf, numeric or not."""
    subtrees = children(tree)
    if subtrees is None:
        yield tree
    else:
        for subtree in subtrees:
            yield from leaves(subtree)


def tree_map(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Apply ``function`` to corresponding inexact leaves; other leaves come from the first tree."""
    if isinstance(tree, dict):
        return {key: tree_map(function, tree[key], *(other[key] for other in others)) for key in tree}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(tree_map(function, *parts) for parts in zip(tree, *others, strict=True)))
    if isinstance(tree, (list, tuple)):
        return type(tree)(tree_map(function, *parts) for parts in zip(tree, *others, strict=True))
    if dataclasses.is_dataclass(tree):
        names = [field.name for field in dataclasses.fields(tree)]
        parts = {name: tree_map(function, *(getattr(each, name) for each in (tree, *others))) for name in names}
        return dataclasses.replace(tree, **parts)
    return function(tree, *others) if is_inexact(tree) else tree


def is_inexact(leaf: Any) -> bool:
    """Is this a real or complex floating-point number or array of them?"""
    return isinstance(leaf, (float, complex, np.inexact)) or (
        isinstance(leaf, np.ndarray) and np.issubdtype(leaf.dtype, np.inexact)
    )


def flatten(tree: Tree) -> np.ndarray:
    """Return all floating-point numbers of a tree as one vector."""
    parts = [np.ravel(leaf) for leaf in leaves(tree) if is_inexact(leaf)]
    return np.concatenate(parts) if parts else np.zeros(0)


def size(tree: Tree) -> int:
    """Return how many floating-point numbers a tree holds."""
    return flatten(tree).size


def shift(tree: Tree, scale: complex, direction: Tree) -> Tree:
    """Return ``tree + scale * direction`` as a new tree."""
    return tree_map(lambda leaf, along: leaf + scale * along, tree, direction)


def random_like(tree: Tree, seed: int) -> Tree:
    """Return a tree of the same structure and shapes with standard normal numbers."""
    rng = np.random.default_rng(seed)

    def sample(leaf: Any) -> Any:
        return rng.standard_normal(leaf.shape) if isinstance(leaf, np.ndarray) else float(rng.standard_normal())

    return tree_map(sample, tree)


def dot(left: Tree, right: Tree) -> float:
    """Return the real inner product of two trees of the same structure."""
    a, b = flatten(left), flatten(right)
    if a.shape != b.shape:
        raise AssertionError(f"inner product of trees with {a.size} and {b.size} numbers")
    return float(np.real(a @ b))


# --- derivatives -------------------------------------------------------------------------------------------------------


class Estimate(NamedTuple):
    """A derivative, flattened, and an estimate of its absolute error, element by element."""

    value: np.ndarray
    error: np.ndarray

    @property
    def relative_error(self) -> float:
        """The largest error on the scale of the largest element, or of 1."""
        return float(np.max(self.error, initial=0.0) / max(1.0, float(np.max(np.abs(self.value), initial=0.0))))


def evaluate(f: Callable[..., Tree], args: Arguments) -> np.ndarray:
    """Return the flattened result of ``f`` on copies of the arguments, which ``f`` may therefore overwrite."""
    return flatten(f(*copy.deepcopy(args)))


def directional(
    f: Callable[..., Tree], args: Arguments, tangents: Arguments, *, step: float = 0.1, goal: float = 1e-11
) -> Estimate:
    """Return the derivative of ``f`` at ``args`` along ``tangents`` by extrapolated central differences.

    Steps start at ``step``, ``step / 10``, ... (for a direction of unit length), so that a branch, a jump or a pole at
    some distance only spoils the first tableaus; a relative error estimate below ``goal`` ends the search.  An element whose estimate disagrees with a plain central difference
    of a tiny step, taken on this side of all branches, gets that disagreement as its error.
    """
    length = max(float(np.linalg.norm(flatten(tangents))), 1e-300)

    center = evaluate(f, args)
    scale = float(np.max(np.abs(center), initial=1.0))

    def slope(h: float) -> np.ndarray:
        h = h / length
        try:
            ahead, behind = evaluate(f, shift(args, h, tangents)), evaluate(f, shift(args, -h, tangents))
        except (ArithmeticError, ValueError, LookupError):  # outside the domain: a smaller step may be inside
            return np.full(center.shape, np.nan)
        if not ahead.shape == behind.shape == center.shape:
            return np.full(center.shape, np.nan)
        return (ahead - behind) / (2 * h)

    best = _extrapolate(slope, step, scale)
    for start in (step / 10, step / 100, step / 1000):
        if best.relative_error < goal:
            break
        other = _extrapolate(slope, start, scale)
        better = (other.error < best.error) | np.isnan(best.value)
        best = Estimate(np.where(better, other.value, best.value), np.where(better, other.error, best.error))
    tiny = slope(1e-6)
    doubt = np.abs(best.value - tiny)
    tolerance = 1e-4 * np.maximum(1.0, np.abs(tiny)) + 1e-8 * scale
    return Estimate(best.value, np.where(doubt > tolerance, np.maximum(doubt, best.error), best.error))


def _extrapolate(slope: Callable[[float], np.ndarray], start: float, scale: float, rows: int = 10) -> Estimate:
    """Fill Ridders' tableau: steps shrink by ``ratio`` down the rows, the order grows by two along each."""
    ratio = 1.5
    above = [slope(start)]
    value, error = above[0], np.full(np.shape(above[0]), np.inf)
    for row in range(1, rows):
        h = start / ratio**row
        current = [slope(h)]
        for column, coarser in enumerate(above, 1):
            finer = current[-1]
            weight = ratio ** (2 * column)
            entry = finer + (finer - coarser) / (weight - 1)
            doubt = np.maximum(np.abs(entry - finer), np.abs(entry - coarser)) + EPS * scale / h
            better = doubt < error  # never where the doubt is not a number
            value, error = np.where(better, entry, value), np.where(better, doubt, error)
            current.append(entry)
        above = current
    return Estimate(value, error)


def complex_step(f: Callable[..., Tree], args: Arguments, tangents: Arguments) -> np.ndarray:
    """Return the derivative along ``tangents`` of an analytic ``f``, to rounding error [Squire and Trapp 1998]."""
    h = 1e-40
    return np.imag(evaluate(f, shift(args, 1j * h, tangents))) / h


def gradient(f: Callable[..., float], args: Arguments, *, step: float = 0.1) -> Estimate:
    """Return the gradient of a scalar ``f``, flattened over all arguments, one direction at a time."""
    parts = [directional(f, args, direction, step=step) for direction in basis(args)]
    return Estimate(np.concatenate([part.value for part in parts]), np.concatenate([part.error for part in parts]))


def basis(args: Arguments) -> Iterator[Arguments]:
    """Yield the unit directions of the input space, in the order of `flatten`."""
    total = size(args)
    for position in range(total):
        yield unflatten(np.eye(total)[position], args)


def unflatten(vector: np.ndarray, like: Tree) -> Tree:
    """Return a tree shaped like ``like`` with the numbers of ``vector``: the inverse of `flatten`."""
    numbers = iter(vector)

    def walk(tree: Tree) -> Tree:
        if isinstance(tree, dict):
            parts = {key: walk(tree[key]) for key in sorted(tree, key=str)}
            return {key: parts[key] for key in tree}
        if isinstance(tree, tuple) and hasattr(tree, "_fields"):
            return type(tree)(*map(walk, tree))
        if isinstance(tree, (list, tuple)):
            return type(tree)(map(walk, tree))
        if dataclasses.is_dataclass(tree):
            return dataclasses.replace(tree, **{each.name: walk(getattr(tree, each.name)) for each in dataclasses.fields(tree)})
        if not is_inexact(tree):
            return tree
        if isinstance(tree, np.ndarray):
            return np.array([next(numbers) for _ in range(tree.size)]).reshape(tree.shape)
        return float(next(numbers))

    return walk(like)
