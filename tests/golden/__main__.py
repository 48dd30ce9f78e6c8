"""Write the golden files anew: ``python -m tests.golden``.  Read the difference like prose before you commit it."""

from __future__ import annotations

from tests.golden.test_golden import path_of, printed
from tests.golden.programs import GOLDEN

for name in GOLDEN:
    path_of(name).write_text(printed(name))
    print(path_of(name))
