"""`numpy.einsum`: every call becomes products of one or two arrays with explicit subscripts.

The derivative of a sum over products with respect to one operand is a sum over products of the others, so with subscripts
``"ab,bc->ac"`` the cotangent of the first operand is ``"ac,bc->ab"``.  Three cases need more: a subscript of an operand that is neither
in the result nor in the other operand was summed away (the cotangent is broadcast along it); a subscript that repeats in an operand
is a diagonal (the cotangent is put back on it); and axes of length 1 broadcast (the engine sums back).

Three operands and more are contracted in pairs in a cheap order, so that the gradient costs a small multiple of the value.
"""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, bilinear, composite, constant, linear
from adjoint._rules.extents import unknown
from adjoint._rules.forms import as_array
from adjoint._rules.indexing import mesh, scatter
from adjoint._rules.kinds import shape_of, unbroadcast
from adjoint._rules.primitive import primitive

# In the order in which NumPy sorts the subscripts of an implicit result.
LETTERS = string.ascii_uppercase + string.ascii_lowercase


@primitive
def contract(a: Any, subscripts: str) -> Any:
    """Sum and permute the axes of one array; a view where NumPy returns a view."""
    return np.einsum(subscripts, a)


@primitive
def contract_pair(a: Any, b: Any, subscripts: str, optimize: Any = False) -> Any:
    """Multiply two arrays and sum."""
    return np.einsum(subscripts, a, b, optimize=optimize)


def uncontract(ct: Any, a: Any, subscripts: str) -> Any:
    term, _, result = subscripts.partition("->")
    present = "".join(x for x in dict.fromkeys(term) if x in result)
    return spread(contract(ct, f"{result}->{present}"), present, term, shape_of(a))


def uncontract_pair(ct: Any, a: Any, b: Any, term: str, other: str, result: str, optimize: Any) -> Any:
    present = "".join(x for x in dict.fromkeys(term) if x in result + other)
    return spread(contract_pair(ct, b, f"{result},{other}->{present}", optimize), present, term, np.shape(a))


linear(contract, uncontract, FIXED)
bilinear(
    contract_pair,
    lambda ct, a, b, subscripts, optimize=False: uncontract_pair(ct, a, b, *split(subscripts), optimize),
    lambda ct, a, b, subscripts, optimize=False: uncontract_pair(ct, b, a, *split(subscripts, swap=True), optimize),
)
constant(np.einsum_path)


@composite(np.einsum)
def einsum(
    *operands: Any, out: Any = None, dtype: Any = None, order: str = "K", casting: str = "safe", optimize: Any = False
) -> Any:
    terms, result, arrays = parse(operands)
    if dtype is not None:
        arrays = [np.astype(a, dtype) for a in arrays]
    if len(arrays) == 1:
        return contract(arrays[0], f"{terms[0]}->{result}")
    if len(arrays) == 2:
        return contract_pair(*arrays, f"{terms[0]},{terms[1]}->{result}", bool(optimize))
    for i, j in path(terms, result, arrays, optimize):
        others = [term for k, term in enumerate(terms) if k not in (i, j)]
        # A pair is summed over what neither the result nor another operand names.
        pair = "".join(x for x in dict.fromkeys(terms[i] + terms[j]) if x in "".join(others) + result) if others else result
        y = contract_pair(arrays[i], arrays[j], f"{terms[i]},{terms[j]}->{pair}", bool(optimize))
        arrays = [a for k, a in enumerate(arrays) if k not in (i, j)] + [y]
        terms = [*others, pair]
    return arrays[0]


def path(terms: list[str], result: str, arrays: list[Any], optimize: Any) -> list[tuple[int, int]]:
    """Return the pairs to contract one after the other, as NumPy's planner sees it."""
    if unknown([shape_of(a) for a in arrays]):  # in the order in which they are written
        return [(0, 1)] + [(0, count - 1) for count in range(len(arrays) - 1, 1, -1)]
    forms = [np.broadcast_to(0.0, shape_of(a)) for a in arrays]
    planned = optimize if isinstance(optimize, (str, tuple, list)) else "greedy"
    steps = np.einsum_path(f"{','.join(terms)}->{result}", *forms, optimize=planned)[0][1:]
    pairs = []
    for step in steps:
        chosen, count = sorted(step), len(arrays) - len(pairs)
        # A step of more than two operands: the planner saw no better order.  The result of a pair stands last.
        for taken in range(len(chosen) - 1):
            pairs.append((chosen[0], chosen[1]) if taken == 0 else (chosen[taken + 1] - taken - 1, count - taken - 1))
    return pairs


def parse(operands: tuple[Any, ...]) -> tuple[list[str], str, list[Any]]:
    """Return explicit subscripts without ellipses, one term for each operand, the term of the result, and the operands."""
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0].replace(" ", ""), [as_array(a) for a in operands[1:]]
        left, arrow, result = subscripts.partition("->")
        terms = left.split(",")
    else:
        arrays = [as_array(a) for a in operands[: len(operands) // 2 * 2 : 2]]
        lists = [*operands[1 : len(operands) // 2 * 2 : 2], *([operands[-1]] if len(operands) % 2 else [])]
        labels = sorted({label for term in lists for label in term if label is not ...})
        names = {label: LETTERS[k] for k, label in enumerate(labels)} | {...: "..."}
        terms = ["".join(names[label] for label in term) for term in lists]
        result, arrow = (terms.pop(), "->") if len(operands) % 2 else ("", "")
    if len(terms) != len(arrays):
        raise ValueError(f"einsum was given {len(arrays)} operands for {len(terms)} subscripts")
    used = set("".join(terms) + result)
    spare = [letter for letter in LETTERS if letter not in used]
    hidden = [len(shape_of(a)) - len(term.replace("...", "")) for term, a in zip(terms, arrays, strict=True)]
    for term, count in zip(terms, hidden, strict=True):
        if count < 0 or (count and "..." not in term):
            raise ValueError(
                f"einsum subscripts {term!r} do not match an operand with {len(term.replace('...', '')) + count} axes"
            )
    most = max(hidden)
    stars = spare[:most]
    if not arrow:
        plain = "".join(terms).replace(".", "")
        result = ("..." if most else "") + "".join(sorted(x for x in set(plain) if plain.count(x) == 1))
    terms = [term.replace("...", "".join(stars[most - count :])) for term, count in zip(terms, hidden, strict=True)]
    return terms, result.replace("...", "".join(stars)), arrays


def split(subscripts: str, *, swap: bool = False) -> tuple[str, str, str]:
    """Return the terms of two operands and of the result."""
    left, _, result = subscripts.partition("->")
    a, b = left.split(",")
    return (b, a, result) if swap else (a, b, result)


def spread(g: Any, present: str, term: str, shape: tuple[int, ...]) -> Any:
    """Broadcast along the axes that were summed away, and put repeated axes back on their diagonal."""
    axes = "".join(dict.fromkeys(term))
    if present != axes:
        missing = tuple(k for k, x in enumerate(axes) if x not in present)
        g = np.expand_dims(g, missing)
        g = np.broadcast_to(g, tuple(shape[term.index(x)] if k in missing else g.shape[k] for k, x in enumerate(axes)))
    if len(axes) == len(term):
        return g
    sizes = tuple(shape[term.index(x)] for x in axes)
    positions = dict(zip(axes, mesh(sizes), strict=True))
    return scatter(g if unknown(sizes) else unbroadcast(g, sizes), tuple(positions[x] for x in term), shape)
