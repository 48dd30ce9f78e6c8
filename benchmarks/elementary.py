"""How accurate and how fast the elementary functions of the native back end are.

::

    python -m benchmarks.elementary

For each function a loop over arrays is compiled, as the back end would, and two questions are answered:

1. *Accuracy*: the largest error in units in the last place, over ``--points`` arguments that are spread over the function's
   domain.  The reference is mpmath with 200 bits, for those arguments whose error is largest by NumPy's long double.
   Where there is no such function, or no such type, mpmath has only ``--exact`` arguments to judge.
2. *Speed*: nanoseconds per element of an array that fits in the cache, against NumPy's or SciPy's function, in turns; and for
   a chain of calls that each wait for the one before, with a multiplication and an addition in between.

``--width`` asks LLVM for vectors of so many bits, where the processor has a choice.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np
from mpmath import MPContext, mpf
from scipy import special

from adjoint._backend.native import elementary
from adjoint._backend.native.elementary import SINGLE

mp = MPContext()  # our own: the precision of mpmath.mp is for others to choose
mp.prec = 200
INF = np.inf

# ------------------------------------------------------------------------------------------------------------ compilation

LOOP = """
define void @"loop {name}"({pointers}, ptr noalias %result, i64 %count) {attributes} {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
{loads}
  %y = call {type} @adj.{name}({arguments})
  %place = getelementptr {type}, ptr %result, i64 %i
  store {type} %y, ptr %place
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %loop, label %done
done:
  ret void
}}

define {type} @"chain {name}"({start}, i64 %count) {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %x0 = phi {type} [%s0, %entry], [%again, %loop]
  %y = call {type} @adj.{name}({links})
  %nothing = fmul {type} %y, 0.0
  %again = fadd {type} %nothing, %s0
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %loop, label %done
done:
  ret {type} %again
}}
"""


def loop(name: str, width: int | None) -> str:
    """Return the text of a loop over arrays, and of a chain of calls."""
    count = elementary.NAMES[name]
    type = "float" if name.startswith(SINGLE) else "double"
    return LOOP.format(
        name=name,
        type=type,
        attributes=f'"prefer-vector-width"="{width}"' if width else "",
        pointers=", ".join(f"ptr noalias %a{i}" for i in range(count)),
        loads="\n".join(
            f"  %p{i} = getelementptr {type}, ptr %a{i}, i64 %i\n  %x{i} = load {type}, ptr %p{i}" for i in range(count)
        ),
        arguments=", ".join(f"{type} %x{i}" for i in range(count)),
        start=", ".join(f"{type} %s{i}" for i in range(count)),
        links=", ".join([f"{type} %x0", *(f"{type} %s{i}" for i in range(1, count))]),
    )


class Compiled:
    """Functions over arrays, in machine code; ``text`` is what LLVM made of their definitions, and ``seconds`` its time."""

    def __init__(self, names: Iterable[str], width: int | None = None) -> None:
        names = list(names)
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
        )
        parts = [*sorted(elementary.intrinsics(names)), elementary.definitions(names), *(loop(name, width) for name in names)]
        start = time.perf_counter()
        module = llvm.parse_assembly("\n".join(parts))
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.slp_vectorization = True
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        if late := elementary.late(names):
            module.link_in(llvm.parse_assembly(late))
            passes = llvm.create_new_module_pass_manager()
            passes.add_always_inliner_pass()
            passes.add_simplify_cfg_pass()
            passes.add_global_dead_code_eliminate_pass()
            passes.run(module, builder)
        self.text = str(module)
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.finalize_object()
        self.seconds = time.perf_counter() - start

    def function(self, name: str) -> Callable[..., None]:
        """Return the loop: it takes addresses of arrays, that of the result last, and their size."""
        count = elementary.NAMES[name]
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (count + 1), ctypes.c_int64)
        return prototype(self.engine.get_function_address(f"loop {name}"))

    def chain(self, name: str) -> Callable[..., float]:
        """Return the chain: it takes the arguments of its first call, and how many calls to make."""
        prototype = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * elementary.NAMES[name], ctypes.c_int64)
        return prototype(self.engine.get_function_address(f"chain {name}"))

    def __call__(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        """Return the function's values."""
        arrays = tuple(np.ascontiguousarray(each, np.float32 if name.startswith(SINGLE) else np.float64) for each in arrays)
        result = np.empty_like(arrays[0])
        self.function(name)(*(each.ctypes.data for each in arrays), result.ctypes.data, result.size)
        return result


# ------------------------------------------------------------------------------------------------------------- arguments

Sample = Callable[[np.random.Generator, int], np.ndarray]


def uniform(low: float, high: float) -> Sample:
    """Return a sample of an interval."""
    return lambda rng, n: rng.uniform(low, high, n)


def sizes(low: float, high: float, middle: float = 0.0) -> Sample:
    """Return a sample of numbers that are ``middle`` and a step of either sign, whose logarithm is uniform."""
    return lambda rng, n: middle + rng.choice([-1.0, 1.0], n) * np.exp(rng.uniform(np.log(low), np.log(high), n))


def anything(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return doubles of any exponent."""
    return rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64)


def quarters(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return the doubles next to multiples of π/2."""
    return np.rint(rng.uniform(-1e6, 1e6, n)) * (np.pi / 2)


@dataclass(frozen=True)
class Subject:
    """A function's exact value, by mpmath, its arguments, and the interval where it is timed."""

    exact: Callable[..., mpf]
    samples: Sequence[Sample | tuple[Sample, Sample]]
    timed: tuple[float, float] = (-10.0, 10.0)
    long: Callable[..., np.ndarray] | None = None


LOG = [anything, uniform(0.5, 2), sizes(1e-16, 0.3, 1.0)]
SMALL = sizes(1e-310, 1.0)
TURNS = [uniform(-10, 10), sizes(1e-310, 1e12), sizes(1e12, 1e308), quarters]
UNIT = [uniform(-1, 1), SMALL]
PLANE = [(uniform(-1, 1), uniform(-1, 1)), (sizes(1e-3, 1e3), sizes(1e-3, 1e3)), (anything, anything)]

SUBJECTS = {
    "exp": Subject(mp.exp, [uniform(-746, 710), *UNIT]),
    "exp2": Subject(lambda x: mp.power(2, x), [uniform(-1076, 1024), *UNIT]),
    "expm1": Subject(mp.expm1, [uniform(-60, 710), *UNIT]),
    "log": Subject(mp.log, LOG, (0.1, 10)),
    "log2": Subject(lambda x: mp.log(x) / mp.log(2), LOG, (0.1, 10)),
    "log10": Subject(lambda x: mp.log(x) / mp.log(10), LOG, (0.1, 10)),
    "log1p": Subject(mp.log1p, [anything, uniform(-1, 2), SMALL], (-0.9, 10)),
    "logaddexp": Subject(lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), [(uniform(0, 30), uniform(0, 30))]),
    "expit": Subject(lambda x: 1 / (1 + mp.exp(-x)), [uniform(-745, 40), uniform(-3, 3)], long=lambda x: 1 / (1 + np.exp(-x))),
    "power": Subject(
        mp.power,
        [(uniform(0, 10), uniform(-30, 30)), (sizes(1e-300, 1e300), uniform(-1, 1)), (uniform(0.9, 1.1), uniform(-7e3, 7e3))],
        (0.1, 10),
    ),
    "sin": Subject(mp.sin, TURNS),
    "cos": Subject(mp.cos, TURNS),
    "tan": Subject(mp.tan, TURNS),
    "arcsin": Subject(mp.asin, UNIT, (-1, 1)),
    "arccos": Subject(mp.acos, [*UNIT, sizes(1e-16, 0.1, 1.0)], (-1, 1)),
    "arctan": Subject(mp.atan, [uniform(-3, 3), sizes(1e-310, 1e300)]),
    "arctan2": Subject(mp.atan2, PLANE),
    "sinh": Subject(mp.sinh, [uniform(-3, 3), uniform(-711, 711), SMALL]),
    "cosh": Subject(mp.cosh, [uniform(-3, 3), uniform(-711, 711), SMALL]),
    "tanh": Subject(mp.tanh, [uniform(-3, 3), uniform(-20, 20), SMALL]),
    "arcsinh": Subject(mp.asinh, [uniform(-3, 3), sizes(1e-310, 1e308)]),
    "arccosh": Subject(mp.acosh, [uniform(1, 3), sizes(1e-310, 1e308), sizes(1e-16, 2, 1.0)], (1, 10)),
    "arctanh": Subject(mp.atanh, [*UNIT, sizes(1e-16, 0.5, 1.0)], (-1, 1)),
    "cbrt": Subject(lambda x: mp.sign(x) * mp.cbrt(abs(x)), [uniform(-8, 8), anything]),
    "hypot": Subject(mp.hypot, PLANE),
    "erf": Subject(mp.erf, [uniform(-6, 6), uniform(0.9, 1.2), SMALL]),
    "erfc": Subject(mp.erfc, [uniform(-6, 27.3), uniform(0, 3), SMALL]),
}


def theirs(name: str) -> Callable[..., np.ndarray]:
    """Return NumPy's function of this name, or SciPy's."""
    return getattr(np, name, None) or getattr(special, name)


# -------------------------------------------------------------------------------------------------------------- accuracy


def ulps(exact: mpf, value: float) -> float:
    """Return the error in units in the last place of the exact value; below 2⁻¹⁰²² the unit is 2⁻¹⁰⁷⁴."""
    if exact == 0:
        return 0.0 if value == 0 else INF
    exponent = mp.frexp(exact)[1] - 53
    return float(abs(mp.mpf(value) - exact) / mp.ldexp(1, max(exponent, -1074)))


def worst(name: str, compiled: Compiled, points: int, judged: int) -> tuple[float, tuple[float, ...]]:
    """Return the largest error in units in the last place, and where it is."""
    subject, found = SUBJECTS[name], (0.0, ())
    rng = np.random.default_rng(0)
    share = points // len(subject.samples)
    for sample in subject.samples:
        arguments = [each(rng, share) for each in (sample if isinstance(sample, tuple) else (sample,))]
        values = compiled(name, *arguments)
        kept = np.logical_and.reduce([np.isfinite(each) for each in (*arguments, values)])
        arguments, values = [each[kept] for each in arguments], values[kept]
        for i in _suspects(name, arguments, values, judged):
            point = tuple(float(each[i]) for each in arguments)
            found = max(found, (ulps(subject.exact(*map(mp.mpf, point)), float(values[i])), point))
    return found


def _suspects(name: str, arguments: list[np.ndarray], values: np.ndarray, judged: int) -> np.ndarray:
    """Return the places of the largest errors by long double; any places, where there is none."""
    long = SUBJECTS[name].long or getattr(np, name, None)
    if long is None or np.finfo(np.longdouble).nmant <= 52:
        return np.arange(min(judged * 10, values.size))
    with np.errstate(all="ignore"):
        exact = long(*(each.astype(np.longdouble) for each in arguments))
        errors = np.abs(values - exact) / np.spacing(np.abs(values))
    return np.argsort(np.nan_to_num(-errors.astype(np.float64)))[:judged]


# ----------------------------------------------------------------------------------------------------------------- speed


def seconds(action: Callable[[], object]) -> float:
    """Return how long the action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def speed(name: str, compiled: Compiled, size: int, repetitions: int) -> tuple[float, float, float]:
    """Return nanoseconds per element of our loop, of NumPy's or SciPy's, and of the chain."""
    rng = np.random.default_rng(0)
    arguments = [rng.uniform(*SUBJECTS[name].timed, size) for _ in range(elementary.NAMES[name])]
    result = np.empty(size)
    function, chain, other = compiled.function(name), compiled.chain(name), theirs(name)
    addresses = [*(each.ctypes.data for each in arguments), result.ctypes.data]
    start = [sum(SUBJECTS[name].timed) / 2 + 0.3] * len(arguments)
    turns = [
        (
            seconds(lambda: function(*addresses, size)),
            seconds(lambda: other(*arguments, out=result)),
            seconds(lambda: chain(*start, size)),
        )
        for _ in range(repetitions)
    ]
    ours, others, chains = (statistics.median(column) / size * 1e9 for column in zip(*turns, strict=True))
    return ours, others, chains


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.elementary", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="functions, or all")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--exact", type=int, default=2_000, help="how many of the arguments mpmath judges")
    parser.add_argument("--size", type=int, default=4096, help="elements of the arrays that are timed")
    parser.add_argument("--repetitions", type=int, default=101)
    parser.add_argument("--width", type=int, help="bits of a vector")
    options = parser.parse_args(arguments)
    names = options.names or list(SUBJECTS)
    compiled = Compiled(names, options.width)
    print(f"{llvm.get_host_cpu_name()}, NumPy {np.__version__}; compiled in {compiled.seconds:.2f} s")
    print(f"{'':10s} {'ulp':>6s} {'ns':>7s} {'NumPy':>7s} {'faster':>7s} {'chain':>7s}  worst at")
    for name in names:
        error, where = worst(name, compiled, options.points, options.exact)
        ours, others, chain = speed(name, compiled, options.size, options.repetitions)
        place = ", ".join(f"{x!r}" for x in where)
        print(f"{name:10s} {error:6.3f} {ours:7.2f} {others:7.2f} {others / ours:6.1f}x {chain:7.1f}  {place}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
