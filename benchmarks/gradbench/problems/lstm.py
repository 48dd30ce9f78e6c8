"""`lstm`: the loss of a recurrent network with long short-term memory, whose weight matrices are diagonal.

Layer ``l`` has four rows of weights in ``main[2 l]`` and four of biases in ``main[2 l + 1]``: forget, in, out, change.
``state[2 l]`` is what it says, ``state[2 l + 1]`` its memory.  From ADBench (F. Šrajer, Z. Kukelova and A. Fitzgibbon, 2018).
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.gradbench.problem import Peer, Problem, gradient


def sigmoid(x):
    """Return the logistic function."""
    return 1.0 / (1.0 + math.exp(-x))


def by_loops(main, extra, state, sequence):
    """Return the mean loss of predicting each row of the sequence from the one before."""
    layers = len(state) // 2
    steps, d = sequence.shape
    state = state.copy()
    signal = np.zeros(d)
    total = 0.0
    for t in range(steps - 1):
        for i in range(d):
            signal[i] = sequence[t, i] * extra[0, i]
        for layer in range(layers):
            said, memory = 2 * layer, 2 * layer + 1
            weight, bias = main[said], main[memory]
            for i in range(d):
                forget = sigmoid(signal[i] * weight[0, i] + bias[0, i])
                enter = sigmoid(state[said, i] * weight[1, i] + bias[1, i])
                leave = sigmoid(signal[i] * weight[2, i] + bias[2, i])
                change = math.tanh(state[said, i] * weight[3, i] + bias[3, i])
                state[memory, i] = state[memory, i] * forget + enter * change
                state[said, i] = leave * math.tanh(state[memory, i])
                signal[i] = state[said, i]
        weight_sum = 2.0
        for i in range(d):
            signal[i] = signal[i] * extra[1, i] + extra[2, i]
            weight_sum += math.exp(signal[i])
        for i in range(d):
            total += sequence[t + 1, i] * (signal[i] - math.log(weight_sum))
    return -total / ((steps - 1) * d)


def sigmoids(x):
    """Return the logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


def by_arrays(main, extra, state, sequence):
    """Return the mean loss of predicting each row of the sequence from the one before."""
    layers = len(state) // 2
    steps, d = sequence.shape
    state = state.copy()
    total = 0.0
    for t in range(steps - 1):
        signal = sequence[t] * extra[0]
        for layer in range(layers):
            weight, bias = main[2 * layer], main[2 * layer + 1]
            forget = sigmoids(signal * weight[0] + bias[0])
            enter = sigmoids(state[2 * layer] * weight[1] + bias[1])
            leave = sigmoids(signal * weight[2] + bias[2])
            change = np.tanh(state[2 * layer] * weight[3] + bias[3])
            state[2 * layer + 1] = state[2 * layer + 1] * forget + enter * change
            signal = leave * np.tanh(state[2 * layer + 1])
            state[2 * layer] = signal
        guess = signal * extra[1] + extra[2]
        total += np.sum(sequence[t + 1] * (guess - np.log(2.0 + np.sum(np.exp(guess)))))
    return -total / ((steps - 1) * d)


def inputs(size):
    """Return the weights of the layers, those of the ends, the first state and the sequence."""
    layers, steps, d = {"small": (2, 5, 3), "medium": (2, 200, 14), "large": (4, 4_000, 14)}[size]
    rng = np.random.default_rng(4)
    main, extra = rng.normal(scale=0.7, size=(2 * layers, 4, d)), rng.normal(size=(3, d))
    return main, extra, rng.normal(size=(2 * layers, d)), rng.integers(0, 2, size=(steps, d)).astype(float)


def step_with(xp, sigmoid):
    """Return the way of a signal through the layers, and its loss, in a library of arrays."""

    def step(main, extra, state, now, then):
        signal, after = now * extra[0], []
        for layer in range(len(state) // 2):
            weight, bias, said, memory = main[2 * layer], main[2 * layer + 1], state[2 * layer], state[2 * layer + 1]
            forget = sigmoid(signal * weight[0] + bias[0])
            enter = sigmoid(said * weight[1] + bias[1])
            leave = sigmoid(signal * weight[2] + bias[2])
            change = xp.tanh(said * weight[3] + bias[3])
            memory = memory * forget + enter * change
            signal = leave * xp.tanh(memory)
            after += [signal, memory]
        guess = signal * extra[1] + extra[2]
        return after, (then * (guess - xp.log(2.0 + xp.exp(guess).sum()))).sum()

    return step


def in_jax(jax):
    """Return the function for JAX: a scan."""
    jnp = jax.numpy
    step = step_with(jnp, jax.nn.sigmoid)

    def f(main, extra, state, sequence):
        pairs = sequence[:-1], sequence[1:]
        losses = jax.lax.scan(lambda state, pair: step(main, extra, state, *pair), list(state), pairs)[1]
        return -jnp.mean(losses) / sequence.shape[1]

    return f


def by_a_loop(xp, sigmoid):
    """Return the function for a library of arrays that runs loops as they are."""
    step = step_with(xp, sigmoid)

    def f(main, extra, state, sequence):
        total = 0.0
        for t in range(len(sequence) - 1):
            state, loss = step(main, extra, state, sequence[t], sequence[t + 1])
            total = total + loss
        return -total / ((len(sequence) - 1) * sequence.shape[1])

    return f


def in_torch(torch):
    """Return the function for PyTorch."""
    return by_a_loop(torch, torch.sigmoid)


def in_autograd(anp):
    """Return the function for autograd."""
    return by_a_loop(anp, lambda x: 1.0 / (1.0 + anp.exp(-x)))


PEERS = {"jax": Peer(in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem("lstm", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0, 1), wrt=(0, 1), peers=PEERS)
