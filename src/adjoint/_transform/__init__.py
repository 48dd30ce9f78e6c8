"""Passes over programs: each takes a program of the intermediate representation and returns another.

::

    forward, reverse      jvp: every value with its tangent; vjp: the way there, and the way back
      chain                 the chain rule at one operation, which both share
        lists               of lists, records and nests of numbers
        rule_call           rules that cannot be written down are called when the program runs
        binding             which rule an operation has, and which arguments it differentiates
      expand                functions of the book that are defined by others become these others
      activity              which values depend on the inputs that are differentiated
      shapes                which values have the same shape, as far as that is known before the program runs
    reverse
      reversal              the way back of a function, operation by operation; reverse_loop, of a loop; bars, its cotangents
      influence             which values influence the results that are asked for
      residuals             what the way back uses of the way there: kept, or computed again, whichever is cheaper
        cost, cut             what that costs, and the cheapest way
      rematerialise         loops that go back within a budget of memory
        schedule              what they ask when they run
      replacing             other atoms in the place of values
    simplify              what the rules leave to be tidied up
      algebra               identities of arithmetic
      finite                where the product of the chain rule may be a plain one
      dead                  what no result depends on
    tune                  what is done to a program before it becomes machine code
      join                  a loop and its way back in one
      reuse                 what the way back of a loop takes over from the way there
      first_reads           arrays that a way back carries only to make what it reads zero
      first_stores          what a way back adds to zeros
      forwards              ways back that may run forwards
"""
