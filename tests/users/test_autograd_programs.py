"""Programs of HIPS/autograd's users: the same text runs with adjoint, and only the imports change.

Each program is written in the idiom of autograd's examples.  It leaves its derivatives in ``result``, and a function and a point in ``f`` and
``point``.  It is run with adjoint twice, as a text whose source can be read and as one whose source cannot, so that ``adjoint.numpy``
alone has to do, and, where autograd is installed, with autograd; all must agree.  The derivatives of ``f`` are checked
against differences besides.
"""

from __future__ import annotations

import importlib.util
import linecache
from typing import Any

import numpy as np
import pytest

from adjoint.testing import check

ADJOINT = """
import adjoint.numpy as np
from adjoint import grad, jacobian, hessian, value_and_grad
from adjoint import derivative as elementwise_grad, hvp as hessian_vector_product, checkpoint
from scipy.special import logsumexp, gammaln, expit, erf
def grad_and_aux(f):
    return grad(f, has_aux=True)
def multigrad(f, argnums):
    return grad(f, argnums)
"""
# A Python function of SciPy's is followed where it is called from code that can be read.
UNREADABLE = """
def logsumexp(x, axis=None, keepdims=False):
    m = np.max(x, axis=axis, keepdims=True)
    y = m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True))
    return y if keepdims else np.squeeze(y, axis=axis)
"""
AUTOGRAD = """
import autograd.numpy as np
from autograd import grad, jacobian, hessian, value_and_grad
from autograd import elementwise_grad, hessian_vector_product, checkpoint, grad_and_aux
from autograd import multigrad_dict
from autograd.scipy.special import logsumexp, gammaln, expit, erf
def multigrad(f, argnums):
    return lambda *args: tuple(grad(f, k)(*args) for k in argnums)
"""

PROGRAMS = {
    "tanh to sixth order": """
def tanh(x):
    y = np.exp(-2.0 * x)
    return (1.0 - y) / (1.0 + y)

x = np.linspace(-1.5, 1.5, 7)
d1 = elementwise_grad(tanh)
d2 = elementwise_grad(d1)
d3 = elementwise_grad(d2)
d4 = elementwise_grad(d3)
d5 = elementwise_grad(d4)
d6 = elementwise_grad(d5)
g = tanh
for _ in range(6):
    g = grad(g)
result = [d1(x), d2(x), d3(x), d4(x), d5(x), d6(x), g(0.3), grad(np.tanh)(0.4)]
f, point = (lambda x: np.sum(tanh(x))), (x,)
""",
    "logistic regression": """
rng = np.random.RandomState(0)
inputs = rng.randn(20, 3)
targets = (inputs @ np.array([1.0, -2.0, 0.5]) > 0)

def predictions(weights, inputs):
    return 0.5 * (np.tanh(np.dot(inputs, weights)) + 1)

def training_loss(weights):
    preds = predictions(weights, inputs)
    label_probabilities = preds * targets + (1 - preds) * (1 - targets)
    return -np.sum(np.log(label_probabilities))

training_gradient_fun = grad(training_loss)
weights = np.array([0.1, -0.1, 0.2])
for i in range(20):
    weights = weights - training_gradient_fun(weights) * 0.01
result = [weights, training_loss(weights)]
f, point = training_loss, (weights,)
""",
    "neural net, list of tuples": """
rng = np.random.RandomState(1)
def init_random_params(scale, layer_sizes):
    return [(scale * rng.randn(m, n), scale * rng.randn(n)) for m, n in zip(layer_sizes[:-1], layer_sizes[1:])]

def neural_net_predict(params, inputs):
    for W, b in params:
        outputs = np.dot(inputs, W) + b
        inputs = np.tanh(outputs)
    return outputs - logsumexp(outputs, axis=1, keepdims=True)

def l2_norm(params):
    if isinstance(params, np.ndarray):
        return np.dot(params.ravel(), params.ravel())
    return sum([l2_norm(p) for p in params])

def log_posterior(params, inputs, targets, L2_reg):
    log_prior = -L2_reg * sum([np.sum(W**2) + np.sum(b**2) for W, b in params])
    return log_prior + np.sum(neural_net_predict(params, inputs) * targets)

inputs = rng.randn(8, 5)
targets = np.eye(3)[rng.randint(0, 3, 8)]
params = init_random_params(0.5, [5, 4, 3])
g = grad(log_posterior)(params, inputs, targets, 0.1)
result = [part for pair in g for part in pair]
f, point = (lambda p: log_posterior(p, inputs, targets, 0.1)), (params,)
""",
    "neural net, dict": """
rng = np.random.RandomState(2)
params = {"W1": rng.randn(4, 6), "b1": rng.randn(6), "W2": rng.randn(6, 1), "b2": rng.randn(1)}
X, y = rng.randn(10, 4), rng.randn(10)

def relu(x):
    return np.maximum(0.0, x)

def loss(params):
    h = relu(np.dot(X, params["W1"]) + params["b1"])
    return np.mean((np.dot(h, params["W2"])[:, 0] + params["b2"] - y) ** 2)

value, g = value_and_grad(loss)(params)
for step in range(5):
    g = grad(loss)(params)
    params = {key: params[key] - 0.01 * g[key] for key in params}
result = [value] + [params[key] for key in sorted(params)] + [g[key] for key in sorted(g)]
f, point = loss, (params,)
""",
    "gaussian mixture": """
rng = np.random.RandomState(3)
data = np.concatenate([rng.randn(15, 2) - 2, 0.5 * rng.randn(15, 2) + 1])
params = {"log proportions": 0.1 * rng.randn(3), "means": rng.randn(3, 2), "lower triangles": np.zeros((3, 2, 2)) + np.eye(2)}

def mvn_logpdf(x, mean, L):
    d = x - mean
    z = np.linalg.solve(L, d.T).T
    logdet = 2 * np.sum(np.log(np.abs(np.diag(L))))
    return -0.5 * np.sum(z**2, axis=1) - 0.5 * logdet - d.shape[1] / 2 * np.log(2 * np.pi)

def log_marginal_likelihood(params):
    normalized = params["log proportions"] - logsumexp(params["log proportions"])
    clusters = []
    for k in range(3):
        L = np.tril(params["lower triangles"][k])
        clusters.append(normalized[k] + mvn_logpdf(data, params["means"][k], L))
    return np.sum(logsumexp(np.vstack(clusters), axis=0))

g = grad(log_marginal_likelihood)(params)
result = [log_marginal_likelihood(params)] + [g[key] for key in sorted(g)]
f, point = log_marginal_likelihood, (params,)
""",
    "ordinary differential equation fit": """
t = np.linspace(0.0, 4.0, 30)
true = np.array([0.7, 0.3, 0.4, 0.6])

def derivatives(state, theta):
    prey, predator = state
    return np.array([prey * (theta[0] - theta[1] * predator), predator * (theta[2] * prey - theta[3])])

def simulate(theta):
    state = np.array([1.0, 0.5])
    states = [state]
    for step in t[1:] - t[:-1]:
        k1 = derivatives(state, theta)
        k2 = derivatives(state + step / 2 * k1, theta)
        k3 = derivatives(state + step / 2 * k2, theta)
        k4 = derivatives(state + step * k3, theta)
        state = state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(state)
    return np.stack(states)

data = simulate(true)

def loss(theta):
    return np.sum((simulate(theta) - data) ** 2)

theta = np.array([0.6, 0.35, 0.5, 0.5])
result = [loss(theta), grad(loss)(theta), jacobian(lambda theta: simulate(theta)[-1])(theta)]
f, point = loss, (theta,)
""",
    "recurrent net": """
rng = np.random.RandomState(4)
params = {"change": rng.randn(3 + 4 + 1, 4) * 0.5, "predict": rng.randn(4 + 1, 3) * 0.5, "init": rng.randn(1, 4)}

def concat_and_multiply(weights, *args):
    cat_state = np.hstack(args + (np.ones((args[0].shape[0], 1)),))
    return np.dot(cat_state, weights)

def rnn_predict(params, inputs):
    hiddens = np.repeat(params["init"], inputs.shape[1], axis=0)
    output = []
    for input in inputs:
        hiddens = np.tanh(concat_and_multiply(params["change"], input, hiddens))
        o = concat_and_multiply(params["predict"], hiddens)
        output.append(o - logsumexp(o, axis=1, keepdims=True))
    return output

inputs = rng.rand(6, 2, 3)
targets = np.eye(3)[rng.randint(0, 3, (6, 2))]

def rnn_log_likelihood(params):
    logprobs = rnn_predict(params, inputs)
    loglik = 0.0
    for t in range(inputs.shape[0]):
        loglik += np.sum(logprobs[t] * targets[t])
    return loglik / (inputs.shape[0] * inputs.shape[1])

g = grad(rnn_log_likelihood)(params)
result = [g[key] for key in sorted(g)]
f, point = rnn_log_likelihood, (params,)
""",
    "long short-term memory": """
rng = np.random.RandomState(5)
names = ["change", "forget", "ingate", "outgate"]
params = dict((name, 0.5 * rng.randn(2 + 3 + 1, 3)) for name in names)
params["init hiddens"], params["init cells"] = 0.5 * rng.randn(1, 3), 0.5 * rng.randn(1, 3)

def sigmoid(x):
    return 0.5 * (np.tanh(x) + 1.0)

def gate(weights, *args):
    return np.dot(np.hstack(args + (np.ones((args[0].shape[0], 1)),)), weights)

def lstm(params, inputs):
    hiddens = np.repeat(params["init hiddens"], inputs.shape[1], axis=0)
    cells = np.repeat(params["init cells"], inputs.shape[1], axis=0)
    total = 0.0
    for input in inputs:
        change = np.tanh(gate(params["change"], input, hiddens))
        forget = sigmoid(gate(params["forget"], input, hiddens))
        ingate = sigmoid(gate(params["ingate"], input, hiddens))
        outgate = sigmoid(gate(params["outgate"], input, hiddens))
        cells = cells * forget + ingate * change
        hiddens = outgate * np.tanh(cells)
        total = total + np.sum(hiddens**2)
    return total

inputs = rng.randn(5, 2, 2)
g = grad(lstm)(params, inputs)
result = [g[key] for key in sorted(g)]
f, point = (lambda p: lstm(p, inputs)), (params,)
""",
    "convolution by einsum": """
rng = np.random.RandomState(6)
images, kernels = rng.randn(2, 6, 6), rng.randn(3, 3, 3)

def patches(x):
    return np.stack([np.stack([x[:, i : i + 4, j : j + 4] for j in range(3)], axis=-1) for i in range(3)], axis=-2)

def net(kernels, bias):
    features = np.einsum("nxyij,kij->nkxy", patches(images), kernels) + bias[None, :, None, None]
    pooled = np.max(np.reshape(features, (2, 3, 2, 2, 2, 2)), axis=(3, 5))
    return np.sum(np.tanh(pooled) ** 2)

bias = np.array([0.1, -0.2, 0.3])
result = list(multigrad(net, [0, 1])(kernels, bias))
f, point = net, (kernels, bias)
""",
    "convolution of signals": """
signal = np.sin(np.arange(12.0))

def blur(kernel):
    rows = [kernel[k] * signal[k : len(signal) - len(kernel) + k + 1] for k in range(len(kernel))]
    return np.sum(np.sum(np.array(rows), axis=0) ** 2)

kernel = np.array([0.2, 0.5, -0.3])
result = [grad(blur)(kernel), hessian(blur)(kernel)]
f, point = blur, (kernel,)
""",
    "rosenbrock with Hessian-vector products": """
def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

x, v = np.array([0.5, -0.3, 1.2, 0.8]), np.array([1.0, 2.0, -1.0, 0.5])
result = [grad(rosenbrock)(x), hessian_vector_product(rosenbrock)(x, v), hessian(rosenbrock)(x), grad(lambda x: np.dot(grad(rosenbrock)(x), v))(x)]
f, point = rosenbrock, (x,)
""",
    "gaussian process regression": """
rng = np.random.RandomState(7)
X, y = rng.randn(12, 2), rng.randn(12)

def rbf_covariance(kernel_params, x, xp):
    output_scale = np.exp(kernel_params[0])
    lengthscales = np.exp(kernel_params[1:])
    diffs = np.expand_dims(x / lengthscales, 1) - np.expand_dims(xp / lengthscales, 0)
    return output_scale * np.exp(-0.5 * np.sum(diffs**2, axis=2))

def log_marginal_likelihood(params):
    mean, cov_params, noise_scale = params[0], params[2:], np.exp(params[1]) + 0.001
    cov_y_y = rbf_covariance(cov_params, X, X) + noise_scale * np.eye(len(y))
    L = np.linalg.cholesky(cov_y_y)
    alpha = np.linalg.solve(L, y - mean)
    return -0.5 * np.dot(alpha, alpha) - np.sum(np.log(np.diag(L))) - 0.5 * len(y) * np.log(2 * np.pi)

def by_determinant(params):
    cov = rbf_covariance(params[2:], X, X) + (np.exp(params[1]) + 0.001) * np.eye(len(y))
    sign, logdet = np.linalg.slogdet(cov)
    return -0.5 * np.dot(y - params[0], np.linalg.solve(cov, y - params[0])) - 0.5 * logdet - 0.5 * len(y) * np.log(2 * np.pi)

params = np.array([0.1, -1.0, 0.2, 0.3, -0.2])
result = [grad(log_marginal_likelihood)(params), grad(by_determinant)(params)]
f, point = log_marginal_likelihood, (params,)
""",
    "fluid simulation": """
def project(vx, vy):
    p = np.zeros(vx.shape)
    h = 1.0 / vx.shape[0]
    div = -0.5 * h * (np.roll(vx, -1, axis=0) - np.roll(vx, 1, axis=0) + np.roll(vy, -1, axis=1) - np.roll(vy, 1, axis=1))
    for k in range(5):
        p = (div + np.roll(p, 1, axis=0) + np.roll(p, -1, axis=0) + np.roll(p, 1, axis=1) + np.roll(p, -1, axis=1)) / 4.0
    vx = vx - 0.5 * (np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0)) / h
    vy = vy - 0.5 * (np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1)) / h
    return vx, vy

def advect(f, vx, vy):
    rows, cols = f.shape
    cell_ys, cell_xs = np.meshgrid(np.arange(rows), np.arange(cols))
    center_xs = (cell_xs - vx).ravel()
    center_ys = (cell_ys - vy).ravel()
    left_ix = np.floor(center_xs).astype(int)
    top_ix = np.floor(center_ys).astype(int)
    rw = center_xs - left_ix
    bw = center_ys - top_ix
    left_ix = np.mod(left_ix, rows)
    right_ix = np.mod(left_ix + 1, rows)
    top_ix = np.mod(top_ix, cols)
    bot_ix = np.mod(top_ix + 1, cols)
    flat_f = (1 - rw) * ((1 - bw) * f[left_ix, top_ix] + bw * f[left_ix, bot_ix]) \\
        + rw * ((1 - bw) * f[right_ix, top_ix] + bw * f[right_ix, bot_ix])
    return np.reshape(flat_f, (rows, cols))

rng = np.random.RandomState(8)
smoke, target = rng.rand(5, 5), rng.rand(5, 5)

def objective(params):
    vx, vy = params[0], params[1]
    s = smoke
    for t in range(3):
        vx, vy = advect(vx, vx, vy), advect(vy, vx, vy)
        vx, vy = project(vx, vy)
        s = advect(s, vx, vy)
    return np.mean((target - s) ** 2)

params = 0.3 * rng.randn(2, 5, 5)
result = [grad(objective)(params)]
f, point = objective, (params,)
""",
    "black-box variational inference": """
rng = np.random.RandomState(9)
draws = rng.randn(30, 2)

def log_density(x):
    mu, log_sigma = x[:, 0], x[:, 1]
    prior = -0.5 * (log_sigma / 1.35) ** 2
    return prior - log_sigma - 0.5 * (mu / np.exp(log_sigma)) ** 2

def variational_objective(params):
    mean, log_std = params[:2], params[2:]
    samples = draws * np.exp(log_std) + mean
    entropy = 0.5 * 2 * (1.0 + np.log(2 * np.pi)) + np.sum(log_std)
    return -(entropy + np.mean(log_density(samples)))

params = np.array([-1.0, 0.2, -0.5, -0.3])
gradient = grad(variational_objective)
m = np.zeros(4)
v = np.zeros(4)
for i in range(10):
    g = gradient(params)
    m = 0.1 * g + 0.9 * m
    v = 0.001 * g**2 + 0.999 * v
    params = params - 0.1 * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
result = [params, gradient(params), hessian(variational_objective)(params)]
f, point = variational_objective, (params,)
""",
    "bayesian neural net": """
rng = np.random.RandomState(10)
shapes = list(zip([1, 5, 5], [5, 5, 1]))
size = sum((m + 1) * n for m, n in shapes)

def unpack_layers(weights):
    num = len(weights)
    for m, n in shapes:
        yield weights[:, : m * n].reshape((num, m, n)), weights[:, m * n : m * n + n].reshape((num, 1, n))
        weights = weights[:, (m + 1) * n :]

def predictions(weights, inputs):
    inputs = np.expand_dims(inputs, 0)
    for W, b in unpack_layers(weights):
        outputs = np.einsum("mnd,mdo->mno", inputs, W) + b
        inputs = np.sin(outputs)
    return outputs

X, y = np.linspace(-2, 2, 9)[:, None], np.cos(np.linspace(-2, 2, 9))[:, None]
draws = rng.randn(4, size)

def objective(params):
    samples = draws * np.exp(params[1]) + params[0]
    log_prior = -0.1 * np.sum(samples**2, axis=1)
    log_lik = -np.sum((predictions(samples, X) - y) ** 2, axis=1)[:, 0] / 0.01
    return -np.mean(log_prior + log_lik) - np.sum(params[1])

params = np.stack([0.3 * rng.randn(size), -3 + 0.1 * rng.randn(size)])
result = [grad(objective)(params)]
f, point = objective, (params,)
""",
    "k-means by gradients": """
rng = np.random.RandomState(11)
points = np.concatenate([rng.randn(10, 2), rng.randn(10, 2) + 4])

def cost(centers):
    distances = np.sum((points[:, None, :] - centers[None, :, :]) ** 2, axis=2)
    return np.sum(np.min(distances, axis=1))

centers = np.array([[0.5, 0.0], [3.0, 3.0]])
for step in range(3):
    g = grad(cost)(centers)
    h = np.diag(hessian(cost)(centers).reshape(4, 4)).reshape(2, 2)
    centers = centers - g / h
result = [centers, g]
f, point = cost, (centers + 0.1,)
""",
    "auxiliary values and several gradients": """
def fit(a, b, x):
    residual = a * x - np.exp(b)
    return np.sum(residual**2), residual

x = np.array([1.0, 2.0, 3.0])
g, residual = grad_and_aux(fit)(1.5, 0.5, x)
loss = lambda a, b, x: fit(a, b, x)[0]
result = [g, residual] + list(multigrad(loss, [0, 1, 2])(1.5, 0.5, x))
f, point = loss, (1.5, 0.5, x)
""",
    "special functions": """
def negative_log_likelihood(params):
    alpha, beta = np.exp(params[0]), np.exp(params[1])
    x = np.array([0.2, 0.5, 0.7])
    log_beta = gammaln(alpha) + gammaln(beta) - gammaln(alpha + beta)
    return -np.sum((alpha - 1) * np.log(x) + (beta - 1) * np.log(1 - x) - log_beta) + np.sum(expit(params) * erf(params))

params = np.array([0.3, -0.4])
result = [grad(negative_log_likelihood)(params), hessian(negative_log_likelihood)(params)]
f, point = negative_log_likelihood, (params,)
""",
    "checkpoints and unconverged loops": """
def newton_root(a):
    x = a
    while np.abs(x**2 - a) > 1e-13:
        x = 0.5 * (x + a / x)
    return x

segment = checkpoint(lambda x: np.sin(x) * np.cos(x) + x)

def chain(x):
    for i in range(4):
        x = segment(x)
    return np.sum(x)

x = np.array([0.3, -0.2])
result = [grad(newton_root)(2.0), grad(grad(newton_root))(2.0), grad(chain)(x)]
f, point = chain, (x,)
""",
    "nested gradients of a path length": """
def fun(x):
    return np.sin(x) + 0.5 * x**2

def arc(x):
    return np.sqrt(1 + grad(fun)(x) ** 2)

def length(end):
    steps = 8
    total = 0.0
    for k in range(steps):
        total = total + arc(end * (k + 0.5) / steps) * end / steps
    return total

result = [length(1.5), grad(length)(1.5), grad(grad(length))(1.5)]
f, point = length, (1.5,)
""",
}
INSTALLED = importlib.util.find_spec("autograd") is not None


def run(name: str, header: str, *, readable: bool) -> dict[str, Any]:
    """Execute a program; a readable one has a source that `inspect` finds."""
    text = header + PROGRAMS[name] if readable else header + UNREADABLE + PROGRAMS[name]
    filename = f"<autograd program: {name}, {'readable' if readable else 'unreadable'}>"
    if readable:
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module = {"__name__": "program"}
    exec(compile(text, filename, "exec"), module)
    return module


def agree(got: list[Any], expected: list[Any]) -> None:
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        scale = np.max(np.abs(other))
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("readable", [True, False], ids=["readable", "unreadable"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives_are_right(name: str, readable: bool) -> None:
    program = run(name, ADJOINT, readable=readable)
    check(program["f"], *program["point"], order=1, tolerance=1e-5)


@pytest.mark.parametrize("name", PROGRAMS)
def test_source_or_not_is_the_same(name: str) -> None:
    agree(run(name, ADJOINT, readable=True)["result"], run(name, ADJOINT, readable=False)["result"])


@pytest.mark.skipif(not INSTALLED, reason="autograd is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_equals_autograd(name: str) -> None:
    expected = run(name, AUTOGRAD, readable=True)["result"]
    agree(run(name, ADJOINT, readable=True)["result"], expected)
    agree(run(name, ADJOINT, readable=False)["result"], expected)
