r"""
What a gradient costs
=====================

The gradient of a function of a million inputs costs about as much as three values of the function. Differences take a million
and one. That is the *cheap gradient principle*, and it can be counted: ``ad.cost`` counts every operation of a function, of a
forward pass and of a reverse pass, as they ran.
"""

import matplotlib.pyplot as plt
import numpy as np

import adjoint as ad


def energy(height):
    """Return the energy of a chain of springs that hangs between bumps."""
    length = np.sqrt(1 + np.diff(height) ** 2)
    return np.sum((length - 0.8) ** 2) + 0.1 * np.sum(np.sin(height))


print(ad.cost(energy, np.linspace(0, 1, 100)))

# %%
# Growing the number of inputs
# ----------------------------
# One reverse pass gives the whole gradient. One forward pass gives the slope along one direction, so that the gradient takes
# one for each input, and so do differences, which give half of the digits. All of them are counted in multiples of the
# operations of the function itself: of ``ad.grad`` and ``ad.jacfwd`` it is their own programs that are counted.

sizes = [2, 4, 8, 16, 32, 64, 128, 256]
function, reverse, forward, differences = [], [], [], []
for n in sizes:
    x = np.linspace(0, 1, n)
    gradient = ad.cost(ad.grad(energy), x).function.operations
    columns = ad.cost(ad.jacfwd(energy), x).function.operations
    value = ad.cost(energy, x).function.operations
    reverse.append(gradient / value)
    forward.append(columns / value)
    differences.append(((n + 1) * value + 2 * n) / value)

figure, axis = plt.subplots(figsize=(7, 4.2))
axis.fill_between([1.6, 330], 1, 6, color="0.93", zorder=0, linewidth=0)
axis.text(300, 5.2, "what theory allows for a pass: 6", color="0.4", ha="right", va="top")
axis.loglog(sizes, forward, "o-", color="C0")
axis.loglog(sizes, differences, "o-", color="C2")
axis.loglog(sizes, reverse, "o-", color="C1", linewidth=2.5)
for name, line, k, offset, ha in [
    ("differences: n + 1 values", differences, 4, (-10, 6), "right"),
    ("forward mode: n directions", forward, 4, (12, -12), "left"),
    ("reverse mode: one pass", reverse, 4, (0, 10), "center"),
]:
    axis.annotate(name, (sizes[k], line[k]), offset, textcoords="offset points", ha=ha)
axis.set(
    title="Operations of a gradient, in multiples of the function's",
    xlabel="number of inputs n",
    ylabel="× the function",
    xlim=(1.6, 330),
    ylim=(1, 400),
)
axis.set_xticks(sizes, [str(n) for n in sizes], minor=False)
axis.minorticks_off()
axis.set_yticks([1, 2, 3, 6, 10, 100], ["1", "2", "3", "6", "10", "100"])
plt.show()

# %%
# Alone, each of the n forward passes would compute the values of the function again. The program of ``jacfwd`` does that once, before
# its loop over the directions.

print(ad.source(ad.jacfwd(energy), np.linspace(0, 1, 4)))

# %%
# What is paid in memory
# ----------------------
# Reverse mode goes back through the program, and keeps for that what it needs of the way there. The bytes are counted, too. In a
# loop whose states are all needed they grow with the number of turns.


def simmer(x, n):
    """Mix and damp a vector n times."""
    for _ in range(n):
        x = np.tanh(x + 0.1 * np.roll(x, 1))
    return np.sum(x)


for n in (10, 100, 1000):
    cost = ad.cost(simmer, np.linspace(0, 1, 50), n)
    print(
        f"{n:5} turns: {cost.function.operations:9,} operations, {cost.reverse.ratio:.2f} × for a reverse pass, {cost.kept:9,} bytes kept"
    )
