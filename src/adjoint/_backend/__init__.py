"""Programs as text: readable NumPy Python, or LLVM's language (`native`), and the callables made from it.

=============  =====================================================================================================
`python`       the public face: `source`, `compile`, `export_text`
`plan`         a function of the IR as statements: what is inlined, what is moved, where loops end
`liveness`     which values are needed after which statement, and which may not share a variable
`memory`       which values may share memory: which stores are done in place, and which need a copy
`names`        values that share a variable, and what variables are called
`expressions`  the text of an operation and of what is inlined into it
`statements`   the text of statements
`remarks`      the user's own lines and comments
`support`      functions of the rule book that no library has, as text
`native`       the statements of a plan as machine code
=============  =====================================================================================================
"""
