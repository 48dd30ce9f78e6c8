"""The evaluation trace is that of the textbooks, and agrees with the operators."""

import math

import numpy as np
import pytest

import adjoint as ad
from adjoint._api import tree
from adjoint.errors import InputError, StructureError
from adjoint.explain.record import record
from tests.programs import PROGRAMS, select


def classic(x1, x2):
    v1 = x1 / x2
    v2 = np.sin(v1)
    v3 = np.exp(x2)
    v4 = v1 - v3
    v5 = v2 + v4
    return v5 * v4


# By hand, at (1.5, 0.5) along (1, 0), with a = x1/x2 = 3 and e = exp(1/2).
E = math.exp(0.5)
VALUES = [1.5, 0.5, 3.0, math.sin(3), E, 3 - E, math.sin(3) + 3 - E, (math.sin(3) + 3 - E) * (3 - E)]
V4, V5 = VALUES[5], VALUES[6]
TANGENTS = [1, 0, 2, 2 * math.cos(3), 0, 2, 2 * math.cos(3) + 2, (2 * math.cos(3) + 2) * V4 + 2 * V5]
BAR4 = V5 + V4  # by v6 = v5 * v4, and by v5 = v2 + v4
BAR1 = BAR4 + V4 * math.cos(3)
ADJOINTS = [BAR1 / 0.5, -BAR1 * 1.5 / 0.25 - BAR4 * E, BAR1, V4, -BAR4, BAR4, V4, 1]
FORMULAS = ["x1", "x2", "v-1 / v0", "sin(v1)", "exp(v0)", "v1 - v3", "v2 + v4", "v5 * v4"]


def test_classic_example():
    trace = record(classic, (1.5, 0.5))
    assert [node.label for node in trace] == ["v-1", "v0", "v1", "v2", "v3", "v4", "v5", "v6"]
    assert [node.formula for node in trace] == FORMULAS
    np.testing.assert_allclose([node.value for node in trace], VALUES, rtol=1e-15)
    np.testing.assert_allclose([node.tangent for node in trace], TANGENTS, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose([node.adjoint for node in trace], ADJOINTS, rtol=1e-14)


def test_contributions_of_the_classic_example():
    trace = record(classic, (1.5, 0.5))
    assert [(c.child, c.position) for c in trace[4].contributions] == [(6, 1), (5, 1)]
    np.testing.assert_allclose([c.value for c in trace[4].contributions], [V5, V4])
    assert [(c.child, c.position) for c in trace[0].contributions] == [(3, 0), (1, 1)]
    np.testing.assert_allclose([c.value for c in trace[0].contributions], [-BAR4 * E, -BAR1 * 6])
    assert trace[1].partials == {0: 2.0, 1: -6.0}
    assert trace[6].seed == 1
    assert trace.outputs[0].node == 6


def test_lines_of_the_classic_example():
    trace = record(classic, (1.5, 0.5))
    first = classic.__code__.co_firstlineno
    assert [node.place.line - first for node in trace if node.place] == [1, 2, 3, 4, 5, 6]
    assert trace[2].place.source == "v2 = np.sin(v1)"
    assert trace[2].place.file == __file__
    assert trace[2].place.stack == (("classic", first + 2),)


def leaves(x):
    return tree.flatten(x)[0]


def filled(x, number):
    return tree.tree_map(lambda leaf: np.full_like(leaf, number) if np.ndim(leaf) else type(leaf)(number), x)


def summed(node):
    """Seed and contributions."""
    return sum([c.value for c in node.contributions], np.zeros_like(node.value) if node.seed is None else node.seed)


NAMES = [*select("mutation"), *select("views"), *list(PROGRAMS.values())[::4]]


@pytest.mark.parametrize("program", sorted(set(NAMES), key=repr), ids=repr)
def test_agrees_with_the_operators(program):
    trace = record(program.function, program.args)
    inputs = [node for node in trace if node.kind == "input"]
    primal = [leaf for arg in program.args for leaf in leaves(arg)]
    assert len(inputs) == len(primal)  # all programs take floats alone
    y, pullback = ad.vjp(program.function, *program.args)
    adjoints = [leaf for ct in pullback(filled(y, 1)) for leaf in leaves(ct)]
    for node, expected in zip(inputs, adjoints, strict=True):
        np.testing.assert_allclose(node.adjoint, expected, rtol=1e-12, atol=1e-12)
    direction = tuple(filled(arg, k == 0) for k, arg in enumerate(program.args))
    _, t = ad.jvp(program.function, program.args, direction)
    for output, expected in zip(trace.outputs, leaves(t), strict=True):
        if output.node is not None and np.shape(trace[output.node].value) == np.shape(expected):  # not a part of it
            np.testing.assert_allclose(trace[output.node].tangent, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("program", sorted(set(NAMES), key=repr), ids=repr)
def test_adjoints_are_the_sums_of_contributions(program):
    trace = record(program.function, program.args)
    for node in trace:
        if not isinstance(node.value, (tuple, list)):
            np.testing.assert_allclose(node.adjoint, summed(node), rtol=1e-10, atol=1e-10)
        for k, p in node.partials.items():
            for parent in node.arguments[k].nodes:
                if np.ndim(p) == np.ndim(node.value) == np.ndim(trace[parent].value) == 0 and np.isrealobj(p):
                    found = [c.value for c in trace[parent].contributions if (c.child, c.position) == (node.index, k)]
                    assert found == [] or found == pytest.approx([p * node.adjoint], rel=1e-12, nan_ok=True)


def test_stores_make_new_intermediates():
    def f(x):
        y = np.zeros(2)
        y[0] = x[1] * 2
        y[0] = y[0] * x[0]
        return np.sum(y)

    trace = record(f, (np.array([3.0, 5.0]),))
    stores = [node for node in trace if node.kind == "store"]
    assert [list(node.value) for node in stores] == [[10.0, 0.0], [30.0, 0.0]]
    # Of the first content, element 0 is overwritten: it has no influence but by what was read from it.
    assert [list(node.adjoint) for node in stores] == [[3.0, 1.0], [1.0, 1.0]]
    assert list(trace[0].adjoint) == [10.0, 6.0]


def test_a_part_of_an_array_stored_into_another_part():
    def f(x):
        y = 2 * x
        y[:2] = y[1:]
        return y[0] * 3 + y[1] * 5 + y[2] * 7

    x = np.array([1.0, 2.0, 3.0])
    trace = record(f, (x,))
    np.testing.assert_allclose(trace[0].adjoint, ad.grad(f)(x))
    for node in trace:
        np.testing.assert_allclose(node.adjoint, summed(node))


def test_groups_number_calls_and_iterations():
    def inner(a):
        return a * a

    def f(x):
        for _ in range(3):
            x = inner(x) + 1
        return x

    trace = record(f, (0.5,))
    squares = [node for node in trace if node.function == "numpy.multiply"]
    assert [[(g.kind, g.number) for g in node.groups][1] for node in squares] == [("iteration", k) for k in range(3)]
    assert [node.groups[0].kind for node in squares] == ["loop"] * 3
    assert len({node.groups[0] for node in squares}) == 1
    assert len({node.groups[2] for node in squares}) == 3
    assert all(node.groups[2].title == "inner()" for node in squares)


def test_nested_loops_restart_their_count():
    def f(x):
        for _ in range(2):
            x = x + 1
            for _ in range(3):
                x = x * 2
        return x

    trace = record(f, (0.5,))
    doubled = [node for node in trace if node.function == "numpy.multiply"]
    assert [[g.number for g in node.groups if g.kind == "iteration"] for node in doubled] == [
        [i, j] for i in range(2) for j in range(3)
    ]


def test_one_line_loops_iterate():
    def f(x):
        while x < 100:
            x = x * 2
        return x

    trace = record(f, (3.0,))
    assert [node.groups[-1].number for node in trace if node.kind == "operation"] == [0, 1, 2, 3, 4, 5]


def test_generators_iterate():
    trace = record(lambda x: sum(x * k for k in range(3)), (3.0,))
    products = [node for node in trace if node.function == "numpy.multiply"]
    assert [[(g.kind, g.number) for g in node.groups][-1] for node in products] == [("iteration", k) for k in range(3)]


def test_comparisons_are_noted():
    trace = record(lambda x: x * 2 if x > 1 else x, (3.0,))
    (decision,) = trace.decisions
    assert (decision.text, bool(decision.result), decision.before) == ("v0 > 1", True, 1)


def test_integers_are_held_fixed_beside_floats():
    trace = record(lambda x, n: x**n, (3.0, 2))
    assert trace.inputs == 1
    assert trace[0].adjoint == 6
    assert record(lambda x: x * x, (3,))[0].adjoint == 6


def test_direction_and_cotangent():
    trace = record(lambda x, y: (x * y, x + y), (2.0, 3.0), direction=(None, 1.0), cotangent=(10.0, 1.0))
    assert [trace[o.node].tangent for o in trace.outputs] == [2.0, 1.0]
    assert [trace[-1].adjoint, trace[0].adjoint] == [31.0, 21.0]


@pytest.mark.parametrize("direction", [1.0, (1.0,), (1.0, np.ones(2))])
def test_a_wrong_direction_is_refused(direction):
    with pytest.raises(StructureError, match="direction"):
        record(lambda x, y: x * y, (2.0, 3.0), direction=direction)


def test_inside_of_a_derivative_is_refused():
    with pytest.raises(InputError, match="inside of a derivative"):
        ad.grad(lambda x: x * len(record(lambda z: z * z, (x,))))(2.0)


def test_infinite_slopes():
    with np.errstate(all="ignore"):
        trace = record(lambda x: np.log(x) * 2, (0.0,))
        assert ad.linearize(np.log, 0.0)[1](1.0) == math.inf
    assert (trace[0].adjoint, trace[1].tangent) == (math.inf, math.inf)


def test_no_argument_is_refused():
    with pytest.raises(InputError, match="no arguments"):
        record(lambda: 1.0, ())


def test_the_index_is_that_of_the_notation():
    trace = record(classic, (1.5, 0.5))
    assert trace[-1].name == "x1"
    assert trace[6].index == 6
    with pytest.raises(IndexError, match="v_-1 to v_6"):
        trace[7]


@ad.custom_vjp
def cubed(x):
    return x * x * x


cubed.defvjp(lambda x: (x * x * x, x), lambda x, ct: (3 * x * x * ct,))


@pytest.mark.parametrize("f", [cubed, ad.checkpoint(lambda x: x * x * x)])
def test_functions_with_rules_of_their_own(f):
    trace = record(lambda x: 2 * f(x), (2.0,))
    assert trace[0].adjoint == 24.0
    assert [node.kind for node in trace] == ["input", "operation", "part", "operation"]
    assert "24" in str(ad.explain(lambda x: 2 * f(x), 2.0))


def test_a_result_of_several_arrays():
    def f(a):
        q, r = np.linalg.qr(a)
        return np.sum(q[0] * r[0])

    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    trace = record(f, (a,))
    np.testing.assert_allclose(trace[0].adjoint, ad.grad(f)(a), rtol=1e-12)
    assert [node.kind for node in trace][:4] == ["input", "operation", "part", "part"]
