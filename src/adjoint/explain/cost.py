"""`cost`: what a function and its derivatives cost, counted on the programs that the source engine makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adjoint.explain.cost_result import Cost


def cost(f: Callable[..., Any], *args: Any, timed: bool = False, kwargs: dict[str, Any] | None = None) -> Cost:
    """Count the operations of a function, of a forward pass and of a reverse pass, and what the way back keeps.

    The function is translated as by `jit`, transformed, and run; loops and branches count as they ran.

    Parameters
    ----------
    f
        Function of numbers, arrays and trees of them; also the result of `jit`, `grad` or another operator, whose own program
        is then the function that is counted.
    *args
        The point. Floating numbers and arrays are differentiated, all else is held fixed.
    timed
        Measure the time of each program too, and predict it from the counts.
    kwargs
        Keyword arguments of ``f``, held fixed.

    Returns
    -------
    Cost
        Prints as a table (also by rich, and in a notebook); ``function``, ``forward`` and ``reverse`` have the counts,
        ``lines`` those of each line of the user's, ``to_dict()`` is the data.

    Raises
    ------
    InputError
        No argument is a floating number or array.
    AdjointError
        The function cannot be translated. The message gives file, line, reason and remedy.

    Notes
    -----
    A *forward pass* computes the value and one directional derivative, a *reverse pass* the value and one gradient (all
    cotangents of the arguments for one cotangent of the result).  Theory bounds both by a small multiple of the function's
    operations, whatever the number of inputs and results [1]_; the bound that is commonly quoted is 6, and 2 to 3 are
    typical [2]_.

    What is counted:

    - An *operation* is an elementary function of one element: a sum, a product, a comparison, ``exp`` each count one, complex
      or real.  A sum of n elements takes n - 1.  A product of matrices takes all its products and sums; decompositions,
      solutions, transforms and sorts take the leading terms of the textbooks [3]_ (solve: 2/3 n³ + 2 n² for each right-hand
      side; fft: 5 n log₂ n; sort: n log₂ n comparisons).
    - The chain rule's product, in which a zero wins over an infinite factor, is one product.
    - Functions that are defined by others count as these, and so do rules that are called while the program runs.
    - *Moves* are elements that are read, viewed, stored, copied, chosen, filled in or returned.  They are no operations and
      are counted apart, as is arithmetic of *integers* and of truth values.  The way back of a move may take an addition:
      every element that is read several times sums its cotangents.  So the reverse pass is bounded by ``6 * operations +
      moves`` of the function, which matters only to functions that do little else than moving.
    - Theory speaks of sums, products, quotients and functions of one variable.  A single call of a function of several
      variables, or of linear algebra, counts as what it is, and its derivative as what that is: the forward pass of ``x**y``
      takes 10 operations, that of ``cholesky`` (1/3 n³) an inverse and products of matrices, 17 times as much.  A function
      that consists of nothing else exceeds the bound.
    - *Bytes kept* are those of all that the first half of the reverse pass hands to the second, each array once.

    The predicted time adds up the counts, each kind at a price for an element, and a price for each call; the prices are
    measured on this machine.  The measured time is the median of runs of the three programs taking turns.  The programs are
    NumPy source; for small arrays and numbers it is the calls that take the time.

    The function is run several times.  Random generators are copied, so that every run draws the same numbers.

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 4.
    .. [2] Baydin, Pearlmutter, Radul and Siskind, *Automatic differentiation in machine learning: a survey*, Journal of Machine
       Learning Research 18 (2018), section 3.
    .. [3] Golub and Van Loan, *Matrix Computations*, 4th ed., Johns Hopkins 2013.

    Examples
    --------
    >>> import math
    >>> import adjoint as ad
    >>> def f(x, n):
    ...     for _ in range(n):
    ...         x = math.sin(x) * x
    ...     return x
    >>> c = ad.cost(f, 0.5, 10)
    >>> c.function.operations, c.forward.operations, c.reverse.operations
    (20, 70, 80)
    >>> c.forward.ratio, c.kept  # ten states of 8 bytes, and n
    (3.5, 88)
    """
    from adjoint.explain.cost_passes import Passes
    from adjoint.explain.cost_result import Cost

    passes = Passes(f, args, dict(kwargs or {}))
    found = passes.counted()
    times = passes.times(found) if timed else None
    return Cost.of(passes, found, times)
