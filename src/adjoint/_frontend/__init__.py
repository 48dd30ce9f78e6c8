"""From the source of a Python function to the intermediate representation.

``rewrite``    a copy of a function whose control flow, calls and stores go through the runtime
``runtime``    what the copies call: Python's statements, on symbols where need be
``control``    branches and loops on conditions that are known only when the program runs
``state``      what code may change, kept and put back: names, arrays, lists, dicts, objects
``arrays``     arrays with their memory: views and aliases mean what they mean in NumPy
``lists``      lists that may become lists of unknown length
``calls``      what is called in place of a function
``captures``   variables of the world around, which become hidden arguments
``translate``  one function, for arguments of given types

The method is that of AutoGraph (Moldovan et al., *AutoGraph: Imperative-style Coding with Graph-based Performance*, SysML
2019): Python runs the copy once, on symbols, so that all of Python works that does not depend on numbers; where it does,
both branches are run, and a loop's body is run until the types of what it changes are stable.
"""
