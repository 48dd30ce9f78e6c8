"""`jit`: a function as a program, which is translated once for each structure and types of its arguments."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from adjoint._api import compressed, compressed_program
from adjoint._api import lowering as lowering
from adjoint._api import lowering_custom as lowering_custom
from adjoint._api import lowering_jacobian as lowering_jacobian
from adjoint._api import lowering_pullbacks as lowering_pullbacks
from adjoint._api import lowering_vmap as lowering_vmap
from adjoint._api.custom import Custom
from adjoint._api.entry import Entry, direct_key, kind_of, same_arrays
from adjoint._api.function import Derivative, expect_function
from adjoint._api.jacobian import is_sparse
from adjoint._backend.native import machine, shortcut
from adjoint._backend.options import Options
from adjoint._frontend import calls, captures, closures
from adjoint._frontend.translate import Program, is_leaf, translate
from adjoint._frontend.trees import Tree, flatten
from adjoint._trace.instrument import is_instrumented
from adjoint._trace.routes import instrumented
from adjoint._trace.traced import Traced, sample
from adjoint.errors import AdjointError

# From whole numbers and shapes as symbols, to whole numbers known, to shapes known as well.
LEVELS = 3
# Programs kept for one structure of the arguments, if what they depend on changes from call to call.
MOST = 64
BACKENDS = ("native", "python")


def jit(
    f: Callable[..., Any],
    *,
    backend: str | None = None,
    fallback: bool = False,
    fastmath: bool = False,
    parallel: bool | int = False,
) -> Any:
    """Translate ``f`` into a program: loops, branches, recursion and stores stay what they are.

    Parameters
    ----------
    f
        Function of numbers, arrays, and trees of them; also the result of `grad`, `jacobian` and the other operators, and
        functions that call these.
    backend
        ``"native"``: the program is machine code for this processor, made by LLVM; where it cannot go on, because an index
        is out of bounds or an exception is due, Python runs the program again and raises what is to be raised.
        ``"python"``: the program is NumPy source that one can read (`source`), step through, and save (`export`).
        By default what the environment variable ``ADJOINT_BACKEND`` says, and ``"native"`` if it says nothing.
    fallback
        What cannot be translated runs by the tracing engine, with a warning, instead of raising.
    fastmath
        Machine code may reorder the sums and products that the function writes, and put a product and a sum into one
        operation: a loop that sums up then becomes vectors.  Results differ by rounding.  NumPy's own reductions may be
        reordered in any case.
    parallel
        Threads share the loops of machine code whose turns do not need each other, or only through sums: True for as many as
        the process may use processors, or their number.  Sums are put together from those of parts of the loop, which depend on
        the loop alone: results are the same for any number of threads, and differ from those without by rounding.

    Returns
    -------
    Callable
        Takes the arguments of ``f`` and returns what ``f`` returns.  All operators apply to it.

    Raises
    ------
    AdjointError
        At the first call: something in ``f`` cannot be translated.  The message gives file, line, reason and remedy.
    ValueError
        There is no such backend, or ``parallel`` is no number of threads.

    Warns
    -----
    RuntimeWarning
        ``backend="native"`` is asked for and LLVM (the package llvmlite) is not there: Python runs the program.

    Notes
    -----
    A program belongs to the structure, dtypes and ranks of the arguments, never to their shapes or values: new shapes do not
    translate again.  Machine code is made for the lengths of the short axes that come first (up to 16), and once or twice more
    if others come.  Where Python itself needs a number (``axis=n``, the length of a tuple), the program is specialised for it.
    Numbers and arrays that ``f`` finds outside of itself are read at every call.  Translation takes milliseconds to seconds.
    What runs the program is told by ``backend_used`` of the result (see `Jitted`).

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> def f(x):
    ...     s = 0.0
    ...     for i in range(len(x)):
    ...         s = s * x[i] + np.sin(x[i])
    ...     return s
    >>> ad.jit(ad.grad(f))(np.array([0.0, 1.0])).round(3)
    array([1.  , 0.54])
    """
    if backend == "native" and not machine.available():
        warnings.warn('jit(backend="native"): llvmlite is not there, so Python runs the program', RuntimeWarning, stacklevel=2)
    backend = backend_of(backend)
    options = Options(fastmath, parallel)
    options.expect_valid()
    if isinstance(f, Derivative) and is_sparse(f):
        # A pattern is found from a run, so the program is that of the function: its tangents, many directions at once.
        inner = f.f if isinstance(f.f, Jitted) else Jitted(f.f, backend=backend, fallback=fallback, options=options)
        return Derivative(f.run, inner, f.options)
    return Jitted(f, backend=backend, fallback=fallback, options=options)


def backend_of(name: str | None) -> str:
    """Return the backend of a name; without one, that of the environment, or machine code."""
    name = name or os.environ.get("ADJOINT_BACKEND") or BACKENDS[0]
    if name not in BACKENDS:
        raise ValueError(f"jit: there is no backend {name!r}; there are {' and '.join(map(repr, BACKENDS))}")
    return name


class Jitted:
    """The result of `jit`.

    Attributes
    ----------
    backend_used : str or None
        What runs the program of the last call: ``"native"``, ``"python"``, or ``"tracing"`` if it was not translated.
    translations : int
        How many programs were made so far.
    """

    __name__: str
    __qualname__: str

    def __init__(
        self, f: Callable[..., Any], *, backend: str | None = None, fallback: bool = False, options: Options | None = None
    ) -> None:
        expect_function(f, "jit")
        functools.update_wrapper(self, f, updated=())
        self.f, self.backend, self.fallback, self.options = f, backend_of(backend), fallback, options
        self.entries: dict[Any, list[Entry]] = {}
        self.levels: dict[Any, int] = {}
        # The programs for numbers and arrays as positional arguments, the commonest case, which are found quickly.
        self.direct: dict[Any, Entry] = {}
        self.last: Entry | None = None
        # The first such program that gives a plain value, and its machine code, which looks at their types itself.
        self.first: Entry | None = None
        self.fast: Callable[..., Any] | None = None
        self.shaped: Callable[[Sequence[Any]], Any] | None = None
        # The same, where what it returns is the value: `shortcut` asks it before any method of Python's runs.
        self.quick: Callable[..., Any] | None = None
        # What was defined while the tracing engine runs is run by that.
        self.refused = is_traced_code(f)

    def general(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program of ``f`` for these arguments."""
        if self.fast is not None and not kwargs:
            y = self.fast(*args)
            if y is not NotImplemented and y is not ...:
                assert self.first is not None
                self.ran(self.first)
                return y if self.shaped is None else self.shaped(y)
        key = None if kwargs else direct_key(args)
        direct = None if key is None else self.direct.get(key)
        captured = None if direct is None else direct.captured()
        if direct is not None and captured is not None:
            return self.run_direct(direct, args, captured)
        if self.refused:
            return self.traced(args, kwargs)
        try:
            tree, entry = self.entry(args, kwargs)
        except AdjointError as error:
            if not self.fallback:
                raise
            self.refused = True
            name = getattr(self, "__name__", None) or repr(self.f)
            warnings.warn(f"{name} is not translated and runs by the tracing engine: {error}", stacklevel=2)
            return self.traced(args, kwargs)
        if entry.writes_outside and any(isinstance(leaf, Traced) for leaf in tree.leaves):
            return self.traced(args, kwargs)
        if key is not None and entry.is_direct:
            self.direct[key] = entry
            if self.fast is None and entry.is_plain:
                self.first, self.shaped = entry, None if entry.is_as_given else entry.shaped
                self.fast = entry.quick(args)
                self.ran(entry)
        return entry(tree, args, kwargs)

    __call__ = general

    def ran(self, entry: Entry) -> None:
        """Note what runs; a shortcut only while all that runs is machine code, since it does not note what it does."""
        self.last, self.quick = entry, None
        if self.fast is not None and self.shaped is None and (entry is self.first or _runner(entry) == "native"):
            self.quick = self.fast
            _install()

    def run_direct(self, entry: Entry, args: tuple[Any, ...], captured: list[Any]) -> Any:
        """Run a program that is direct."""
        y = entry.run(args, captured)
        if entry is self.first and entry.is_alone(len(args)):  # its code may be another one since
            self.fast = entry.compiled.native.quick
        self.ran(entry)
        return y

    def traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the function itself, by the tracing engine if it is within a derivative."""
        within = any(isinstance(leaf, Traced) for leaf in flatten((args, kwargs), is_argument).leaves)
        f = instrumented(self.f) if within else self.f
        return f(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.f, self.backend, self.fallback, self.options)

    def __repr__(self) -> str:
        return f"adjoint.jit({getattr(self.f, '__qualname__', None) or repr(self.f)})"

    @property
    def backend_used(self) -> str | None:
        """What runs the program of the last call; None before the first one.

        ``"native"`` is machine code, ``"python"`` the NumPy source that `source` shows, and ``"tracing"`` the function itself,
        which could not be translated.  Where machine code is not to be had although it was asked for,
        ``source(g, backend="llvm")`` says why.

        >>> import numpy as np
        >>> import adjoint as ad
        >>> g = ad.jit(ad.grad(lambda x: np.sum(x**3)), backend="native")
        >>> g(np.array([1.0, 2.0])), g.backend_used
        (array([ 3., 12.]), 'native')
        """
        if self.last is None:
            return "tracing" if self.refused else None
        return _runner(self.last)

    @property
    def translations(self) -> int:
        """How many programs were made so far."""
        return sum(map(len, self.entries.values()))

    def entry(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tree, Entry]:
        """Return the program for arguments, translated if need be."""
        tree = flatten((args, kwargs), is_argument)
        leaves = [sample(leaf) for leaf in tree.leaves]
        base = (tree.key, tuple(map(kind_of, leaves)), same_arrays(leaves))
        key = (base, known(leaves, self.levels.get(base, 0)))
        for entry in self.entries.get(key, ()):
            if entry.captured() is not None:
                self.ran(entry)
                return tree, entry
        program = self.translated(base, tree, leaves)
        key = (base, known(leaves, self.levels.get(base, 0)))
        entry = Entry(program, self.backend, self.options, leaves)
        self.ran(entry)
        found = self.entries.setdefault(key, [])
        del found[: len(found) - MOST + 1]
        found.append(entry)
        return tree, entry

    def translated(self, base: Any, tree: Tree, leaves: list[Any]) -> Program:
        """Translate, as generally as that succeeds."""
        plain_args, plain_kwargs = tree.rebuild(leaves)
        first: AdjointError | None = None
        for level in range(self.levels.get(base, 0), LEVELS):
            try:
                program = translate(self.f, plain_args, plain_kwargs, level)
            except AdjointError as error:
                first = first or error
                continue
            self.levels[base] = level
            return program
        assert first is not None
        raise first


def _runner(entry: Entry) -> str:
    """Return what runs a program."""
    return "python" if entry.compiled.native is None else "native"


@functools.cache
def _install() -> None:
    shortcut.install(Jitted, "quick", "general")


captures.FORM.append(sample)
compressed.RUNS[Jitted] = compressed_program.run_of
# Within a translated function it is the function itself.
calls.CALLED[Jitted] = lambda g, args, kwargs: calls.routed(g.f)(*args, **kwargs)
closures.KINDS[Jitted] = (
    lambda g: (Jitted, g.backend, g.fallback, g.options),
    lambda g: {"f": g.f},
    lambda g, parts: _again(parts["f"], g.backend, g.fallback, g.options),
)


def _again(f: Any, backend: str, fallback: bool, options: Options | None) -> Jitted:
    return Jitted(f, backend=backend, fallback=fallback, options=options)


def is_traced_code(f: Any) -> bool:
    """Tell whether a function was defined while the tracing engine runs: then its source is not what there is to read."""
    while True:
        if isinstance(f, functools.partial):
            f = f.func
        elif isinstance(f, MethodType):
            f = f.__func__
        elif isinstance(f, (Derivative, Custom)):
            f = f.f
        else:
            break
    return is_instrumented(f if isinstance(f, FunctionType) else getattr(type(f), "__call__", None))  # noqa: B004 - the function is wanted


def is_argument(x: Any) -> bool:
    """Tell whether an argument, or a part of one, is a number or an array, traced or not."""
    return is_leaf(x) or isinstance(x, Traced)


def known(leaves: list[Any], level: int) -> tuple[Any, ...]:
    """Return what a program of a level is specialised for."""
    numbers = tuple(int(x) for x in leaves if isinstance(x, (int, np.integer))) if level >= 1 else ()
    return (numbers, tuple(np.shape(x) for x in leaves)) if level >= 2 else (numbers,)
