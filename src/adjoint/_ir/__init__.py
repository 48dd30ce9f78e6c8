"""The intermediate representation of programs: typed, structured, in single assignment form.

``types``     what is known of a value: dtype and rank, never a shape
``nodes``     values, operations, blocks, functions
``builder``   appends operations to the block that is being written
``symbol``    a value that Python code computes with: what NumPy applies to it becomes an operation
``infer``     the types of an operation's results
``verify``    the invariants, checked after every pass in the tests
``show``      text for people who work on passes
``evaluate``  runs a program operation by operation: the reference for every backend
"""
