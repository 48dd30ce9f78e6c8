"""Passes over programs: each takes a program of the intermediate representation and returns another.

``shapes``      which values have the same shape, as far as that is known before the program runs
``activity``    which values depend on the inputs that are differentiated
``chain``       the chain rule at one operation, which forward and reverse mode share
``expand``      functions of the book that are defined by others become these others
``forward``     jvp: every value with its tangent
``reverse``     vjp: the way there, and the way back
``simplify``    what the rules leave to be tidied up
"""
