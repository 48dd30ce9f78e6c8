"""The problems, one to a file."""

from benchmarks.gradbench.problem import Problem
from benchmarks.gradbench.problems import ba, det, gmm, hello, ht, kmeans, llsq, lse, lstm, ode, particle, saddle

MODULES = hello, gmm, ba, lstm, ht, det, kmeans, llsq, lse, ode, particle, saddle
PROBLEMS: dict[str, Problem] = {module.PROBLEM.name: module.PROBLEM for module in MODULES}
