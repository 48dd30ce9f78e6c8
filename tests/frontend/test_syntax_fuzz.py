"""Syntax that is rarely used or not translated: always a refusal that says where, or the right answer."""

# ruff: noqa: PT017, W291 - what an exception says is part of what is compared
from __future__ import annotations

import importlib.util
import itertools
import linecache

import numpy as np
import pytest

from adjoint.errors import AdjointError
from tests.frontend.agreement import check, translated

X = np.array([1.0, 2.0, 3.0])

# What cannot be written at all or never is: refused, with the place and a caret.
REFUSED = {
    "global": "global Z\n    Z = x",
    "async function": "async def g():\n        return x\n    y = x",
    "await": "async def g():\n        await h()\n    y = x",
    "async for": "async def g():\n        async for k in h():\n            pass",
    "async with": "async def g():\n        async with h() as k:\n            pass",
    "async comprehension": "async def g():\n        return [k async for k in h()]",
    "locals": "y = locals()",
    "globals": "y = globals()",
    "import function": "y = __import__('math')",
    "return in finally": "for k in range(3):\n        try:\n            y = x\n        finally:\n            return y",
    "walrus in a thunk": "y = x if n > 1 and (m := x) > 2 else 3",
    "nonlocal of another": "def g():\n        nonlocal_ = 1\n        return nonlocal_\n    y = eval('x')",
    "exec": "exec('y = x')",
    "vars": "y = vars()",
    "dir": "y = dir()",
    "del attribute of a class": "class A:\n        z = 1\n    A.z = x",
    "yield from symbol": "def g():\n        yield from x > 0\n    y = list(g())",
}
# Statements and expressions that are translated, or refused, never otherwise: at level 0 x is a float, n an int, a an array.
STATEMENTS = (
    "y = x", "y: float = x", "y = z = x", "y, z = x, n", "(y, [z, w]) = (x, (n, 2))", "y, *z = a", "*y, z = [x, n, x]", "y = (x,)",
    "y = {**{'k': x}, 'j': n}['k']", "y = [*a, *(x, n)]", "y = {1, 2, n}", "y = {k: k * x for k in range(3)}", "y = {k for k in range(3)}",
    "y = [(j, k) for j in range(2) for k in range(j)]", "y = [[j * k for k in range(2)] for j in range(n)]",
    "y = [v for v in a if v > 1 if v < 3]", "y = sum(v for v in a)", "y = (lambda *p, q=x, **r: q)(1, s=2)", "y = x if n > 2 else -x",
    "y = x if x > 0 else -x", "y = not x", "y = x and n", "y = x or n or 1", "y = 0 < x < n", "y = 0 < x <= n != 3", "y = x is None",
    "y = x is not x", "y = n in (1, 2, 3)", "y = x in [1.0, 2.0]", "y = n in range(5)", "y = 'k' in {'k': 1}", "y = x in a", "y = n not in {1, 2}",
    "y = a[0]", "y = a[-1]", "y = a[n - 1]", "y = a[1:]", "y = a[::-1]", "y = a[:n]", "y = a[n:]", "y = a[None, :]", "y = a[..., 0]",
    "y = a[[0, 1]]", "y = a[a > 1]", "y = a[np.array([0, 2])]", "y = 'abc'[1]", "y = 'abc'[n % 3]", "y = [x, n][n % 2]", "y = (x, n)[1]",
    "y = {'a': x}['a']", "y = {1: x, 2: n}.get(n, 0)", "y = +x", "y = -n", "y = ~n", "y = x ** 2", "y = 2 ** n", "y = n // 2", "y = n % 2",
    "y = n << 1", "y = n & 1", "y = n | 4", "y = n ^ 1", "y = a @ a", "y = x / n", "y = divmod(n, 2)", "y = f'{x}'", "y = f'{x:.2f}{n!r:>4}'",
    "y = f'{n=}'", "y = '%s' % x", "y = '%s %s' % (x, n)", "y = 'a' + 'b'", "y = 'a' * 3", "y = str(n) + 'a'", "y = b'ab'[0]", "y = 1j * x", "y = ...",
    "y = None", "y = True + n", "y = x.real", "y = n.bit_length()", "y = x.is_integer()", "y = x.hex()", "y = a.tolist()", "y = a.shape",
    "y = a.T", "y = a.sum()", "y = a.nosuch", "y = x.nosuch", "y = nosuch", "y = math.nosuch", "y = len(a)", "y = len(x)", "y = int(x)",
    "y = float(n)", "y = bool(x)", "y = complex(x, n)", "y = round(x, 1)", "y = round(x)", "y = abs(-x)", "y = min(a)", "y = max(x, n, 2)",
    "y = max([x, 3.0], key=abs)", "y = sorted([3, 1, 2])", "y = sorted([x, 0.5])", "y = list(range(n))", "y = tuple(a)", "y = set([1, 2])",
    "y = dict(a=x)", "y = list(zip(a, range(3)))", "y = list(map(abs, a))", "y = list(filter(None, [0, 1]))", "y = list(enumerate(a, 1))",
    "y = list(reversed([x, n]))", "y = any([x > 0, False])", "y = all(v > 0 for v in a)", "y = isinstance(x, float)", "y = type(x)(2)",
    "y = callable(x)", "y = hasattr(a, 'sum')", "y = getattr(a, 'ndim')", "y = getattr(x, 'nosuch', 3)", "y = id(x)", "y = hash(n)", "y = chr(97)",
    "y = ord('a')", "y = hex(n)", "y = repr(x)", "y = next(iter([x]))", "y = next(iter([]), x)", "y = slice(1, n)", "y = pow(n, 2, 5)",
    "y = sum([[x], [n]], [])", "y = print(end='')", "y = super", 
    "y = np.sum(a)", "y = np.sin(x)", "y = np.zeros(n)", "y = np.zeros((n, 2)).shape", "y = np.array([x, n])", "y = np.array([[x], [1]])",
    "y = np.where(a > 1, a, x)", "y = np.where(a > 1)", "y = np.nosuch(a)", "y = np.float64(x)", "y = np.int32(n)", "y = np.pi", "y = np.r_[a, x]",
    "y = np.dot(a, a)", "y = np.linalg.norm(a)", "y = np.random.rand(0)", "y = np.add.reduce(a)", "y = np.vectorize(lambda v: v + 1)(a)",
    "y = np.apply_along_axis(lambda v: v.sum(), 0, a)", "y = np.fromiter((v for v in a), float)", "y = np.interp(x, a, a)", "y = math.sin(x)",
    "y = math.factorial(n)", "y = math.gcd(n, 4)", "y = math.comb(4, n)", "y = math.isclose(x, 1.0)", "y = math.pi", "y = math.inf",
    "y = x\n    del y\n    y = n", "y = [x, n]\n    del y[0]", "y = {'a': x}\n    del y['a']", "y = [x]\n    y += [n]", "y = [x]\n    y *= 2", "y = (x,)\n    y += (n,)",
    "y = 1\n    y += x", "y = n\n    y //= 2", "y = n\n    y **= 2", "y = n\n    y <<= 1", "y = a\n    y += 1", "y = a\n    y[0] = x", "y = a\n    y[1:] *= x",
    "y = a\n    y @= np.eye(3)", "y = {1}\n    y |= {2}", "y = {'a': 1}\n    y |= {'b': x}", "y = x\n    assert y > 0", "y = x\n    assert y < 0, 'message'", "pass",
    "import math as m\n    y = m.sqrt(x)", "from math import sqrt\n    y = sqrt(x)", "from math import nosuch", "import nosuchmodule",
    "def g(v, /, w=2, *, u):\n        return v * w * u\n    y = g(x, u=n)", "def g():\n        yield x\n        yield n\n    y = list(g())",
    "def g():\n        y = yield x\n        return y\n    h = g()\n    y = next(h)", "def g():\n        yield from a\n    y = sum(g())",
    "class A:\n        z = 2\n        def f(self):\n            return self.z * x\n    y = A().f()", "class A(list):\n        pass\n    y = A([x, n])",
    "class A:\n        __slots__ = ('v',)\n    y = A()\n    y.v = x\n    y = y.v", "class A:\n        def __getitem__(self, k):\n            return x * k\n    y = A()[n]",
    "class A:\n        def __new__(cls):\n            return object.__new__(cls)\n    y = A()", "class A(Exception):\n        pass\n    y = A(x).args[0]",
    "class A:\n        def __enter__(self):\n            return x\n        def __exit__(self, *e):\n            return True\n    with A() as y:\n        pass",
    "match n:\n        case 1:\n            y = x\n        case _:\n            y = n", "match a:\n        case [p, q, r]:\n            y = p\n        case _:\n            y = n",
    "match (x, n):\n        case (p, q):\n            y = p + q", "match 'a':\n        case 'a' | 'b' as k:\n            y = k", "match {'k': x}:\n        case {'k': v}:\n            y = v",
    "match x:\n        case float():\n            y = 1\n        case int():\n            y = 2", "match x:\n        case 1.5:\n            y = 1\n        case _:\n            y = 2",
    "try:\n        y = x\n    except ValueError:\n        y = 1", "try:\n        y = a[n]\n    except IndexError:\n        y = 1.0", "try:\n        raise KeyError(x)\n    except KeyError as e:\n        y = e.args[0]",
    "try:\n        y = [][0]\n    except (IndexError, KeyError):\n        y = x", "try:\n        y = x\n    finally:\n        y = n", "try:\n        y = 1 / n\n    except:\n        y = x",
    "try:\n        y = x.nosuch\n    except AttributeError:\n        y = n", "try:\n        y = 'a' + n\n    except TypeError:\n        y = n", "raise ValueError", "raise ValueError('text') from None",
    "raise ValueError(f'{x}')", "while x < 3:\n        x += 1\n    y = x", "while n:\n        n -= 1\n    y = n", "while True:\n        x += 1\n        if x > 3:\n            break\n    y = x",
    "while x < 3:\n        x += 1\n    else:\n        y = x", "for k in range(n):\n        if k > 1:\n            break\n    else:\n        k = -1\n    y = k", "for k in a:\n        x += k\n    y = x",
    "for k, v in enumerate(a):\n        x += k * v\n    y = x", "for k in []:\n        pass\n    y = x", "for k in 'abc':\n        x += 1\n    y = x", "for a[0] in range(n):\n        pass\n    y = a",
    "for (p, q), r in zip([(x, 1), (n, 2)], a):\n        x += p * q * r\n    y = x", "for k in {'a': 1}:\n        y = k", "for k in {1, 2}:\n        x += k\n    y = x", "for k in x:\n        pass",
    "for k in range(0, n, 2):\n        x += k\n    y = x", "for k in range(n, 0, -1):\n        x += k\n    y = x", "for k in reversed(range(n)):\n        x += k\n    y = x", "for k in range(x):\n        pass",
    "for k in iter(lambda: 1, 1):\n        x += 1\n    y = x", "for k in map(lambda v: v * x, a):\n        x += k\n    y = x", "with np.errstate(all='ignore'):\n        y = x / n", "with np.errstate(all='raise'):\n        y = x / n",
    "type(x)\n    y = x", "x; y = n", "y = x if True else n", "y = [x for _ in range(n)][0]", "y = (y := x) + 1", "if (y := x) > 0:\n        y += 1", "y = lambda: x\n    y = y()", "y = a\n    y.shape = (3, 1)",
    "y = a.real\n    y[0] = x", "y = a.copy()\n    y.fill(x)", "y = a.copy()\n    y.sort()", "y = a.copy()\n    y.resize(4)", "y = a.view()", "y = a.astype(int)", "y = a.dtype", "y = a.flags", "y = a.strides",
    "y = a.base", "y = a.data", "y = a.item(0)", "y = a.flat[0]", "y = list(a.flat)", "y = np.nditer(a)", "y = list(np.ndindex(2, 2))", "y = list(np.ndenumerate(a))", "y = memoryview(a)", "y = bytearray(2)",
)  # fmt: skip
FRAMES = {
    "plain": "    {body}\n",
    "branch": "    y = 0.5\n    if x > 1:\n        {deep}\n    z = y\n",
    "loop": "    y = 0.5\n    for t in range(n):\n        {deep}\n    z = y\n",
    "while": "    y, t = 0.5, 0.0\n    while t < 2.5:\n        t = t + 1\n        {deep}\n    z = y\n",
    "function": "    y = 0.5\n    def inner(x, n, a):\n        {deep}\n        return y\n    y = inner(x, n, a)\n",
}


def made(tmp_path, body: str):
    path = tmp_path / "program.py"
    path.write_text(f"import math\n\nimport numpy as np\n\n\ndef program(x, n, a):\n{body}    return y\n")
    linecache.checkcache(str(path))
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.program


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_place_and_caret(name, tmp_path) -> None:
    program = made(tmp_path, f"    {REFUSED[name]}\n")
    with pytest.raises(AdjointError) as caught:
        translated(program, (2.0, 3, X))
    text = str(caught.value)
    assert "program.py:" in text
    assert caught.value.remedy or caught.value.why


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.filterwarnings("ignore")
def test_right_or_refused(statement, frame, tmp_path) -> None:
    body = FRAMES[frame].format(body=statement, deep=statement.replace("\n    ", "\n        "))
    program = made(tmp_path, body)
    try:
        check((program, tuple(itertools.product((2.0, 0.5), (3,), (X,))), ""))
    except AdjointError as error:
        assert "program.py:" in str(error), str(error)
