"""`numpy.linalg`, whose functions all take traced values."""

from numpy.linalg import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]
