"""Lists, tuples, dicts, sets, named tuples and dataclasses as arguments, as state and as results."""

from __future__ import annotations

import collections
import copy
import dataclasses
import math
from typing import NamedTuple

import numpy as np

from tests.programs.registry import program


@program(args=(np.array([0.5, 1.5, -0.4]), 2.0), complexable=True)
def comprehensions(a, x):
    squares = [v**2 for v in a if v > 0]
    table = [[u * v for v in a] for u in squares]
    by_index = {i: v * x for i, v in enumerate(a)}
    distinct = {i % 2 for i in range(5)}
    return sum(squares) * sum(by_index[i] for i in distinct) + sum(sum(row) for row in table)


@program(args=((0.4, (1.2, 0.7)), [np.array([1.0, 2.0]), 0.5]), complexable=True)
def unpacking(nested, values):
    a, (b, c) = nested
    v, s = values
    first, *rest = (a, b, c, s)
    *most, last = [*rest, *v, a * b]
    (p, q), r = v, last
    a, b, c = c, a, b
    return first * most[1] + p * a - q * b + r * c + sum(most)


@program(args=(0.3, 0.8))
def fibonacci_swap(x, y):
    for _ in range(6):
        x, y = y, 0.7 * x + math.sin(y)
    return x * y


@program(args=(0.9, 0.2), complexable=True)
def lists_that_grow(x, y):
    values = [x]
    values.append(y)
    values += [x * y, y**2]
    values.extend(v + 1 for v in values[:2])
    values.insert(1, x**3)
    popped = values.pop(2)
    values[0] = values[-1] * popped
    values[1:3] = [values[2] * 2]
    del values[-1]
    values.reverse()
    return np.array(values) * len(values)


@program(args=(0.9, 0.2))
def nested_lists_become_arrays(x, y):
    matrix = np.array([[x, y], [1, x * y]])
    vector = np.asarray([2.0, math.exp(x)])
    stack = np.array([vector, matrix[0]])
    mixed = np.array([np.array([x, 1.0]), np.array([y, 2.0])])
    return matrix @ vector + stack.sum(axis=0) + mixed[:, 0] + np.array((x,)) + np.array(y)


@program(args=({"weights": [np.array([0.5, -0.2]), np.array([1.5])], "bias": (0.1, {"inner": 0.7})},), complexable=True)
def tree_in_tree_out(parameters):
    first, second = parameters["weights"]
    bias, more = parameters["bias"]
    hidden = np.tanh(first * bias)
    return {
        "hidden": hidden,
        "list": [second * more["inner"], (bias**2,)],
        "nested": {"b": hidden.sum() * second[0], "a": bias},
    }


class Point(NamedTuple):
    x: float
    y: float

    def norm(self):
        return math.hypot(self.x, self.y)


Segment = collections.namedtuple("Segment", "start end")


@program(args=(Point(0.6, 1.2), 0.5))
def named_tuples(point, t):
    moved = point._replace(x=point.x + t)
    segment = Segment(point, moved)
    x, y = segment.end
    return Point(moved.norm() * x, y * segment.start.x + sum(point))


@dataclasses.dataclass
class Spring:
    stiffness: float
    rest: float = 1.0
    history: list = dataclasses.field(default_factory=list)

    @property
    def softness(self):
        return 1 / self.stiffness

    def force(self, length):
        self.history.append(length)
        return self.stiffness * (length - self.rest) * self.softness**2


@program(args=(2.0, 0.7), complexable=True)
def dataclass_inside(k, length):
    spring = Spring(k)
    stiffer = dataclasses.replace(spring, stiffness=k * 2, history=[])
    total = sum(s.force(length + i) for i, s in enumerate((spring, stiffer, spring)))
    spring.rest = total
    return spring.force(length) * len(spring.history) + stiffer.history[0]


@dataclasses.dataclass(frozen=True)
class Oscillator:
    frequency: float
    damping: float
    state: np.ndarray


@program(args=(Oscillator(1.5, 0.2, np.array([1.0, 0.3])),), complexable=True, tags="dataclass_argument")
def dataclass_as_argument(system):
    position, velocity = system.state
    for _ in range(3):
        acceleration = -(system.frequency**2) * position - system.damping * velocity
        velocity = velocity + 0.1 * acceleration
        position = position + 0.1 * velocity
    return dataclasses.replace(system, state=np.array([position, velocity]), damping=system.damping * position)


@program(args=({"a": 0.5, "b": 1.5, "c": 0.7},), complexable=True)
def dict_methods(p):
    q = dict(p, d=p["a"] ** 2)
    q.update(b=q["b"] * q.get("missing", 2.0))
    q.setdefault("e", q["c"] + 1)
    q |= {"f": q.pop("a")}
    names = collections.defaultdict(float)
    for key, value in q.items():
        names[key in "bd"] += value**2
    ordered = collections.OrderedDict(sorted(names.items()))
    return ordered[True] * ordered[False] + sum(q.values()) + ("z" in q)


@program(args=(0.8, np.array([0.5, 1.0])))
def string_keyed_parameters(rate, initial):
    parameters = {f"layer{i}": {"w": initial[i], "b": rate * i} for i in range(2)}
    signal = rate
    for name in sorted(parameters, reverse=True):
        layer = parameters[name]
        signal = math.tanh(layer["w"] * signal + layer["b"])
    return signal * parameters["layer1"]["b"]


@program(args=(0.4, 0.6))
def deque_window(x, y):
    window = collections.deque([x, y], maxlen=3)
    for _ in range(5):
        window.append(sum(window) * 0.6 + math.sin(window[0]))
    window.rotate(1)
    return window.popleft() * window[0]


@program(args=(np.array([0.4, 0.6]),), complexable=True)
def copies_shallow_and_deep(a):
    state = {"v": a.copy(), "items": [a[0]]}
    shallow, deep = copy.copy(state), copy.deepcopy(state)
    state["v"][0] = a[1] ** 2
    state["items"].append(a[1])
    shallow["v"] = shallow["v"] * 2
    return state["v"] * deep["v"] + shallow["v"] * len(deep["items"]) + sum(shallow["items"])


@program(args=([0.5, 1.5, 1.0, -0.7],), complexable=True)
def polynomial_product_with_lists(p):
    q = [1.0, p[0]]
    product = [0.0] * (len(p) + len(q) - 1)
    for i, u in enumerate(p):
        for j, v in enumerate(q):
            product[i + j] += u * v
    derivative = [k * c for k, c in enumerate(product)][1:]
    value = 0.0
    for c in reversed(derivative):
        value = value * 0.8 + c
    return value


@program(args=(0.5, 1.2), complexable=True)
def list_of_lists_grid(x, y):
    grid = [[0.0] * 3 for _ in range(3)]
    grid[1][1] = x
    shared = [[y] * 2] * 2  # one row, twice
    shared[0][0] = x * y
    for _ in range(2):
        grid = [
            [0.5 * grid[i][j] + 0.2 * sum(grid[(i + d) % 3][(j + e) % 3] ** 2 for d, e in ((0, 1), (1, 0))) for j in range(3)]
            for i in range(3)
        ]
    return [sum(row) for row in grid] + shared[1]


@program(args=(0.5, 1.2, -0.3), complexable=True)
def tuple_arithmetic(x, y, z):
    pair = (x, y) + (z,) * 2
    assert len(pair) == 4 and pair.count(z) >= 2
    index = pair.index(y)
    a = np.array(pair[::-1])
    return a[index] * sum(pair[1:]) + dict(zip("abc", pair))["c"] ** 2


class Node:
    __slots__ = ("left", "right", "value")

    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right


@program(args=(np.array([0.4, 0.9, -0.5, 1.3]),), complexable=True)
def binary_tree_of_objects(a):
    tree = None

    def insert(node, value):
        if node is None:
            return Node(value)
        if value < node.value:
            node.left = insert(node.left, value)
        else:
            node.right = insert(node.right, value)
        return node

    def fold(node, depth):
        if node is None:
            return 0.0
        return node.value ** (depth + 1) + 0.5 * fold(node.left, depth + 1) - fold(node.right, depth + 1)

    for value in a:
        tree = insert(tree, value)
    return fold(tree, 0)


@program(args=(np.array([0.4, 0.9]), 0.5), complexable=True)
def several_results(a, x):
    return a * x, x**2, [a.sum(), np.outer(a, a)]


@program(args=(0.4, 0.9), complexable=True)
def results_that_are_partly_constant(x, y):
    return {"active": x * 2.0, "constant": 3.0, "array": np.ones(2), "mixed": np.array([1.0, x]), "unused": y}


@program(args=(np.array([[0.4, 0.9], [1.2, 0.1]]),), complexable=True)
def identity_and_same_leaf_twice(a):
    return a, a, a[0]


@program(args=(np.zeros((0,)), 1.5), complexable=True)
def empty_array_argument(a, x):
    total = x + a.sum() + np.prod(a)
    for value in a:
        total *= value
    return np.concatenate([a, [total]]) * x


@program(args=(np.array([0.3, 0.8, -0.4, 0.7]),), complexable=True)
def product_of_a_list_that_gets_shorter(x):
    def product(items):
        return items[0] * product(items[1:]) if len(items) else 1.0

    return product([v * v for v in x])


@program(args=(np.array([0.3, 0.8, -0.4, 0.7]),), complexable=True)
def product_of_halves_of_a_list(x):
    def product(items):
        if len(items) == 1:
            return items[0]
        half = len(items) // 2
        return product(items[:half]) * product(items[half:])

    return product([v * v + 0.5 for v in x])


@program(args=(np.array([[0.3, 0.8, -0.4], [0.6, 0.1, 0.9], [-0.2, 0.5, 0.4]]),), complexable=True)
def determinant_by_lists_of_columns(a):
    def minor(row, columns):
        if len(columns) == 1:
            return a[row, columns[0]]
        total, sign = 0.0, 1.0
        for k in range(len(columns)):
            total = total + sign * a[row, columns[k]] * minor(row + 1, columns[:k] + columns[k + 1 :])
            sign = -sign
        return total

    return minor(0, list(range(len(a))))


@program(args=(np.array([0.3, 0.8, -0.4, 0.7]),), complexable=True)
def lists_put_together(x):
    squares = [v * v for v in x]
    first = [x[0], 1.0] + squares
    last = squares[1:] + [x[1] * x[2]]
    last += squares[::2]
    rows = [v * x for v in squares]
    rows = rows[2:] + rows[:3]
    return first[0] * first[3] * last[-1] * last[0] * last[3] + np.sum(rows[0] * rows[-1])
