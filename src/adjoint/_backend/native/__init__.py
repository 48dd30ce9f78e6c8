"""Programs as machine code: typed IR to textual LLVM IR to object code, by llvmlite."""
