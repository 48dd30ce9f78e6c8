"""Write the golden files anew: ``python -m tests.golden``.  Read the difference like prose before you commit it."""

from __future__ import annotations

from tests.golden.programs import GOLDEN
from tests.golden.test_golden import path_of, printed

for name in GOLDEN:
    path_of(name).write_text(printed(name))
