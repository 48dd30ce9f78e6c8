"""Programs made to be followed wrongly: each gives the right derivative, or is refused with an error of adjoint's own."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError, ConversionError, InputError, MutationError, StructureError
from tests import oracles

X = np.array([0.3, 1.2, 0.4])


# --- what is evaluated later, after the program has gone on ---------------------------------------------------------------


def _captured_array_changes(x: Any) -> Any:
    w = np.ones(3)
    y = ad.checkpoint(lambda a: a * a * w)(x)
    w[:] = 0
    return y + w


def _loop_variable_goes_on(x: Any) -> Any:
    for i in range(3):
        x = ad.checkpoint(lambda a: np.sin(a) * (i + 1))(x)  # noqa: B023
    return x


def _number_is_rebound(x: Any) -> Any:
    c = 2.0
    y = ad.checkpoint(lambda a: a * a * c)(x)
    c = 0.0
    return y + c


def _large_captured_array_changes(x: Any) -> Any:
    w = np.ones(3000)
    y = ad.checkpoint(lambda a: (w * a[0] * a[1]).sum() * a)(x)
    w[:] = 0
    w += 1
    w *= 3
    return y


def _argument_changes(x: Any) -> Any:
    y = x * 1
    z = ad.checkpoint(lambda a: a * a)(y)
    y[:] = 0
    return z + y


def _residual_changes(x: Any) -> Any:
    @ad.custom_vjp
    def sine(a: Any) -> Any:
        return np.sin(a)

    sine.defvjp(lambda a: (np.sin(a), a), lambda residual, ct: (ct * np.cos(residual),))
    y = x * 1
    z = sine(y)
    y[:] = 0
    return z + y


def _linear_map_of_an_array_that_changes(x: Any) -> Any:
    u, w = x * 1, x * 2
    _, linear = ad.linearize(lambda a: a * a * w, u)
    _, pull = ad.vjp(lambda a: a * a * a, u)
    w[:] = 0
    u[:] = 0
    return linear(np.ones(3)) + pull(np.ones(3))[0]


LATER = [
    _captured_array_changes, _loop_variable_goes_on, _number_is_rebound, _large_captured_array_changes, _argument_changes,
    _residual_changes, _linear_map_of_an_array_that_changes,
]  # fmt: skip


@pytest.mark.parametrize("f", LATER)
@pytest.mark.parametrize("mode", [ad.jacfwd, ad.jacrev, ad.jacobian])
def test_what_is_evaluated_later_sees_what_was(f: Callable[..., Any], mode: Callable[..., Any]) -> None:
    t = np.array([1.0, -0.5, 0.25])
    np.testing.assert_allclose(mode(f)(X) @ t, oracles.directional(f, (X,), (t,)).value, rtol=1e-8)


def test_checkpointed_function_may_not_write_into_its_argument() -> None:
    def doubled(a: Any) -> Any:
        a *= 2
        return a

    x = X.copy()
    with pytest.raises(MutationError, match="checkpointed"):
        ad.grad(lambda x: np.sum(ad.checkpoint(doubled)(x)))(x)
    np.testing.assert_array_equal(x, X)
    x[0] = 1.0  # and the array can be written to again


# --- memory --------------------------------------------------------------------------------------------------------------------


def test_callers_array_gets_its_numbers_back() -> None:
    def store(x: Any, into: Any) -> None:
        into[0] = x[0]
        into += 1

    def f(x: Any, into: Any) -> Any:
        store(x, into)
        return x.sum()

    for operator in (ad.grad, ad.jacfwd, ad.hessian):
        into = np.arange(3.0)
        operator(f)(X, into)
        if operator is ad.grad:
            np.testing.assert_array_equal(into, [1.3, 2.0, 3.0])
        assert type(into) is np.ndarray
        assert not np.isnan(into).any()


@pytest.mark.parametrize("fails", [False, True])
def test_array_written_at_an_inner_level_comes_back_through_all_levels(fails: bool) -> None:
    def f(x: Any, b: Any) -> Any:
        def g(y: Any) -> Any:
            b[0] = y * x[0]
            if fails:
                raise KeyError
            return b[0] * y

        with contextlib.suppress(KeyError):
            ad.grad(g)(x[1])
        b[1] = x[2]
        return b.sum() * x[0]

    b = np.arange(3.0)
    gradient = ad.grad(f)(X, b)
    truth = oracles.gradient(lambda x: (x[1] * x[0] + x[2] + 2) * x[0], (X,))
    np.testing.assert_allclose(gradient, truth.value, rtol=1e-8)
    np.testing.assert_allclose(b, [X[1] * X[0], X[2], 2])


def test_array_promoted_over_two_levels_comes_home() -> None:
    def f(x: Any) -> Any:
        b = x * 1

        def g(y: Any) -> Any:
            def h(z: Any) -> Any:
                b[0] = z * y * x[0]
                return b[0] * z * y

            slope = ad.grad(h)(x[2])
            return b[0] * slope

        slope = ad.grad(g)(x[1])
        b[1] = x[2]
        return (b[0] + b[1] + 2) * x[0] * slope

    def plain(x: Any) -> Any:
        return 6 * x[2] ** 2 * x[1] ** 2 * x[0] ** 2 * (x[2] * x[1] * x[0] + x[2] + 2) * x[0]

    np.testing.assert_allclose(ad.grad(f)(X), oracles.gradient(plain, (X,)).value, rtol=1e-8)
    np.testing.assert_allclose(ad.hessian(f)(X), ad.hessian(plain)(X), rtol=1e-8)


def test_arguments_that_share_memory() -> None:
    product = lambda a, b: np.sum(a * b * b)
    np.testing.assert_allclose(ad.grad(product, argnums=(0, 1))(X, X), [X * X, 2 * X * X])

    def scaled(a: Any, b: Any) -> Any:
        a *= 2.0
        return np.sum(a * b)

    x = X.copy()
    for argnums in (0, (0, 1)):
        with pytest.raises(MutationError, match="shares its memory"):
            ad.grad(scaled, argnums=argnums)(x, x)
    np.testing.assert_array_equal(x, X)


def test_derivatives_have_memory_of_their_own() -> None:
    gradients = ad.grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(X, X)
    ct = np.ones(3)
    cotangents = ad.vjp(lambda a, b: a + b, X, X)[1](ct)
    t = np.ones(3)
    tangents = ad.jvp(lambda a: (a, a), (X,), (t,))[1]
    arrays = [*gradients, *cotangents, ct, *tangents, t]
    for k, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[:k])


def test_plain_memory_read_behind_our_back_is_noticed() -> None:
    def f(x: Any) -> Any:
        a = np.zeros(3)
        a[:] = x
        return np.ndarray.view(a, np.ndarray).sum()

    for operator in (ad.grad, ad.jacfwd, ad.jacrev):
        with pytest.raises(ConversionError, match="plain memory"):
            operator(f)(X)
    with pytest.raises(ConversionError, match="plain memory"):
        ad.grad(lambda x: f(x) + x[0])(X)
    assert np.isnan(ad.grad(lambda x: np.sum(x) * np.nan)(X)).all()  # a nan of the program's own is no evidence


# --- refused ---------------------------------------------------------------------------------------------------------------------


def _matched(x: Any) -> Any:
    match x[0]:
        case float():
            return x[1]
        case _:
            return 100 * x[1]


REFUSED: list[tuple[str, type[AdjointError], Callable[[], Any]]] = [
    ("class pattern", ConversionError, lambda: ad.grad(_matched)(X)),
    ("argument named twice", InputError, lambda: ad.grad(lambda a, b: a * b, argnums=(1, -1))(2.0, 3.0)),
]


@pytest.mark.parametrize(("error", "call"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(error: type[AdjointError], call: Callable[[], Any]) -> None:
    with pytest.raises(error):
        call()


def test_custom_rules_return_derivatives_of_the_right_shape() -> None:
    square = ad.custom_jvp(lambda x: x * x)
    square.defjvp(lambda p, t: (p[0] ** 2, 2.0))
    total = ad.custom_vjp(lambda x: np.sum(x * x))
    total.defvjp(lambda x: (np.sum(x * x), x), lambda residual, ct: (ct * residual.sum(),))
    for call in (lambda: ad.jvp(square, (X,), (X,)), lambda: ad.grad(lambda x: square(x).sum())(X), lambda: ad.grad(total)(X)):
        with pytest.raises(StructureError, match="shape"):
            call()


# --- edges ---------------------------------------------------------------------------------------------------------------------


def test_jacobians_of_nothing() -> None:
    def f(x: Any) -> Any:
        return np.concatenate([x * 2, np.array([x.sum()])])

    for operator in (ad.jacfwd, ad.jacrev, ad.jacobian):
        assert operator(f)(X[:0]).shape == (1, 0)


def test_empty_list_as_an_index_of_a_batch() -> None:
    def f(x: Any) -> Any:
        z = x * 1
        z[[]] = 4
        return z * z

    np.testing.assert_allclose(ad.jacfwd(f)(np.arange(5.0)), np.diag(2 * np.arange(5.0)))


def test_result_given_by_position() -> None:
    def f(x: Any) -> Any:
        b = x * 1
        np.sin(b, b)
        return np.sum(np.add(b, b, b))

    np.testing.assert_allclose(ad.grad(f)(X), 2 * np.cos(X))


def test_checkpoint_of_numbers_and_arrays_in_a_batch() -> None:
    f = functools.partial(ad.checkpoint(lambda c, x: np.sin(x) * c), 2.0)
    np.testing.assert_allclose(ad.vmap(f)(np.stack([X, 2 * X])), np.stack([f(X), f(2 * X)]))


@pytest.mark.parametrize(
    "look_up",
    [lambda x: x if x in {0.0, 1.0} else 2 * x, lambda x: {1.0: 3.0}.get(x, 2.0) * x, lambda x: hash(x) * x],
    ids=["set", "dict", "hash"],
)
def test_values_are_no_keys(look_up):
    with pytest.raises(ConversionError, match="as a key of a dict"):
        ad.grad(look_up)(1.0)


def test_leaves_of_one_tree_that_share_memory():
    w = np.array([1.0, 2.0])

    def writes(p):
        p["a"][0] = 2 * p["b"][1]
        return (p["a"] * p["b"]).sum()

    with pytest.raises(MutationError, match="shares its memory"):
        ad.grad(writes)({"a": w, "b": w})
    tied = ad.grad(lambda p: (p["a"] * p["b"]).sum())({"a": w, "b": w})
    np.testing.assert_array_equal(tied["a"], w)


def test_a_cotangent_of_another_shape_is_refused_in_both_modes():
    @ad.custom_vjp
    def total(x):
        return np.sum(x)

    total.defvjp(lambda x: (np.sum(x), None), lambda residuals, ct: (ct,))
    x = np.ones(3)
    with pytest.raises(StructureError, match=r"shape \(\)"):
        ad.grad(total)(x)
    with pytest.raises(StructureError, match=r"shape \(\)"):
        ad.jvp(total, (x,), (x,))


def test_the_method_trace():
    gradient = ad.grad(lambda x: np.outer(x, x).trace() + (x[:, None] * np.eye(3)).trace(offset=0))(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(gradient, [3.0, 5.0, 7.0])


def test_new_axes_of_active_buffers_are_views():
    def f(x):
        b = np.zeros((2, 3))
        b[0, 0] = x[0]
        column = b[:, None, 1:]
        column[1, 0, 1] = x[1] ** 2
        b[1][None][0, 0] = x[0] * x[1]
        return (b * np.arange(6.0).reshape(2, 3)).sum() + column[0, 0, 0]

    gradient = ad.grad(f)(np.array([2.0, 3.0]))
    np.testing.assert_array_equal(gradient, [3 * 3.0, 5 * 6.0 + 3 * 2.0])
    np.testing.assert_array_equal(ad.jacfwd(f)(np.array([2.0, 3.0])), gradient)


def test_a_long_column_of_a_broadcast():
    # `numpy.unravel_index` (2.4.6) is wrong for more than 8192 positions in the shape (n, 1).
    n = 9000
    weights = np.arange(n)[:, None]

    def f(x):
        return np.sum(np.broadcast_to(np.sin(x)[:, None], (n, 3))[:, 2:] * weights)

    x = np.linspace(1, 2, n)
    assert np.allclose(ad.grad(f)(x), np.arange(n) * np.cos(x), rtol=1e-14)
