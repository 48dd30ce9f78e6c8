"""What one problem says of itself: its functions, its data, and which derivative is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import adjoint as ad

SIZES = "small", "medium", "large"


def gradient(first: int, *others: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what makes value and gradient, with respect to these arguments, out of a function."""
    return lambda f: ad.value_and_grad(f, argnums=(first, *others) if others else first)


@dataclass(frozen=True)
class Peer:
    """The problem in another library, as its users would write it.

    Attributes
    ----------
    function
        Makes the function, of the same arguments, out of the library: the module ``jax``, ``torch`` or ``autograd.numpy``.
    derivative
        Makes the function that computes the derivative out of the library (here ``autograd`` itself) and the function; without
        it, it is value and gradient.
    """

    function: Callable[[Any], Callable[..., Any]]
    derivative: Callable[[Any, Callable[..., Any]], Callable[..., Any]] | None = None


@dataclass(frozen=True)
class Problem:
    """One problem of the suite.

    Attributes
    ----------
    name
        Its name in GradBench.
    inputs
        Returns the arguments of the functions for a size, one of `SIZES`; the same ones at every call.
    forms
        The function in the ways a user would write it: ``loops`` is the form that numba compiles too, ``numpy`` the one with
        whole arrays.
    derivative
        Makes the function that computes the derivative out of one of the forms.
    kind
        Which derivative that is, in words.
    wrt
        The arguments that are differentiated.
    compiled
        The forms that numba compiles instead, where a form calls adjoint itself: the same with the derivative by hand.
    peers
        The problem in other libraries, by the name of the library.
    """

    name: str
    inputs: Callable[[str], tuple[Any, ...]]
    forms: dict[str, Callable[..., Any]]
    derivative: Callable[[Callable[..., Any]], Callable[..., Any]]
    kind: str = "gradient"
    wrt: tuple[int, ...] = (0,)
    compiled: dict[str, Callable[..., Any]] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)

    def in_numba(self, form: str) -> Callable[..., Any]:
        """Return the function that numba compiles for this form."""
        return self.compiled.get(form, self.forms[form])
