"""`source` and `export`: the programs of the source engine as text."""

from __future__ import annotations

from typing import Any

from adjoint._api.compiled import tuning
from adjoint._api.files import write_text
from adjoint._api.function import expect_function
from adjoint._api.jit import Jitted
from adjoint._backend import python
from adjoint._backend.native import machine
from adjoint._backend.options import Options
from adjoint._ir.nodes import Function
from adjoint.errors import AdjointError


def source(g: Any, *args: Any, backend: str = "python", **kwargs: Any) -> str:
    """Return the program of a translated function as text: NumPy source that one can read, or what LLVM makes of it.

    Parameters
    ----------
    g
        The result of `jit`, or a function, which is then translated.
    *args, **kwargs
        Arguments that tell the types; without any, those of the last call.
    backend
        ``"python"``: the NumPy source of the program.  ``"llvm"``: LLVM's intermediate representation of it, after all
        optimisations.  ``"assembly"``: the instructions of this machine's processor.  The last two begin with remarks that
        name the functions of Python that the program calls.

    Returns
    -------
    str
        The source of the program, which computes what ``g`` computes from flat arguments.

    Raises
    ------
    AdjointError
        ``g`` was never called and no arguments are given, or it cannot be translated, or not to machine code.
    ValueError
        There is no such backend.

    Notes
    -----
    Values have the user's names; ``x_dot`` is a tangent and ``x_bar`` a cotangent of ``x``.  A remark above each group of lines
    of a derivative points to the user's line that they come from.

    Examples
    --------
    >>> import adjoint as ad
    >>> def f(x, y):
    ...     z = x * y
    ...     return z * (z + 1)
    >>> print(ad.source(f, 3.0, 2.0))
    def f(x, y):
        z = x * y
        return z * (z + 1)
    <BLANKLINE>
    >>> "line 3: return z * (z + 1)" in ad.source(ad.grad(f, (0, 1)), 3.0, 2.0)
    True

    The same program in LLVM's language:

    >>> text = ad.source(f, 3.0, 2.0, backend="llvm")
    >>> "fmul double" in text, "calls " in text
    (True, False)
    """
    if backend not in ("python", *machine.FORMS):
        raise ValueError(f"source: there is no backend {backend!r}; there are 'python', 'llvm' and 'assembly'")
    function = program(g, args, kwargs, "source")
    return (
        python.source(function)
        if backend == "python"
        else machine_text(function, backend, g.options if isinstance(g, Jitted) else None)
    )


def machine_text(function: Function, form: str, options: Options | None = None) -> str:
    """Return what LLVM makes of a program; `AdjointError` says why there is no machine code."""
    from adjoint._backend.native import native  # a tenth of a second that ``import adjoint`` does without

    try:
        if machine.available():
            return native.shown(tuning(function, None, options)(), form, options)
        why = "LLVM, the package llvmlite, is not there"
    except (ImportError, OSError) as error:
        why = f"LLVM cannot be loaded: {error}"
    except native.UnsupportedError as error:
        why = f"there are no instructions for this: {error}"
    remedy = "leave `backend` out to see it as NumPy source"
    raise AdjointError(f"the program of {function.name!r} is run by Python, not as machine code", why=why, remedy=remedy)


def export(g: Any, path: Any, *args: Any, **kwargs: Any) -> None:
    """Write the program of a translated function as a module that needs NumPy only, and SciPy where the function does.

    Parameters
    ----------
    g
        The result of `jit`, or a function, which is then translated.
    path
        File to write.
    *args, **kwargs
        Arguments that tell the types; without any, those of the last call.

    Returns
    -------
    None
        The file is written.

    Raises
    ------
    AdjointError
        As for `source`; or the program needs an object that cannot be written as text.
    FileNotFoundError
        The folder of ``path`` does not exist.

    Notes
    -----
    The module never imports ``adjoint``.  Numbers and arrays that ``g`` finds outside of itself are further parameters.

    Examples
    --------
    >>> import adjoint as ad
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.py"
    >>> ad.export(ad.grad(lambda x: x**3), path, 2.0)
    >>> "import adjoint" in path.read_text()
    False
    """
    function = program(g, args, kwargs, "export")
    text = python.export_text(function, function.name)
    write_text(path, text, "export")


def program(g: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Function:
    """Return the intermediate representation of the program of a function, of the last call if there are no arguments."""
    expect_function(g, name)
    jitted = g if isinstance(g, Jitted) else Jitted(g)
    if args or kwargs:
        return jitted.entry(args, kwargs)[1].compiled.function
    if jitted.last is None:
        raise AdjointError(
            f"the types of the arguments of {getattr(g, '__name__', g)!r} are not known",
            why="it was never called",
            remedy=f"give arguments: {'source(g, *args)' if name == 'source' else 'export(g, path, *args)'}",
        )
    return jitted.last.compiled.function
