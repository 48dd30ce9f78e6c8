"""The chapters of the book.  Importing this module reads them."""

from adjoint._rules import arithmetic as arithmetic
from adjoint._rules import indexing as indexing
from adjoint._rules import reductions as reductions
