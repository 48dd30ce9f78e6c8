"""Functions as values: closures, nonlocal state, decorators, recursion, generators, argument passing."""

from __future__ import annotations

import functools
import itertools
import math
import operator

import numpy as np

from tests.programs.registry import program


@program(args=(0.7, 1.3), complexable=True)
def nested_function_and_lambda(x, y):
    def inner(t):
        return t**2 + y

    outer = lambda t: inner(t) * x  # noqa: E731
    return outer(x + y) - (lambda u: u * y)(x)


@program(args=(0.5, 2.0))
def nonlocal_counter(x, y):
    total = 0.0
    calls = 0

    def add(value):
        nonlocal total, calls
        calls += 1
        total += value * calls
        return total

    add(x)
    add(x * y)
    add(math.sin(total))
    return total / calls


@program(args=(0.5, 2.0), complexable=True)
def closure_reads_the_latest_value(x, y):
    scale = x

    def scaled(t):
        return scale * t

    first = scaled(y)
    scale = y**2
    return first * scaled(x)


@program(args=(1.4,), complexable=True)
def closures_made_in_a_loop(x):
    late = [lambda t: t * k for k in range(4)]  # all see k = 3
    early = [lambda t, k=k: t ** (k + 1) for k in range(4)]
    return sum(f(x) for f in late) + sum(f(x) for f in early)


@program(args=(0.8, 0.3), complexable=True)
def accumulator_object_made_of_closures(x, y):
    def account(balance):
        def deposit(amount):
            nonlocal balance
            balance += amount
            return balance

        def interest(rate):
            nonlocal balance
            balance *= 1 + rate
            return balance

        return deposit, interest

    deposit, interest = account(x)
    deposit(y)
    interest(x * y)
    return deposit(x**2)


def damped(x, /, rate=0.5, *powers, scale, offset=0.1, **named):
    total = scale * x * rate + offset
    for power in powers:
        total += x**power
    for name, value in sorted(named.items()):
        total += len(name) * value
    return total


@program(args=(0.9, 1.7), complexable=True)
def all_kinds_of_arguments(x, y):
    options = {"offset": y, "alpha": x}
    return damped(x, scale=y) + damped(y, x, 2, 3, scale=1.0, beta=y * x, **options) * damped(*[x, y], scale=x)


@program(args=(0.6, 1.1), complexable=True)
def default_argument_is_active(x, y):
    def shifted(t, by=x * y):
        return (t + by) ** 2

    return shifted(x) + shifted(y, by=x) + functools.partial(shifted, by=y)(2.0)


@program(args=(0.6, 1.1), complexable=True)
def mutable_default_argument(x, y):
    def remember(value, seen=[]):  # noqa: B006  (the point)
        seen.append(value)
        return sum(seen)

    return remember(x) * remember(y) + remember(x * y)


def twice(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + function(*args, **kwargs) ** 2

    return wrapper


def scaled_by(factor):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return factor * function(*args)

        return wrapper

    return decorate


@twice
@scaled_by(0.5)
def decorated_kernel(x, y):
    """A kernel."""
    return math.exp(-x) * y


@program(args=(0.4, 1.6))
def decorators(x, y):
    @scaled_by(y)
    def local(t):
        return t**3

    return decorated_kernel(x, y) + local(x)


@program(args=(1.3,))
def self_recursion(x):
    def power(base, n):
        if n == 0:
            return 1.0
        half = power(base, n // 2)
        return half * half * (base if n % 2 else 1)

    return power(x, 7) + power(math.cos(x), 4)


def recursive_sum(a):
    if len(a) == 1:
        return math.sin(a[0])
    middle = len(a) // 2
    return recursive_sum(a[:middle]) * 2 + recursive_sum(a[middle:]) ** 2


@program(args=(np.array([0.3, 0.9, -0.4, 1.5, 0.7]),))
def divide_and_conquer(a):
    return recursive_sum(a)


def even_steps(x, n):
    return x if n <= 0 else odd_steps(0.5 * x + math.sin(x), n - 1)


def odd_steps(x, n):
    if n <= 0:
        return x * x
    return even_steps(x * x - 0.25 * x, n - 1)


@program(args=(0.8,))
def mutual_recursion(x):
    return even_steps(x, 5) + odd_steps(x, 4)


@program(args=(2.6,))
def recursion_with_data_dependent_depth(x):
    def shrink(t):
        if t < 0.2:
            return t**2
        return math.sqrt(t) + shrink(t / 3)

    return shrink(x)


@functools.cache
def binomial(n, k):
    return 1 if k in (0, n) else binomial(n - 1, k - 1) + binomial(n - 1, k)


@program(args=(0.3, np.array([0.5, -1.0, 2.0, 0.7])), complexable=True)
def bernstein_with_cached_integers(t, control):
    n = len(control) - 1
    return sum(binomial(n, k) * t**k * (1 - t) ** (n - k) * control[k] for k in range(n + 1))


@program(args=(0.7,), complexable=True)
def chebyshev_with_cached_recursion(x):
    @functools.cache
    def chebyshev(n):
        return (1.0, x)[n] if n < 2 else 2 * x * chebyshev(n - 1) - chebyshev(n - 2)

    return chebyshev(7) + 0.5 * chebyshev(4)


@program(args=(np.array([0.5, 1.5, 0.2]),), complexable=True)
def memo_dictionary(cost):
    memo = {}

    def best(n):
        if n in memo:
            return memo[n]
        value = 0.0 if n == 0 else cost[n % 3] + 0.5 * best(n - 1) ** 2 + (best(n - 2) if n > 1 else 0)
        memo[n] = value
        return value

    return best(6)


@program(args=(0.4, 0.9))
def generator_function(x, y):
    def orbit(state, n):
        for i in range(n):
            yield state
            state = math.sin(state) + y * i
        yield from (state * k for k in (1, 2))

    total = 0.0
    for i, value in enumerate(orbit(x, 3)):
        total += value ** (i % 2 + 1)
    return total


@program(args=(1.1,), complexable=True)
def generator_send_and_close(x):
    def averager():
        total, count, mean = 0.0, 0, None
        try:
            while True:
                total += yield mean
                count += 1
                mean = total / count
        finally:
            closed.append(count)

    closed = []
    running = averager()
    next(running)
    result = 0.0
    for k in range(1, 4):
        result = running.send(x**k) * (1 + result)
    running.close()
    return result * closed[0]


@program(args=(np.array([0.3, 1.2, 0.8]),), complexable=True)
def generator_expressions_are_lazy(a):
    scale = a[0]
    lazy = (scale * v**2 for v in a)
    scale = a[1]  # what the generator will see
    total = sum(lazy)
    return total + max(v * scale for v in a) + math.prod(1 + v for v in a) + any(v > 1 for v in a)


@program(args=(np.array([0.3, 1.2, 0.8]), 0.5), complexable=True)
def map_filter_reduce_accumulate(a, x):
    squares = map(lambda v: v**2 + x, a)
    large = list(filter(lambda v: v > 0.7, squares))
    product = functools.reduce(operator.mul, large, x)
    partial_sums = list(itertools.accumulate(a))
    decayed = list(itertools.accumulate(a, lambda s, v: x * s + v, initial=1.0))
    return product + partial_sums[-1] * partial_sums[1] + decayed[-1] ** 2


@program(args=(np.array([0.3, 1.2, 0.8]),))
def itertools_chain_product_pairwise(a):
    total = 0.0
    for u, v in itertools.pairwise(a):
        total += (u - v) ** 2
    for u, v in itertools.combinations(a, 2):
        total += u * v
    for v in itertools.chain(a, [a[0] ** 2], itertools.repeat(a[1], 2)):
        total += 0.1 * math.exp(v)
    for (i, u), v in itertools.product(enumerate(a), itertools.islice(a, 2)):
        total += i * u * v
    return total


@program(args=(0.5,))
def function_composition_and_tables(x):
    def compose(*functions):
        return functools.reduce(lambda f, g: lambda t: f(g(t)), functions)

    table = {"sin": math.sin, "square": lambda t: t * t, "exp": np.exp, "bound": [1.0, 2.0].__getitem__}
    chain = compose(table["sin"], table["square"], table["exp"])
    return chain(x) * table["bound"](1) + getattr(math, "cos")(x) + operator.add(x, 1) * operator.itemgetter(1)((0, x))


GRAVITY = 9.81
CALIBRATION = np.array([1.0, 0.5, 0.25])


@program(args=(0.5, 3.0))
def module_globals_and_constants(angle, speed):
    flight = 2 * speed * math.sin(angle) / GRAVITY
    local = CALIBRATION
    return flight * speed * math.cos(angle) + np.polyval(local, angle)


@program(args=(0.3, 1.9))
def simple_integrator_with_callback(x, y):
    trace = []

    def integrate(f, a, b, n=8, callback=None):
        h = (b - a) / n
        total = 0.5 * (f(a) + f(b))
        for i in range(1, n):
            total += f(a + i * h)
            if callback is not None:
                callback(total)
        return total * h

    area = integrate(lambda t: math.exp(-y * t * t), 0.0, x, callback=trace.append)
    return area + 0.01 * trace[-1]


def _accumulated(x, into=np.zeros(3)):  # noqa: B008
    into[:] = x * x
    return into


@program(args=(np.array([0.3, 1.2, 0.4]),), complexable=False)
def default_argument_is_one_array(x):
    first = _accumulated(x)
    second = _accumulated(2 * x)
    return first + second


_TABLE = np.zeros((4, 3))


@program(args=(np.array([0.3, 1.2, 0.4]),), complexable=False)
def views_of_a_global_array(x):
    row, column, whole = _TABLE[1], _TABLE[:, 1], _TABLE
    whole[...] = 1.0
    row[:] = x
    column[0] = x[2]
    column *= x[0]
    result = whole * whole
    whole[...] = 0
    return result
