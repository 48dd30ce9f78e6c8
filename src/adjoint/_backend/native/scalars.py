"""Functions of single elements as instructions: of numbers, and within loops over arrays.

A function is known by its name (`scalar_names`), which Python's operators, ``math`` and NumPy's ufuncs of one meaning share.
What they do where there is no result differs: Python's raise.  There the machine code leaves (`Checks.leave_if`) and the
program is run again by Python, which raises the exception that it would.  Arrays never raise; NumPy's warnings are not given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from adjoint._backend.native.scalar_names import ELEMENTARY
from adjoint._backend.native.text import Text, number
from adjoint._backend.native.values import KINDS, Scalar
from adjoint._ir.types import Tensor


class Checks(Protocol):
    """What scalar functions need of the function around them."""

    text: Text
    exact: bool
    flags: str

    def doubt(self, condition: str) -> None:
        """Note that a result may not be what it should, if a condition holds."""
        ...

    def leave_if(self, condition: str) -> None:
        """Leave the machine code if a condition holds."""
        ...

    def call(self, name: str, kind: str, args: list[str]) -> str:
        """Call an elementary function of numbers of one kind."""
        ...


_FLOAT_OPERATIONS = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_INTEGER_OPERATIONS = {"add": "add", "subtract": "sub", "multiply": "mul"}
_COMPARISONS = {
    "equal": ("oeq", "eq"), "not_equal": ("une", "ne"), "less": ("olt", "slt"), "less_equal": ("ole", "sle"),
    "greater": ("ogt", "sgt"), "greater_equal": ("oge", "sge"),
}  # fmt: skip
_INTRINSICS = {
    "sqrt": "sqrt", "absolute": "fabs", "fabs": "fabs", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "roundeven",
    "maximum": "maximum", "minimum": "minimum", "fmax": "maxnum", "fmin": "minnum", "copysign": "copysign",
}  # fmt: skip
_BITWISE = {
    "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "logical_and": "and", "logical_or": "or",
    "logical_xor": "xor",
}  # fmt: skip
# Functions whose results are not of the kind that their arguments are brought to.
_TESTS = frozenset({"isnan", "isfinite", "isinf"})
# Functions whose results are integers of Python's, where it is Python's function.
_WHOLE = frozenset({"floor", "ceil", "trunc", "rint"})
_LOGICAL = frozenset({"logical_and", "logical_or", "logical_xor", "logical_not"})
# What Python's numbers raise for: no result, or an infinite one.
_DIVISIONS = frozenset({"divide", "floor_divide", "remainder"})
_RAISING = frozenset({*ELEMENTARY, *_DIVISIONS, "sqrt", "power"}) - {"arctan", "hypot", "arctan2", "erf", "erfc", "cbrt"}


class UnsupportedError(Exception):
    """Machine code has no instructions for an operation; it is called back.

    ``value`` is what cannot be computed where it is used, and has to be computed on its own.
    """

    value: Any = None


def convert(text: Text, x: Scalar, kind: str) -> Scalar:
    """Return a number as one of another kind, as NumPy's casts do."""
    if x.kind == kind:
        return x
    if kind not in KINDS:
        raise UnsupportedError(f"numbers of {kind}")
    if x.text[0] != "%":
        return Scalar(kind, literal(_known(x), kind))
    pair = (x.kind[0], kind[0])
    if kind == "b1":
        zero = "0" if x.kind == "i8" else number(0.0)
        return Scalar(kind, text.let(f"{'icmp ne' if x.kind == 'i8' else 'fcmp une'} {x.type} {x.text}, {zero}"))
    operation = {("i", "f"): "sitofp", ("b", "f"): "uitofp", ("b", "i"): "zext", ("f", "i"): "fptosi"}.get(pair)
    if operation is None:
        operation = "fpext" if kind == "f8" else "fptrunc"
    return Scalar(kind, text.let(f"{operation} {x.type} {x.text} to {KINDS[kind][0]}"))


def _known(x: Scalar) -> Any:
    if x.kind == "i8":
        return int(x.text)
    if x.kind == "b1":
        return x.text == "true"
    return float(np.array(int(x.text, 16), np.uint64).view(np.float64))


def literal(x: Any, kind: str) -> str:
    """Return a known number as text."""
    if kind not in KINDS:
        raise UnsupportedError(f"numbers of {kind}")
    if kind == "i8":
        if not -(2**63) <= int(x) < 2**63:
            raise UnsupportedError(f"{x} has more than 64 bits")
        return str(int(x))
    if kind == "b1":
        return "true" if x else "false"
    return number(float(np.float32(x)) if kind == "f4" else float(x))


def constant(x: Any) -> Scalar:
    """Return a plain number of Python's or NumPy's."""
    kind = "b1" if type(x) in (bool, np.bool_) else "i8" if isinstance(x, (int, np.integer)) else "f8"
    kind = "f4" if isinstance(x, np.generic) and x.dtype == np.float32 else kind
    return Scalar(kind, literal(x, kind))


def widest(name: str, args: list[Scalar], out: str) -> str:
    """Return the kind in which a function of these arguments computes, if its result is of kind ``out``."""
    if name in _COMPARISONS or name in _TESTS:
        found = {x.kind for x in args}
        floats = sorted((kind for kind in found if kind[0] == "f"), reverse=True)
        return floats[0] if floats else "i8" if "i8" in found or len(found) > 1 else found.pop()
    return out


def apply(checks: Checks, name: str, args: list[Scalar], out: Tensor, *, raising: bool) -> Scalar:
    """Return the result of a function of single elements.

    Parameters
    ----------
    checks
        The function around it.
    name
        The name of the function, of `scalar_names`.
    args
        The arguments.
    out
        The type of the result.
    raising
        Whether it fails as Python's functions do, where NumPy's give inf, nan, or what is left of 64 bits.
    """
    text = checks.text
    kind = out.dtype.str[1:]
    if kind not in KINDS:
        raise UnsupportedError(name)
    if name == "where":
        condition = convert(text, args[0], "b1")
        a, b = (convert(text, x, kind) for x in args[1:])
        return Scalar(kind, text.select(condition.text, a.type, a.text, b.text))
    if name in ("float", "bool", "positive", "conjugate"):
        return convert(text, args[0], kind)
    if name == "int":
        return _truncated(checks, args[0])
    if name in ("max", "min"):
        return _extreme(checks, name, args, kind)
    args = _brought(checks, name, args, kind, raising=raising)
    result = _computed(checks, name, args, kind, raising=raising)
    if name == "power" and not out.rank and args[1].text == number(0.5):
        result = _as_power(checks, args[0], result)
    return convert(text, result, kind)


def _brought(checks: Checks, name: str, args: list[Scalar], kind: str, *, raising: bool) -> list[Scalar]:
    """Return the arguments of a function in the kind in which it computes."""
    if name in ("left_shift", "right_shift"):
        return args
    common = "b1" if name in _LOGICAL else widest(name, args, kind)
    if name in _WHOLE and kind == "i8" and args[0].kind[0] == "f":
        common = args[0].kind
    if raising and name in _COMPARISONS and common == "f8":
        _expect_exact(checks, args)
    return [convert(checks.text, x, common) for x in args]


def _expect_exact(checks: Checks, args: list[Scalar]) -> None:
    """Leave where an integer has no equal float: Python compares the two exactly."""
    for x in args:
        if x.kind == "i8" and x.text[0] != "%":
            checks.leave_if(str(int(float(int(x.text))) != int(x.text)).lower())
        elif x.kind == "i8":
            checks.leave_if(checks.text.compare("ugt", checks.text.let(f"add i64 {x.text}, {2**53}"), str(2**54)))


def _as_power(checks: Checks, x: Scalar, root: Scalar) -> Scalar:
    """Return a power of one half, of a number: it differs from the root at -0.0 and -inf.  Of arrays NumPy takes the root."""
    y = checks.text.let(f"fadd {x.type} {root.text}, {number(0.0)}")
    least = checks.text.let(f"fcmp oeq {x.type} {x.text}, {number(-math.inf)}")
    return Scalar(x.kind, checks.text.select(least, x.type, number(math.inf), y))


def _truncated(checks: Checks, x: Scalar) -> Scalar:
    """Return ``int(x)``; what has no such integer leaves."""
    if x.kind[0] != "f":
        return convert(checks.text, x, "i8")
    wide = convert(checks.text, x, "f8")
    size = checks.call("fabs", "f8", [wide.text])
    checks.leave_if(checks.text.negation(checks.text.let(f"fcmp olt double {size}, {number(2.0**62)}")))
    return convert(checks.text, wide, "i8")


def _extreme(checks: Checks, name: str, args: list[Scalar], kind: str) -> Scalar:
    """Return Python's ``max`` or ``min``: the first that no later one exceeds."""
    if kind == "f8":
        _expect_exact(checks, args)
    text = checks.text
    best, *rest = (convert(text, x, kind) for x in args)
    for x in rest:
        sign = "gt" if name == "max" else "lt"
        predicate = f"fcmp o{sign}" if kind[0] == "f" else f"icmp {'s' if kind == 'i8' else 'u'}{sign}"
        better = text.let(f"{predicate} {x.type} {x.text}, {best.text}")
        best = Scalar(kind, text.select(better, x.type, x.text, best.text))
    return best


def _computed(checks: Checks, name: str, args: list[Scalar], out: str, *, raising: bool) -> Scalar:
    kind = args[0].kind
    if name in _COMPARISONS:
        return _compared(checks.text, name, args)
    if kind == "b1":
        return _boolean(checks.text, name, args)
    if kind == "i8":
        return _integer(checks, name, args, raising=raising)
    result = _floating(checks, name, args, out)
    if raising and name in _RAISING:
        _raise_as_python(checks, name, args, result)
    return result


def _compared(text: Text, name: str, args: list[Scalar]) -> Scalar:
    floating, whole = _COMPARISONS[name]
    a, b = args
    predicate = f"fcmp {floating}" if a.kind[0] == "f" else f"icmp {whole.replace('s', 'u', 1) if a.kind == 'b1' else whole}"
    return Scalar("b1", text.let(f"{predicate} {a.type} {a.text}, {b.text}"))


def _boolean(text: Text, name: str, args: list[Scalar]) -> Scalar:
    if name in ("invert", "logical_not"):
        return Scalar("b1", text.negation(args[0].text))
    operation = _BITWISE.get(name) or {"maximum": "or", "minimum": "and", "add": "or", "multiply": "and"}.get(name)
    if operation is None:
        raise UnsupportedError(name)
    return Scalar("b1", text.let(f"{operation} i1 {args[0].text}, {args[1].text}"))


# Whole numbers ----------------------------------------------------------------------------------------------------------------


def _integer(checks: Checks, name: str, args: list[Scalar], *, raising: bool) -> Scalar:
    text = checks.text
    a = args[0].text
    b = args[1].text if len(args) > 1 else ""
    if name in _INTEGER_OPERATIONS or name == "negative":
        operation, a, b = (_INTEGER_OPERATIONS[name], a, b) if name != "negative" else ("sub", "0", a)
        return Scalar("i8", _overflowing(checks, operation, a, b) if raising else text.let(f"{operation} i64 {a}, {b}"))
    if name in ("absolute", "fabs") and raising:
        checks.leave_if(text.compare("eq", a, str(-(2**63))))  # its opposite has more than 64 bits
    if name in ("absolute", "fabs", "sign", "signum", "maximum", "minimum", "fmax", "fmin"):
        return Scalar("i8", _by_selection(text, name, a, b))
    if name == "positive" or name in _WHOLE:
        return args[0]
    if name in _BITWISE or name in ("square", "invert"):
        operation, b = {"square": ("mul", a), "invert": ("xor", "-1")}.get(name) or (_BITWISE[name], b)
        return Scalar("i8", text.let(f"{operation} i64 {a}, {b}"))
    if name in ("remainder", "floor_divide"):
        return Scalar("i8", _divided(checks, name, a, b))
    if name == "power":
        return Scalar("i8", _whole_power(checks, a, b, raising=raising))
    if name in ("left_shift", "right_shift"):
        return Scalar("i8", _shifted(checks, name, a, b))
    raise UnsupportedError(name)


def _by_selection(text: Text, name: str, a: str, b: str) -> str:
    if name in ("absolute", "fabs"):
        return text.let(f"call i64 @llvm.abs.i64(i64 {a}, i1 false)")
    if name in ("sign", "signum"):
        above, below = text.compare("sgt", a, "0"), text.compare("slt", a, "0")
        return text.select(above, "i64", "1", text.select(below, "i64", "-1", "0"))
    return text.select(text.compare("sgt" if name in ("maximum", "fmax") else "slt", a, b), "i64", a, b)


def _shifted(checks: Checks, name: str, a: str, b: str) -> str:
    """Return a number with its bits shifted; where 64 bits do not hold the result, Python's program goes on."""
    text = checks.text
    checks.leave_if(text.let(f"icmp ugt i64 {b}, 62"))
    if name == "right_shift":
        return text.let(f"ashr i64 {a}, {b}")
    shifted = text.let(f"shl i64 {a}, {b}")
    back = text.let(f"ashr i64 {shifted}, {b}")
    checks.leave_if(text.compare("ne", back, a))
    return shifted


def _overflowing(checks: Checks, operation: str, a: str, b: str) -> str:
    """Return a sum or product of Python's integers; where 64 bits do not hold it, Python's program goes on."""
    text = checks.text
    if a[0] != "%" and b[0] != "%":
        return text.integer(operation, a, b)
    pair = text.let(f"call {{i64, i1}} @llvm.s{operation}.with.overflow.i64(i64 {a}, i64 {b})")
    checks.leave_if(text.let(f"extractvalue {{i64, i1}} {pair}, 1"))
    return text.let(f"extractvalue {{i64, i1}} {pair}, 0")


def _divided(checks: Checks, name: str, a: str, b: str) -> str:
    """Return ``a // b`` or ``a % b``, rounded downwards as Python and NumPy do."""
    text = checks.text
    checks.leave_if(text.compare("eq", b, "0"))
    if b == "-1" or b[0] == "%":  # the smallest integer has no opposite
        checks.leave_if(text.all([text.compare("eq", a, str(-(2**63))), text.compare("eq", b, "-1")]))
    rest = text.let(f"srem i64 {a}, {b}")
    apart = text.let(f"icmp slt i64 {text.let(f'xor i64 {rest}, {b}')}, 0")
    wrong = text.all([text.compare("ne", rest, "0"), apart])
    if name == "remainder":
        return text.select(wrong, "i64", text.let(f"add i64 {rest}, {b}"), rest)
    quotient = text.let(f"sdiv i64 {a}, {b}")
    return text.select(wrong, "i64", text.let(f"sub i64 {quotient}, 1"), quotient)


def _whole_power(checks: Checks, a: str, b: str, *, raising: bool) -> str:
    """Return a power of integers: by squares; a negative exponent leaves."""
    text = checks.text
    times = lambda x, y: _overflowing(checks, "mul", x, y) if raising else text.let(f"mul i64 {x}, {y}")
    if b.isdigit() and int(b) <= 8:
        result = "1"
        for _ in range(int(b)):
            result = a if result == "1" else times(result, a)
        return result
    checks.leave_if(text.compare("slt", b, "0"))
    base, rest, result = (text.variable("i64") for _ in range(3))
    for variable, x in ((base, a), (rest, b), (result, "1")):
        text.store("i64", x, variable)
    head, body, more, end = (text.fresh(label) for label in ("head", "body", "more", "end"))
    text.place(head)
    text.branch(text.compare("sgt", text.load("i64", rest), "0"), body, end)
    text.begin(body)
    with text.when(text.let(f"trunc i64 {text.load('i64', rest)} to i1")):
        text.store("i64", times(text.load("i64", result), text.load("i64", base)), result)
    left = text.let(f"lshr i64 {text.load('i64', rest)}, 1")
    text.store("i64", left, rest)
    text.branch(text.compare("sgt", left, "0"), more, end)
    text.begin(more)
    text.store("i64", times(text.load("i64", base), text.load("i64", base)), base)
    text.jump(head)
    text.begin(end)
    return text.load("i64", result)


# Floats -----------------------------------------------------------------------------------------------------------------------


def _floating(checks: Checks, name: str, args: list[Scalar], out: str) -> Scalar:
    text, kind, type = checks.text, args[0].kind, args[0].type
    texts = [x.text for x in args]
    if name in _FLOAT_OPERATIONS:
        return Scalar(kind, text.let(f"{_FLOAT_OPERATIONS[name]}{checks.flags} {type} {texts[0]}, {texts[1]}"))
    if name == "negative":
        return Scalar(kind, text.let(f"fneg {type} {texts[0]}"))
    if name in _INTRINSICS:
        result = Scalar(kind, checks.call(_INTRINSICS[name], kind, texts))
        if out == "i8" and name in _WHOLE:  # of `math`: integers
            return _truncated(checks, result)
        return result
    if name in ELEMENTARY or name.startswith("special."):
        return Scalar(kind, checks.call(name, kind, texts))
    if name in _TESTS:
        return Scalar("b1", _tested(checks, name, kind, texts[0]))
    composed = _COMPOSED.get(name)
    if composed is None:
        raise UnsupportedError(name)
    return Scalar(kind, composed(checks, kind, *texts))


def _tested(checks: Checks, name: str, kind: str, x: str) -> str:
    type = KINDS[kind][0]
    if name == "isnan":
        return checks.text.let(f"fcmp uno {type} {x}, {x}")
    size = checks.call("fabs", kind, [x])
    return checks.text.let(f"fcmp {'olt' if name == 'isfinite' else 'oeq'} {type} {size}, {number(math.inf)}")


def _infix(checks: Checks, kind: str, operation: str, a: str, b: str) -> str:
    return checks.text.let(f"{operation} {KINDS[kind][0]} {a}, {b}")


def _scale(checks: Checks, kind: str, p: str, t: str) -> str:
    """Return ``p * t``, in which a zero wins over an infinite or undefined factor.

    Only a product that is undefined can be another one then.  So the quick form of a program multiplies, and notes that such a
    product occurred, for which the program leaves; then its exact form is run.
    """
    y = _infix(checks, kind, "fmul", p, t)
    if not checks.exact:
        checks.doubt(_infix(checks, kind, "fcmp uno", y, y))
        return y
    zero = number(0.0)
    none = _infix(checks, kind, "fcmp uno", y, y)
    either = checks.text.let(f"or i1 {_infix(checks, kind, 'fcmp oeq', p, zero)}, {_infix(checks, kind, 'fcmp oeq', t, zero)}")
    return checks.text.select(checks.text.let(f"and i1 {none}, {either}"), KINDS[kind][0], zero, y)


def _power(checks: Checks, kind: str, x: str, y: str) -> str:
    """Return a power; of exponents that are known and small by multiplication, as NumPy does."""
    one = number(1.0)
    known = {
        number(2.0): lambda: _infix(checks, kind, "fmul", x, x),
        one: lambda: x,
        number(0.5): lambda: checks.call("sqrt", kind, [x]),
        number(-1.0): lambda: _infix(checks, kind, "fdiv", one, x),
        number(3.0): lambda: _infix(checks, kind, "fmul", _infix(checks, kind, "fmul", x, x), x),
        number(4.0): lambda: _squared(checks, kind, _squared(checks, kind, x)),
        number(-2.0): lambda: _squared(checks, kind, _infix(checks, kind, "fdiv", one, x)),  # the square may be too large
    }.get(y)
    return known() if known is not None else checks.call("power", kind, [x, y])


def _squared(checks: Checks, kind: str, x: str) -> str:
    return _infix(checks, kind, "fmul", x, x)


def _signum(checks: Checks, kind: str, x: str, *, nan: bool = True) -> str:
    """Return the sign; of nan nan."""
    text, type, zero = checks.text, KINDS[kind][0], number(0.0)
    above, below = _infix(checks, kind, "fcmp ogt", x, zero), _infix(checks, kind, "fcmp olt", x, zero)
    rest = text.select(_infix(checks, kind, "fcmp uno", x, x), type, x, zero) if nan else zero
    return text.select(above, type, number(1.0), text.select(below, type, number(-1.0), rest))


def _remainder(checks: Checks, kind: str, a: str, b: str) -> str:
    """Return ``a % b`` with the sign of ``b``."""
    text, type, zero = checks.text, KINDS[kind][0], number(0.0)
    rest = checks.call("fmod", kind, [a, b])
    apart = text.let(f"xor i1 {_infix(checks, kind, 'fcmp olt', rest, zero)}, {_infix(checks, kind, 'fcmp olt', b, zero)}")
    nonzero = _infix(checks, kind, "fcmp une", rest, zero)
    moved = text.select(text.let(f"and i1 {apart}, {nonzero}"), type, _infix(checks, kind, "fadd", rest, b), rest)
    return text.select(nonzero, type, moved, checks.call("copysign", kind, [zero, b]))


def _floor_divide(checks: Checks, kind: str, a: str, b: str) -> str:
    """Return ``a // b`` by the exact remainder, as C Python and NumPy do."""
    text, type, zero = checks.text, KINDS[kind][0], number(0.0)
    rest = checks.call("fmod", kind, [a, b])
    apart = text.let(f"xor i1 {_infix(checks, kind, 'fcmp olt', rest, zero)}, {_infix(checks, kind, 'fcmp olt', b, zero)}")
    below = text.let(f"and i1 {apart}, {_infix(checks, kind, 'fcmp une', rest, zero)}")
    quotient = _infix(checks, kind, "fdiv", _infix(checks, kind, "fsub", a, rest), b)
    quotient = text.select(below, type, _infix(checks, kind, "fsub", quotient, number(1.0)), quotient)
    down = checks.call("floor", kind, [quotient])
    more = _infix(checks, kind, "fcmp ogt", _infix(checks, kind, "fsub", quotient, down), number(0.5))
    rounded = text.select(more, type, _infix(checks, kind, "fadd", down, number(1.0)), down)
    plain = _infix(checks, kind, "fdiv", a, b)
    none = _infix(checks, kind, "fcmp oeq", quotient, zero)
    rounded = text.select(none, type, checks.call("copysign", kind, [zero, plain]), rounded)
    return text.select(_infix(checks, kind, "fcmp oeq", b, zero), type, plain, rounded)


def _ratio(checks: Checks, kind: str, a: str, b: str) -> str:
    """Return ``a / b``, which for ``b = 0`` is ``a``: the direction of the zero vector is the zero vector."""
    zero = _infix(checks, kind, "fcmp oeq", b, number(0.0))
    return _infix(checks, kind, "fdiv", a, checks.text.select(zero, KINDS[kind][0], number(1.0), b))


def _logaddexp(checks: Checks, kind: str, a: str, b: str) -> str:
    text, type = checks.text, KINDS[kind][0]
    most, least = checks.call("maximum", kind, [a, b]), checks.call("minimum", kind, [a, b])
    gap = _infix(checks, kind, "fsub", least, most)
    same = _infix(checks, kind, "fcmp oeq", a, b)
    gap = text.select(same, type, number(0.0), gap)
    return _infix(checks, kind, "fadd", most, checks.call("log1p", kind, [checks.call("exp", kind, [gap])]))


_COMPOSED: dict[str, Callable[..., str]] = {
    "scale": _scale, "power": _power, "remainder": _remainder, "floor_divide": _floor_divide, "logaddexp": _logaddexp,
    "sign": _signum, "signum": _signum, "ratio": _ratio,
    "square": lambda c, k, x: _infix(c, k, "fmul", x, x),
    "reciprocal": lambda c, k, x: _infix(c, k, "fdiv", number(1.0), x),
    "deg2rad": lambda c, k, x: _infix(c, k, "fmul", x, number(math.pi / 180)),
    "rad2deg": lambda c, k, x: _infix(c, k, "fmul", x, number(180 / math.pi)),
}  # fmt: skip


def _raise_as_python(checks: Checks, name: str, args: list[Scalar], result: Scalar) -> None:
    """Leave where Python raises: a result that is infinite or undefined though the arguments are not."""
    text = checks.text
    if name in _DIVISIONS:
        checks.leave_if(text.let(f"fcmp oeq double {args[1].text}, {number(0.0)}"))
        return
    size = checks.call("fabs", result.kind, [result.text])
    odd = text.negation(text.let(f"fcmp olt double {size}, {number(math.inf)}"))
    with text.when(odd, ", !prof !1"):
        finite = [text.let(f"fcmp olt double {checks.call('fabs', x.kind, [x.text])}, {number(math.inf)}") for x in args]
        none = text.let(f"fcmp uno double {result.text}, {result.text}")
        known = [text.let(f"fcmp ord double {x.text}, {x.text}") for x in args]
        checks.leave_if(text.any([text.all(finite), text.all([none, *known])]))
