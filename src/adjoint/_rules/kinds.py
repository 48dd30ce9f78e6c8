"""What each kind of rule means, once: `pushforward` of tangents and `pullback` of a cotangent.

Inner product and conjugation
    Cotangents pair with tangents by the real inner product ``<ct, t> = Re(sum(conj(ct) * t))``, so that the cotangent of a
    real function is its direction of steepest ascent (``abs(z)**2`` at 3+4j gives 6+8j).  The pullback is therefore the
    *adjoint* of the Jacobian: for a complex derivative ``p`` it multiplies by ``conj(p)``, and for a linear function with
    transpose ``T`` it is ``conj . T . conj``.  Rules state ``p`` and ``T`` and do not mention conjugation.

Zero wins
    In the chain rule a zero factor is exact: this branch was not selected, this direction is not asked for, the result does not
    move with this argument.  An infinite or undefined factor is a limit.  `scale` therefore defines ``0 * inf = 0 * nan = 0``,
    whichever of the two is zero, the partial or the tangent (cotangent).  Both are needed for the two modes to agree: the
    product of the partials along a path is 0 if one of them is, in whichever order the factors meet.  At x = 0 forward mode
    gives ``sqrt(sum(x * x))`` a zero tangent for the sum, which wins over the infinite slope of the root; reverse mode meets the
    infinite slope first, and the zero slope of ``x * x`` wins over that.  So norms and standard deviations have the subgradient of
    minimum norm there, while ``sqrt(x)`` itself, without a zero on the path, keeps its infinite slope, and so does the second
    derivative of the norm, on whose paths there is none.  For the products of `bilinear` rules `meet` does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._overload import Overloaded
from adjoint._rules.book import FIXED, Fixed, Formula, Function, Rule, Unknown, elementwise
from adjoint._rules.primitive import primitive
from adjoint.errors import MissingRuleError

# Options of linear functions that make them affine; the linear part does without.
AFFINE = frozenset({"initial", "out", "dtype", "constant_values"})


class Like:
    """A description of an array that a formula asks for its form only."""

    __slots__ = ("dtype", "foreign", "shape")

    def __init__(self, array: Any) -> None:
        self.shape = shape_of(array)
        self.dtype = dtype_of(array)
        self.foreign = foreign(array)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    def __len__(self) -> int:
        return self.shape[0]

    def reshaped(self, shape: tuple[int, ...]) -> Like:
        """Return the description of an array of the same sort in another shape."""
        other = object.__new__(Like)
        other.shape, other.dtype, other.foreign = shape, self.dtype, self.foreign
        return other

    def __repr__(self) -> str:
        return f"Like({self.shape}, {self.dtype})"


def foreign(x: Any) -> Any:
    """Return an array without axes of the library that ``x`` comes from, None if that is NumPy."""
    if type(x) is np.ndarray:
        return None
    while isinstance(x, Overloaded) and not isinstance(x, np.ndarray):
        x = getattr(x, "primal", None)  # traced values have one, symbols of a program do not
    if isinstance(x, Like):
        return x.foreign
    if isinstance(x, (np.ndarray, np.generic, float, complex, int)) or not hasattr(x, "__array_function__"):
        return None
    return np.zeros_like(x, shape=())


def adopt(t: Any, x: Any) -> Any:
    """Return a tangent or cotangent of ``x`` as an array of the library that ``x`` comes from."""
    library = foreign(x)
    return t if library is None or foreign(t) is not None else np.asarray(t, like=library)


def copy(x: Any) -> Any:
    """Return an array in memory of its own, of the library that it comes from."""
    return np.copy(x) if foreign(x) is None else x.copy()


def describe(value: Any) -> Any:
    """Replace an array, or each array of a sequence, by its description."""
    return type(value)(map(describe, value)) if type(value) in (list, tuple) else Like(value)


def dtype_of(x: Any) -> np.dtype:
    """Return the dtype of an array or a Python number."""
    dtype = getattr(x, "dtype", None)
    return np.result_type(x) if dtype is None else dtype


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of an array or a number, without a detour over NumPy's dispatch."""
    shape = getattr(x, "shape", None)
    return np.shape(x) if shape is None else shape


def is_complex(x: Any) -> bool:
    """Tell whether ``x`` is complex, whatever it is wrapped in."""
    dtype = getattr(x, "dtype", None)
    return isinstance(x, complex) if dtype is None else dtype.kind == "c"


@primitive
def scale(p: Any, t: Any) -> Any:
    """Return ``p * t`` where a zero wins over an infinite or undefined factor."""
    y = p * t
    if isinstance(y, np.ndarray):
        return np.where((p == 0) | (t == 0), np.zeros((), y.dtype), y) if holds_nan(y) else y
    if isinstance(y, (float, complex, np.generic)):
        return type(y)(0) if y != y and (p == 0 or t == 0) else y
    return np.where((p == 0) | (t == 0), 0, y)


elementwise(scale, lambda _, p, t: t, lambda _, p, t: p)


# From this many elements on, the threads of a BLAS cost more than its dot product saves.
MANY = 8192


def holds_nan(y: np.ndarray) -> bool:
    """Tell whether an array holds a nan, by one fused pass; infinities of both signs may be a false alarm."""
    total = y.dot(y) if y.ndim == 1 and y.size < MANY else np.add.reduce(y, None)
    return bool(total != total)


def meet(product: Callable[[Any, Any], Any], u: Any, v: Any) -> Any:
    """Return ``product(u, v)``, linear in both, where a zero wins over an infinite or undefined factor.

    The product sums factors that meet; what it gives for indicators tells where an infinite factor meets one that is not 0.
    """
    y = product(u, v)
    if not (holds_nan(y) if isinstance(y, np.ndarray) else isinstance(y, (float, complex)) and y != y):
        return y
    u, v = np.asarray(u), np.asarray(v)
    finite_u, finite_v = np.isfinite(u), np.isfinite(v)
    met = product(1.0 * ~finite_u, 1.0 * (v != 0)) + product(1.0 * (u != 0), 1.0 * ~finite_v)
    return np.where(met == 0, product(np.where(finite_u, u, 0), np.where(finite_v, v, 0)), y)


def weigh(p: Any, t: Any) -> Any:
    """Return ``p * t`` by `scale`, with the partials 1 and -1 costing nothing."""
    if type(p) is int:
        return t if p == 1 else -t if p == -1 else p * t
    return scale(p, t)


def partial(formula: Function, y: Any, args: Sequence[Any]) -> Any:
    """Return a partial derivative; where Python's numbers raise (1 / 0.0), by NumPy's, which are infinite."""
    try:
        return formula(y, *args)
    except (ZeroDivisionError, OverflowError):
        return formula(*[a if a is None or isinstance(a, (np.ndarray, int, Like)) else np.positive(a) for a in (y, *args)])


def formula_of(rule: Rule, position: int) -> Formula:
    """Return the formula for an argument; arguments beyond the last formula are options without a derivative."""
    missing = Unknown("the rule states no partial derivative for it") if rule.kind == "elementwise" else FIXED
    formula = rule.formulas[position] if position < len(rule.formulas) else missing
    if isinstance(formula, Unknown):
        raise MissingRuleError.of(rule.name, formula.reason, f"argument {position}")
    return formula


def is_active(rule: Rule, position: int) -> bool:
    """Tell whether a rule differentiates with respect to an argument; raise if the derivative is not known."""
    return not isinstance(formula_of(rule, position), Fixed)


# Forward ------------------------------------------------------------------------------------------------------------------


def pushforward(rule: Rule, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tangents: dict[int, Any]) -> Any:
    """Return the tangent of the result from the tangents of some of the arguments, keyed by position."""
    return _PUSH[rule.kind](rule, y, args, kwargs, tangents)


def _push_elementwise(rule: Rule, y: Any, args: Any, kwargs: Any, tangents: dict[int, Any]) -> Any:
    total = None
    for position, t in tangents.items():
        p = partial(rule.formulas[position], y, args)
        if is_complex(args[position]) and not is_complex(y):
            term = np.real(weigh(np.conj(p), t))
        else:
            term = weigh(p, t)
        total = term if total is None else total + term
    return total


def _push_linear(rule: Rule, y: Any, args: Any, kwargs: Any, tangents: dict[int, Any]) -> Any:
    inputs = list(args)
    for position in range(min(len(args), len(rule.formulas))):
        if position in tangents:
            inputs[position] = tangents[position]
        elif is_active(rule, position):
            inputs[position] = zeros_like(args[position])
    return rule.function(*inputs, **{name: value for name, value in kwargs.items() if name not in AFFINE})


def _push_bilinear(rule: Rule, y: Any, args: Any, kwargs: Any, tangents: dict[int, Any]) -> Any:
    total = None
    for position, t in tangents.items():

        def product(u: Any, v: Any, position: int = position) -> Any:
            left, right = (u, v) if position == 0 else (v, u)
            return rule.function(left, right, *args[2:], **kwargs)

        term = meet(product, t, args[1 - position])
        total = term if total is None else total + term
    return total


def _push_general(rule: Rule, y: Any, args: Any, kwargs: Any, tangents: dict[int, Any]) -> Any:
    total = None
    for position, t in tangents.items():
        term = rule.formulas[position](y, t, *args, **kwargs)
        total = term if total is None else add(total, term)
    return total


_PUSH = {"elementwise": _push_elementwise, "linear": _push_linear, "bilinear": _push_bilinear, "general": _push_general}


# Reverse ------------------------------------------------------------------------------------------------------------------

# ``transpose(L, like, ct)`` applies the transpose of a linear function ``L`` of an array of the form ``like`` to ``ct``.  It takes an
# engine to transpose a program, so the engine provides it.
transpose: Callable[[Callable[[Any], Any], Any, Any], Any]


def use_transpose(function: Callable[[Callable[[Any], Any], Any, Any], Any]) -> None:
    """Take the engine's way to transpose a linear function."""
    global transpose
    transpose = function


def pullback(rule: Rule, position: int, ct: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the cotangent of one argument, not yet summed back to its shape."""
    return _PULL[rule.kind](rule, position, ct, y, args, kwargs)


def _pull_elementwise(rule: Rule, position: int, ct: Any, y: Any, args: Any, kwargs: Any) -> Any:
    p = partial(rule.formulas[position], y, args)
    if is_complex(p) and is_complex(ct):
        p = np.conj(p)
    return weigh(p, ct)


def _pull_linear(rule: Rule, position: int, ct: Any, y: Any, args: Any, kwargs: Any) -> Any:
    formula = rule.formulas[position]
    if is_complex(ct) or any(is_complex(a) for a in args):
        return conj(formula(conj(ct), *args, **kwargs))
    return formula(ct, *args, **kwargs)


def _pull_bilinear(rule: Rule, position: int, ct: Any, y: Any, args: Any, kwargs: Any) -> Any:
    def product(u: Any, v: Any) -> Any:
        left, right = (args[0], v) if position == 0 else (v, args[1])
        return _pull_linear(rule, position, u, y, (left, right, *args[2:]), kwargs)

    return meet(product, ct, args[1 - position])


def _pull_general(rule: Rule, position: int, ct: Any, y: Any, args: Any, kwargs: Any) -> Any:
    if position < len(rule.vjps) and callable(rule.vjps[position]):
        return rule.vjps[position](y, ct, *args, **kwargs)
    jvp = rule.formulas[position]
    return transpose(lambda t: jvp(y, t, *args, **kwargs), describe(args[position]), ct)


_PULL = {"elementwise": _pull_elementwise, "linear": _pull_linear, "bilinear": _pull_bilinear, "general": _pull_general}


# What the way back keeps ----------------------------------------------------------------------------------------------------


def needs(rule: Rule, active: tuple[int, ...]) -> tuple[bool, tuple[int, ...] | None]:
    """Tell whether the pullback uses the result, and which arguments by value (None: all of them).

    A partial uses what it names: ``lambda y, x: 1 - y * y`` does not read ``x``.
    """
    if rule.kind in ("linear", "bilinear"):
        return False, None
    formulas = [rule.formulas[position] for position in active]
    formulas += [rule.vjps[position] for position in active if position < len(rule.vjps) and callable(rule.vjps[position])]
    used = [used_parameters(formula) for formula in formulas]
    known = [parameters for parameters in used if parameters is not None]
    if rule.kind == "general":
        return len(known) < len(used) or any(0 in parameters for parameters in known), None
    if len(known) < len(used):
        return True, None
    union = frozenset().union(*known)
    return 0 in union, tuple(sorted(k - 1 for k in union if k))


def used_parameters(formula: Callable[..., Any]) -> frozenset[int] | None:
    """Return the positions of the parameters that a formula reads; None if that cannot be told."""
    import dis

    code = getattr(formula, "__code__", None)
    if code is None or code.co_flags & 0x0C:  # star arguments read everything
        return None
    names = code.co_varnames[: code.co_argcount]
    read: set[str] = set(code.co_cellvars)
    for instruction in dis.get_instructions(code):
        if "FAST" in instruction.opname or "DEREF" in instruction.opname:
            read.update(instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,))
    return frozenset(k for k, name in enumerate(names) if name in read)


# Arithmetic of tangents and cotangents of any structure -----------------------------------------------------------------------


def add(a: Any, b: Any) -> Any:
    """Return ``a + b`` for arrays, or for tuples and lists of arrays entry by entry; None is zero."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, (tuple, list)):
        return [add(u, v) for u, v in zip(a, b, strict=True)]
    return a + b


def conj(ct: Any) -> Any:
    """Return the conjugate of an array or of every array of a sequence."""
    if isinstance(ct, (tuple, list)):
        return [None if part is None else conj(part) for part in ct]
    return np.conj(ct) if is_complex(ct) else ct


def zeros_like(x: Any) -> Any:
    """Return zeros of the form of ``x``, an array or a sequence of arrays."""
    if isinstance(x, (tuple, list)):
        return type(x)([zeros_like(part) for part in x]) if type(x) in (list, tuple) else [zeros_like(part) for part in x]
    if isinstance(x, (float, complex, int, np.generic)):
        return dtype_of(x).type(0)
    if isinstance(x, Overloaded) and getattr(x, "primal", None) is None:  # the symbol of a program
        return np.zeros_like(x) if x.ndim else dtype_of(x).type(0).item()
    library = foreign(x)
    if library is not None:
        return np.zeros_like(library, shape=shape_of(x), dtype=dtype_of(x))
    if isinstance(x, Like) and not x.shape:
        return x.dtype.type(0)
    return np.zeros(shape_of(x), dtype_of(x))


def conform(g: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Sum a cotangent back to the shape that was broadcast, and return it in the dtype of its primal."""
    return cast(g if shape_of(g) == shape else unbroadcast(g, shape), dtype)


def cast(g: Any, dtype: np.dtype) -> Any:
    """Return ``g`` in ``dtype``; the real part if that is real."""
    own = dtype_of(g)
    if own is dtype or own == dtype:
        return g
    if own.kind == "c" and dtype.kind != "c":
        g = np.real(g)
    if isinstance(g, (np.generic, float, int, complex)):
        return dtype.type(g)
    return g.astype(dtype)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes along which an array of ``shape`` was broadcast; broadcast where the cotangent is smaller."""
    extra = len(shape_of(g)) - len(shape)
    if extra > 0:
        g = np.sum(g, axis=tuple(range(extra)))
    stretched = tuple(k for k, n in enumerate(shape) if n == 1 and len(shape_of(g)) == len(shape) and shape_of(g)[k] != 1)
    if stretched:
        g = np.sum(g, axis=stretched, keepdims=True)
    return g if shape_of(g) == shape else np.broadcast_to(g, shape)
