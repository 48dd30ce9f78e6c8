"""The contenders: a problem's function and derivative by adjoint and by the peers, ready to run.

Peers are imported when they are asked for; one that is not installed raises `MissingError` with the reason.  Everything runs on
one thread and in float64.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

import adjoint as ad
from adjoint._backend.native import machine
from benchmarks.gradbench.numba_forms import compiled
from benchmarks.gradbench.problem import Problem

PEERS = "jax", "torch", "autograd"
Runs = tuple[Callable[[], Any] | None, Callable[[], Any] | None]


class MissingError(Exception):
    """A contender that cannot take part, and why."""


def native_or_python() -> str:
    """Return the fastest backend that there is."""
    return "native" if machine.available() else "python"


def module(name: str) -> Any:
    """Return the library, set to one thread and float64."""
    try:
        found: Any = importlib.import_module(name)
    except ImportError as error:
        raise MissingError("not installed") from error
    if name == "jax":
        found.config.update("jax_enable_x64", True)
        found.config.update("jax_platforms", "cpu")
    if name == "torch":
        found.set_num_threads(1)
    return found


class Contender:
    """One tool on one form of one problem, for arguments of any size; what it compiles, it keeps."""

    def __init__(self, problem: Problem, form: str, tool: str, backend: str = "python") -> None:
        self.problem, self.form, self.tool = problem, form, tool
        self.make: Callable[[tuple[Any, ...]], Runs] = getattr(self, f"in_{tool}")(backend)

    def runs(self, args: tuple[Any, ...]) -> Runs:
        """Return what runs the function and what runs the derivative at these arguments; None for what it has not."""
        return self.make(args)

    def in_tracing(self, _: str) -> Callable[[tuple[Any, ...]], Runs]:
        """Return adjoint's tracing engine, which everything is compared with."""
        f = self.problem.forms[self.form]
        derivative = self.problem.derivative(f)
        return lambda args: (lambda: f(*args), lambda: derivative(*args))

    def in_adjoint(self, backend: str) -> Callable[[tuple[Any, ...]], Runs]:
        """Return the program of function and derivative."""
        f = self.problem.forms[self.form]
        function, derivative = ad.jit(f, backend=backend), ad.jit(self.problem.derivative(f), backend=backend)
        return lambda args: (lambda: function(*args), lambda: derivative(*args))

    def in_numba(self, _: str) -> Callable[[tuple[Any, ...]], Runs]:
        """Return the function as numba compiles it."""
        module("numba")
        f = compiled(self.problem.in_numba(self.form))
        return lambda args: (lambda: f(*args), None)

    def in_jax(self, _: str) -> Callable[[tuple[Any, ...]], Runs]:
        """Return function and derivative by ``jax.jit``."""
        jax = module("jax")
        f, derivative = self.peer("jax", jax, jax, lambda f, wrt: jax.value_and_grad(f, argnums=wrt))

        def make(args):
            fixed = [i for i, arg in enumerate(args) if is_fixed(arg, i, self.problem.wrt)]
            moved = [arg if i in fixed else jax.numpy.asarray(arg) for i, arg in enumerate(args)]
            function, program = (jax.jit(g, static_argnums=fixed) for g in (f, derivative))
            return lambda: jax.block_until_ready(function(*moved)), lambda: jax.block_until_ready(program(*moved))

        return make

    def in_torch(self, _: str) -> Callable[[tuple[Any, ...]], Runs]:
        """Return function and derivative by eager PyTorch."""
        torch = module("torch")

        def value_and_grad(f, wrt):
            def run(*args):
                value = f(*args)
                slopes = torch.autograd.grad(value, [args[i] for i in wrt] if isinstance(wrt, tuple) else args[wrt])
                return value, slopes if isinstance(wrt, tuple) else slopes[0]

            return run

        f, derivative = self.peer("torch", torch, torch, value_and_grad)

        def make(args):
            tensors = [arg if is_fixed(arg, i, self.problem.wrt) else torch.as_tensor(arg) for i, arg in enumerate(args)]
            tensors = [t.double() if torch.is_tensor(t) and t.dtype == torch.float32 else t for t in tensors]
            active = [t.clone().requires_grad_() if i in self.problem.wrt else t for i, t in enumerate(tensors)]

            def without_gradient():
                with torch.no_grad():
                    return f(*tensors)

            calls_grad = self.problem.compiled
            return (lambda: f(*active)) if calls_grad else without_gradient, lambda: derivative(*active)

        return make

    def in_autograd(self, _: str) -> Callable[[tuple[Any, ...]], Runs]:
        """Return function and derivative by autograd."""
        autograd, anp = module("autograd"), module("autograd.numpy")
        f, derivative = self.peer("autograd", anp, autograd, autograd.value_and_grad)
        return lambda args: (lambda: f(*args), lambda: derivative(*args))

    def peer(self, name: str, library: Any, root: Any, value_and_grad: Callable[..., Any]) -> Sequence[Callable[..., Any]]:
        """Return function and derivative of the problem in a library."""
        peer = self.problem.peers.get(name)
        if peer is None:
            raise MissingError("no natural form of this problem")
        f, wrt = peer.function(library), self.problem.wrt
        if peer.derivative is not None:
            return f, peer.derivative(root, f)
        return f, value_and_grad(f, wrt if wrt[1:] else wrt[0])


def is_fixed(arg: Any, position: int, wrt: Sequence[int]) -> bool:
    """Tell whether an argument is a plain number that is not differentiated: a number of steps, a rate."""
    return isinstance(arg, int | float) and position not in wrt


def leaves(tree: Any) -> list[np.ndarray[Any, Any]]:
    """Return the arrays of a result, as NumPy's."""
    found = optree.tree_leaves(tree, namespace="", none_is_leaf=False)
    return [np.asarray(leaf.detach() if hasattr(leaf, "detach") else leaf, dtype=float) for leaf in found]


def difference(found: Any, expected: Any) -> float:
    """Return the greatest difference of two results, relative to the greatest number of each array.

    Raises
    ------
    ValueError
        They have different numbers of arrays, or other shapes.
    """
    worst = 0.0
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        if a.shape != b.shape:
            raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
        if b.size:
            gap = float(np.max(np.abs(a - b))) / (float(np.max(np.abs(b))) or 1.0)
            worst = max(worst, gap if gap == gap else np.inf)
    return worst
