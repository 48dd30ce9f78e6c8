r"""
Why not differences, and why not symbols?
=========================================

A derivative can be had in three ways. *Differences* evaluate the function at two points. *Computer algebra* makes a formula from a
formula. *Automatic differentiation* runs the chain rule along the program. ``ad.compare`` does all of them to the same function, and
measures: errors, evaluations, time, memory, and how they grow.
"""

import adjoint as ad


def logistic(x, n):
    """Iterate the logistic map."""
    for _ in range(n):
        x = 3.7 * x * (1 - x)
    return x


comparison = ad.compare(logistic, 0.3, 4, growth=(1, 2, 3, 4, 5, 6), seconds=0.3)
picture = comparison.figure()

# %%
# Top left: a difference with a large step is wrong because the function is curved, with a small step because the two values
# agree in most digits. Between the two branches a half to two thirds of the digits are left, at best. The exact methods have no
# step.
#
# The other panels: a formula for the derivative of the iterated map, written out, grows with each iteration by a factor, where the program
# grows by three operations. On a program of so few and small operations both modes spend most of their time on bookkeeping, which the
# table says plainly (``× f``); on large arrays that goes away.

print(comparison)


# %%
# A function with a loop whose length depends on the values has no formula at all. Computer algebra says so; the others go on.


def square_root(a):
    """Return the square root, by Newton's method."""
    x = a
    while abs(x * x - a) > 1e-12 * a:
        x = (x + a / x) / 2
    return x


print(ad.compare(square_root, 2.0, seconds=0.3))
