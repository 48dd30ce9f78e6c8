"""The corpus holds no tests of its own and must be imported once only: doctest collection stays out."""

collect_ignore_glob = ["*.py"]
