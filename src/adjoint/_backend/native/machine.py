"""LLVM: textual IR to object code to functions in memory.

`compile_text` is the way through all of it, with the cache of object code on disk in front; `optimised` and `assembly` show
what becomes of a text.  llvmlite is imported at the first use, which costs 20 to 40 ms, and never by ``import adjoint``.

Object code is linked by LLVM's ORC (LLJIT with JITLink), not by MCJIT:

- it is the faster of the two (0.7 ms against 1.1 ms for a small object; LLVM 22, llvmlite 0.50, one core of a server);
- a function that is nowhere to be found raises; MCJIT ends the process;
- names of other libraries' functions are given with the object and are no process-wide state;
- an object lies in one piece, so that the small code model is safe: constants are one load away, not an address and a load.

Each object has an LLJIT of its own.  In a shared one linking takes 0.3 ms and not 0.7 ms, but 10 kB remain of every library
that was freed, and linking slows down with their number (three times slower after 20,000).
"""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from adjoint._backend.native import cache

# Changes with anything that makes object code of an older adjoint unusable: names, calling conventions, the passes below.
FORMAT = 1
# Beyond this many characters of text LLVM is content with level 2: what level 3 does more takes a third of the time, most of it
# to write loops several times, once for each side of a test that does not change within.
_LONG = 150_000
# What people can look at, and the mark of a remark in it.
FORMS = {"llvm": ";", "assembly": "#"}
# On Windows JITLink is young; there RuntimeDyld links ELF objects of the large code model, which is what Numba relies on.
_JITLINK = sys.platform != "win32"
# Programs look into Python's objects, which begin with a count and a type; those of Python without a lock begin otherwise.
_KNOWN_LAYOUT = sys.implementation.name == "cpython" and sys.maxsize > 2**32 and not sysconfig.get_config_var("Py_GIL_DISABLED")

_NAME = r'@(?:"((?:[^"\\]|\\.)+)"|([-\w.$]+))\s*\('
_DECLARED = re.compile(r"^\s*declare\b[^@\n]*" + _NAME, re.MULTILINE)
_DEFINED = re.compile(r"^\s*define\b(?![^@\n]*\b(?:internal|private)\b)[^@\n]*" + _NAME, re.MULTILINE)
_DEFINED_ANYWHERE = re.compile(r"^\s*define\b[^@\n]*" + _NAME, re.MULTILINE)
_PARSE_PLACE = re.compile(r"<string>:(\d+):(\d+): (?:error: )?(.*)")


class InvalidCodeError(RuntimeError):
    """LLVM cannot make code of a text that adjoint wrote: a fault of adjoint, never of the program that is compiled.

    ``line`` is the line of the text, counted from 1, and 0 where LLVM does not say which.
    """

    def __init__(self, what: str, line: int = 0, source: str = "") -> None:
        place = f"\n  in line {line} of the LLVM IR: {source}" if line else ""
        super().__init__(f"{what}{place}\n  this is a fault of adjoint: please report this")
        self.what, self.line, self.source = what, line, source

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.line, self.source)


class Loaded:
    """Functions in memory, at addresses that are valid as long as this object lives: whoever calls them keeps it."""

    __slots__ = ("__weakref__", "_engine", "_library", "code", "imports", "key", "names")

    def __init__(self, library: Any, engine: Any, names: frozenset[str], code: bytes, imports: frozenset[str]) -> None:
        self._library, self._engine = library, engine
        self.names, self.code, self.imports = names, code, imports
        # The name of its entry in the cache.
        self.key = ""

    def address(self, name: str) -> int:
        """Return the address of a function."""
        if name not in self.names:
            raise KeyError(name)
        return self._library[name]

    def __del__(self) -> None:
        # The code goes before the engine that it was linked in.  At the end of the process llvmlite leaves both to the system.
        del self._library
        del self._engine

    def __repr__(self) -> str:
        return f"<{', '.join(sorted(self.names))}: {len(self.code)} bytes of object code>"


# ----------------------------------------------------------------------------------------------------------- the machine


def available() -> bool:
    """Tell whether machine code can be made: llvmlite is installed, and objects are laid out as the code expects.

    Nothing is imported.
    """
    return _KNOWN_LAYOUT and importlib.util.find_spec("llvmlite") is not None


@functools.cache
def binding() -> ModuleType:
    """Return ``llvmlite.binding``, ready for the machine that this is.

    Raises
    ------
    ImportError
        llvmlite is not installed, or its library cannot be loaded.
    """
    import llvmlite.binding

    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    # LLVM looks a name up in the process only once that has been opened, which llvmlite has no call for; linking does it.
    engine = llvmlite.binding.create_lljit_compiler()
    llvmlite.binding.JITLibraryBuilder().add_current_process().link(engine, "process")
    return llvmlite.binding


@functools.cache
def cpu() -> tuple[str, str, str]:
    """Return the triple, the name and the features of this machine's processor, as LLVM spells them."""
    llvm = binding()
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def is_fused() -> bool:
    """Tell whether the processor multiplies and adds in one instruction."""
    triple, _, features = cpu()
    return "+fma" in features or not triple.startswith(("x86_64", "i686"))


@functools.cache
def host(level: int = 3) -> Any:
    """Return the target machine that this process runs on, for a level of optimisation from 0 to 3."""
    triple, name, features = cpu()
    model = {"codemodel": "small", "reloc": "pic"} if _JITLINK else {"codemodel": "jitdefault", "reloc": "default"}
    return binding().Target.from_triple(triple).create_target_machine(cpu=name, features=features, opt=level, jit=True, **model)


@functools.cache
def versions() -> str:
    """Return the versions of all that decides what a text becomes."""
    import llvmlite

    return f"adjoint {FORMAT}, llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, binding().llvm_version_info))}"


# ----------------------------------------------------------------------------------------------------- text to object code


def usual_level(text: str) -> int:
    """Return the level of optimisation for a text for which none is asked."""
    return 2 if is_long(len(text)) else 3


def is_long(characters: int) -> bool:
    """Tell whether a text is so long that LLVM's time matters more than the last percent of the program's."""
    return characters > _LONG


def optimise_and_emit(text: str, level: int | None = None, late: str = "") -> bytes:
    """Return the object code of a text for this machine.

    Parameters
    ----------
    text
        LLVM IR, without triple and data layout: they are the host's.
    level
        Optimisation from 0, none, to 3; by default the usual one for a text of this length.
    late
        LLVM IR to link with it when its loops have been made vectors (see `elementary.far`).

    Raises
    ------
    InvalidCodeError
        LLVM rejects the text.
    """
    level = usual_level(text) if level is None else level
    with _optimised(text, level, late) as module:
        return host(level).emit_object(module)


def optimised(text: str, level: int | None = None, late: str = "") -> str:
    """Return the LLVM IR that a text becomes, for people who look."""
    with _optimised(text, usual_level(text) if level is None else level, late) as module:
        return str(module)


def assembly(text: str, level: int | None = None, late: str = "") -> str:
    """Return the assembly of this machine that a text becomes, for people who look."""
    level = usual_level(text) if level is None else level
    with _optimised(text, level, late) as module:
        return host(level).emit_assembly(module)


def _optimised(text: str, level: int, late: str) -> Any:
    """Return a text as a module of LLVM after its passes."""
    context = binding().create_context()
    module = _parsed(text, context)
    options = binding().create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = options.slp_vectorization = level >= 2
    options.loop_unrolling = options.loop_interleaving = level >= 2
    with binding().create_pass_builder(host(level), options) as builder, builder.getModulePassManager() as passes:
        passes.run(module, builder)
        if late:
            module.link_in(_parsed(late, context))
            with binding().create_new_module_pass_manager() as rest:
                rest.add_always_inliner_pass()
                rest.add_simplify_cfg_pass()
                rest.add_global_dead_code_eliminate_pass()
                rest.run(module, builder)
    return module


def _parsed(text: str, context: Any) -> Any:
    """Return a text as a module of LLVM that is valid, in a context that goes with it: the global one would grow."""
    try:
        module = binding().parse_assembly(text, context)
    except RuntimeError as error:
        raise _invalid(str(error), text) from None
    module.triple, module.data_layout = host().triple, str(host().target_data)
    try:
        module.verify()
    except RuntimeError as error:
        module.close()  # before its context, whichever of the two is collected first
        raise _invalid(str(error), text) from None
    return module


def _invalid(message: str, text: str) -> InvalidCodeError:
    """Return the error for what LLVM says of a text, with the line that it means."""
    lines = text.splitlines()
    if found := _PARSE_PLACE.search(message):
        line = int(found[1])
        return InvalidCodeError(
            f"LLVM cannot read the code: {found[3]}", line, lines[line - 1].strip() if line <= len(lines) else ""
        )
    # The verifier quotes instructions, indented in its own way, the wrong one most often first.
    spelt = [" ".join(line.split()) for line in lines]
    for quoted in message.splitlines()[1:]:
        if (words := " ".join(quoted.split())) in spelt:
            return InvalidCodeError(f"LLVM rejects the code: {message.strip()}", spelt.index(words) + 1, words)
    return InvalidCodeError(f"LLVM rejects the code: {message.strip()}")


# --------------------------------------------------------------------------------------------------- object code to memory


def load(code: bytes, names: Iterable[str], imports: Mapping[str, int] | None = None) -> Loaded:
    """Link object code into memory.

    Parameters
    ----------
    code
        What `optimise_and_emit` returned, in this process or in another on the same machine.
    names
        The functions of it that are to be called from outside.
    imports
        Addresses of functions that the code calls, by name.  Others are looked for in the process: those of the C library,
        and of libraries that were loaded with ``load_library_permanently``.

    Raises
    ------
    InvalidCodeError
        The code is no object code, has no such function, or calls one that is nowhere to be found.
    """
    names, imports = frozenset(names), imports or {}
    library = binding().JITLibraryBuilder().add_object_img(code).add_current_process()
    for name, address in imports.items():
        library.import_symbol(name, address)
    for name in names:
        library.export_symbol(name)
    engine = binding().create_lljit_compiler(host(), use_jit_link=_JITLINK, suppress_errors=True)
    try:
        return Loaded(library.link(engine, "adjoint"), engine, names, code, frozenset(imports))
    except RuntimeError as error:
        raise InvalidCodeError(f"LLVM cannot link the code: {error}") from None


def compile_text(
    text: str,
    key_parts: Iterable[str | bytes] = (),
    imports: Mapping[str, int] | None = None,
    level: int | None = None,
    late: str = "",
) -> Loaded:
    """Return the functions of a text in memory, from the cache of object code or newly compiled.

    Parameters
    ----------
    text
        LLVM IR.  Functions that are not ``internal`` or ``private`` can be called.
    key_parts
        What decides the code beside the text, the machine and LLVM's version.
    imports
        Addresses of declared functions.  Others are taken from ``llvmlite.binding.add_symbol`` and from the process.
    level
        Optimisation from 0, none, to 3; by default the usual one for a text of this length.
    late
        LLVM IR to link with it when its loops have been made vectors.

    Raises
    ------
    InvalidCodeError
        LLVM rejects the text, or a function is declared that is nowhere to be found.
    """
    level = usual_level(text) if level is None else level
    headers = _headers(late), _headers(text)
    addresses = found(_wanted("\n".join(headers)), imports or {})
    key = cache.key(text, late, versions(), *cpu(), str(level), *key_parts)
    code = cache.load(key)
    if code is None:
        code = optimise_and_emit(text, level, late)
        cache.store(key, code)
    loaded = load(code, _names(_DEFINED, headers[1]), addresses)
    loaded.key = key
    return loaded


def _headers(text: str) -> str:
    """Return the lines of a text that declare or define functions, which are few: patterns are slow on long texts."""
    return "\n".join([line for line in text.splitlines() if line.lstrip().startswith(("declare", "define"))])


def _wanted(text: str) -> set[str]:
    """Return the functions that a text declares and does not define, LLVM's own left out."""
    wanted = {name for name in _names(_DECLARED, text) if not name.startswith("llvm.")}
    return wanted.difference(_names(_DEFINED_ANYWHERE, text))


def found(names: Iterable[str], imports: Mapping[str, int]) -> dict[str, int]:
    """Return the addresses of functions by name, of those that are not given from the process.

    Raises
    ------
    InvalidCodeError
        A function is nowhere to be found.
    """
    addresses = {name: imports.get(name) or binding().address_of_symbol(name) for name in names}
    if missing := sorted(name for name, address in addresses.items() if not address):
        raise InvalidCodeError(f"the code calls functions that are nowhere to be found: {', '.join(missing)}")
    return addresses


def _names(pattern: re.Pattern[str], text: str) -> list[str]:
    return [quoted or plain for quoted, plain in pattern.findall(text)]
