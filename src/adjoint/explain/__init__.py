"""See what a derivative does: the evaluation trace of the user's own function, as a table, as data, as a page."""

from adjoint.explain.explanation import explain as explain

__all__ = ["explain"]
