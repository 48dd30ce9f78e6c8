"""The engine that derives while the program runs."""

# Read for what they register.
from adjoint._trace import dependence_rules as dependence_rules
from adjoint._trace import routes_arrays as routes_arrays
from adjoint._trace import routes_builtins as routes_builtins
from adjoint._trace import routes_math as routes_math
from adjoint._trace import transpose as transpose
