"""`check_rule`: everything that a rule of the book promises, for one call of its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._rules import kinds
from adjoint._rules.book import find, name_of
from adjoint.errors import CheckError
from adjoint.testing import differences
from adjoint.testing.check import check
from adjoint.testing.program import Leaves, Program, direction_at, is_inexact, program_of, random_like, shift, vector
from adjoint.testing.report import Report, Row

# The complex step has no truncation error at this step and does not underflow [Squire and Trapp 1998].
COMPLEX_STEP = 1e-40
COMPLEX_TOLERANCE = 1e-11


def check_rule(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Report:
    """Check the rule of a function by one call of it.

    Beyond `check` to order 2 it checks

    - that the value is that of the plain function, bit for bit if the rule is no definition by other functions;
    - the derivative against the complex step, if the function turns out to be holomorphic;
    - that a tangent or cotangent of zero gives exactly zero, and that single precision stays so;
    - that elementwise functions accept arrays of size 0.

    Parameters
    ----------
    function
        A function with a rule, or one that calls such.
    *args, **kwargs
        The call. Floating and complex numbers and arrays among the positional arguments are differentiated.

    Returns
    -------
    Report
        The comparisons made.

    Raises
    ------
    CheckError
        The rule does not keep a promise.

    Examples
    --------
    >>> import numpy as np
    >>> report = check_rule(np.multiply, np.array([1.0, 2.0]), 3.0)
    >>> report.max_error < 1e-6
    True
    """
    keeps_value(function, args, kwargs)
    report = check(function, *args, kwargs=kwargs)
    report.rows += agrees_with_complex_step(function, args, kwargs)
    keeps_zero(function, args, kwargs)
    keeps_single_precision(function, args, kwargs)
    rule = find(function)
    if rule is not None and rule.kind == "elementwise":
        accepts_size_zero(function, args, kwargs)
    return report


Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def keeps_value(function: Callable[..., Any], args: Args, kwargs: Kwargs) -> None:
    """Raise unless under both derivatives the function returns what it returns without, with dtype and structure."""
    expected, structure = tree.flatten(function(*_copies(args), **kwargs))
    arguments = _copies(args)
    positions = tuple(k for k, arg in enumerate(arguments) if any(map(is_inexact, tree.flatten(arg)[0])))
    zeros = {k: [_zero(leaf) for leaf in tree.flatten(arguments[k])[0]] for k in positions}
    forward = evaluate.pushforward(function, arguments, kwargs, zeros, has_aux=False, name="check_rule")[0]
    leaves, form, _, _ = evaluate.record(function, arguments, kwargs, positions, has_aux=False, name="check_rule")
    for mode, (got, own) in {"forward": tree.flatten(forward), "reverse": (leaves, form)}.items():
        if not (own is structure or own == structure):
            _fail(
                function, f"under {mode} mode it returns {tree.describe(own)}", f"alone it returns {tree.describe(structure)}"
            )
        for a, b in zip(got, expected, strict=True):
            if kinds.shape_of(a) != kinds.shape_of(b) or kinds.dtype_of(a) != kinds.dtype_of(b):
                _fail(function, f"under {mode} mode it returns {_form(a)}", f"alone it returns {_form(b)}")
            if not _same(function, a, b):
                _fail(function, f"under {mode} mode it returns another value", f"expected {b!r:.200}\n  got {a!r:.200}")


def _same(function: Callable[..., Any], a: Any, b: Any) -> bool:
    """Tell whether values are equal: bit for bit, or up to rounding where a definition takes the place of the function."""
    rule = find(function)
    nan = kinds.dtype_of(b).kind in "fc"
    if not nan or (rule is not None and rule.kind != "composite"):
        return np.array_equal(a, b, equal_nan=nan)
    tolerance = 100 * float(np.finfo(kinds.dtype_of(b)).eps)
    scale = float(np.max(abs(np.asarray(b)), initial=0.0, where=np.isfinite(b)))
    return np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def agrees_with_complex_step(function: Callable[..., Any], args: Args, kwargs: Kwargs, *, required: bool = False) -> list[Row]:
    """Raise unless forward mode agrees with the complex step; nothing is compared if the function is not holomorphic.

    Whether it is, differences decide: a function of complex numbers that is not analytic (``abs``) fails them.
    """
    program = program_of(function, args, kwargs)
    if any(kinds.dtype_of(x).kind == "c" for x in program.inputs):
        return []
    rng = np.random.default_rng(7)
    t = direction_at(program.inputs, rng)
    step = _complex_step(program, t)
    rough = differences.derivative(lambda h: vector(program.run(shift(program.inputs, h, t))), goal=1e-8)
    scale = float(np.max(abs(rough.value), initial=0.0))
    if (
        step is None
        or step.shape != rough.value.shape
        or not np.all(abs(step - rough.value) <= 1e-5 * scale + 10 * rough.error)
    ):
        if required:
            _fail(
                function,
                "the complex step does not give its derivative",
                "it does not take complex numbers as a holomorphic function",
            )
        return []
    got = vector(program.forward(t)[1])
    eps = max(float(np.finfo(kinds.dtype_of(x)).eps) for x in program.inputs)
    tolerance = max(COMPLEX_TOLERANCE, 1e3 * eps)
    gap = float(np.max(np.nan_to_num(abs(got - step), nan=np.inf), initial=0.0))
    if gap > tolerance * max(scale, 1e-300):
        _fail(function, "forward mode disagrees with the complex step", f"expected {step!r:.300}\n  got {got!r:.300}")
    return [Row("forward", "complex step", 1, gap / scale if scale else gap, tolerance)]


def _complex_step(program: Program, t: Leaves) -> np.ndarray | None:
    """Return the derivative by the complex step, None if the function does not take complex numbers."""
    try:
        with np.errstate(all="ignore"):
            y = vector(program.run(shift(program.inputs, 1j * COMPLEX_STEP, t)))
    except (TypeError, ValueError, ArithmeticError, NotImplementedError, np.exceptions.ComplexWarning):
        return None
    return np.imag(y) / COMPLEX_STEP


def keeps_zero(function: Callable[..., Any], args: Args, kwargs: Kwargs) -> None:
    """Raise unless a zero tangent and a zero cotangent give exact zeros."""
    program = program_of(function, args, kwargs)
    y, tangents = program.forward([_zero(x) for x in program.inputs])
    _, cotangents = program.reverse([_zero(leaf) for leaf in y])
    for name, got in (("tangent", tangents), ("cotangent", cotangents)):
        if np.any(vector(got)):
            _fail(function, f"a {name} of zero gives {vector(got)!r:.200}", "expected exact zeros")


def keeps_single_precision(function: Callable[..., Any], args: Args, kwargs: Kwargs) -> None:
    """Raise unless, for arguments of single precision, derivatives have the dtypes of the value and of the arguments."""
    narrow = tree.tree_map(_narrow, args)
    program, double = program_of(function, narrow, kwargs), program_of(function, args, kwargs)
    rng = np.random.default_rng(3)
    t = direction_at(program.inputs, rng)
    value = program.value()
    y, y_dot = program.forward(t)
    ct = random_like(value, rng)
    _, cotangents = program.reverse(ct)
    pairs = [("value", y, value), ("tangent", y_dot, value), ("cotangent", cotangents, program.inputs)]
    for what, got, like in pairs:
        for g, x in zip(got, like, strict=True):
            if (kinds.shape_of(g), kinds.dtype_of(g)) != (kinds.shape_of(x), kinds.dtype_of(x)):
                _fail(function, f"single precision: the {what} is {_form(g)}", f"expected {_form(x)}")
    exact = vector(double.forward(t)[1])
    if not np.allclose(vector(y_dot), exact, rtol=1e-2, atol=1e-2 * float(np.max(abs(exact), initial=0.0)) + 1e-4):
        _fail(function, "single precision: the tangent is wrong", f"expected {exact!r:.200}\n  got {vector(y_dot)!r:.200}")


def accepts_size_zero(function: Callable[..., Any], args: Args, kwargs: Kwargs) -> None:
    """Raise unless arrays of size 0 have derivatives of size 0."""
    program = program_of(
        function, tree.tree_map(lambda x: np.zeros((0, 1), kinds.dtype_of(x)) if is_inexact(x) else x, args), kwargs
    )
    y, y_dot = program.forward(program.inputs)
    _, cotangents = program.reverse(y)
    for got, like in ((y_dot, y), (cotangents, program.inputs)):
        for g, x in zip(got, like, strict=True):
            if kinds.shape_of(g) != kinds.shape_of(x):
                _fail(function, f"size 0: a derivative is {_form(g)}", f"expected {_form(x)}")


def _copies(args: Args) -> Args:
    return tree.tree_map(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, args)


def _zero(leaf: Any) -> Any:
    return leaf * 0 if is_inexact(leaf) and not kinds.shape_of(leaf) else np.zeros_like(leaf) if is_inexact(leaf) else None


def _narrow(leaf: Any) -> Any:
    dtype = getattr(leaf, "dtype", None)
    single = {"f": np.float32, "c": np.complex64}.get(getattr(dtype, "kind", ""))
    return leaf if single is None else leaf.astype(single)


def _form(x: Any) -> str:
    return f"{type(x).__name__} of dtype {kinds.dtype_of(x)} and shape {kinds.shape_of(x)}"


def _fail(function: Callable[..., Any], what: str, detail: str) -> None:
    raise CheckError(f"{name_of(function)}: {what}\n  {detail}", remedy="correct its rule")
