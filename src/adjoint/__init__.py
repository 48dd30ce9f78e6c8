"""Exact derivatives of Python and NumPy programs: `grad`, `jvp`, `vjp`, `jacobian`, `hessian` and their company.

The names and signatures are those of JAX where JAX has the function; the semantics are NumPy's.
"""

from adjoint import errors as errors
from adjoint import rules as rules
from adjoint._api.checkpoint import checkpoint as checkpoint
from adjoint._api.custom_jvp import custom_jvp as custom_jvp
from adjoint._api.custom_vjp import custom_vjp as custom_vjp
from adjoint._api.derivative import derivative as derivative
from adjoint._api.grad import grad as grad
from adjoint._api.grad import value_and_grad as value_and_grad
from adjoint._api.hessian import hessian as hessian
from adjoint._api.hvp import hvp as hvp
from adjoint._api.jacobian import jacfwd as jacfwd
from adjoint._api.jacobian import jacobian as jacobian
from adjoint._api.jacobian import jacrev as jacrev
from adjoint._api.jit import jit as jit
from adjoint._api.jvp import jvp as jvp
from adjoint._api.linearize import linearize as linearize
from adjoint._api.source import export as export
from adjoint._api.source import source as source
from adjoint._api.stop_gradient import stop_gradient as stop_gradient
from adjoint._api.vjp import vjp as vjp
from adjoint._api.vmap import vmap as vmap
from adjoint._rules import chapters as _chapters  # noqa: F401 - fills the rule book
from adjoint.explain import explain as explain
from adjoint.explain.compare import compare as compare
from adjoint.explain.cost import cost as cost
from adjoint.explain.draw import draw as draw
from adjoint.testing import check as check

__all__ = [
    "check",
    "checkpoint",
    "compare",
    "cost",
    "custom_jvp",
    "custom_vjp",
    "derivative",
    "draw",
    "errors",
    "explain",
    "export",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "rules",
    "source",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]
