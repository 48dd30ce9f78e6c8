import numpy as np


def chirp_grad(x, n, s_bar):
    """Return s, x_bar (cotangent of x); given s_bar (cotangent of s)."""
    s = 0.0
    for i in range(n):
        s = s + np.sin(x[i]) * x[i]  # a chirp
    x_bar = np.zeros_like(x)
    for i in reversed(range(n)):
        # line 4: s = s + np.sin(x[i]) * x[i]
        x_bar[i] += x[i] * (np.cos(x[i]) * s_bar) + np.sin(x[i]) * s_bar
    return s, x_bar
