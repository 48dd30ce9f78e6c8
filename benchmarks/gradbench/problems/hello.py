"""`hello`: the square of a number, which costs nothing: what remains is the price of a call."""

from __future__ import annotations

from benchmarks.gradbench.problem import Peer, Problem, gradient


def square(x):
    """Return the square."""
    return x * x


def inputs(size):
    """Return the number; its size is its value, which changes nothing."""
    return ({"small": 0.5, "medium": 3.0, "large": 1000.0}[size],)


def same(_):
    """Return the square for any library."""
    return lambda x: x * x


PEERS = {"jax": Peer(same), "torch": Peer(same), "autograd": Peer(same)}
PROBLEM = Problem("hello", inputs, {"loops": square}, gradient(0), peers=PEERS)
