"""The problems of the benchmarks: all ways to run them agree, and with differences, which know no derivative."""

import json

import numpy as np
import pytest

import adjoint as ad
from benchmarks.gradbench import table, timing
from benchmarks.gradbench.__main__ import main
from benchmarks.gradbench.problem import SIZES
from benchmarks.gradbench.problems import PROBLEMS, ba, det, ht, kmeans, ode, particle, saddle
from benchmarks.gradbench.tools import Contender, difference, leaves

FORMS = [(name, form) for name, problem in PROBLEMS.items() for form in problem.forms]


@pytest.fixture(params=FORMS, ids="-".join)
def case(request):
    name, form = request.param
    problem = PROBLEMS[name]
    return problem, problem.forms[form], problem.inputs("small")


def along(problem, args, t, rng):
    """Return the arguments moved by t times a random direction, and the direction, zero for what is not differentiated."""
    directions = [rng.normal(size=np.shape(arg)) if i in problem.wrt else None for i, arg in enumerate(args)]
    moved = [arg if d is None else arg + t * d for arg, d in zip(args, directions, strict=True)]
    return moved, [d for d in directions if d is not None]


def by_differences(problem, f, args, *, step=1e-3):
    """Return the derivative along a random direction, by six differences, and the direction."""
    weights = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
    total = 0.0
    for k, weight in weights.items():
        ahead, back = (np.asarray(f(*along(problem, args, s * k * step, np.random.default_rng(0))[0])) for s in (1, -1))
        total = total + weight * (ahead - back) / step
    return total, along(problem, args, 0.0, np.random.default_rng(0))[1]


def test_there_are_twelve():
    assert len(PROBLEMS) == 12
    assert all(PROBLEMS[name].name == name for name in PROBLEMS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_inputs_are_the_same_at_every_call(name):
    problem = PROBLEMS[name]
    for size in SIZES[:2]:
        assert all(np.array_equal(a, b) for a, b in zip(problem.inputs(size), problem.inputs(size), strict=True))


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if len(problem.forms) > 1])
@pytest.mark.parametrize("size", SIZES[:2])
def test_forms_agree(name, size):
    problem = PROBLEMS[name]
    by_loops, by_arrays = (f(*problem.inputs(size)) for f in problem.forms.values())
    assert difference(by_loops, by_arrays) < 1e-10


def test_functions_agree(case):
    problem, f, args = case
    assert difference(ad.jit(f)(*args), f(*args)) < 1e-10
    for by_hand in problem.compiled.values():
        assert difference(by_hand(*args), f(*args)) < 1e-10


def test_derivatives_agree(case):
    problem, f, args = case
    derivative = problem.derivative(f)
    assert difference(ad.jit(derivative)(*args), derivative(*args)) < 1e-10


def test_gradients_are_those_of_differences(case):
    problem, f, args = case
    if "gradient" not in problem.kind:
        pytest.skip(f"the derivative is the {problem.kind}")
    if problem.name == "particle":  # the number of steps must not change: it does not, but the path is stiff
        slope, directions = by_differences(problem, f, args, step=1e-4)
    else:
        slope, directions = by_differences(problem, f, args)
    value, gradients = problem.derivative(f)(*args)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    assert value == pytest.approx(f(*args), rel=1e-12)
    assert sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True)) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("form", ba.PROBLEM.forms)
def test_blocks_of_ba_are_those_of_differences(form):
    problem, f = ba.PROBLEM, ba.PROBLEM.forms[form]
    args = problem.inputs("small")
    errors, first, second, (own, own_slope) = problem.derivative(f)(*args)
    slope, directions = by_differences(problem, f, args, step=1e-4)
    for column, rows in enumerate((first, second)):
        found = sum(np.sum((row * d).reshape(len(errors), -1), axis=1) for row, d in zip(rows, directions, strict=True))
        assert np.allclose(found, slope[:, column], rtol=1e-7, atol=1e-6 * np.max(np.abs(slope)))
    assert np.array_equal(own, 1 - args[2] ** 2)
    assert np.array_equal(own_slope, -2 * args[2])


@pytest.mark.parametrize("form", ht.PROBLEM.forms)
def test_jacobian_of_ht_is_that_of_differences(form):
    problem, f = ht.PROBLEM, ht.PROBLEM.forms[form]
    args = problem.inputs("small")
    slope, (direction,) = by_differences(problem, f, args)
    assert np.allclose(ad.jacfwd(ht.by_arrays)(*args) @ direction, slope, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("form", kmeans.PROBLEM.forms)
def test_newton_step_of_kmeans_finds_the_means(form):
    centroids, points = kmeans.inputs("small")
    nearest = np.argmin(np.sum((points[:, None] - centroids) ** 2, axis=2), axis=1)
    means = np.array([points[nearest == j].mean(axis=0) for j in range(len(centroids))])
    step = kmeans.PROBLEM.derivative(kmeans.PROBLEM.forms[form])(centroids, points)
    assert np.allclose(centroids - step, means, rtol=1e-12)


def test_determinant_is_that_of_numpy():
    (a,) = det.inputs("medium")
    value, slope = ad.value_and_grad(det.by_recursion)(a)
    assert value == pytest.approx(np.linalg.det(a), rel=1e-10)
    assert np.allclose(slope, value * np.linalg.inv(a).T, rtol=1e-9)


def test_ode_comes_near_its_solution():
    x, _ = ode.inputs("small")
    exact = np.prod(x) * ode.END ** len(x) / np.prod(np.arange(1, len(x) + 1))
    assert ode.by_arrays(x, 50) == pytest.approx(exact, rel=1e-10)


def test_whole_optimisation_of_particle():
    w, step = particle.inputs("small")
    found = ad.jit(particle.solve)(w, step)
    assert found == pytest.approx(particle.solve(w, step), rel=1e-10)
    assert particle.objective(found, step) < 1e-8


def test_whole_optimisation_of_saddle():
    _, start, rate = saddle.inputs("small")
    assert np.allclose(saddle.solve(start, rate), 0.0, atol=1e-3)


def test_whole_optimisation_of_saddle_as_a_program():
    _, start, rate = saddle.inputs("small")
    assert difference(ad.jit(saddle.solve)(start, rate), saddle.solve(start, rate)) < 1e-10
    rows, columns = ad.jit(ad.jacrev(saddle.solve))(start, rate), ad.jit(ad.jacfwd(saddle.solve))(start, rate)
    assert np.allclose(rows, columns, rtol=1e-8, atol=1e-12)
    assert np.allclose(rows, ad.jacfwd(saddle.solve)(start, rate), rtol=1e-8, atol=1e-12)


def test_the_command_prints_all_tables(capsys, tmp_path):
    path = tmp_path / "found.json"
    command = ["--only", "hello", "lse", "--sizes", "small", "--peers", "--backend", "python", "--repetitions", "1"]
    assert main([*command, "--memory", "--json", str(path)]) == 0
    output = capsys.readouterr().out
    assert "geometric means" in output
    assert "lse (gradient), numpy: differences from the tracing engine: adjoint" in output
    rows = json.loads(path.read_text())
    assert [(row["problem"], row["form"]) for row in rows] == [("hello", "loops"), ("lse", "loops"), ("lse", "numpy")]
    assert all(row["ratios"]["d / f"] > 0 for row in rows)


def test_wrong_result_is_noticed():
    problem = PROBLEMS["hello"]
    wrong = Contender(problem, "loops", "tracing")
    wrong.make = lambda args: (lambda: args[0] ** 3, None)
    reasons = {}
    timing.check({"tracing": Contender(problem, "loops", "tracing"), "jax": wrong}, problem.inputs("small"), reasons)
    assert reasons == {"jax": "wrong by 5.0e-01"}
    rows = [table.Row("hello", "gradient", "loops", "small", {}, reasons)]
    assert table.reasons(rows) == ["jax: wrong by 5.0e-01 (hello/loops/small)"]


def test_leaves_must_have_the_same_shape():
    assert difference((1.0, np.ones(2)), (1.0, np.ones(2))) == 0.0
    assert difference(np.nan, 1.0) == np.inf
    assert len(leaves({"a": 1.0, "b": (2.0, 3.0)})) == 3
    with pytest.raises(ValueError, match="shapes differ"):
        difference(np.ones(2), np.ones(3))
