"""What functions of NumPy and SciPy cost that are more than one operation for each element: formulas, by name.

References
----------
Golub and Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013: the leading terms of decompositions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

# The kinds of operations.
ARITHMETIC, FUNCTIONS, PRODUCTS, ALGEBRA, SORTING = OPERATIONS = (
    "arithmetic",
    "functions",
    "products",
    "linear algebra",
    "sorting",
)


class Made(NamedTuple):
    """A call that was made, and its result."""

    args: Any
    kwargs: dict[str, Any]
    result: Any

    def option(self, position: int, name: str, default: Any = None) -> Any:
        """Return an argument that may be given by its position or by its name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)


Formula = Callable[[Made], float]


# Sums and searches ---------------------------------------------------------------------------------------------------------


def _reduction(call: Made) -> float:
    return max(0, size(call.args[0]) - size(call.result))


def _mean(call: Made) -> float:
    return _reduction(call) + size(call.result)


def _scan(call: Made) -> float:
    """Running sums: one addition for each element but the first along the axis."""
    axis = call.option(1, "axis")
    n = size(call.args[0]) if axis is None else np.shape(call.args[0])[axis]
    return size(call.result) - size(call.result) // max(1, n)


def _among(call: Made) -> float:
    return sum(map(size, call.args)) - 1


def _elements(factor: int) -> Formula:
    return lambda call: factor * size(call.result)


def _added(call: Made) -> float:
    """Return the additions of elements to places among zeros, which several may share."""
    return size(call.args[0])


def _norm(call: Made) -> float:
    return 2 * size(call.args[0])


def _sort(call: Made) -> float:
    x = call.args[0]
    axis = call.kwargs.get("axis", -1)
    n = size(x) if axis is None or np.ndim(x) == 0 else np.shape(x)[axis]
    return size(x) * math.log2(max(2, n))


def _search(call: Made) -> float:
    return size(call.args[1]) * math.log2(max(2, size(call.args[0])))


def _interpolation(call: Made) -> float:
    """Search for the interval; three differences, a quotient, a product, a sum."""
    return size(call.result) * (math.log2(max(2, size(call.args[1]))) + 6)


# Products ------------------------------------------------------------------------------------------------------------------


def _product(call: Made) -> float:
    """Each element of the result sums ``k`` products: in all ``k`` for each pair that a result is made of."""
    n = size(call.result)
    k = round(math.sqrt(size(call.args[0]) * size(call.args[1]) / n)) if n else 0
    return n * (2 * k - 1) if k else 0


def _matmul(call: Made) -> float:
    k = np.shape(call.args[0])[-1]
    return size(call.result) * (2 * k - 1) if k else 0


def _einsum(call: Made) -> float:
    """Each element of the result sums products of one element of each operand."""
    subscripts = next((arg for arg in call.args if isinstance(arg, str)), "...")
    arrays = [arg for arg in call.args if isinstance(arg, np.ndarray)]
    if "." in subscripts:
        return 2 * math.prod(map(size, arrays))
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    lengths = {letter: n for term, a in zip(terms, arrays, strict=False) for letter, n in zip(term, a.shape, strict=False)}
    return max(0, len(arrays) * math.prod(lengths.values()) - size(call.result))


def _convolution(call: Made) -> float:
    m, n = (np.ones(size(arg)) for arg in call.args[:2])
    return 2 * np.convolve(m, n, call.option(2, "mode", "full")).sum() - size(call.result)


def _fourier(factor: float) -> Formula:
    """Return the conventional count of the fast Fourier transform, ``5 n log2(n)`` if it is complex."""

    def formula(call: Made) -> float:
        axis = call.option(2, "axis", -1)
        n = max(np.shape(call.args[0])[axis], np.shape(call.result)[axis])
        return factor * max(size(call.args[0]), size(call.result)) * math.log2(max(2, n))

    return formula


# Linear algebra ------------------------------------------------------------------------------------------------------------


def _matrices(*, nnn: float = 0, mnn: float = 0, mmn: float = 0, nnk: float = 0) -> Formula:
    """Return the cost of a function of each matrix of a stack, of m rows and n <= m columns, and of k right-hand sides."""

    def formula(call: Made) -> float:
        *stack, rows, columns = next(np.shape(leaf) for leaf in leaves(call.args) if np.ndim(leaf) > 1)
        count, m, n = math.prod(stack), max(rows, columns), min(rows, columns)
        k = size(call.result) / max(1, count * columns)
        return count * n * (nnn * n * n + mnn * m * n + mmn * m * m + nnk * n * k)

    return formula


def _power(call: Made) -> float:
    """Squarings, and products for the bits that are set."""
    e = abs(int(call.args[1]))
    return (max(0, e.bit_length() - 1) + max(0, e.bit_count() - 1)) * 2 * side(call.args) ** 3


def side(args: Any) -> int:
    """Return the length of the longest side of a matrix among the arguments."""
    return max((n for leaf in leaves(args) if np.ndim(leaf) > 1 for n in np.shape(leaf)[-2:]), default=1)


# The tables ----------------------------------------------------------------------------------------------------------------


def _named(formula: Formula, names: str) -> dict[str, Formula]:
    return dict.fromkeys(names.split(), formula)


def _linalg(formula: Formula, names: str) -> dict[str, Formula]:
    """Return a formula for functions of NumPy's and SciPy's linear algebra, which SciPy keeps in modules of its own."""
    homes = ("numpy.linalg", "scipy.linalg", *(f"scipy.linalg._{part}" for part in ("basic", "decomp", *_PARTS)))
    return {f"{home}.{name}": formula for home in homes for name in names.split()}


_PARTS = ("decomp_cholesky", "decomp_qr", "decomp_svd", "decomp_lu", "misc")
# fmt: off
TABLES: dict[str, dict[str, Formula]] = {
    ARITHMETIC: {
        **_named(_reduction, "numpy.sum numpy.prod numpy.max numpy.min numpy.amax numpy.amin numpy.argmax numpy.argmin "
                             "numpy.any numpy.all numpy.count_nonzero math.fsum math.prod adjoint._rules.stores.fit"),
        **_named(_scan,      "numpy.cumsum numpy.cumprod"),
        **_named(_mean,      "numpy.mean"),
        **_named(_among,     "builtins.sum builtins.max builtins.min"),
        **_named(_interpolation, "numpy.interp"),
        **_named(_elements(1), "adjoint._rules.stores.combine"),
        **_named(_added, "adjoint._rules.indexing.scatter"),
        **_named(_elements(3), "adjoint._rules.products.cross3"),
    },
    PRODUCTS: {
        **_named(_matmul,      "numpy.matmul _operator.matmul"),
        **_named(_product,     "numpy.dot numpy.inner numpy.outer numpy.tensordot numpy.vdot numpy.kron numpy.linalg.outer"),
        **_named(_einsum,      "numpy.einsum adjoint._rules.einsum.contract adjoint._rules.einsum.contract_pair"),
        **_named(_convolution, "numpy.convolve"),
        **_named(_fourier(5.0), "numpy.fft.fft numpy.fft.ifft"),
        **_named(_fourier(2.5), "numpy.fft.rfft numpy.fft.irfft"),
    },
    ALGEBRA: {
        **_linalg(_matrices(nnn=2 / 3, nnk=2), "solve"),
        **_linalg(_matrices(nnk=1),            "solve_triangular"),
        **_linalg(_matrices(nnn=2),            "inv"),
        **_linalg(_matrices(nnn=2 / 3),        "det slogdet lu_factor"),
        **_linalg(_matrices(nnn=1 / 3),        "cholesky cho_factor"),
        **_linalg(_matrices(mnn=4, nnn=-4 / 3), "qr svdvals cond matrix_rank"),
        **_linalg(_matrices(nnn=9),            "eigh"),
        **_linalg(_matrices(nnn=4 / 3),        "eigvalsh"),
        **_linalg(_matrices(nnn=25),           "eig"),
        **_linalg(_matrices(nnn=10),           "eigvals"),
        **_linalg(_matrices(mmn=4, mnn=8, nnn=9), "svd pinv lstsq"),
        **_linalg(_power,                      "matrix_power"),
        **_linalg(_norm,                       "norm vector_norm"),
    },
    SORTING: {
        **_named(_sort,   "numpy.sort numpy.argsort numpy.partition numpy.argpartition numpy.unique"),
        **_named(_search, "numpy.searchsorted"),
    },
}
# fmt: on


# Trees of plain values -----------------------------------------------------------------------------------------------------


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
    """Return the number of numbers in a nest.

    >>> size([1.0, (np.zeros((2, 3)), "a")])
    7
    """
    return sum(leaf.size if isinstance(leaf, np.ndarray) else isinstance(leaf, _NUMBERS) for leaf in leaves(tree))


_NUMBERS = (int, float, complex, np.generic)
