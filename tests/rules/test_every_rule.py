"""One file over the whole book: every elementwise rule on its domain, every case of every ``cases_*.py``, and no rule untested."""

from __future__ import annotations

import importlib
import itertools
import pathlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from adjoint._api.coverage import functions_of
from adjoint._rules import book, kinds
from adjoint._rules.domains import Integers, domain_of
from adjoint._trace import traced
from adjoint.errors import MissingRuleError
from adjoint.testing import check, rule
from adjoint.testing.program import direction_at, dot, is_inexact, program_of, random_like, vector
from tests.rules.case import Case

HERE = pathlib.Path(__file__).parent
BROKEN: dict[str, Exception] = {}


def read_book() -> dict[str, book.Rule]:
    """Return all rules by name; a chapter that cannot be read is noted, and fails its own test."""
    importlib.import_module("adjoint")
    try:
        entries = list(book.rules())
    except Exception as error:
        BROKEN["the rule book"] = error
        entries = list(book.BOOK.values())
    # Python's own functions have the rules of NumPy's, and take numbers only; the source engine's programs test them.
    return {entry.name: entry for entry in entries if entry.name.partition(".")[0] not in PYTHON}


PYTHON = ("math", "cmath", "_operator", "operator", "builtins")
RULES = read_book()
# SciPy's own solvers stop early in these, so that its values, and with them differences, are this wrong.
ROUGH = {"nctdtridf": 1e-2, "nctdtrinc": 1e-4, "ncfdtridfn": 1e-2, "ncfdtridfd": 1e-2, "ncfdtrinc": 1e-3}


def tolerance(name: str) -> float:
    return ROUGH.get(name.rpartition(".")[2], 1e-6)


# The cases --------------------------------------------------------------------------------------------------------------------


def read_cases() -> dict[str, Case]:
    """Return the cases of all tables by their id; a table that cannot be read is noted, and fails its own test."""
    found: dict[str, Case] = {}
    for path in sorted(HERE.glob("cases_*.py")):
        try:
            table = importlib.import_module(f"tests.rules.{path.stem}").CASES
        except Exception as error:
            BROKEN[path.stem] = error
            continue
        for case in table:
            name = f"{path.stem.removeprefix('cases_')}-{case.id}"
            copies = sum(known == name or known.startswith(f"{name}#") for known in found)
            found[f"{name}#{copies}" if copies else name] = case
    return found


CASES = read_cases()


def test_all_tables_can_be_read() -> None:
    if BROKEN:
        raise ExceptionGroup("tables that cannot be read", list(BROKEN.values()))


def select(condition: Callable[[Case], bool]) -> Any:
    chosen = {name: case for name, case in CASES.items() if condition(case)}
    return pytest.mark.parametrize("case", chosen.values(), ids=chosen.keys())


EACH = select(lambda case: True)


@EACH
def test_value_is_that_of_the_plain_function(case: Case) -> None:
    rule.keeps_value(case.function, case.args, case.kwargs)


@EACH
def test_derivatives(case: Case) -> None:
    """Forward against differences, reverse against forward, and at order 2 all four against differences and each other."""
    check(case.function, *case.args, kwargs=case.kwargs, order=case.order, tolerance=case.tol)


@EACH
def test_zero_stays_zero(case: Case) -> None:
    rule.keeps_zero(case.function, case.args, case.kwargs)


@select(lambda case: case.float32)
def test_single_precision(case: Case) -> None:
    rule.keeps_single_precision(case.function, case.args, case.kwargs)


@select(lambda case: case.complexable)
def test_complex_step(case: Case) -> None:
    rule.agrees_with_complex_step(case.function, case.args, case.kwargs, required=True)


@select(lambda case: case.complexable)
def test_complex_arguments(case: Case) -> None:
    check(case.function, *made_complex(case.args), kwargs=case.kwargs, order=case.order, tolerance=case.tol)


def made_complex(args: Any) -> Any:
    """Return arguments with an imaginary part, floats and arrays of them."""
    rng = np.random.default_rng(11)

    def turned(x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return type(x)([turned(part) for part in x])
        if not is_inexact(x) or kinds.dtype_of(x).kind == "c":
            return x
        y = x + 0.3j * rng.standard_normal(np.shape(x))
        return y if np.shape(x) else complex(y)

    return turned(args)


def is_purely_linear(case: Case) -> bool:
    """Tell whether a case calls a linear function of all its floating arguments."""
    entry = book.find(case.function) if callable(case.function) else None
    if entry is None or entry.kind != "linear" or kinds.AFFINE & set(case.kwargs):
        return False
    formulas = [*entry.formulas, *[book.FIXED] * len(case.args)]
    parts = [arg if isinstance(arg, (list, tuple)) else [arg] for arg in case.args]
    active = [part for formula, part in zip(formulas, parts, strict=False) if callable(formula)]
    fixed = [part for formula, part in zip(formulas, parts, strict=False) if not callable(formula)]
    return all(all(map(is_inexact, part)) for part in active) and not any(any(map(is_inexact, part)) for part in fixed)


@select(is_purely_linear)
def test_a_linear_function_is_its_own_derivative(case: Case) -> None:
    program = program_of(case.function, case.args, case.kwargs)
    t = direction_at(program.inputs, np.random.default_rng(5))
    np.testing.assert_allclose(vector(program.forward(t)[1]), vector(program.run(t)), rtol=1e-13, atol=1e-13)


@select(is_purely_linear)
def test_transposes(case: Case) -> None:
    """``<ct, f(t)> = <T(ct), t>`` by the formulas themselves, which the tracing engine does not need for views."""
    entry = book.lookup(case.function)
    rng = np.random.default_rng(6)
    program = program_of(case.function, case.args, case.kwargs)
    t = direction_at(program.inputs, rng)
    value = program.run(t)
    ct = random_like(value, rng)
    whole = case.function(*case.args, **case.kwargs)
    given = list(ct) if isinstance(whole, (list, tuple)) else ct[0]
    pulled: list[Any] = []
    for position, arg in enumerate(case.args):
        if any(map(is_inexact, arg if isinstance(arg, (list, tuple)) else [arg])):
            args = [kinds.describe(a) if k == position else a for k, a in enumerate(case.args)]
            g = kinds.pullback(entry, position, given, whole, tuple(args), case.kwargs)
            pulled += (
                [conformed(part, x) for part, x in zip(g, arg, strict=True)]
                if isinstance(arg, (list, tuple))
                else [conformed(g, arg)]
            )
    np.testing.assert_allclose(dot(ct, value), dot(pulled, t), rtol=1e-12, atol=1e-12)


def conformed(g: Any, x: Any) -> Any:
    return kinds.conform(g, kinds.shape_of(x), kinds.dtype_of(x))


# Elementwise rules, on their domains ------------------------------------------------------------------------------------------

# Shapes of the arguments in turn: many points, broadcasting both ways, one element, none, numbers.
PATTERNS = {
    "points": [(7,)],
    "broadcast": [(2, 1), (1, 3), (), (3,)],
    "stretched": [(), (1,), (2, 1, 3)],
    "empty": [(0,), (), (1,)],
    "one": [(1,)],
    "zero-dimensional": [()],
    "numbers": [None],
}


def active_positions(entry: book.Rule) -> list[int]:
    """Return which arguments of an elementwise rule have a formula and are not integers."""
    return [
        k
        for k, formula in enumerate(entry.formulas)
        if callable(formula) and not isinstance(domain_of(entry.domain, k), Integers)
    ]


def can_be_sampled(entry: book.Rule) -> bool:
    """Tell whether the arguments can be drawn: functions of our own take flags of any sort, and say with ``on=`` which."""
    own = entry.name.startswith("adjoint.") and book.FIXED in entry.formulas and not isinstance(entry.domain, tuple)
    return entry.kind == "elementwise" and not own and bool(active_positions(entry))


ELEMENTWISE = {name: entry for name, entry in RULES.items() if can_be_sampled(entry)}


def sample(entry: book.Rule, pattern: list[Any], *, codes: str = "") -> list[Any]:
    """Return arguments from the rule's domain; ``codes`` says which of them are complex (``"D"``)."""
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()))
    shapes = itertools.cycle(pattern)
    is_ufunc = isinstance(entry.function, np.ufunc)
    count = len(entry.formulas) if is_ufunc or isinstance(entry.domain, tuple) else max(active_positions(entry)) + 1
    args = []
    for k, formula in enumerate(entry.formulas[:count]):
        shape, domain = next(shapes), domain_of(entry.domain, k)
        if formula is book.FIXED and not isinstance(entry.domain, tuple):  # a flag or an order
            domain = Integers(0, 3)
        args.append(
            drawn(domain, shape if is_ufunc or not isinstance(domain, Integers) else None, rng, codes[k : k + 1] == "D")
        )
    return args


def drawn(domain: Any, shape: Any, rng: np.random.Generator, complex_: bool) -> Any:
    if isinstance(domain, Integers):
        y = rng.integers(domain.low, domain.high + 1, shape or ())
        return int(y) if shape is None else y
    y = np.asarray(rng.uniform(domain.low, domain.high, shape or ()))
    if complex_:
        y = y + 0.4j * np.asarray(rng.standard_normal(shape or ()))
    return y.item() if shape is None else y


def of_active(entry: book.Rule, args: list[Any], *, codes: str = "") -> tuple[Callable[..., Any], list[Any]]:
    """Return the function of the arguments that have a formula, all others held fixed, and these arguments.

    If some are complex, only these: of many special functions the derivative in a real order is known for real arguments only.
    """
    positions = [k for k in active_positions(entry) if not codes or codes[k] == "D"]

    def function(*active: Any) -> Any:
        merged = list(args)
        for k, value in zip(positions, active, strict=True):
            merged[k] = value
        return entry.function(*merged)

    function.__qualname__ = entry.name
    return function, [args[k] for k in positions]


EACH_ELEMENTWISE = pytest.mark.parametrize("name", ELEMENTWISE)


@EACH_ELEMENTWISE
def test_elementwise_shapes(name: str) -> None:
    """First order and zeros on every pattern of shapes, values bit for bit."""
    for pattern in PATTERNS.values():
        function, args = of_active(ELEMENTWISE[name], sample(ELEMENTWISE[name], pattern))
        if refuses(function, args):
            continue
        rule.keeps_value(function, tuple(args), {})
        rule.keeps_zero(function, tuple(args), {})
        check(function, *args, order=1, tolerance=tolerance(name))


def refuses(function: Callable[..., Any], args: list[Any]) -> bool:
    """Tell whether the plain function does not take such arguments (``np.unwrap`` of a number)."""
    try:
        function(*args)
    except (ValueError, TypeError, IndexError):
        return True
    return False


@EACH_ELEMENTWISE
def test_elementwise_second_order(name: str) -> None:
    function, args = of_active(ELEMENTWISE[name], sample(ELEMENTWISE[name], PATTERNS["broadcast"]))
    try:
        check(function, *args, order=2, tolerance=tolerance(name))
    except MissingRuleError as error:
        if not error.why:  # not one that the book declares unknown
            raise
        pytest.skip(f"{error.what}: {error.why}")


@EACH_ELEMENTWISE
def test_elementwise_complex_step(name: str) -> None:
    function, args = of_active(ELEMENTWISE[name], sample(ELEMENTWISE[name], PATTERNS["points"]))
    rule.agrees_with_complex_step(function, tuple(args), {})


@EACH_ELEMENTWISE
def test_elementwise_single_precision(name: str) -> None:
    args = sample(ELEMENTWISE[name], PATTERNS["points"])
    narrow = [np.asarray(a, np.float32) if is_inexact(a) else a for a in args]
    function, active = of_active(ELEMENTWISE[name], narrow)
    rule.keeps_single_precision(function, tuple(active), {})


def complex_signatures(entry: book.Rule) -> Iterator[str]:
    """Yield the loops of a ufunc that take complex arguments, as ``"dD"``; for other functions none is known."""
    for loop in getattr(entry.function, "types", ()):
        codes = loop.partition("->")[0]
        if "D" in codes and set(codes) <= {"d", "D", "l", "i"}:
            yield codes


@pytest.mark.parametrize(
    ("name", "codes"), [(name, codes) for name, entry in ELEMENTWISE.items() for codes in complex_signatures(entry)]
)
def test_elementwise_complex_arguments(name: str, codes: str) -> None:
    function, args = of_active(ELEMENTWISE[name], sample(ELEMENTWISE[name], PATTERNS["broadcast"], codes=codes), codes=codes)
    if not args:
        pytest.skip("no derivative in a complex argument")
    check(function, *args, order=1)


# No rule untested --------------------------------------------------------------------------------------------------------------


class Hits:
    """Which functions were looked up with a traced value, and which formulas were used, while the cases ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.functions: set[Any] = set()
        self.formulas: set[tuple[Any, int]] = set()
        monkeypatch.setattr(traced, "BOOK", self)
        pushforward = kinds.pushforward

        def counted(entry: book.Rule, y: Any, args: Any, kwargs: Any, tangents: dict[int, Any]) -> Any:
            self.formulas |= {(entry.function, position) for position in tangents}
            return pushforward(entry, y, args, kwargs, tangents)

        monkeypatch.setattr(kinds, "pushforward", counted)

    def get(self, function: Any) -> book.Rule | None:
        self.functions.add(function)
        return book.BOOK.get(function)


def run_all_forward() -> None:
    """Run every case, and every elementwise rule, to second order once; what fails here fails in its own test."""
    calls = [(case.function, case.args, case.kwargs) for case in CASES.values()]
    for entry in ELEMENTWISE.values():
        function, args = of_active(entry, sample(entry, PATTERNS["numbers"]))
        calls.append((function, tuple(args), {}))
    for function, args, kwargs in calls:
        try:
            program = program_of(function, args, kwargs)
            t = [x * 0 for x in program.inputs]
            tangent, cotangent = program.tangent(t), program.cotangent([y * 0 for y in program.value()])
            tangent.forward([x * 0 for x in tangent.inputs])
            cotangent.forward([x * 0 for x in cotangent.inputs])
        except Exception:
            continue


def test_every_formula_is_exercised(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = Hits(monkeypatch)
    with np.errstate(all="ignore"):
        run_all_forward()
    missing = []
    special = set(functions_of("scipy.special").values())
    for entry in RULES.values():
        if entry.function in (np.array, np.asarray, np.full, np.float64, np.transpose):
            continue  # which the tracing engine replaces, or follows as a view, and the source engine's programs test
        if entry.name in [f"adjoint._rules.stores.{name}" for name in ("listed", "numbers", "rows", "vector", "spread")]:
            continue  # of lists of unknown length, which only programs have
        if entry.function in special or entry.name.startswith(("adjoint._rules.series", "adjoint._rules.special")):
            continue  # test_special.py has its own tables
        if entry.kind == "composite":
            missing += [entry.name] if entry.function not in hits.functions else []
        elif entry.kind not in ("constant", "excluded"):
            formulas = [k for k, formula in enumerate(entry.formulas) if callable(formula)]
            missing += [f"{entry.name}, argument {k}" for k in formulas if (entry.function, k) not in hits.formulas]
    assert not missing, f"{len(missing)} formulas are in no case of tests/rules/cases_*.py:\n" + "\n".join(missing)
