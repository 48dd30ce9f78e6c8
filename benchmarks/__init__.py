"""Measurements of adjoint against its peers; each module runs by ``python -m benchmarks.NAME``."""
