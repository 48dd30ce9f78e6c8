"""Objects: methods, properties, operators, callables, inheritance, state kept in attributes."""

from __future__ import annotations

import abc
import copy
import dataclasses
import functools
import math

import numpy as np

from tests.programs.registry import program


class Particle:
    """State in attributes, changed by methods."""

    count = 0

    def __init__(self, position, velocity, mass=1.0):
        self.position = position
        self.velocity = velocity
        self.mass = mass

    def kick(self, force, dt):
        self.velocity = self.velocity + dt * force / self.mass
        return self

    def drift(self, dt):
        self.position += dt * self.velocity
        return self

    @property
    def energy(self):
        return 0.5 * self.mass * np.sum(self.velocity**2) + self.potential(self.position)

    @staticmethod
    def potential(position):
        return np.sum(np.cos(position))

    @classmethod
    def at_rest(cls, position):
        return cls(position, np.zeros_like(position))


@program(args=(np.array([0.5, -0.4]), 0.3), complexable=True)
def methods_and_properties(start, dt):
    particle = Particle.at_rest(start.copy())
    for _ in range(3):
        particle.kick(np.sin(particle.position), dt).drift(dt)
    return particle.energy


class Polynomial:
    def __init__(self, *coefficients):
        self.coefficients = coefficients

    def __call__(self, x):
        value = 0.0
        for c in reversed(self.coefficients):
            value = value * x + c
        return value


@program(args=(0.5, -1.2, 0.8), complexable=True)
def callable_object(a, b, x):
    p = Polynomial(a, b, 1.0)
    return p(x) * Polynomial(p(a), x)(b)


class Dual:
    """A user's own dual numbers: operators over values that are themselves differentiated."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    __rmul__ = __mul__

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __sub__(self, other):
        return self + -other

    def __pow__(self, n):
        return functools.reduce(lambda a, b: a * b, [self] * n)

    def __getitem__(self, index):
        return (self.value, self.slope)[index]

    def __iter__(self):
        return iter((self.value, self.slope))


@program(args=(1.3, 0.4), complexable=True)
def operator_overloading_by_the_user(x, y):
    d = Dual(x, 1.0)
    result = 3 * d**3 - d * y + y
    value, slope = result
    return value * slope + result[1]


class Vector:
    __slots__ = ("components",)

    def __init__(self, *components):
        self.components = list(components)

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self.components, other.components))

    def __iadd__(self, other):
        for i, value in enumerate(other.components):
            self.components[i] += value
        return self

    def __setitem__(self, i, value):
        self.components[i] = value

    def __getitem__(self, i):
        return self.components[i]

    def __len__(self):
        return len(self.components)

    def __abs__(self):
        return math.sqrt(self @ self)

    def __lt__(self, other):
        return abs(self) < abs(other)

    def __eq__(self, other):
        return self.components == other.components

    def __bool__(self):
        return len(self) > 0

    __hash__ = None


@program(args=(0.5, 1.2))
def vector_class(x, y):
    u, v = Vector(x, y, 1.0), Vector(y, 2.0, x)
    w = u
    u += v
    w[1] = u[0] * y
    longest = max(u, v, key=abs)
    return abs(longest) * (u @ v) + (min(u, v) @ w if u else 0) + (u == v)


class Shape(abc.ABC):
    scale = 2.0

    def __init__(self, size):
        self.size = size

    @abc.abstractmethod
    def area(self): ...

    def cost(self):
        return self.scale * self.area() + self.size


class Square(Shape):
    def area(self):
        return self.size**2


class Rounded(Square):
    scale = 3.0

    def __init__(self, size, radius):
        super().__init__(size)
        self.radius = radius

    def area(self):
        return super().area() - (4 - math.pi) * self.radius**2

    def cost(self):
        return super().cost() * self.radius


@program(args=(1.5, 0.3), complexable=True)
def inheritance_and_super(size, radius):
    shapes: list[Shape] = [Square(size), Rounded(size, radius), Rounded(radius, size)]
    return sum(shape.cost() for shape in shapes if isinstance(shape, Square))


class Layer:
    def __init__(self, weight):
        self.weight = weight
        self._cache = None

    @functools.cached_property
    def norm(self):
        return np.sqrt(np.sum(self.weight**2))

    def __call__(self, x):
        self._cache = x * self.weight
        return np.tanh(self._cache / self.norm)

    def penalty(self):
        return self._cache.sum() ** 2


class Network:
    def __init__(self, *layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def __iter__(self):
        yield from self.layers

    def __contains__(self, layer):
        return layer in self.layers


@program(args=(np.array([0.5, -0.2]), np.array([1.0, 0.7])), complexable=True)
def objects_in_objects(w, x):
    network = Network(Layer(w), Layer(w * 2))
    y = network(x)
    assert list(network)[0] in network
    return y.sum() + sum(layer.penalty() for layer in network)


class Temperature:
    def __init__(self, kelvin):
        self.kelvin = kelvin

    @property
    def celsius(self):
        return self.kelvin - 273.15

    @celsius.setter
    def celsius(self, value):
        self.kelvin = value + 273.15

    def __getattr__(self, name):
        if name == "fahrenheit":
            return self.celsius * 9 / 5 + 32
        raise AttributeError(name)


@program(args=(300.0, 5.0), complexable=True)
def property_setter_and_getattr(kelvin, change):
    t = Temperature(kelvin)
    t.celsius = t.celsius + change
    t.celsius *= 1.1
    setattr(t, "extra", t.kelvin / 100)
    return t.fahrenheit * t.extra + getattr(t, "missing", change)


class Counter:
    """An iterator with its own state, and a context manager."""

    def __init__(self, start, stop):
        self.value, self.stop = start, stop

    def __iter__(self):
        return self

    def __next__(self):
        if self.value > self.stop:
            raise StopIteration
        self.value = self.value * 1.5
        return self.value


@program(args=(0.4, 0.9))
def iterator_class(x, y):
    total = 0.0
    for i, value in enumerate(Counter(x, 2.0)):
        total += y**i * value
    return total


class Grid:
    """Wraps an array; stores go through __setitem__ into the wrapped memory."""

    def __init__(self, n):
        self.data = np.zeros((n, n))

    def __setitem__(self, key, value):
        self.data[key] = value

    def __getitem__(self, key):
        return self.data[key]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype)

    def laplacian(self):
        d = self.data
        return d[:-2, 1:-1] + d[2:, 1:-1] + d[1:-1, :-2] + d[1:-1, 2:] - 4 * d[1:-1, 1:-1]


@program(args=(0.4, 0.9))
def class_around_an_array(x, y):
    grid = Grid(4)
    grid[1, 2] = x
    grid[2:, 1] = y * x
    for _ in range(2):
        grid[1:-1, 1:-1] += 0.2 * grid.laplacian() ** 2 + 0.1 * grid.laplacian()
    return grid.data.sum() * grid[1, 1]


@program(args=(0.4, 0.9), complexable=True)
def class_made_inside(x, y):
    class Local:
        scale = y

        def apply(self, t):
            return self.scale * t + x

    class Heir(Local):
        def apply(self, t):
            return super().apply(t) ** 2

    return Heir().apply(x) + Local().apply(y)


@dataclasses.dataclass
class _Summed:
    scale: float
    values: np.ndarray
    total: float = dataclasses.field(init=False)

    def __post_init__(self):
        self.values = np.asarray(self.values, dtype=float)
        self.values[0] += math.exp(self.scale)
        self.total = float(self.values.sum())


@program(args=(np.array([0.3, 1.2, -0.7]),))
def dataclass_replaced_and_copied(x):
    first = _Summed(x[0], x * 2)
    second = dataclasses.replace(first, scale=x[1])
    third = copy.copy(first)
    third.values[1] = x[2]
    fourth = copy.deepcopy(second)
    fourth.values[2] = x[0] ** 2
    return np.concatenate([first.values * first.total, second.values * second.total, fourth.values])
