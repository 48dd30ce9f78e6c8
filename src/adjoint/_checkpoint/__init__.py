"""Schedules of rematerialisation: which states of a loop are kept, and which are computed again on the way back.

Nothing here knows of arrays, rules or engines.  A loop is a function that advances a state by one step, its derivative is a
function that pulls a cotangent back through one step, and a schedule decides in which order they are called.

==========  ==========================================================================================
`binomial`  the number of steps is known before the loop runs: the fewest evaluations there can be
`online`    the number of steps turns out when the loop ends: provably few, and often the fewest
`budget`    how many states a number of bytes has room for
==========  ==========================================================================================

The functions named in ``binomial.RUNTIME`` and ``online.RUNTIME`` use nothing but builtins, so that their text can stand in a
module that does not import adjoint.
"""
