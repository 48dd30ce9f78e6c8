"""An instrumented copy does what the function does, and tells the runtime of every call and every array it binds."""

from __future__ import annotations

import asyncio
import dis
import fractions
import gc
import importlib
import inspect
import statistics
import sys
import textwrap
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adjoint._trace import instrument as module
from adjoint._trace.instrument import instrument, is_instrumented

Program = types.SimpleNamespace
Load = Callable[[str], Program]


class Through:
    """A runtime that changes nothing, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def call(self, function: Any, /) -> Any:
        self.seen.append(getattr(function, "__name__", "?"))
        return function

    def own(self, value: Any, /) -> Any:
        self.seen.append(f"own {value!r}")
        return value

    def own_all(self, values: Any, /) -> Any:
        self.seen.append(f"all {values!r}")
        return values


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return what makes a new module of a source text."""
    count = 0

    def run(source: str) -> Program:
        nonlocal count
        count += 1
        path = tmp_path / f"program{count}.py"
        path.write_text(textwrap.dedent(source))
        program = types.ModuleType("program")
        exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), vars(program))
        return program  # type: ignore[return-value]

    return run


def copy_of(function: Any, runtime: Any = None) -> Any:
    copy = instrument(function, runtime or Through())
    assert copy is not None
    assert copy is not function
    return copy


# --- Small programs: ``f`` is called with nothing ----------------------------------------------------------------

PROGRAMS = {
    "call": "def f(): return max(1, 2)",
    "keywords, stars": "def g(*a, k=0, **b): return a, k, b\ndef f(): return g(1, *[2, 3], k=4, **{'z': 5}), g(*(), **{})",
    "order of evaluation": """
        log = []
        def g(x): log.append(x); return g
        def h(*a, k): log.append((len(a), k is g)); return g
        def f(): g(1); (g(2) and h)(g(3), *[g(4)], k=g(5))(6); return [i for i in log if i is not g]
        """,
    "method chain": "def f(): return ('a b'\n  .upper()\n  .split(' ', 1)\n  [0])",
    "nested calls": "def f(): return len(list(map(lambda x: abs(x), range(3))))",
    "defaults of an inner function": "def f():\n def g(a=len('ab'), *, k=len('abc')): return a, k\n return g(), g.__defaults__",
    "decorators within": """
        def twice(g): return lambda *a: 2 * g(*a)
        def times(n): return lambda g: lambda *a: n * g(*a)
        def f():
            @twice
            @times(len('abc'))
            def g(x): return x
            return g(1), g.__qualname__
        """,
    "class within": """
        def mark(c): c.marked = True; return c
        def f():
            @mark
            class A(dict, metaclass=type):
                n = len('abc')
                squares = [i * i for i in range(n)]
                def __init__(self, x): super().__init__(); self.__x = x
                @property
                def x(self): return self.__x
                @x.setter
                def x(self, v): self.__x = int(v)
                @staticmethod
                def s(v): return str(v)
                @classmethod
                def c(cls): return cls.__name__
            a = A(1); a.x = '3'
            return a.x, a.s(1), a.c(), A.marked, A.n, A.squares, A.__qualname__, A.c.__qualname__, vars(a)
        """,
    "super and private names": """
        class A:
            def __init__(self, x): self.__x = x
            def get(self): return self.__x
        class B(A):
            __seen = 0
            def __init__(self, x):
                super().__init__(x + 1)
                super(B, self).__init__(x + 1)
                B.__seen += 1
            def get(self): return super().get(), __class__.__name__, self.__helper(__y=1), (lambda: self.__seen)()
            def __helper(self, __y): return [__y for _ in range(2)]
        def f(): return B.get(B(1))
        f = B(1).get.__func__.__get__(B(2)).__func__
        f.__defaults__ = (B(2),)
        """,
    "super within a comprehension's function": """
        class A:
            def g(self): return 1
        class B(A):
            def g(self): return [(lambda: super(B, self).g() + i)() for i in range(3)], super().g()
        f = B.g; f.__defaults__ = (B(),)
        """,
    "closure in a local class": """
        def make(n):
            class A:
                def get(self, default=None): return n, A.__name__, type(self) is __class__
            f = A.get; f.__defaults__ = (A(), None)
            return f
        f = make(3)
        """,
    "generator": "def f():\n def g():\n  x = yield len('a')\n  yield from range(x)\n i = g(); return next(i), i.send(3), list(i)",
    "a generator itself": "def f():\n  got = yield len('ab')\n  try: yield got\n  finally: print('closed')",
    "recursion by the global name": "def f(n=5): return 1 if n < 1 else n * f(n - 1)",
    "recursion by the closure": "def make():\n def f(n=5): return 1 if n < 1 else n * f(n - 1)\n return f\nf = make()",
    "global": "n = 1\ndef f():\n global n\n n = abs(n) + 1; n += 1; a = [0]; a[0] = n\n return n, globals()['n'], a",
    "nonlocal": "def f():\n n = int(1)\n def g():\n  nonlocal n\n  n += 1; return n\n return g(), g(), n",
    "try, with, match": """
        from contextlib import contextmanager
        @contextmanager
        def note(log): log.append('in'); yield log; log.append('out')
        class P:
            __match_args__ = ('x',)
            def __init__(self, x): self.x = x
        def f():
            log = list()
            with note(log) as l, note(log):
                try: int('x')
                except ValueError as e: l.append(str(e))
                except (TypeError, KeyError): pass
                else: l.append('else')
                finally: l.append('finally')
            match P(int('3')):
                case P(x=1): l.append(1)
                case P(n) if n > len('ab'): l.append(('P', n))
                case _: pass
            return log
        """,
    "exception groups": """
        def f():
            try: raise ExceptionGroup('g', [ValueError(str(1)), TypeError(str(2))])
            except* ValueError as e: print(len(e.exceptions))
            except* TypeError: pass
        """,
    "comprehensions, walrus": """
        def f():
            a = [y := abs(x) for x in range(-3, 3) if (z := x * 2) > -5]
            b = {k: [(lambda: (k, j))() for j in range(k)] for k in range(3)}
            a[0] = (w := tuple(b.items()))
            return a, y, z, w, sum(i * j for i in range(3) for j in range(i)), {str(c) for c in 'a'}
        """,
    "f-strings": "def f(x=3): return f'{abs(-x):>{len(\"abcd\")}} {x!r} {max(x, 4)=}'",
    "positional only": "def f():\n def g(a, /, b, *, c): return a, b, c\n return g(1, b=2, c=3)",
    "writes": """
        def f(a=(1, 2), *args, k=3, **words):
            '''Doc.'''
            x = list(a); x[0] = k; x[1] += 1; (x[0], y) = 5, 6
            p, q = list(x), y; p, (q, r) = q, (list(p), 1); s = t = list(r)
            for x[0] in range(3): pass
            u: list = list(x); v = w, *z = list('abc'); args += (1,)
            return x, y, p, q, r, s is t, u, v, w, z, args, words
        """,
    "inner function writes": """
        def f():
            'Doc.'
            def g(a, *b, **c):
                'Inner doc.'
                a[0] = b; c['z'] = 1; return a, b, c
            return g([0], 1, k=2), g.__doc__, g.__qualname__
        """,
    "locals": "def f(x=1):\n y = max(x, 2); a = [0]; a[0] = y\n return sorted(locals()), dir(), vars()",
    "eval and exec": "def f(x=2):\n y = eval('x + 1'); exec('z = 1', {}); return y",
    "names of inner functions": """
        class A:
            def f(self=None):
                def g(): return (lambda: 0).__qualname__, [h.__qualname__ for h in [lambda: 0]]
                class B:
                    def m(self): pass
                    q = __qualname__
                return g.__qualname__, g(), B.__qualname__, B.m.__qualname__, B.q
        f = A.f
        """,
    "annotations stay text": """
        from __future__ import annotations
        def f():
            def g(x: list[dict(a=1)], *a: print(2)) -> int(3): y: str(4) = x; return y
            class A:
                z: float(5) = float(6)
            return g.__annotations__, A.__annotations__, g(1)
        """,
    "annotations run": "def f():\n def g(x: max(1, 2)) -> abs(-1): return x\n return g.__annotations__, g(1)",
    "async": """
        import asyncio
        def f():
            class M:
                async def __aenter__(self): return 1
                async def __aexit__(self, *e): return None
            async def ticks():
                for i in range(3): yield i; await asyncio.sleep(0)
            async def g():
                async with M() as m: return m, [i async for i in ticks()], [await h(i) for i in range(2)]
            async def h(x): return max(x, 1)
            return asyncio.run(g())
        """,
    "a coroutine itself": "import asyncio\nasync def f():\n a = [await asyncio.sleep(0, 1)]; a[0] = len(a); return a",
    "lambda": "f = lambda x=1, *a, k=max(1, 2), **b: (y := max(x, k), [abs(i) for i in range(y)])",
    "lambda over lines": "f = (lambda:\n max(1,\n  2))",
    "lambda in a class": "class A:\n __x = 3\n f = lambda s=None: (A.__x, [abs(A.__x) for _ in range(2)])\nf = A.f",
    "decorated, attributes": "import functools\ndef d(g):\n @functools.wraps(g)\n def w(*a): w.n = 1; return g(*a), w.n\n return w\n@d\ndef f(): return 1",
    "fails in a call": "def g(x):\n return 1 / x\ndef f():\n return max(1,\n   g(0),\n   2)",
    "fails in a builtin": "def f():\n x = 1\n return (x +\n  int('x'))",
    "fails in a method chain": "def f():\n return ('a'\n  .upper()\n  .split('b', maxsplit=3)\n  .pop(0)\n  .index('z'))",
    "fails in a star call": "def f():\n return ('a'\n  .upper()\n  .split(*[1]))",
    "fails in a call of an import": "import math\ndef f():\n return (math\n  .sqrt(\n -1))",
    "fails with many arguments": "class A: pass\ndef f():\n return (A\n .g\n .h(" + ", ".join("1" * 31) + "))",
    "fails to find an attribute": "def f():\n return ('a'\n  .upper()\n  .none(1))",
    "fails in a store": "def f():\n a = list('ab')\n b = len(\n  a)\n a[b] = 1",
    "fails unpacking": "def f():\n a = [0]\n b, c = (\n  list(a))\n a[0] = b",
    "fails unbound": "def f():\n if len('') : x = 1\n return print(x)",
    "fails inside": "def f():\n def g(): return [int(c) for c in\n  'x']\n class A:\n  n = g()\n return A",
    "fails in a decorator": "def d(g):\n raise ValueError\ndef f():\n x = 1\n @d\n def g(): pass",
    "fails in arguments": "def f():\n return (lambda a: a)(1, 2)",
    "fails in an inner entry": "def f():\n @staticmethod\n @(lambda g: g)\n def g(\n   a,\n   b):\n  a[0] = b\n return g(1, 2)",
    "a thousand terms": "def f(x=1): return " + " + ".join(["abs(x)"] * 400),
    "empty": "def f(): pass",
    "only a docstring": "def f():\n 'Doc.'",
}
if sys.version_info >= (3, 12):
    PROGRAMS["type parameters"] = """
        def f[T: int, *Ts, **P](x: T = 1, *a: *Ts) -> T:
            type Alias[S] = list[T | S | max(1, 2)]
            class A[U]:
                def m[V](self, v: V) -> tuple[U, V]: return T, U, V
            b = [0]; b[0] = len(b)
            return str(T), A().m(int(x)), A.__type_params__, str(Alias), A.m.__qualname__, b
        """
    PROGRAMS["method with type parameters"] = """
        class A[T]:
            def f[U](self=None): return T, U, __class__.__name__, f"{max('a', f'{len("b")}')}"
        f = A.f
        """


def outcome(f: Callable[[], Any]) -> object:
    """Return the result, or the error with every place it passed, columns included."""
    try:
        result = f()
        if inspect.isgenerator(result):
            result = [next(result), result.send(5), result.close()]  # type: ignore[arg-type]
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
    except Exception as error:
        return type(error), str(error), [place(frame) for frame in traceback.extract_tb(error.__traceback__)[1:]]
    return repr(result)


def place(frame: traceback.FrameSummary) -> tuple[object, ...]:
    return Path(frame.filename).suffix, frame.name, frame.lineno, frame.colno, frame.end_lineno, frame.end_colno


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_copy_does_the_same(name: str, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    expected = outcome(load(PROGRAMS[name]).f), capsys.readouterr().out
    copy = copy_of(load(PROGRAMS[name]).f)
    assert (outcome(copy), capsys.readouterr().out) == expected


LOOKS = ("name", "qualname", "doc", "module", "defaults", "kwdefaults", "annotations", "dict", "globals", "closure")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_copy_looks_the_same(program: str, load: Load) -> None:
    function = load(PROGRAMS[program]).f
    function.color, cells = "blue", function.__closure__
    copy = copy_of(function)
    for name in LOOKS:
        assert getattr(copy, f"__{name}__") == getattr(function, f"__{name}__"), name
    assert copy.__globals__ is function.__globals__
    assert copy.__closure__ is cells
    assert inspect.signature(copy) == inspect.signature(function)
    assert inspect.getsource(copy) == inspect.getsource(function)
    assert [facts(code) for code in codes(copy.__code__)] == [facts(code) for code in codes(function.__code__)]


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from codes(value)


def facts(code: types.CodeType) -> tuple[object, ...]:
    sizes = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    names = code.co_name, code.co_qualname, code.co_varnames, code.co_freevars, code.co_cellvars
    return *sizes, *names, code.co_flags, code.co_filename, code.co_firstlineno


# --- What the runtime sees ---------------------------------------------------------------------------------------

# fmt: off
SEEN = {
    "calls, inside out":     ("def f(): return max(abs(1), abs(-2))",                            "max|abs|abs"),
    "function, then arguments": ("def g(): return len\ndef f(): return g()(str())",               "g|len|str"),
    "super is left alone":   ("class A:\n def f(self=None): super(A, A())\nf = A.f",              "A"),
    "methods of super":      ("class A:\n def f(self): super().__init__()\nf = A.f\nf.__defaults__ = (A(),)", "__init__"),
    "decorators":            ("def d(g): return g\ndef e(): return d\ndef f():\n @d\n @e()\n class A: pass", "d|e|d"),
    "plain decorators":      ("def f():\n class A:\n  @property\n  def p(s): 0\n  @p.setter\n  def p(s, v): 0\n  @staticmethod\n  def s(): 0", ""),
    "attribute decorators":  ("import types\ndef f():\n @types.coroutine\n def g(): yield",       "coroutine"),
    "annotations":           ("def f():\n x: int() = len('')",                                    "len"),
    "nothing is owned":      ("def f(a=1): b = len('')",                                          "len"),
    "subscript store":       ("def f(a=1): b = len('x'); c = [0]; c[0] = b",                      "own 1|len|own 1"),
    "augmented":             ("def f(a=1): a += 1; b = a",                                        "own 1|own 2"),
    "out=":                  ("def g(out): return 7\ndef f(): b = g(out=1)",                      "g|own 7"),
    "writing method":        ("def f(a=3):\n if a < 0: a.sort()",                                 "own 3"),
    "writing function":      ("def f(a=3):\n if a < 0: copyto(a)",                                "own 3"),
    "written in an inner function": ("def f(a=3):\n def g(b): b[0] = 1\n c = a",                  "own 3|own 3"),
    "stores in targets":     ("def f(a=3):\n for (b, a[0]) in (): pass",                          "own 3"),
    "star parameters":       ("def f(a=1, /, b=2, *c, d=3, **e): e[0] = 1",                       "own 1|own 2|own 3|all ()|all {}"),
    "what is no array":      ("def f(x=0):\n c = [0]; c[0] = 1; d = 2; e = lambda: 3; g = x < 1; h = {}; i = ''; j = [k for k in c]", "own 0"),
    "expressions":           ("def f(x=1):\n c = [0]; c[0] = 1; d = x + 1; e = x if x else 2; g = c[0]", "own 1|own 2|own 1|own 1"),
    "annotated, walrus":     ("def f(x=1):\n c = [0]; c[0] = (d := x + 1); e: int = d; g: int",   "own 1|own 2|own 2"),
    "chain of targets":      ("def f(x=1):\n c = [0]; d = c[0] = e = x + 1",                      "own 1|own 2"),
    "tuple display":         ("def f(x=1):\n c = [0]; (d, c[0]), e = (x + 1, x + 2), x + 3",      "own 1|own 2|own 4"),
    "swap":                  ("def f(x=1, y=2):\n c = [0]; c[0] = 1; x, y = y, x",                "own 1|own 2|own 2|own 1"),
    "starred: not one by one": ("def f(x=1):\n c = [0]; c[0] = 1; d, *e = x, x; g, h = *[x], x",  "own 1"),
    "attributes":            ("class A: pass\ndef f():\n A.b = len(''); c = [0]; c[0] = 1; A.d = len('')", "len|len"),
    "generators":            ("def f(a=1):\n c = [0]; c[0] = yield 1",                            ""),
    "lambdas own nothing":   ("f = lambda a=1: [b := max(1, 2), a.sort() if a < 0 else 0]",  "max"),
}
# fmt: on


@pytest.mark.parametrize("name", SEEN)
def test_the_runtime_sees(name: str, load: Load) -> None:
    source, expected = SEEN[name]
    runtime = Through()
    copy_of(load(source).f, runtime)()
    assert "|".join(runtime.seen) == expected


def test_what_the_runtime_returns_is_used(load: Load) -> None:
    class Swap(Through):
        def call(self, function: Any, /) -> Any:
            return min if function is max else function

        def own(self, value: Any, /) -> Any:
            return [10] if value == [1] else value

    function = load("def f(a):\n b = a; b[0] += max(1, 2); return b").f
    assert copy_of(function, Swap())([1]) == [11]
    assert function([1]) == [3]


ERRORS = {
    "call": ("def f():\n return (max\n  (1, 2))", "call", 2),
    "call of a method": ("def f():\n return ('a'\n  .upper())", "call", 3),
    "own": ("def f():\n a = [0]; a[0] = 1\n b = (\n  len(a))", "own", 4),
    "own over lines": ("def f():\n a = [0]; a[0] = 1\n b = len(\n  a)", "own", 3),
    "parameters": ("x = 1\ndef f(\n  a=1):\n a[0] = 1", "own", 2),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_the_runtime_name_the_line(name: str, load: Load) -> None:
    source, method, line = ERRORS[name]

    def fail(_: object) -> Any:
        raise ArithmeticError

    runtime = Through()
    setattr(runtime, method, fail)
    with pytest.raises(ArithmeticError) as caught:
        copy_of(load(source).f, runtime)()
    assert caught.traceback[1].lineno + 1 == line


# --- Shared state ------------------------------------------------------------------------------------------------


def test_cells_are_shared(load: Load) -> None:
    make = load(
        "def make():\n n = 0\n def f():\n  nonlocal n\n  n += 1; return n\n def g(v):\n  nonlocal n\n  n = v\n return f, g"
    ).make
    f, g = make()
    copy = copy_of(f)
    assert [f(), copy(), f()] == [1, 2, 3]
    g(10)
    assert [copy(), f()] == [11, 12]
    assert copy_of(make()[0])() == 1


def test_an_empty_cell_may_be_filled_later(load: Load) -> None:
    copies: list[Any] = []
    program = load("def make(use):\n def f(): return n\n use(f)\n n = 7")
    program.make(lambda f: copies.append(copy_of(f)))
    assert copies[0]() == 7


def test_globals_are_read_live_and_nothing_is_added(load: Load) -> None:
    program = load("def f(): return max(n, 0)")
    before = set(vars(program))
    copy = copy_of(program.f)
    program.n = 5
    assert copy() == 5
    program.max = min
    assert copy() == 0
    assert set(vars(program)) - before == {"n", "max"}


def test_defaults_are_those_of_the_moment(load: Load) -> None:
    f = load("def f(a=1, *, k=2): return a, k").f
    assert copy_of(f)() == (1, 2)
    f.__defaults__, f.__kwdefaults__ = (3,), {"k": 4}
    assert copy_of(f)() == (3, 4)


# --- The cache ---------------------------------------------------------------------------------------------------


def test_code_is_compiled_once(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    make = load("def make(n):\n return lambda: abs(n)").make
    runtime = Through()
    first = copy_of(make(-1), runtime)
    monkeypatch.setattr(module, "syntax_of", None)
    second = copy_of(make(-2), runtime)
    assert first.__code__ is second.__code__
    assert (first(), second()) == (1, 2)
    other = Through()
    third = copy_of(make(-3), other)
    assert (third(), other.seen, runtime.seen) == (3, ["abs"], ["abs", "abs"])


def test_a_copy_is_returned_as_it_is(load: Load) -> None:
    f = load("def f():\n def g(): return abs(-1)\n return g").f
    copy = copy_of(f)
    inner = copy()
    assert instrument(copy, Through()) is copy
    assert instrument(inner, Through()) is inner
    assert [is_instrumented(function) for function in (f, copy, inner, f(), abs)] == [False, True, True, False, False]


def test_runtimes_that_come_and_go_are_not_kept(load: Load) -> None:
    f = load("def f(): return abs(-1)").f
    for _ in range(100):
        assert copy_of(f)() == 1
    assert len(module._RECORDS[id(f.__code__)].copies) < 20


def test_nothing_is_kept_of_code_that_is_gone(load: Load) -> None:
    gc.collect()
    before = set(module._RECORDS)
    f = load("def f():\n return lambda: 0").f
    copy_of(f)
    assert len(set(module._RECORDS) - before) == 3
    del f
    gc.collect()
    assert not set(module._RECORDS) - before


def test_refusals() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(): return 1", namespace)
    assert instrument(namespace["f"], Through()) is None
    assert instrument(namespace["f"], Through()) is None
    assert instrument(len, Through()) is None  # type: ignore[arg-type]


def test_threads_get_the_same_code(load: Load) -> None:
    functions = [load(f"def f(x): return max(x, {i})").f for i in range(10)]
    runtime = Through()
    found: list[list[types.CodeType]] = []

    def work() -> None:
        found.append([copy_of(f, runtime).__code__ for f in functions])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(a is b for codes in found for a, b in zip(codes, found[0], strict=True))


# --- Foreign code ------------------------------------------------------------------------------------------------

LIBRARY = ("argparse", "colorsys", "dataclasses", "fractions", "heapq", "json.encoder", "random", "statistics", "typing")


def functions_of(owner: Any) -> list[tuple[str, types.FunctionType]]:
    filename = sys.modules[getattr(owner, "__module__", None) or owner.__name__].__file__
    named = [(name, value) for name, value in vars(owner).items() if isinstance(value, types.FunctionType)]
    return [(name, value) for name, value in named if value.__code__.co_filename == filename]


@pytest.mark.parametrize("name", LIBRARY)
def test_the_standard_library_keeps_its_places(name: str) -> None:
    library = importlib.import_module(name)
    classes = [value for value in vars(library).values() if isinstance(value, type) and value.__module__ == name]
    found = [value for owner in (library, *classes) for _, value in functions_of(owner)]
    assert found
    for function in found:
        for old, new in zip(codes(function.__code__), codes(copy_of(function).__code__), strict=True):
            assert facts(old) == facts(new)
            assert places(old) <= places(new)


def places(code: types.CodeType) -> set[tuple[object, ...]]:
    """Return the places of whatever may raise; jumps and stores may be merged in one code and not in the other."""
    kinds = ("CALL", "RAISE", "BINARY", "COMPARE", "LOAD_GLOBAL", "LOAD_ATTR", "FOR_ITER", "STORE_SUBSCR", "UNPACK")
    return {(step.opname[:4], *(step.positions or ())) for step in dis.get_instructions(code) if step.opname.startswith(kinds)}


@pytest.fixture
def fraction(monkeypatch: pytest.MonkeyPatch) -> type[fractions.Fraction]:
    """Return the class of fractions, all of its methods instrumented."""
    for name, value in functions_of(fractions.Fraction):
        monkeypatch.setattr(fractions.Fraction, name, copy_of(value))
    return fractions.Fraction


def test_fractions_compute_the_same(fraction: type[fractions.Fraction]) -> None:
    total = sum((fraction(1, n) for n in range(1, 20)), fraction(0))
    assert (total.numerator, total.denominator) == (275295799, 77597520)
    assert str(fraction("3.25") ** 3 // fraction(7, 3)) == "14"
    assert fraction(3.14159265).limit_denominator(100) == fraction(311, 99)
    with pytest.raises(ZeroDivisionError, match=r"Fraction\(1, 0\)"):
        fraction(1, 0)


# fmt: off
STATISTICS = {
    "mean":           ([1, 2.5, 4],),     "median":             ([3, 1, 2],),             "stdev":          ([1, 2, 4],),
    "quantiles":      ([1, 2, 4, 8],),    "mode":               ("aab",),                 "geometric_mean": ([1, 2, 4],),
    "harmonic_mean":  ([1, 2, 4],),       "linear_regression":  ([1, 2, 3], [2, 3, 5]),   "multimode":      ("aabb",),
    "median_grouped": ([1, 2, 2, 3],),    "correlation":        ([1, 2, 3], [2, 3, 5]),   "pvariance":      ([1, 2, 4],),
}
# fmt: on


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_compute_the_same(name: str) -> None:
    function = getattr(statistics, name)
    assert copy_of(function)(*STATISTICS[name]) == function(*STATISTICS[name])
