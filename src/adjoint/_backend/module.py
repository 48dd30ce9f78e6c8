"""What the text of a module needs around its functions: imports, functions of the rule book, objects that have no text."""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any

from adjoint._backend import support
from adjoint._backend.spelling import unused
from adjoint._rules.book import name_of

Function = Callable[..., Any]
# Modules that are imported under a short name.
_SHORT = {"numpy": "np"}


class Module:
    """Collects what the functions of one text need.

    ``taken`` are names that users' variables have, ``ours`` the functions of the rule book that may be needed; `reserved` are
    their names, which no variable is to have.
    """

    def __init__(self, taken: frozenset[str], ours: Iterable[Function] = ()) -> None:
        self.taken = taken
        self.imports: set[str] = set()
        self.support: dict[Function, str] = {}
        self.objects: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._texts: dict[Function, str] = {}
        self.reserved: dict[Function, str] = {}
        for function in dict.fromkeys(ours):
            self.reserved[function] = self.free(support.name_of(function))

    # Names.

    def module(self, name: str) -> str:
        """Return the text that names a module, which will be imported."""
        if name == "builtins":
            return ""
        self.imports.add(name)
        short = _SHORT.get(name.split(".", maxsplit=1)[0])
        return ".".join([short, *name.split(".")[1:]]) if short else name

    def function(self, function: Function) -> str:
        """Return the text that names a function."""
        known = self._texts.get(function)
        if known is None:
            known = self._texts[function] = self._function(function)
        return known

    def _function(self, function: Function) -> str:
        home = public_home(function)
        if home is not None:
            module, name = home
            prefix = self.module(module)
            return f"{prefix}.{name}" if prefix else name
        if support.is_ours(function):
            name = self.reserved.get(function) or self.free(support.name_of(function))
            self.support[function] = name
            return name
        return self.object(function, getattr(function, "__name__", "function"))

    def object(self, x: Any, name: str) -> str:
        """Return the name of an object that has no text."""
        known = self._names.get(id(x))
        if known is None:
            name = "".join(c if c.isalnum() else "_" for c in name).strip("_") or "value"
            known = self._names[id(x)] = self.free(f"_{name}")
            self.objects[known] = x
        return known

    def free(self, name: str) -> str:
        """Return a name that nobody has."""
        return unused(name, {*self.taken, *self.objects, *self.support.values(), *self.reserved.values()})

    # Text.

    def header(self) -> list[str]:
        """Return the import statements."""
        _texts, needs = self.support_texts()
        imports = {*self.imports, *needs}
        own = sorted(name for name in imports if name.split(".")[0] in sys.stdlib_module_names)
        roots = {"numpy" if name.split(".")[0] == "numpy" else name for name in imports if name not in own}
        others = [f"import {name} as {_SHORT[name]}" if name in _SHORT else f"import {name}" for name in sorted(roots)]
        return [*[f"import {name}" for name in own], *([""] if own and others else []), *others]

    def support_texts(self) -> tuple[list[str], set[str]]:
        """Return the definitions of the functions of the rule book, and the modules that they need."""
        texts, imports, objects = support.definitions(self.support)
        self.objects.update(objects)
        return texts, {name.removesuffix(f" as {_SHORT.get(name.split(' ')[0])}") for name in imports}


_HOMES: dict[Any, tuple[str, str] | None] = {}


def public_home(function: Any) -> tuple[str, str] | None:
    """Return the public module and the name by which an object can be imported, None if there are none.

    >>> import math
    >>> import numpy as np
    >>> public_home(np.sin), public_home(np.linalg.solve), public_home(math.sin), public_home(len)
    (('numpy', 'sin'), ('numpy.linalg', 'solve'), ('math', 'sin'), ('builtins', 'len'))
    """
    try:
        if function not in _HOMES:
            _HOMES[function] = _home(function)
        return _HOMES[function]
    except TypeError:  # not hashable
        return None


def _home(function: Any) -> tuple[str, str] | None:
    dotted = name_of(function)
    name = dotted.rsplit(".", 1)[-1]
    qualified = getattr(function, "__qualname__", name) or name
    declared = (getattr(function, "__module__", None) or "").split(".")
    if declared[0] in ("_operator", "_functools"):
        declared = [declared[0][1:]]
    public = [part for part in declared if part and not part.startswith("_")]
    homes = [".".join(public[:k]) for k in range(len(public), 0, -1)]
    for module in (*homes, "numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.linalg"):
        root = module.split(".")[0]
        if (root in ("numpy", "scipy") or root in sys.stdlib_module_names) and _find(module, qualified) is function:
            return module, qualified
    return None


def _find(module: str, name: str) -> Any:
    if module == "builtins":
        return getattr(builtins, name, None)
    if module.split(".", maxsplit=1)[0] == "numpy":
        try:
            found: Any = importlib.import_module(module)
        except ImportError:
            return None
    else:
        found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


__all__ = ["Module", "public_home"]
