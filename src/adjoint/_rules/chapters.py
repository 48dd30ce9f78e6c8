"""The chapters of the book.  Importing this module reads them."""

# First, so that a rule in a chapter below wins.
from adjoint._rules import excluded as excluded  # isort: skip
from adjoint._rules import arithmetic as arithmetic
from adjoint._rules import einsum as einsum
from adjoint._rules import exponential as exponential
from adjoint._rules import fft as fft
from adjoint._rules import indexing as indexing
from adjoint._rules import linalg as linalg
from adjoint._rules import logic as logic
from adjoint._rules import padding as padding
from adjoint._rules import polynomials as polynomials
from adjoint._rules import products as products
from adjoint._rules import python_numbers as python_numbers
from adjoint._rules import ranges as ranges
from adjoint._rules import reductions as reductions
from adjoint._rules import samples as samples
from adjoint._rules import shaping as shaping
from adjoint._rules import sorting as sorting
from adjoint._rules import stores as stores
from adjoint._rules import trigonometric as trigonometric
