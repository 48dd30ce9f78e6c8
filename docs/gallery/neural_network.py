r"""
A small network, and backpropagation as reverse mode
====================================================

Backpropagation is reverse mode, applied to a network. To see it, we write it by hand once, line by line, beside the program it
belongs to, and compare with ``ad.grad``. Then we let ``ad.grad`` do it, and train.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

import adjoint as ad

# %%
# Two spirals, one for each class.

rng = np.random.default_rng(1)
turn = np.sqrt(rng.uniform(0.05, 1.0, 200)) * 2.6 * np.pi
spiral = np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=1) / 8
points = np.concatenate([spiral, -spiral]) + rng.normal(0, 0.02, (400, 2))
labels = np.repeat([1.0, 0.0], 200)


# %%
# The network
# -----------
# Parameters are a dict; the gradient will be a dict of the same form.


def initial(sizes):
    """Return random weights for layers of these sizes."""
    pairs = pairwise(sizes)
    return [
        {"W": rng.normal(0, np.sqrt(2 / n), (n, m)), "b": np.zeros(m)} for n, m in pairs
    ]


def network(layers, x):
    """Return the log odds of class 1."""
    for layer in layers[:-1]:
        x = np.tanh(x @ layer["W"] + layer["b"])
    return (x @ layers[-1]["W"] + layers[-1]["b"])[:, 0]


def loss(layers, x, y):
    """Return the mean cross entropy."""
    odds = network(layers, x)
    return np.mean(np.logaddexp(0.0, odds) - y * odds)


# %%
# By hand
# -------
# Each line of the way back belongs to one line of the way there, in opposite order. ``_bar`` is the cotangent: the derivative of
# the loss with respect to that value. It costs three products of matrices for the two on the way there (it would be four, but
# nobody asks for the gradient of the data).


def backpropagated(layers, x, y):
    """Return the gradient of `loss` for one hidden layer, by hand."""
    first, last = layers
    hidden = np.tanh(x @ first["W"] + first["b"])
    odds = (hidden @ last["W"] + last["b"])[:, 0]

    odds_bar = (1 / (1 + np.exp(-odds)) - y) / len(y)
    last_bar = {"W": hidden.T @ odds_bar[:, None], "b": np.sum(odds_bar, keepdims=True)}
    hidden_bar = odds_bar[:, None] @ last["W"].T
    before_bar = hidden_bar * (1 - hidden**2)
    first_bar = {"W": x.T @ before_bar, "b": before_bar.sum(axis=0)}
    return [first_bar, last_bar]


small = initial([2, 8, 1])
by_hand, by_adjoint = (
    backpropagated(small, points, labels),
    ad.grad(loss)(small, points, labels),
)
for number, (a, b) in enumerate(zip(by_hand, by_adjoint, strict=True)):
    for name in a:
        print(
            f"layer {number}, {name}: largest difference {np.max(np.abs(a[name] - b[name])):.1e}"
        )

# %%
# Training
# --------
# Gradient descent with momentum, for a network with two hidden layers. Nothing has to be derived again.

layers = initial([2, 24, 24, 1])
velocity = [
    {name: np.zeros_like(value) for name, value in layer.items()} for layer in layers
]
history = []
step = ad.value_and_grad(loss)
for _ in range(1500):
    value, gradient = step(layers, points, labels)
    history.append(value)
    for layer, speed, slope in zip(layers, velocity, gradient, strict=True):
        for name in layer:
            speed[name] = 0.95 * speed[name] - 0.05 * slope[name]
            layer[name] = layer[name] + speed[name]

right = np.mean((network(layers, points) > 0) == labels)
print(
    f"loss {history[0]:.3f} -> {history[-1]:.4f}, {right:.1%} of the points on the right side"
)

# %%
side = np.linspace(-1.25, 1.25, 160)
grid = np.stack(np.meshgrid(side, side), axis=-1)
odds = network(layers, grid.reshape(-1, 2)).reshape(160, 160)

figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 4.2))
colours = LinearSegmentedColormap.from_list("classes", ["#edb9a4", "#ffffff", "#a5c8e1"])
left.imshow(
    np.tanh(odds / 4),
    extent=(-1.25, 1.25, -1.25, 1.25),
    origin="lower",
    cmap=colours,
    vmin=-1,
    vmax=1,
)
left.contour(side, side, odds, levels=[0], colors="0.2", linewidths=1)
left.plot(
    *points[labels == 1].T,
    "o",
    color="C0",
    markersize=3.5,
    markeredgecolor="white",
    markeredgewidth=0.3,
)
left.plot(
    *points[labels == 0].T,
    "o",
    color="C1",
    markersize=3.5,
    markeredgecolor="white",
    markeredgewidth=0.3,
)
left.set(title="What the network learned", aspect="equal", xticks=[], yticks=[])
left.grid(visible=False)
right.semilogy(history)
right.set(title="Loss", xlabel="step of gradient descent", ylabel="mean cross entropy")
plt.show()
