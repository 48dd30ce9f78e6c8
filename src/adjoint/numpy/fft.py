"""`numpy.fft`, whose functions all take traced values."""

from numpy.fft import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]
