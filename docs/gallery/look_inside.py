r"""
Look inside: the trace, the graph, the adjoints
===============================================

What does a derivative do with one's function? ``ad.explain`` lists every intermediate value with its tangent and its adjoint, and
``ad.draw`` draws how they depend on one another.
"""

import matplotlib.pyplot as plt
import numpy as np

import adjoint as ad


def f(x1, x2):
    """Return the classic example of the textbooks."""
    a = x1 / x2
    b = np.exp(x2)
    return (np.sin(a) + a - b) * (a - b)


# %%
# The graph
# ---------
# ``graph.save("graph.svg")`` writes it to a file, and a notebook shows it. Arguments on top; every box has its value and its adjoint, the derivative of the result with respect to it.

graph = ad.draw(f, 1.5, 0.5)

# %%
# The trace
# ---------
# Forward, from the top down: values and tangents. Reverse, from the bottom up: adjoints, each the sum of what its users send.
# ``ad.explain(f, 1.5, 0.5).save("trace.html")`` makes a page of it through which one can step.

print(ad.explain(f, 1.5, 0.5))


# %%
# The adjoints as data
# --------------------
# Which moment of a long computation does its result depend on most? The adjoints say it. Here a swing is pushed at random, and the
# question is which push its final height owes most to.


def swing(pushes):
    """Return the angle of a damped pendulum at the end, pushed at every step."""
    angle, speed, h = 0.5, 0.0, 0.1
    for push in pushes:
        speed = speed + h * (push - np.sin(angle) - 0.1 * speed)
        angle = angle + h * speed
    return angle


pushes = np.random.default_rng(0).normal(0, 0.3, 200)
angle, influence = ad.value_and_grad(swing)(pushes)
trace = ad.explain(swing, pushes, fold=False).trace
print(
    f"the trace has {len(list(trace))} intermediates; the angle at the end is {angle:.3f}"
)

figure, axis = plt.subplots(figsize=(7, 3.4))
moments = 0.1 * np.arange(len(pushes))
axis.bar(moments, influence, width=0.08, color="C1")
axis.axhline(0, color="0.6", linewidth=1)
axis.set(
    title="What a push at each moment does to the angle at the end",
    xlabel="time",
    ylabel="adjoint of the push",
)
plt.show()
