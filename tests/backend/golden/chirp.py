import numpy as np


def chirp(x, n):
    s = 0.0
    for i in range(n):
        s = s + np.sin(x[i]) * x[i]  # a chirp
    return s
