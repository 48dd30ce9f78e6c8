"""Programs as functions of machine code that Python calls."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from adjoint._backend.native import cache, capsules, machine, programs, runtime_large
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.shortcut import Method
from adjoint._backend.native.table import IMPORTS, TABLE, TYPE_NUMBERS
from adjoint._backend.native.values import Lengths, is_native
from adjoint._backend.options import Options
from adjoint._ir.nodes import Apply, Function, functions, walk
from adjoint._ir.types import Tensor

if TYPE_CHECKING:
    from adjoint._backend.native.module import Module

__all__ = ["UnsupportedError", "compile", "shown", "source"]


# Places in NumPy's table of its C interface (numpy/_core/code_generators/numpy_api.py): NumPy 1 and 2 agree on these.
_NEW, _SCALAR, _SET_BASE = 93, 60, 282
_FASTCALL = 0x80
# Lengths of axes of arguments that are part of the code, as far as calls always bring the same.
SHORT = 16
_FURTHER = (
    "PyCapsule_GetPointer", "PyObject_Vectorcall", "PyTuple_GetItem", "PyList_New", "PyList_SetItem", "PyList_GetItem",
    "PyList_Size",
)  # fmt: skip


class _Code:
    """What a function of machine code needs to stay alive."""

    def __init__(self, loaded: machine.Loaded, method: Method, objects: list[Any]) -> None:
        self.loaded, self.method, self.objects = loaded, method, objects


def source(function: Function, *, exact: bool = False) -> str:
    """Return a program as LLVM IR.

    Raises
    ------
    UnsupportedError
        The program uses what machine code does not know.
    """
    return _module(function, exact=exact)[1]


def shown(function: Function, form: str, options: Options | None = None) -> str:
    """Return what LLVM makes of a program, for people who look: its IR after all passes, or this processor's assembly.

    Remarks in front of it name the functions that are called back.

    Raises
    ------
    UnsupportedError
        The program uses what machine code does not know.
    """
    module, text = _module(function, options=options)
    made = (machine.optimised if form == "llvm" else machine.assembly)(text, late=module.late())
    return "".join(f"{machine.FORMS[form]} {line}\n" for line in dict.fromkeys(map(_remark, module.called_))) + made


def _remark(called: tuple[Apply, str]) -> str:
    """Return a line that says which function is called back."""
    f = called[0].function
    name = getattr(f, "__qualname__", None) or getattr(f, "__name__", str(f))
    # NumPy's ufuncs do not say where they are from, and SciPy's are ufuncs too.
    module = getattr(f, "__module__", None) or ("numpy" if getattr(np, name, None) is f else "")
    line = called[0].line
    return (f"line {line.number}: " if line else "") + "calls " + ".".join(filter(None, (module, name)))


def _module(
    function: Function, *, exact: bool = False, options: Options | None = None, lengths: Lengths | None = None
) -> tuple[Module, str]:
    """Return a program as a module, and its text."""
    from adjoint._backend.native.module import Module  # ten milliseconds that code from the disk does without

    for one in functions(function):
        for op in walk(one.body):
            if isinstance(op, Apply) and op.effect:
                raise UnsupportedError("an operation that may not be done twice")
        if any(isinstance(param.type, Tensor) and not param.type.dtype.isnative for param in one.params):
            raise UnsupportedError("numbers in the byte order of another processor")
    module = Module(function, exact=exact, options=options, lengths=lengths)
    return module, module.text()


class Native:
    """A program as machine code, in two forms.

    The quick one multiplies where the chain rule says that a zero wins over an infinite factor; if a product is undefined, the
    exact one is made and run.  Both are made for the lengths of the short axes that come first: short arrays need no memory
    then but registers and the stack, and loops over rows of a few elements are written out.  When others come, code for any
    lengths of those axes that have changed takes their place; if that is not enough, code for any lengths at all.
    """

    def __init__(
        self,
        function: Function,
        options: Options | None = None,
        shapes: Sequence[tuple[int, ...]] = (),
        tuning: functools.partial[Function] | None = None,
    ) -> None:
        self.function, self.options, self.tuning = function, options or Options(), tuning
        self.lengths = _short(function, shapes)
        # Whether there was code for other lengths before.
        self.is_general = False
        self.quick, self.is_exact = self.compiled(exact=False)

    def compiled(self, *, exact: bool) -> tuple[Callable[..., Any], bool]:
        """Return a form of the program, and whether it is exact."""
        asked = {"options": self.options, "lengths": self.lengths, "exact": exact}
        tuning = None if self.tuning is None else [*self.tuning.args, self.tuning.keywords]
        key = programs.key(self.function, {**asked, "tuning": tuning})
        made = (self.known(key) if key is not None else None) or _new(self.tuned, asked, key)
        return _linked(self.function.name, self.options, made)

    @functools.cached_property
    def tuned(self) -> Function:
        """The program that is written: what tuning makes of it, which is not needed if its machine code is on the disk."""
        return self.function if self.tuning is None else self.tuning()

    def known(self, key: str) -> _Linked | None:
        """Return the program as machine code that is on the disk, None if it is not."""
        known = programs.load(key)
        code = cache.load(known.code) if known is not None else None
        if known is None or code is None:
            return None
        objects = programs.objects(self.tuned, known.places) if known.places else []
        if objects is None:
            return None
        try:
            addresses = machine.found(known.imports, _imports() | _foreign(known.imports))
            return _Linked(machine.load(code, ("call", "table"), addresses), objects, known.is_exact)
        except (machine.InvalidCodeError, LookupError, ImportError, NotImplementedError):
            return None

    @functools.cached_property
    def exact(self) -> Callable[..., Any]:
        return self.quick if self.is_exact else self.compiled(exact=True)[0]

    def __call__(self, *args: Any) -> Any:
        """Return the result, or results as a tuple; `NotImplemented` where Python has to run the program."""
        y = self.quick(*args)
        while y is NotImplemented and self.is_for_others(args):
            self.generalise(args)
            y = self.quick(*args)
        return self.exact(*args) if y is ... else y

    def is_for_others(self, args: Sequence[Any]) -> bool:
        """Tell whether the code is for other lengths than those of some arguments."""
        return any(_differ(known, np.shape(x)) for known, x in zip(self.lengths or (), args, strict=False))

    def generalise(self, args: Sequence[Any]) -> None:
        """Make code for arrays of any lengths: the first time, along the axes that differ from those of the code."""
        kept = (
            None
            if self.is_general
            else [_common(known, np.shape(x)) for known, x in zip(self.lengths or (), args, strict=True)]
        )
        self.lengths = tuple(kept) if kept and any(kept) else None
        self.is_general = True
        self.quick, self.is_exact = self.compiled(exact=False)
        self.__dict__.pop("exact", None)


def _short(function: Function, shapes: Sequence[tuple[int, ...]]) -> Lengths | None:
    """Return the lengths of the short axes of arguments; None if there are none, or the program may change an argument."""
    if function.updates or not shapes:
        return None
    pairs = zip(function.params, shapes, strict=True)
    found = [_axes(shape) if is_native(param.type) else None for param, shape in pairs]
    return tuple(found) if any(found) else None


def _axes(shape: tuple[int, ...]) -> tuple[int | None, ...] | None:
    """Return the lengths of the short axes of an array, None in the place of others; None if there are no such axes."""
    if not math.prod(shape):
        return None
    found = tuple(n if n <= SHORT else None for n in shape)
    return found if any(found) else None


def _differ(known: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> bool:
    return known is not None and (
        len(known) != len(shape) or any(a not in (None, b) for a, b in zip(known, shape, strict=True))
    )


def _common(known: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> tuple[int | None, ...] | None:
    """Return what is known of lengths that are those of another array as well."""
    if known is None or len(known) != len(shape):
        return None
    found = tuple(a if a == b else None for a, b in zip(known, shape, strict=True))
    return found if any(found) else None


def compile(
    function: Function,
    options: Options | None = None,
    shapes: Sequence[tuple[int, ...]] = (),
    tuning: functools.partial[Function] | None = None,
) -> Native:
    """Return a program as a function of plain positional arguments, best for arrays of the given shapes.

    ``tuning`` makes what is written of the program, if it has to be written: all that it depends on are its arguments.

    Raises
    ------
    UnsupportedError
        The program uses what machine code does not know.
    """
    return Native(function, options, shapes, tuning)


class _Linked(NamedTuple):
    """Machine code of a program in memory, the objects that it uses, and whether there is no other form."""

    loaded: machine.Loaded
    objects: list[Any]
    is_exact: bool


def _linked(name: str, options: Options, made: _Linked) -> tuple[Callable[..., Any], bool]:
    """Return machine code as a function of Python's, and whether it is exact."""
    table = ctypes.CFUNCTYPE(ctypes.c_void_p)(made.loaded.address("table"))()
    addresses = [*_table(), options.threads, *map(id, made.objects)]
    ctypes.memmove(table, (ctypes.c_void_p * len(addresses))(*addresses), 8 * len(addresses))
    method = Method(name.encode() or b"f", made.loaded.address("call"), _FASTCALL, None)
    return _made()(ctypes.byref(method), _Code(made.loaded, method, made.objects), None), made.is_exact


def _new(function: Function, asked: Mapping[str, Any], key: str | None) -> _Linked:
    """Return a program as machine code that is made of its text."""
    module, text = _module(function, **asked)
    loaded = machine.compile_text(text, imports=_imports() | module.imports, late=module.late())
    places = programs.places(function, module.objects, module.places) if key is not None else None
    if key is not None and places is not None:
        known = programs.Known(loaded.key, tuple(sorted(loaded.imports)), places, not module.in_doubt)
        programs.store(key, known)
    return _Linked(loaded, module.objects, not module.in_doubt)


def _foreign(names: Iterable[str]) -> dict[str, int]:
    """Return the addresses of functions of SciPy's among others."""
    from adjoint._backend.native import foreign

    return {name: foreign.pointer(name) for name in names if "." in name}


@functools.cache
def _made() -> Any:
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return make


@functools.cache
def _imports() -> dict[str, int]:
    return {name: _address(getattr(ctypes.pythonapi, name)) for name in (*IMPORTS, *_FURTHER)}


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


# What calls leave for the next ones: a slab (`runtime`), and large blocks (`runtime_large`).
_SPARE = (ctypes.c_uint64 * (runtime_large.SIZE // 8))()


@functools.cache
def _capsule() -> machine.Loaded:
    return capsules.load(_imports(), ctypes.addressof(_SPARE))


@functools.cache
def _table() -> tuple[int, ...]:
    """Return the addresses that programs find in their table; the last entry is the number of threads."""
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    api = ctypes.cast(get(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    known = {
        "not_implemented": id(NotImplemented), "float": id(float), "int": id(int), "array": id(np.ndarray),
        "float64": id(np.float64), "int64": id(np.int64), "float32": id(np.float32), "bool_": id(np.bool_), "true": id(True),
        "false": id(False), "new_array": api[_NEW], "new_scalar": api[_SCALAR], "set_base": api[_SET_BASE],
        "capsule_free": _capsule().address("capsule_free"), "capsule_release": _capsule().address("capsule_release"),
        "exception": id(Exception), "ellipsis": id(...), "spare": ctypes.addressof(_SPARE),
    }  # fmt: skip
    dtypes = {f"dtype_{kind}": id(np.dtype(kind)) for kind in TYPE_NUMBERS}
    return tuple((known | dtypes)[name] or 0 for name in TABLE[:-1])
