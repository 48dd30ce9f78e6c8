"""What all tests share: programs run by Python unless a test asks for machine code, which takes longer to make than to run."""

from __future__ import annotations

import os

os.environ.setdefault("ADJOINT_BACKEND", "python")
