"""Exceptions: the user's own surface with their messages, handlers see what they would see, or the program is refused.

PYTEST_DONT_REWRITE: the assertions of the programs keep their own messages.
"""

# ruff: noqa: C416, E722, TRY301 - the programs are written as users write them
from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest

from adjoint.errors import AdjointError
from tests.frontend.agreement import Cases, check, translated

CASES = Cases()
X = np.array([1.0, 2.0, 3.0])


class OwnError(Exception):
    pass


@CASES((1.0,), (-1.0,))
def raises_with_message(x):
    if x < 0:
        raise ValueError(f"x is {x}, which is negative")
    return x


@CASES((1.0,), (-1.0,))
def raises_own_class(x):
    if x < 0:
        raise OwnError("negative", 3)
    return x


@CASES((1.0,), (-1.0,))
def asserts_with_message(x):
    assert x > 0, f"{x} must be positive"
    return x


@CASES((1.0,), (-1.0,))
def asserts_without_message(x):
    assert x > 0
    return x


@CASES((5, 1.0), (2, 1.0))
def raises_in_loop(n, x):
    total = 0.0
    for k in range(n):
        if k * x > 3:
            raise OwnError("too large", k)
        total += k
    return total


@CASES((1.0,), (-1.0,))
def raises_from_helper(x):
    def checked(v):
        if v < 0:
            raise KeyError("v")
        return math.sqrt(v)

    return checked(x) + checked(2 * x)


@CASES((1.0,), (-1.0,))
def always_raises(x):
    raise OwnError("never again")


@CASES((1.0,))
def handler_of_known_lookup(x):
    table = {"a": 1.0}
    try:
        y = table["b"]
    except KeyError:
        y = x * 2
    return y


@CASES((1.0,))
def handler_of_known_conversion(x):
    try:
        k = int("many")
    except ValueError:
        k = 3
    finally:
        x = x * 2
    return x * k


@CASES((1.0,))
def handler_of_own_exception(x):
    try:
        raise OwnError("always")
    except OwnError as error:
        y = x * len(error.args)
    else:
        y = 0.0
    return y


@CASES((1.0,), (0.0,))
def handler_of_division(x):
    try:
        y = 1.0 / x
    except ZeroDivisionError:
        y = 0.0
    return y


@CASES((1.0,), (0.0,))
def handler_of_everything(x):
    try:
        y = 1.0 / x
    except Exception:
        y = 0.0
    return y


@CASES((1.0,), (0.0,))
def bare_handler(x):
    try:
        y = 1.0 / x
    except:
        y = 0.0
    return y


@CASES((1.0,), (0.0,))
def suppressed(x):
    y = 0.0
    with contextlib.suppress(ZeroDivisionError):
        y = 1.0 / x
    return y


@CASES((X, 1), (X, 7))
def handler_of_index(x, k):
    try:
        y = [1.0, x[0]][k]
    except IndexError:
        y = 0.0
    return y


@CASES((X, 1), (X, 7))
def handler_of_index_where_it_is_known(x, k):
    total = 0.0
    for i in range(5):
        try:
            total += x[i]
        except IndexError:
            total += 10.0
    return total * k


@CASES((np.eye(2),), (np.zeros((2, 2)),))
def handler_of_linear_algebra(m):
    try:
        return np.linalg.inv(m)[0, 0]
    except np.linalg.LinAlgError:
        return 0.0


@CASES((1.0,), (-1.0,))
def handler_of_domain(x):
    try:
        return math.sqrt(x)
    except ValueError:
        return 0.0


@CASES((1.0,), (-1.0,))
def handler_of_conditional_exception(x):
    def checked(v):
        if v < 0:
            raise ValueError("negative")
        return v

    try:
        return checked(x)
    except ValueError:
        return 0.0


@CASES((1.0,), (-1.0,))
def conditional_exception_of_another_class(x):
    try:
        if x < 0:
            raise OwnError("negative")
        y = x * 2
    except KeyError:
        y = 0.0
    return y


@CASES((1.0, 3), (-1.0, 3))
def handler_does_not_see_translation(x, n):
    try:
        y = [v for v in range(n)]
        z = "abc"[int(x)] if n > 100 else "c"
    except TypeError:
        z = "wrong"
    return x * len(z) + len(y)


@CASES((1.0,))
def handler_of_type_question(x):
    try:
        n = len(x)
    except TypeError:
        n = 1
    return x * n


@CASES((1.0,), (X,))
def handler_of_attribute_question(x):
    try:
        n = x.ndim
    except AttributeError:
        n = 5
    return x * n


@CASES((1.0,), (-1.0,))
def elementwise_in_try(x):
    try:
        y = x * 2 + 1
        if y > 2:
            y = y - 1
    except IndexError:
        y = 0.0
    return y


@CASES((1.0,), (-1.0,))
def finally_without_handlers(x):
    log = []
    try:
        y = 1.0 / x
        if y < 0:
            raise OwnError("negative")
    finally:
        log.append(x)
    return y + len(log)


@CASES((1.0,), (-1.0,))
def known_index_in_dead_branch(x):
    items = [1.0, 2.0]
    if x < 0:
        return items[7]
    return items[1] * x


@CASES((1.0,), (-1.0,))
def division_by_zero_in_branch(x):
    if x < 0:
        y = x / 0
    else:
        y = x
    return y


@CASES((3, 1.0), (5, 1.0))
def return_in_try_in_loop(n, x):
    for k in range(n):
        try:
            if k * x > 3:
                return k
        except KeyError:
            return -1.0
    return 0.0


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_errors(case) -> None:
    check(case)


def reads_attribute_of_number(x):
    y = x * 2
    return y.no_such_thing


def test_message_gives_the_line_and_the_reason() -> None:
    with pytest.raises(AdjointError) as caught:
        translated(reads_attribute_of_number, (1.0,))
    text = str(caught.value)
    assert "test_errors.py:" in text
    assert "return y.no_such_thing" in text
    assert "no_such_thing" in text.splitlines()[0]
    assert "remedy" in text
