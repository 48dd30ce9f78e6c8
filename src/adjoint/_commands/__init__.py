"""The commands that work on a function of the user's: one module each, and `program`, which finds the function.

A command is a module with ``configure(parser)`` and ``run(options)``, and a line of ``COMMANDS`` in `adjoint.__main__`.
"""
