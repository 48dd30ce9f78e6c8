"""Sparse Jacobians: a pattern from the program, a colouring, and one sweep for all columns (rows) of a colour.

The function runs once, on a tape.  The tape is swept with sets of inputs, which gives the pattern (`_trace.dependence`), and
then with the seeds of the colours, many at once, which gives the entries.  Pattern and entries belong to the same run, so no
derivative can lie outside of the pattern.  Where they do not (a pattern of the user's, a translated function), the product
with one more, random, direction is compared with that of the result, row by row.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._api.linearize import LinearMap
from adjoint._rules import kinds
from adjoint._sparse.colouring import bound, colour_columns
from adjoint._sparse.compression import Compression
from adjoint._sparse.pattern import Pattern
from adjoint._trace.batch import Batch, Batched, at_once, stack_of
from adjoint._trace.dependence import Witness, pattern_of
from adjoint._trace.traced import Traced
from adjoint.errors import InputError, PatternError, StructureError

# What a sweep back costs, in sweeps forward: 0.8 to 1.1 on arrays, more on numbers (measured).
BACK = 1.25
# Bytes of a chunk of directions of the largest input or result.
CHUNK = 2**20
# Directions for which a stack is worth its overhead.
FEWEST = 4

Leaves = list[Any]
# A linear map from tangents (cotangents) to tangents (cotangents), leaf by leaf; None is zero.
Push = Callable[[Leaves], Leaves]


@dataclass(eq=False)
class Plan:
    """How the entries of a pattern are found: by columns (forward) or by rows, and in which groups."""

    pattern: Pattern
    forward: bool
    compression: Compression


@dataclass
class Run:
    """One run of a function: its value, its linear maps, and how to find its pattern."""

    primals: Leaves
    structure: Any
    aux: Any
    forward: Push
    back: Push | None
    pattern: Callable[[], Pattern]
    # Whether pattern and maps are of different runs.
    apart: bool = False
    # Whether the forward map takes stacks itself, ``[count, *shape]``.
    stacks: bool = False


# How functions that are no plain Python functions run, by type: `jit` enters its own.
RUNS: dict[type, Callable[..., Run | None]] = {}


def run_of(
    f: Any, args: Any, kwargs: Any, positions: tuple[int, ...], leaves: Leaves, *, has_aux: bool, mode: str, name: str
) -> Run:
    """Run a function once, on a tape or by its program."""
    special = RUNS.get(type(f))
    made = None if special is None else special(f, args, kwargs, positions, leaves, has_aux=has_aux, mode=mode, name=name)
    return made or recorded(f, args, kwargs, positions, leaves, has_aux=has_aux, name=name)


def recorded(f: Any, args: Any, kwargs: Any, positions: tuple[int, ...], leaves: Leaves, *, has_aux: bool, name: str) -> Run:
    """Run a function on a tape."""
    tape = Witness()
    primals, structure, pullback, aux = evaluate.record(f, args, kwargs, positions, has_aux=has_aux, name=name, tape=tape)
    linear = LinearMap(pullback, structure, primals)

    def back(cotangents: Leaves) -> Leaves:
        found = []
        for gradient, (_, active, _) in zip(pullback.sweep(cotangents), pullback.inputs.values(), strict=True):
            found += [g for g, x in zip(tree.flatten(gradient)[0], active, strict=True) if x is not None]
        return found

    def pattern() -> Pattern:
        results = [(target, shape) for target, shape, _ in pullback.results]
        return pattern_of(tape, [kinds.shape_of(x) for x in leaves], results)

    return Run(primals, structure, aux, linear._push, back, pattern)


def blocks_of(run: Run, leaves: Leaves, *, mode: str, pattern: Any, name: str) -> list[list[Any]]:
    """Return the blocks ``[result][input]`` of a Jacobian as SciPy sparse arrays."""
    for x in [*leaves, *run.primals]:
        if isinstance(x, Traced):
            raise InputError(
                f"{name}: a sparse Jacobian within another derivative, or within vmap",
                why="its entries are derivatives themselves, and SciPy's sparse arrays hold plain numbers",
                remedy="use jacobian without sparse=True there, or jvp and vjp for products with it",
            )
    m, n = sum(map(np.size, run.primals)), sum(map(np.size, leaves))
    found = run.pattern() if pattern is None else given_pattern(pattern, (m, n), name)
    plan = plan_for(found, mode if run.back is not None else "forward")
    entries = entries_of(plan, run, leaves)
    if pattern is not None or run.apart:
        probe(plan, entries, run, leaves, name)
    whole = plan.pattern.to_scipy(entries)
    if len(leaves) == len(run.primals) == 1:
        return [[whole]]
    rows, columns = _ends(run.primals), _ends(leaves)
    return [[_part(whole, i, j) for j in itertools.pairwise(columns)] for i in itertools.pairwise(rows)]


def _part(whole: Any, rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    part = whole[rows[0] : rows[1], columns[0] : columns[1]]
    part.sort_indices()
    return part


def _ends(leaves: Leaves) -> list[int]:
    return np.cumsum([0, *map(np.size, leaves)]).tolist()


# Patterns and plans -----------------------------------------------------------------------------------------------------------


def given_pattern(pattern: Any, shape: tuple[int, int], name: str) -> Pattern:
    """Return a pattern that the user gave."""
    from scipy.sparse import csr_array, hstack, issparse

    parts = list(pattern) if isinstance(pattern, (tuple, list)) else [pattern]
    if not parts or not all(issparse(part) for part in parts):
        kind = type(next((part for part in parts if not issparse(part)), pattern)).__name__
        raise StructureError(
            f"{name}: pattern must be a SciPy sparse array, or a tuple of them, one for each argument; got {kind}",
            remedy="pass scipy.sparse.csr_array(A); the entries that it stores are those that may differ from zero",
        )
    whole = csr_array(parts[0]) if len(parts) == 1 else csr_array(hstack(parts))
    if whole.shape != shape:
        raise StructureError(
            f"{name}: expected a pattern of shape {shape}, got shape {whole.shape}",
            why="it has a row for each element of the result and a column for each of the arguments, in C order",
        )
    return Pattern.of_scipy(whole)


# The plans of the last patterns: most programs ask for many Jacobians of one pattern.
_PLANS: OrderedDict[Any, Plan] = OrderedDict()
_LOCK = threading.Lock()
MOST_PLANS = 8


def plan_for(pattern: Pattern, mode: str) -> Plan:
    """Return the plan for a pattern: that with the fewer colours, weighed by what a sweep costs."""
    digest = hashlib.blake2b(np.ascontiguousarray(pattern.indptr).tobytes())
    digest.update(np.ascontiguousarray(pattern.indices).tobytes())
    key = (mode, pattern.shape, pattern.indices.dtype, digest.digest())
    with _LOCK:
        plan = _PLANS.pop(key, None)
    plan = plan or _planned(pattern, mode)
    with _LOCK:
        _PLANS[key] = plan
        while len(_PLANS) > MOST_PLANS:
            _PLANS.popitem(last=False)
    return plan


def _planned(pattern: Pattern, mode: str) -> Plan:
    flipped = pattern.T
    if mode == "auto":
        # The one whose bound is lower first; the other only if its bound promises more.
        least = {True: bound(pattern), False: BACK * bound(flipped)}
        first = least[True] <= least[False]
        best = _coloured(pattern, flipped, forward=first)
        cost = best.compression.count * (1 if first else BACK)
        if least[not first] < cost:
            other = _coloured(pattern, flipped, forward=not first)
            best = other if other.compression.count * (BACK if first else 1) < cost else best
        return best
    return _coloured(pattern, flipped, forward=mode == "forward")


def _coloured(pattern: Pattern, flipped: Pattern, *, forward: bool) -> Plan:
    compressed = pattern if forward else flipped
    return Plan(pattern, forward, Compression(compressed, colour_columns(compressed)))


# Entries ----------------------------------------------------------------------------------------------------------------------


def entries_of(plan: Plan, run: Run, leaves: Leaves) -> np.ndarray:
    """Return the entries of a Jacobian in the order of its pattern, by sweeps with the seeds of its colours."""
    space, results = (leaves, run.primals) if plan.forward else (run.primals, leaves)
    map_, compression = (run.forward if plan.forward else run.back), plan.compression
    assert map_ is not None
    dtype = np.result_type(float if not leaves else 0, *[kinds.dtype_of(x) for x in [*leaves, *run.primals]])
    entries = np.zeros(compression.pattern.nnz, dtype)
    stacked = run.stacks and plan.forward
    for start, stop in _chunks(compression.count, [*space, *results]):
        seeds = _split(compression.seeds(start, stop), space)
        products = _flat(_pushed(map_, seeds, results, stop - start, stacked=stacked), stop - start)
        compression.decompress(entries, products, start)
    if not plan.forward:
        # The pullback is the adjoint; rows of a complex Jacobian are its conjugates.
        entries = _transposed(plan, np.conj(entries) if dtype.kind == "c" else entries)
    return entries


def _transposed(plan: Plan, entries: np.ndarray) -> np.ndarray:
    """Return entries in the order of the transpose's pattern in that of the pattern."""
    whole = plan.compression.pattern.to_scipy(entries).T.tocsr()
    whole.sort_indices()
    return whole.data


def _chunks(count: int, leaves: Leaves) -> list[tuple[int, int]]:
    largest = max([np.size(x) * kinds.dtype_of(x).itemsize for x in leaves], default=1)
    width = min(max(count, 1), max(CHUNK // max(largest, 1), 1))
    return [(start, min(start + width, count)) for start in range(0, count, width)]


def _split(stack: np.ndarray, space: Leaves) -> Leaves:
    """Cut a stack of flat vectors into stacks of the forms of some leaves."""
    ends = _ends(space)
    parts = zip(space, ends[:-1], ends[1:], strict=True)
    return [np.ascontiguousarray(stack[:, a:b], kinds.dtype_of(x)).reshape(len(stack), *np.shape(x)) for x, a, b in parts]


def _flat(stacks: Leaves, count: int) -> np.ndarray:
    return np.concatenate([np.zeros((count, 0)), *[np.reshape(stack, (count, -1)) for stack in stacks]], axis=1)


def _pushed(push: Push, seeds: Leaves, results: Leaves, count: int, *, stacked: bool) -> Leaves:
    """Push a stack of seeds through a linear map: at once, or one by one."""
    if stacked:
        return push(seeds)

    def run(batch: Batch) -> Leaves:
        return [stack_of(batch, y) for y in push([Batched(batch, seed) for seed in seeds])]

    found = at_once(count, run) if count >= FEWEST else None
    if found is not None:
        return found
    each = [push([_one(seed[k], x) for seed, x in zip(seeds, seeds, strict=True)]) for k in range(count)]
    return [np.stack(parts) for parts in zip(*each, strict=True)] if each else [np.zeros((0, *np.shape(y))) for y in results]


def _one(seed: Any, stack: np.ndarray) -> Any:
    return np.copy(seed) if stack.ndim > 1 else seed


# A check ----------------------------------------------------------------------------------------------------------------------

# Relative to what the entries of a row add up to: far above the rounding of a program, far below an entry that is missing.
TOLERANCE = 1e-8


def probe(plan: Plan, entries: np.ndarray, run: Run, leaves: Leaves, name: str) -> None:
    """Raise unless the product with a random direction is that of the derivative, where an entry that is missing shows."""
    space, results = (leaves, run.primals) if plan.forward else (run.primals, leaves)
    map_ = run.forward if plan.forward else run.back
    assert map_ is not None
    rng = np.random.default_rng()
    direction = rng.uniform(0.5, 1.5, sum(map(np.size, space))) * rng.choice([-1.0, 1.0], sum(map(np.size, space)))
    seeds = _split(direction[None], space)
    product = _flat(_pushed(map_, seeds, results, 1, stacked=run.stacks and plan.forward), 1)[0]
    product = product if plan.forward else np.conj(product)
    whole = plan.pattern.to_scipy(entries)
    whole = whole if plan.forward else whole.T
    with np.errstate(all="ignore"):
        expected, size = whole @ direction, abs(whole) @ np.abs(direction)
        single = entries.dtype.itemsize <= (4 if entries.dtype.kind == "f" else 8)
        off = np.abs(product - expected) > (1e-3 if single else TOLERANCE) * (size + np.abs(product))
    if off.any():
        k = int(np.flatnonzero(off)[0])
        line = "row" if plan.forward else "column"
        raise PatternError(
            f"{name}: the Jacobian has entries outside of the pattern, in {line} {k}"
            + (f" and {int(off.sum()) - 1} more" if off.sum() > 1 else ""),
            why=f"the product with a random vector is {product[k]:.6g} there, and {expected[k]:.6g} by the pattern",
            remedy="leave pattern= away, so that the pattern is found at every call, or give one that holds at all points",
        )


def empty_block(y: Any, x: Any) -> Any:
    """Return the block of an input without derivatives."""
    from scipy.sparse import csr_array

    return csr_array((np.size(y), np.size(x)))


__all__ = ["RUNS", "Run", "blocks_of", "empty_block", "plan_for", "run_of"]
