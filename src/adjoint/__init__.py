"""Exact derivatives of Python and NumPy programs."""
from adjoint._api.grad import grad as grad
from adjoint._api.grad import value_and_grad as value_and_grad
from adjoint._api.jvp import jvp as jvp
from adjoint._api.vjp import vjp as vjp
import adjoint._rules.chapters
