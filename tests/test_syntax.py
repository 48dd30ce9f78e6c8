"""The node that is found is the function's own, and what cannot be trusted is refused with its reason."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import functools
import linecache
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adjoint._syntax import Syntax, copy_tree, executed, syntax_of, why_unreadable

Load = Callable[[str], types.SimpleNamespace]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def run(source: str) -> types.SimpleNamespace:
        path = tmp_path / "program.py"
        path.write_text(source)
        namespace: dict[str, Any] = {"__name__": "program"}
        exec(compile(source, str(path), "exec", dont_inherit=True), namespace)
        return types.SimpleNamespace(**namespace)

    return run


def text_of(syntax: Syntax | None) -> str:
    assert syntax is not None
    segment = ast.get_source_segment(syntax.text, syntax.node)
    assert segment is not None
    return segment


# Each program makes ``f``, whose node begins with the text on the left.
# fmt: off
FOUND = {
    "a function":              ("def f(x)",           "def f(x): return x"),
    "decorated":               ("def f(x)",           "def d(a): return a\n@d\n@d\ndef f(x): return x"),
    "wrapped: the wrapper":    ("def w(*a)",          "import functools\ndef d(g):\n @functools.wraps(g)\n def w(*a): return g(*a)\n return w\n@d\ndef f(x): return x"),
    "async":                   ("async def f",        "async def f(): pass"),
    "a lambda":                ("lambda x: x",        "f = lambda x: x"),
    "first of two lambdas":    ("lambda x: 1",        "f, g = lambda x: 1, lambda x: 2"),
    "second of two lambdas":   ("lambda x: 2",        "g, f = lambda x: 1, lambda x: 2"),
    "equal lambdas, columns":  ("lambda  x: x",       "g, f = lambda x: x, lambda  x: x"),
    "inner of nested lambdas": ("lambda: 1",          "g = lambda: lambda: 1\nf = g()"),
    "a lambda as a default":   ("lambda: 3",          "def g(h=lambda: 3): return h\nf = g()"),
    "a lambda over lines":     ("lambda x: (",        "f = (\n lambda x: (\n  x\n + 1))"),
    "a lambda in a list":      ("lambda: i",          "f = [lambda: i for i in range(3)][1]"),
    "in a branch, same name":  ("def f(): return 1",  "if True:\n def f(): return 1\nelse:\n def f(): return 2"),
    "a method":                ("def m(self)",        "class A:\n def m(self): return self.__x\nf = A.m"),
    "a bound method":          ("def m(self)",        "class A:\n def m(self): return super().x\nf = A().m"),
    "a private method":        ("def __m(self)",      "class _A:\n def __m(self): return self.__m\nf = _A._A__m"),
    "a static method":         ("def m(x)",           "class A:\n @staticmethod\n def m(x): return x\nf = A.m"),
    "a property":              ("def p(self)",        "class A:\n @property\n def p(self): return 1\nf = A.p.fget"),
    "method of a local class": ("def m(self)",        "def g(v):\n class A:\n  def m(self): return A, v, __class__\n return A.m\nf = g(1)"),
    "calls a global class":    ("def m(self)",        "class A:\n def m(self): return A, m\nf = A.m"),
    "closure":                 ("def h()",            "def g(a, b):\n def h(): return b, a\n return h\nf = g(1, 2)"),
    "recursive closure":       ("def h(n)",           "def g():\n def h(n): return n and h(n - 1)\n return h\nf = g()"),
    "recursive function":      ("def f(n)",           "def f(n): return n and f(n - 1)"),
    "call of an import":       ("def f(x)",           "import math\ndef f(x): return math.sin(x)"),
    "import in a branch":      ("def f(x)",           "try:\n import math as m\nexcept ImportError: pass\ndef f(x): return m.sin(x)"),
    "types.coroutine":         ("def f()",            "import types\n@types.coroutine\ndef f(): yield"),
    "future annotations":      ("def f(x: T)",        "from __future__ import annotations\ndef f(x: T) -> U: y: V = x; return y"),
    "annotated":               ("def f(x: int",       "def f(x: int = 1, *a: int, k: int = 2, **b: int) -> int: return x"),
    "generator":               ("def f()",            "def f(): x = yield 1; yield from g(x)"),
    "after a form feed":       ("def f(",             "x = 1\n\x0c\ndef f(é): return é"),
    "an invalid escape":       ("def f()",            "def f(): return '\\d' is 1"),
    "a thousand terms":        ("def f(x)",           "def f(x): return " + " + ".join(["x"] * 800)),
}
# fmt: on


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", FOUND)
def test_the_node_is_found(name: str, load: Load) -> None:
    start, source = FOUND[name]
    function = load(source).f
    assert why_unreadable(function) == ""
    syntax = syntax_of(function)
    assert text_of(syntax).startswith(start)
    assert syntax is not None
    built = syntax.compile(syntax.node)
    assert built.co_qualname == function.__code__.co_qualname
    assert built.co_freevars == syntax.freevars == function.__code__.co_freevars


def generated() -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec("def f(x): return x", namespace)
    return namespace["f"]


@dataclasses.dataclass
class Point:
    x: float


REFUSED: dict[str, tuple[object, str]] = {
    "built-in": (len, "not a Python function"),
    "partial": (functools.partial(max, 1), "not a Python function"),
    "a class": (Point, "not a Python function"),
    # Python 3.13 keeps the text of ``python -c`` under the name that generated code has.
    "exec": (generated(), "'<string>'"),
    "dataclass": (Point.__init__, "'<string>'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_source_is_refused(name: str) -> None:
    function, reason = REFUSED[name]
    assert syntax_of(function) is None
    assert reason in why_unreadable(function)


# fmt: off
EDITS = {
    "a constant":         ("def f(x): return 2 * x",     "def f(x): return 3 * x"),
    "an operator":        ("def f(x): return 2 * x",     "def f(x): return 2 + x"),
    "a column":           ("def f(x): return 2 * x",     "def f(x): return 2  * x"),
    "an argument":        ("def f(x): return 2 * x",     "def f(x, y): return 2 * x"),
    "the line":           ("def f(x): return 2 * x",     "\ndef f(x): return 2 * x"),
    "the syntax":         ("def f(x): return 2 * x",     "def f(x) return 2 * x"),
    "null byte":          ("def f(x): return 2 * x",     "def f(x): return 2 * x\0"),
    "beside an assert":   ("def f(x): assert x; return 2 * x", "def f(x): assert x; return 3 * x"),
    "two at one place":   ("f = lambda: 1",              "f = lambda: 2"),
    "gone":               ("def f(x): return 2 * x",     ""),
}
# fmt: on


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_file_is_refused(name: str, tmp_path: Path) -> None:
    before, after = EDITS[name]
    path = tmp_path / "edited.py"
    path.write_text(after)
    namespace: dict[str, Any] = {}
    exec(compile(before, str(path), "exec"), namespace)
    assert syntax_of(namespace["f"]) is None
    assert why_unreadable(namespace["f"])


def test_an_assertion_rewritten_by_pytest_is_forgiven() -> None:
    # A constant, since with a plain name nobody rewrites anything.
    def f(x: int) -> int:
        assert x == 1, "message"
        if x:
            assert [y for y in range(x) if isinstance(lambda z=y: z, types.FunctionType)]
        return x

    assert text_of(syntax_of(f)).startswith("def f(x: int)")


def test_functions_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from adjoint._syntax import syntax_of, why_unreadable\n"
        "f, g = lambda x: x, lambda x: x\n"
        "f, h = lambda x: 1, lambda x: 2\n"
        "print(syntax_of(g), why_unreadable(g), syntax_of(h).node.col_offset)\n"
    )
    # Without columns nothing tells two equal lambdas apart; unequal ones differ in their code.
    command = [sys.executable, "-X", "no_debug_ranges", str(program)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert answer == "None several functions on line 2 cannot be told apart 20\n"


def test_sources_that_only_linecache_knows() -> None:
    source = "import math\ndef f(x):\n    return math.sin(x)\n"
    lines = [line + "\n" for line in source.splitlines()]
    linecache.cache["<cell 1>"] = (len(source), None, lines, "<cell 1>")
    # IPython compiles a cell statement by statement, so that the import is not in the function's compilation.
    namespace: dict[str, Any] = {}
    for statement in ast.parse(source).body:
        exec(compile(ast.Module([statement], []), "<cell 1>", "exec"), namespace)
    assert text_of(syntax_of(namespace["f"])).startswith("def f(x)")


def test_a_doctest_has_source() -> None:
    example = ">>> def f(x): return x\n>>> syntax_of(f).node.name\n'f'\n"
    test = doctest.DocTestParser().get_doctest(example, {"syntax_of": syntax_of}, "example", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_a_copy_may_be_changed_and_the_original_does_not_notice(load: Load) -> None:
    syntax = syntax_of(load("T = int\ndef f(x: T, y=[1]) -> T:\n  z: T = g(x)[0]\n  return [z for z in y if z]").f)
    assert syntax is not None
    before = ast.dump(syntax.node, include_attributes=True)
    copy = copy_tree(syntax.node)
    assert ast.dump(copy, include_attributes=True) == before
    for node in executed(copy):
        vars(node).clear()
    assert ast.dump(syntax.node, include_attributes=True) == before


def test_annotations_are_not_executed() -> None:
    tree = ast.parse("def f(x: a) -> b:\n  y: c = d\n  return e")
    assert {node.id for node in executed(tree) if isinstance(node, ast.Name)} == {"y", "d", "e"}
