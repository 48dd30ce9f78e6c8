"""IR → LLVM → machine code."""
