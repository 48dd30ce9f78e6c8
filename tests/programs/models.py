"""Models from statistics, machine learning, finance and physics, at toy size."""

from __future__ import annotations

import math

import numpy as np

from tests.programs.registry import program


@program(args=(np.array([0.4, -0.3]), np.array([[0.6, 0.2], [-0.5, 0.9]])), complexable=True, tags="scan")
def hidden_markov_forward(log_start, scores):
    transition = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    alpha = np.exp(log_start) / np.sum(np.exp(log_start))
    likelihood = 0.0
    for symbol in [0, 1, 1, 0]:
        emission = np.array([0.7, 0.2]) if symbol == 0 else np.array([0.3, 0.8])
        alpha = alpha @ transition * emission
        scale = alpha.sum()
        likelihood += np.log(scale)
        alpha /= scale
    return likelihood


@program(args=(0.5, 0.8, np.array([0.2, 0.7, 0.1])), complexable=True, tags="scan")
def kalman_filter(q, r, data):
    x, p = np.zeros(2), np.eye(2)
    f = np.array([[1.0, 0.1], [0.0, 1.0]])
    h = np.array([[1.0, 0.0]])
    likelihood = 0.0
    for z in data:
        x = f @ x
        p = f @ p @ f.T + q * np.eye(2)
        s = h @ p @ h.T + r
        gain = p @ h.T @ np.linalg.inv(s)
        innovation = z - h @ x
        likelihood -= 0.5 * (np.log(np.linalg.det(s)) + innovation @ np.linalg.solve(s, innovation))
        x = x + gain @ innovation
        p = (np.eye(2) - gain @ h) @ p
    return likelihood, x


@program(args=(np.array([[0.1, 0.2], [1.9, 1.1], [0.3, -0.1]]), np.array([[0.0, 0.1], [1.5, 1.3]])), complexable=True)
def k_means_step(points, centres):
    sums = np.zeros_like(centres)
    counts = np.zeros(len(centres), dtype=int)
    loss = 0.0
    for point in points:
        distances = np.sum((centres - point) ** 2, axis=1)
        nearest = np.argmin(distances)
        sums[nearest] += point
        counts[nearest] += 1
        loss += distances[nearest]
    return sums / counts[:, None], loss


@program(
    args=(np.array([0.3, -0.5]), np.array([-1.0, 1.2]), np.array([0.1, -0.4]), np.array([-0.8, 1.5, 0.3])), complexable=True
)
def gaussian_mixture_likelihood(logits, means, log_scales, data):
    weights = logits - np.log(np.sum(np.exp(logits)))
    z = (data[:, None] - means) / np.exp(log_scales)
    terms = weights - log_scales - 0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    top = terms.max(axis=1, keepdims=True)
    return np.sum(top[:, 0] + np.log(np.sum(np.exp(terms - top), axis=1)))


@program(
    args=(
        {"w1": np.array([[0.5, -0.3], [0.2, 0.8]]), "b1": np.array([0.1, -0.1]), "w2": np.array([0.7, -0.6]), "b2": 0.05},
        np.array([1.0, -0.5]),
    )
)
def small_neural_network(p, x):
    hidden = np.maximum(p["w1"] @ x + p["b1"], 0.1 * (p["w1"] @ x + p["b1"]))
    logit = p["w2"] @ np.tanh(hidden) + p["b2"]
    return np.logaddexp(0.0, -logit) + 0.01 * sum(np.sum(v**2) for v in p.values())


@program(args=(np.array([0.5, -0.3, 0.8, 0.2]), np.array([0.3, 0.1, -0.2, 0.6]), 0.4), complexable=True, tags="scan")
def lstm_cell(w, u, x):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    h, c = 0.0, 0.0
    for t in range(3):
        gates = w * (x + t) + u * h
        i, f, o = sigmoid(gates[:3])
        g = np.tanh(gates[3])
        c = f * c + i * g
        h = o * np.tanh(c)
    return h, c


@program(args=(np.array([0.9, 0.4]), np.array([0.5, 0.7])), complexable=True)
def ode_parameter_fit(rates, initial):
    observed = {2: 0.6, 5: 0.5}
    y = initial.copy()
    loss = 0.0
    for step in range(6):
        growth = np.array([rates[0] * y[0] - y[0] * y[1], y[0] * y[1] - rates[1] * y[1]])
        y += 0.1 * growth
        if step in observed:
            loss += (y[0] - observed[step]) ** 2
    return loss


@program(args=(100.0, 0.2, 0.05))
def monte_carlo_option(spot, volatility, rate):
    rng = np.random.default_rng(0)
    payoff = 0.0
    for z in rng.standard_normal(20):
        price = spot * math.exp(rate - 0.5 * volatility**2 + volatility * z)
        payoff += max(price - 95.0, 0.0)
    return math.exp(-rate) * payoff / 20


@program(args=(100.0, 0.2, 0.05), tags="scan")
def monte_carlo_paths(spot, volatility, rate):
    rng = np.random.default_rng(0)
    paths = np.empty((4, 8))
    paths[0] = spot
    for t in range(1, 4):
        z = rng.normal(size=8)
        paths[t] = paths[t - 1] * np.exp((rate - volatility**2 / 2) / 3 + volatility * z / math.sqrt(3))
    average = paths.mean(axis=0)
    return np.mean(np.where(average > 100, average - 100, 0.0))


@program(args=(100.0, 105.0, 0.2, 0.05))
def black_scholes(s, k, sigma, r):
    def cdf(z):
        return 0.5 * (1 + math.erf(z / math.sqrt(2)))

    d1 = (math.log(s / k) + r + sigma**2 / 2) / sigma
    return s * cdf(d1) - k * math.exp(-r) * cdf(d1 - sigma)


@program(args=(100.0, 0.3, 0.05), tags="scan")
def binomial_tree_american_put(spot, volatility, rate):
    n = 5
    dt = 1.0 / n
    up = math.exp(volatility * math.sqrt(dt))
    p = (math.exp(rate * dt) - 1 / up) / (up - 1 / up)
    prices = spot * up ** np.arange(n, -n - 1, -2)
    values = np.maximum(107.0 - prices, 0.0)
    for _ in range(n):
        prices = prices[:-1] / up
        values = math.exp(-rate * dt) * (p * values[:-1] + (1 - p) * values[1:])
        values = np.maximum(values, 107.0 - prices)
    return values[0]


@program(args=(np.array([0.5, -0.3, 0.2]), np.array([0.4, 1.1])), complexable=True)
def logistic_regression_by_newton(w, x):
    data = np.array([[1.0, x[0], 0.2], [1.0, -0.5, x[1]], [1.0, 0.3, 0.9], [1.0, -0.8, -1.2]])
    labels = np.array([1.0, 0.0, 0.0, 1.0])
    for _ in range(2):
        p = 1 / (1 + np.exp(-data @ w))
        slope = data.T @ (p - labels) + 0.1 * w
        curvature = (data.T * (p * (1 - p))) @ data + 0.1 * np.eye(3)
        w = w - np.linalg.solve(curvature, slope)
    return w


@program(args=(0.8, 0.5, np.array([0.1, 0.7, 1.6])))
def gaussian_process_likelihood(length, noise, x):
    y = np.sin(np.arange(3.0))
    difference = x[:, None] - x[None, :]
    covariance = np.exp(-0.5 * (difference / length) ** 2) + noise**2 * np.eye(3)
    low = np.linalg.cholesky(covariance)
    alpha = np.linalg.solve(low, y)
    return -0.5 * alpha @ alpha - np.sum(np.log(np.diag(low)))


@program(args=(np.array([0.2, 0.8, -0.5]), np.array([0.4, 0.3, 0.9])), complexable=True)
def attention(query, key):
    scores = np.outer(query, key) / math.sqrt(3)
    scores = np.where(np.tri(3, dtype=bool), scores, -1e9)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ (key * query)


@program(args=(np.array([[0.1, 0.2], [0.9, 0.4], [0.5, 1.1]]), 0.8), complexable=True)
def lennard_jones_with_cutoff(positions, sigma):
    energy = 0.0
    forces = np.zeros_like(positions)
    for i in range(len(positions)):
        for j in range(i):
            d = positions[i] - positions[j]
            r2 = d @ d
            if r2 > 1.2:
                continue
            s6 = (sigma**2 / r2) ** 3
            energy += 4 * (s6**2 - s6)
            pull = 24 * (2 * s6**2 - s6) / r2 * d
            forces[i] += pull
            forces[j] -= pull
    return energy, forces


@program(args=(np.array([0.4, 0.9, 0.2]), np.array([1.5, 0.7])), complexable=True)
def two_link_robot_arm(angles, lengths):
    transform = np.eye(3)
    for angle, length in zip(angles, [*lengths, 0.5]):
        c, s = np.cos(angle), np.sin(angle)
        transform = transform @ np.array([[c, -s, length * c], [s, c, length * s], [0, 0, 1]])
    return transform[:2, 2]


@program(args=(np.array([0.3, -0.2, 0.5]), 0.1), tags="scan")
def adam_optimiser_on_a_dict(start, rate):
    state = {"x": start.copy(), "m": np.zeros(3), "v": np.zeros(3)}
    for t in range(1, 4):
        g = np.cos(state["x"]) * state["x"]
        state["m"] = 0.9 * state["m"] + 0.1 * g
        state["v"] *= 0.99
        state["v"] += 0.01 * g**2
        correction = np.sqrt(state["v"] / (1 - 0.99**t)) + 1e-3
        state["x"] -= rate * state["m"] / (1 - 0.9**t) / correction
    return state["x"]


@program(args=(0.9, np.array([0.3, 0.6, 0.2])))
def markov_reward_by_value_iteration(discount, rewards):
    values = np.zeros(3)
    for _ in range(4):
        for s in range(3):
            stay = rewards[s] + discount * values[s]
            move = rewards[(s + 1) % 3] * 0.9 + discount * values[(s + 1) % 3]
            values[s] = max(stay, move)
    return values


@program(args=(np.array([1.0, 0.4]), 0.3), tags="scan")
def ray_through_lenses(ray, power):
    height, angle = ray
    for k, distance in enumerate((0.5, 0.7, 0.4)):
        height = height + distance * math.tan(angle)
        if abs(height) > 0.5:
            angle = angle - power * height / (k + 1)
        else:
            angle = angle - 0.5 * power * height**2
    return height, angle


@program(args=(np.array([0.6, 0.3, 0.1]), 0.9, 0.2), complexable=True, tags="scan")
def epidemic_with_lockdown(state, infection, recovery):
    """Parameters change while the loop runs, by a threshold on the state."""
    s, i, r = state
    peak = i
    locked = False
    for _ in range(10):
        if i > 0.35 and not locked:
            infection *= 0.5
            locked = True
        new, healed = infection * s * i, recovery * i
        s, i, r = s - new, i + new - healed, r + healed
        peak = max(peak, i)
    return peak + r
