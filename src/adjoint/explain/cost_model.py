"""What one call of a function costs: elementary operations on elements, by kind.

The tables say what is known of NumPy's and SciPy's functions.  What the book defines by other functions, and what is computed by
calling a rule, costs what it computes: it runs once more on arrays that count (`cost_replay`).
"""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from adjoint._ir.symbol import extent, length
from adjoint._rules import arithmetic, indexing, kinds, logic, stores
from adjoint._rules.book import find, name_of
from adjoint._transform.rule_call import RuleCall
from adjoint.explain.cost_replay import replay

ARITHMETIC, FUNCTIONS, PRODUCTS, ALGEBRA, SORTING, MOVES, INTEGERS = KINDS = (
    "arithmetic", "functions", "products", "linear algebra", "sorting", "moves", "integers",
)  # fmt: skip
# Those that are operations; the others are counted beside.
OPERATIONS = KINDS[:5]

# How often a program calls NumPy, and takes a step of Python's own: what the time of small arrays and of numbers consists of.
CALLS, STEPS = "calls", "steps"

Count = Counter[str]


def cost_of(
    function: Callable[..., Any], args: Any, kwargs: dict[str, Any], result: Any, within: frozenset[Any] = frozenset()
) -> Count:
    """Return what a call has cost, by kind.

    ``within`` are functions whose definitions are being counted: one that calls itself is counted as one operation for each
    element.

    >>> dict(cost_of(np.matmul, (np.ones((2, 3)), np.ones(3)), {}, np.ones(2)))
    {'products': 10}
    """
    if function in _FREE:
        return Counter()
    if moves(function):
        return Counter({MOVES: size(result)})
    if function is stores.assign or function is stores.accumulate:
        return _store(function, args)
    if not inexact((args, kwargs, result)):
        return Counter({INTEGERS: size(result)})
    name = name_of(function)
    for kind, table in _TABLES.items():
        if name in table:
            return Counter({kind: round(table[name](args, kwargs, result))})
    if isinstance(function, np.ufunc) or function in _PYTHON:
        return elementwise(function, args, result)
    definition = definition_of(function)
    if definition is not None and function not in within:
        return replay(definition, args, kwargs, functools.partial(cost_of, within=within | {function}))
    if ".linalg." in name:
        return Counter({ALGEBRA: 10 * _side(args) ** 3})
    return Counter({FUNCTIONS: size(result)})


def elementwise(function: Callable[..., Any], args: Any, result: Any) -> Count:
    """Return the cost of a function of each element."""
    n = size(result[0] if isinstance(result, tuple) else result)
    return Counter({ARITHMETIC if is_arithmetic(function) else FUNCTIONS: n})


def definition_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return what computes a function by other functions: a definition of the book, or a function written in Python."""
    if isinstance(function, RuleCall):
        return function
    rule = find(function)
    if rule is not None and rule.kind == "composite":
        return rule.formulas[0]
    return function if hasattr(function, "__wrapped__") and name_of(function).startswith("adjoint.") else None


def _store(function: Callable[..., Any], args: Any) -> Count:
    """Return the cost of a store: elements that are moved or, if they are added to what is there, an addition each."""
    target, index, v = args
    n = size(target[index]) if isinstance(target, np.ndarray) else size(v)
    return Counter({MOVES: n}) if function is stores.assign else Counter({ARITHMETIC: n if inexact(v) else 0, MOVES: n})


# What moves elements only ------------------------------------------------------------------------------------------------------

_FREE = {extent, length, len, np.size, np.shape, np.ndim, stores.form, stores.without_last, stores.held, stores.pack, stores.unpack}
_MOVES = {
    operator.getitem, np.float64, float, complex, kinds.copy, indexing.window, arithmetic.real_part, arithmetic.imaginary_part,
    stores.append, stores.listed, stores.numbers, stores.filled, stores.spread, stores.blank, np.ascontiguousarray,
}  # fmt: skip
_MOVING = frozenset(
    "append arange array array_split asarray astype atleast_1d atleast_2d atleast_3d block broadcast_to choose column_stack "
    "compress concatenate convert copy copyto delete diag diagflat diagonal dstack empty empty_like expand_dims extract eye "
    "fill_diagonal flip fliplr flipud full full_like hsplit hstack identity insert matrix_transpose meshgrid moveaxis ones "
    "ones_like pad place positive put put_along_axis putmask ravel real real_copy repeat reshape resize roll rollaxis rot90 "
    "select split squeeze stack swapaxes take take_along_axis tile transpose tri tril triu vsplit vstack where windows "
    "zeros zeros_like imag fitted dsplit permutation".split()
)  # fmt: skip


def moves(function: Callable[..., Any]) -> bool:
    """Tell whether a function only reads, views, copies, stores or fills."""
    if function in _MOVES:
        return True
    name = name_of(function)
    return name.startswith(("numpy.", "adjoint._rules.")) and name.rpartition(".")[2] in _MOVING


# One operation on each element that is arithmetic: other elementwise functions (roots, powers, sin, erf) are counted apart.
_ARITHMETIC = frozenset(
    "abs absolute add ceil clip conj conjugate copysign deg2rad degrees divide divmod eq equal fabs floor floor_divide floordiv "
    "fmax fmin fmod ge greater greater_equal gt heaviside int bool isclose isfinite isinf isnan ldexp frexp le less less_equal "
    "logical_and logical_not logical_or logical_xor lt maximum minimum mod modf mul multiply ne neg negative nextafter not_equal "
    "opposite pos positive rad2deg radians ratio reciprocal remainder rint round scale sign signbit signum spacing square sub "
    "subtract truediv trunc".split()
)


def is_arithmetic(function: Callable[..., Any]) -> bool:
    """Tell whether an elementwise function is an operation of arithmetic.

    >>> is_arithmetic(np.multiply), is_arithmetic(math.fmod), is_arithmetic(np.sin)
    (True, True, False)
    """
    return name_of(function).rpartition(".")[2] in _ARITHMETIC


_PYTHON: set[Any] = {
    *(getattr(operator, name) for name in "add sub mul truediv floordiv mod pow neg pos lt le gt ge eq ne".split()),
    abs, pow, round, divmod, int, bool, kinds.scale, arithmetic.ratio, arithmetic.signum, logic.opposite,
    *(function for function in vars(math).values() if callable(function) and function not in (math.fsum, math.prod, math.dist)),
}  # fmt: skip


# Formulas ----------------------------------------------------------------------------------------------------------------------

Formula = Callable[[Any, Any, Any], float]


def _reduction(args: Any, kwargs: Any, result: Any) -> float:
    del kwargs
    return max(0, size(args[0]) - size(result))


def _mean(args: Any, kwargs: Any, result: Any) -> float:
    return _reduction(args, kwargs, result) + size(result)


def _scan(args: Any, kwargs: Any, result: Any) -> float:
    """Running sums: one addition for each element but the first along the axis."""
    axis = args[1] if len(args) > 1 else kwargs.get("axis")
    n = size(args[0]) if axis is None else np.shape(args[0])[axis]
    return size(result) - size(result) // max(1, n)


def _among(args: Any, kwargs: Any, result: Any) -> float:
    del kwargs, result
    return sum(map(size, args)) - 1


def _fit(args: Any, kwargs: Any, result: Any) -> float:
    return _reduction(args, kwargs, result)


def _product(args: Any, kwargs: Any, result: Any) -> float:
    """Multiplications and additions of a contraction: each element of the result sums ``k`` products."""
    del kwargs
    a, b = args[:2]
    n = size(result)
    k = round(math.sqrt(size(a) * size(b) / n)) if n else 0
    return n * (2 * k - 1) if n and k else 0


def _matmul(args: Any, kwargs: Any, result: Any) -> float:
    del kwargs
    k = np.shape(args[0])[-1]
    return size(result) * (2 * k - 1) if k else 0


def _einsum(args: Any, kwargs: Any, result: Any) -> float:
    """Each element of the result sums products of one element of each operand."""
    del kwargs
    subscripts = next((arg for arg in args if isinstance(arg, str)), None)
    arrays = [arg for arg in args if isinstance(arg, np.ndarray)]
    if subscripts is None or "." in subscripts:
        return 2 * math.prod(map(size, arrays))
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    lengths = {letter: n for term, a in zip(terms, arrays, strict=False) for letter, n in zip(term, a.shape, strict=False)}
    return max(0, len(arrays) * math.prod(lengths.values()) - size(result))


def _convolution(args: Any, kwargs: Any, result: Any) -> float:
    mode = args[2] if len(args) > 2 else kwargs.get("mode", "full")
    return 2 * np.convolve(np.ones(size(args[0])), np.ones(size(args[1])), mode).sum() - size(result)


def _sort(args: Any, kwargs: Any, result: Any) -> float:
    del result
    x = args[0]
    n = np.shape(x)[kwargs.get("axis", -1) or -1] if np.ndim(x) else 1
    return size(x) * math.log2(max(2, n))


def _search(args: Any, kwargs: Any, result: Any) -> float:
    del kwargs, result
    return size(args[1]) * math.log2(max(2, size(args[0])))


def _interpolation(args: Any, kwargs: Any, result: Any) -> float:
    """Search for the interval; two differences, a quotient, a product, a sum."""
    del kwargs
    return size(result) * (math.log2(max(2, size(args[1]))) + 6)


def _fourier(factor: float) -> Formula:
    def formula(args: Any, kwargs: Any, result: Any) -> float:
        axis = args[2] if len(args) > 2 else kwargs.get("axis", -1)
        n = max(np.shape(args[0])[axis], np.shape(result)[axis])
        return factor * max(size(args[0]), size(result)) * math.log2(max(2, n))

    return formula


def _matrices(of_one: Callable[[int, int, int], float]) -> Formula:
    """Return the cost of a function of each matrix of a stack: of m rows, n columns, and k right-hand sides."""

    def formula(args: Any, kwargs: Any, result: Any) -> float:
        del kwargs
        *stack, m, n = next(np.shape(leaf) for leaf in leaves(args) if np.ndim(leaf) > 1)
        k = size(result) / (math.prod(stack) * max(1, n)) if math.prod(stack) else 0
        return math.prod(stack) * of_one(max(m, n), min(m, n), round(k))

    return formula


def _power(args: Any, kwargs: Any, result: Any) -> float:
    """Squarings, and products for the bits that are set."""
    del kwargs, result
    e = abs(int(args[1]))
    return (max(0, e.bit_length() - 1) + max(0, e.bit_count() - 1)) * 2 * _side(args) ** 3


def _side(args: Any) -> int:
    """Return the length of the longest side of a matrix among the arguments."""
    return max((n for leaf in leaves(args) if np.ndim(leaf) > 1 for n in np.shape(leaf)[-2:]), default=1)


def _named(formula: Formula, names: str) -> dict[str, Formula]:
    return dict.fromkeys(names.split(), formula)


# Golub and Van Loan, Matrix Computations, 4th ed.: leading terms, for m >= n.
_SINGULAR_VALUES = _matrices(lambda m, n, _: 4 * m * n**2 - 4 / 3 * n**3)
_SVD = _matrices(lambda m, n, _: 4 * m**2 * n + 8 * m * n**2 + 9 * n**3)
_EVERYWHERE = "numpy.linalg.{0} scipy.linalg.{0} scipy.linalg._basic.{0}"
# fmt: off
_TABLES: dict[str, dict[str, Formula]] = {
    ARITHMETIC: {
        **_named(_reduction, "numpy.sum numpy.prod numpy.max numpy.min numpy.amax numpy.amin "
                             "numpy.argmax numpy.argmin numpy.any numpy.all numpy.count_nonzero math.fsum math.prod"),
        **_named(_scan, "numpy.cumsum numpy.cumprod"),
        **_named(_mean, "numpy.mean"),
        **_named(_among, "builtins.sum builtins.max builtins.min"),
        **_named(_fit, "adjoint._rules.stores.fit"),
        **_named(_interpolation, "numpy.interp"),
        **_named(lambda args, kwargs, result: 3 * size(result), "adjoint._rules.products.cross3"),
        **_named(lambda args, kwargs, result: size(result), "adjoint._rules.stores.combine adjoint._rules.indexing.scatter"),
    },
    PRODUCTS: {
        **_named(_matmul, "numpy.matmul _operator.matmul"),
        **_named(_product, "numpy.dot numpy.inner numpy.outer numpy.tensordot numpy.vdot numpy.kron numpy.linalg.outer"),
        **_named(_einsum, "numpy.einsum adjoint._rules.einsum.contract adjoint._rules.einsum.contract_pair"),
        **_named(_convolution, "numpy.convolve"),
        **_named(_fourier(5.0), "numpy.fft.fft numpy.fft.ifft"),
        **_named(_fourier(2.5), "numpy.fft.rfft numpy.fft.irfft"),
    },
    ALGEBRA: {
        **_named(_matrices(lambda m, n, k: 2 / 3 * n**3 + 2 * n**2 * k), "numpy.linalg.solve scipy.linalg.solve scipy.linalg._basic.solve"),
        **_named(_matrices(lambda m, n, k: 2 * n**3), "numpy.linalg.inv scipy.linalg.inv scipy.linalg._basic.inv"),
        **_named(_matrices(lambda m, n, k: 2 / 3 * n**3), "numpy.linalg.det numpy.linalg.slogdet scipy.linalg.det"),
        **_named(_matrices(lambda m, n, k: n**3 / 3), "numpy.linalg.cholesky scipy.linalg.cholesky"),
        **_named(_matrices(lambda m, n, k: 4 * m * n**2 - 4 / 3 * n**3), "numpy.linalg.qr scipy.linalg.qr"),
        **_named(_matrices(lambda m, n, k: 9 * n**3), "numpy.linalg.eigh scipy.linalg.eigh"),
        **_named(_matrices(lambda m, n, k: 4 / 3 * n**3), "numpy.linalg.eigvalsh scipy.linalg.eigvalsh"),
        **_named(_matrices(lambda m, n, k: 25 * n**3), "numpy.linalg.eig scipy.linalg.eig"),
        **_named(_matrices(lambda m, n, k: 10 * n**3), "numpy.linalg.eigvals scipy.linalg.eigvals"),
        **_named(_SVD, "numpy.linalg.svd scipy.linalg.svd numpy.linalg.pinv numpy.linalg.lstsq"),
        **_named(_SINGULAR_VALUES, "numpy.linalg.svdvals numpy.linalg.cond numpy.linalg.matrix_rank"),
        **_named(_power, "numpy.linalg.matrix_power"),
        **_named(lambda args, kwargs, result: 2 * size(args[0]), "numpy.linalg.norm numpy.linalg.vector_norm"),
    },
    SORTING: {
        **_named(_sort, "numpy.sort numpy.argsort numpy.partition numpy.argpartition numpy.unique"),
        **_named(_search, "numpy.searchsorted"),
    },
}
# fmt: on


def is_step(function: Callable[..., Any], args: Any, result: Any) -> bool:
    """Tell whether an operation is one of Python's own, on numbers, or an index."""
    if function in _FREE or function is operator.getitem:
        return True
    numbers = not any(isinstance(leaf, np.ndarray) for leaf in leaves((args, result)))
    return numbers and (not isinstance(function, np.ufunc) or is_arithmetic(function))


# Trees of plain values -----------------------------------------------------------------------------------------------------------


def leaves(tree: Any) -> Iterator[Any]:
    """Yield numbers, arrays and other objects of a nest of containers."""
    if isinstance(tree, (tuple, list)):
        for part in tree:
            yield from leaves(part)
    elif isinstance(tree, dict):
        yield from leaves(tuple(tree.values()))
    else:
        yield tree


def size(tree: Any) -> int:
    """Return the number of numbers in a nest."""
    return sum(leaf.size if isinstance(leaf, np.ndarray) else isinstance(leaf, _NUMBERS) for leaf in leaves(tree))


_NUMBERS = (int, float, complex, np.generic)


def inexact(tree: Any) -> bool:
    """Tell whether a nest holds floating or complex numbers."""
    return any(isinstance(x, (float, complex)) or getattr(getattr(x, "dtype", None), "kind", "") in "fc" and hasattr(x, "dtype") for x in leaves(tree))


def total(counts: Iterable[Count]) -> Count:
    """Return the sum of counts."""
    return sum(counts, Counter())
