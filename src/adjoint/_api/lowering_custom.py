"""Functions with a derivative of the user's own inside a translated function: functions of the program that bring it along.

The function becomes a function of the program, and so does the given rule (`adjoint._ir.nodes.Derivative`).  A rule that
calls the function itself finds the one that is being made.  Values of the world around become parameters of all of them;
which these are is known only when all have been run, so they are run again until nothing new turns up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from adjoint._api.custom import Custom
from adjoint._api.custom_jvp import custom_jvp
from adjoint._api.custom_vjp import custom_vjp
from adjoint._api.lowering import Inner, inner, leaf_type, takes, zeros
from adjoint._frontend import calls, closures
from adjoint._frontend.state import UnstableError
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.nodes import Call, Derivative, Function, Value, atom_type
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import Tensor, Type, tangent_type
from adjoint.errors import AdjointError, MissingRuleError, StructureError

ROUNDS = 4
# How often a rule may call its function for other fixed arguments, of which each has a rule in turn.
DEPTH = 4


@dataclass
class Given:
    """A function of the program with its derivative, being made.

    ``tree`` holds the arguments, ``made`` is the function's own program, ``captured`` are values of the functions around it.
    """

    g: Custom
    fixed: list[Any]
    tree: Tree
    made: Inner | None = None
    captured: list[Value] = field(default_factory=list)

    @property
    def inputs(self) -> list[int]:
        """Which leaves of the arguments are parameters."""
        return [k for k, leaf in enumerate(self.tree.leaves) if takes(leaf)]

    @property
    def differentiable(self) -> list[int]:
        """Which of the parameters are differentiated."""
        return [k for k, place in enumerate(self.inputs) if leaf_type(self.tree.leaves[place]).differentiable]

    def free(self, inputs: Sequence[Any]) -> Any:
        """Return the arguments with other parameters in them."""
        leaves = list(self.tree.leaves)
        for place, x in zip(self.inputs, inputs, strict=True):
            leaves[place] = x
        return self.tree.rebuild(leaves)


def called(g: Custom, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Write a call of a function with a derivative of its own."""
    recorder = writer()
    fixed, free, _ = g.split(args, kwargs)
    tree = flatten(free)
    held = flatten(fixed)
    key = (g, held.key, tuple(map(_identity, held.leaves)), tree.key, tuple(map(_kind, tree.leaves)))
    given = recorder.functions.get(key)
    if given is None:
        if sum(isinstance(other, Given) and other.g is g for other in recorder.functions.values()) >= DEPTH:
            raise UnstableError(
                f"the derivative of {g.__name__} calls {g.__name__} for other fixed arguments, without end",
                remedy=f"derivatives of up to order {DEPTH} are there; for more use jit(f, fallback=True)",
            )
        given = recorder.functions[key] = Given(g, fixed, tree)
        try:
            _make(given)
        finally:
            del recorder.functions[key]
    return _call(given, tree)


def _identity(leaf: Any) -> Any:
    """Return what tells a fixed argument from others."""
    return leaf.value if isinstance(leaf, Symbol) else (type(leaf), leaf)


def _kind(leaf: Any) -> Any:
    return leaf_type(leaf) if takes(leaf) else (type(leaf), leaf)


def _call(given: Given, tree: Tree) -> Any:
    """Append a call of the function of the program; return its result in the user's structure."""
    recorder = writer()
    if given.made is None:
        raise UnstableError(f"the function {given.g.__name__}, which has a derivative of its own, calls itself")
    function = given.made.function
    leaves = [tree.leaves[place] for place in given.inputs]
    params = function.params
    atoms = [recorder.converted(recorder.atom(leaf), p.type) for leaf, p in zip(leaves, params, strict=False)]
    outputs = [Value(atom_type(result)) for result in function.results]
    recorder.append(Call(function=function, args=[*atoms, *given.captured], outputs=outputs))
    return given.made.tree.rebuild([recorder.symbol(output) for output in outputs])


def _make(given: Given) -> None:
    """Make the function, and programs of its derivative, until all take the same values of the world around them."""
    for _ in range(ROUNDS):
        count = len(given.captured)
        given.made = None
        function = _own(given)
        function.derivative = Derivative(len(given.inputs))
        try:
            _RULES[type(given.g)](given, function.derivative)
        except AdjointError as error:
            function.derivative.refusal = error
        if len(given.captured) == count:
            return
    raise UnstableError(f"the derivative of {given.g.__name__} does not settle which values around it it uses")


def _own(given: Given) -> Function:
    """Run the function itself into a program."""
    made = inner(lambda *args: calls.routed(given.g.f)(*given.g.merge(given.fixed, args)), given.free(_placeholders(given)), {})
    if made.written or made.changed or made.outside:
        raise UnstableError(f"the function {given.g.__name__}, which has a derivative of its own, changes arrays or containers")
    made.function.name = given.g.__name__
    _settle(given, made, len(given.inputs))
    given.made = made
    return made.function


def _settle(given: Given, made: Inner, count: int) -> None:
    """Let a program take all values of the world that the others take, after its first ``count`` parameters."""
    found = dict(zip(made.atoms[count:], made.function.params[count:], strict=True))
    given.captured += [value for value in found if value not in given.captured]
    others = [found.get(value) or Value(value.type, value.name) for value in given.captured]
    made.function.body.params = [*made.function.params[:count], *others]


def _placeholders(given: Given) -> list[Any]:
    """Return symbols of the types of the parameters."""
    return [_placeholder(leaf_type(given.tree.leaves[place])) for place in given.inputs]


def _placeholder(kind: Type) -> Any:
    if not isinstance(kind, Tensor):
        raise UnstableError("a list of unknown length meets a function with a derivative of its own")
    return writer().symbol(Value(kind))


def _tangents(given: Given) -> list[Any]:
    types = [leaf_type(given.tree.leaves[given.inputs[k]]) for k in given.differentiable]
    return [_placeholder(tangent_type(t)) for t in types]


def _conformed(given: Given, leaf: Any, like: Type, what: str) -> Any:
    """Return a leaf of what a rule returned in the type that it belongs to."""
    w = writer()
    atom = w.atom(leaf)
    own = atom_type(atom)
    if isinstance(own, Tensor) and isinstance(like, Tensor) and own.rank == like.rank:
        atom = w.converted(atom, like)
        return w.symbol(atom) if isinstance(atom, Value) else atom
    raise StructureError(f"{what} of {given.g.__name__} is of type {own}; {like} is expected")


def _is_zero(leaf: Any) -> bool:
    return leaf is None or (isinstance(leaf, (int, float)) and leaf == 0)


# A pushforward ----------------------------------------------------------------------------------------------------------------


def _of_jvp(given: Given, derivative: Derivative) -> None:
    """Run the jvp that the user gave into a program."""
    g = given.g
    assert isinstance(g, custom_jvp)
    assert given.made is not None
    if g.jvp is None:
        raise MissingRuleError.of(g.__name__, "it is a custom_jvp function without a jvp; register one with defjvp")
    result = given.made

    def run(primals: Any, tangents: Any) -> list[Any]:
        ts = dict(zip(given.differentiable, tangents, strict=True))
        free = given.free(primals)
        inputs = {place: k for k, place in enumerate(given.inputs)}
        dots = given.tree.rebuild([
            ts.get(inputs[place], 0) if place in inputs else 0 for place in range(len(given.tree.leaves))
        ])  # fmt: skip
        pair = calls.routed(g.jvp)(*given.fixed, free, dots)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise StructureError(f"the jvp of {g.__name__} must return (y, y_dot), got {type(pair).__name__}")
        return _pair(given, result, *pair)

    made = inner(run, (_placeholders(given), _tangents(given)), {})
    n, m = len(given.inputs), len(given.differentiable)
    _expect_pure(given, made)
    _settle(given, made, n + m)
    params = made.function.params
    made.function.body.params = [*params[:n], *params[n + m :], *params[n : n + m]]
    made.function.name = f"{g.__name__}_jvp"
    derivative.pushforward = made.function


def _pair(given: Given, result: Inner, y: Any, y_dot: Any) -> list[Any]:
    """Return the leaves of a result and its tangent, as a rule returned them, in the types of the function's own."""
    types = [atom_type(atom) for atom in result.function.results]
    values = flatten(y)
    tangents = flatten(y_dot)
    if values.key != result.tree.key or (tangents.key != result.tree.key and y_dot is not None):
        raise StructureError(f"the jvp of {given.g.__name__} returned trees of another structure than the function")
    ys = [_conformed(given, leaf, t, "the value that the jvp") for leaf, t in zip(values.leaves, types, strict=True)]
    dots = [None] * len(ys) if y_dot is None else tangents.leaves
    return [
        *ys,
        *[
            zeros(leaf) if _is_zero(dot) else _conformed(given, dot, tangent_type(t), "the tangent that the jvp")
            for leaf, dot, t in zip(ys, dots, types, strict=True)
            if t.differentiable
        ],
    ]


# A way back -------------------------------------------------------------------------------------------------------------------


def _of_vjp(given: Given, derivative: Derivative) -> None:
    """Run the two functions that the user gave into programs."""
    g = given.g
    assert isinstance(g, custom_vjp)
    if g.fwd is None or g.bwd is None:
        raise MissingRuleError.of(g.__name__, "it is a custom_vjp function without a vjp; register one with defvjp")
    residuals: list[Tree] = []
    there = _there(given, g.fwd, residuals)
    back, missing = _back(given, g.bwd, there, residuals[0])
    n, count = len(given.inputs), len(there.function.results) - len(residuals[0].leaves)
    params = there.function.params
    # The way back takes what the way there leaves, and what both take from around them.
    there.function.body.params = params = [*params[:n], *_extended(params[n:], given.captured)]
    there.function.body.results = [*there.function.results, *params[n:], *[params[k] for k in missing]]
    assert len(there.function.results) - count == len(back.params) - _cotangents(given)
    derivative.forward, derivative.backward = there.function, back


def _extended(params: Sequence[Value], captured: Sequence[Value]) -> list[Value]:
    return [*params, *[Value(value.type, value.name) for value in captured[len(params) :]]]


def _cotangents(given: Given) -> int:
    assert given.made is not None
    return sum(atom_type(y).differentiable for y in given.made.function.results)


def _there(given: Given, fwd: Callable[..., Any], residuals: list[Tree]) -> Inner:
    """Run ``fwd`` into a program that returns the leaves of the result and of the residuals."""
    assert given.made is not None
    result = given.made
    types = [atom_type(atom) for atom in result.function.results]

    def run(primals: Any) -> list[Any]:
        pair = calls.routed(fwd)(*given.g.merge(given.fixed, given.free(primals)))
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise StructureError(f"fwd of {given.g.__name__} must return (y, residuals), got {type(pair).__name__}")
        values = flatten(pair[0])
        if values.key != result.tree.key:
            raise StructureError(f"fwd of {given.g.__name__} returned a tree of another structure than the function")
        residuals[:] = [flatten(pair[1])]
        ys = [_conformed(given, leaf, t, "the value that fwd") for leaf, t in zip(values.leaves, types, strict=True)]
        return [*ys, *residuals[0].leaves]

    made = inner(run, (_placeholders(given),), {})
    _expect_pure(given, made)
    _settle(given, made, len(given.inputs))
    made.function.name = f"{given.g.__name__}_fwd"
    return made


def _back(given: Given, bwd: Callable[..., Any], there: Inner, residuals: Tree) -> tuple[Function, list[int]]:
    """Run ``bwd`` into a program; return it, and the arguments whose shape it takes, where it returned no cotangent."""
    assert given.made is not None
    result = given.made
    types = [atom_type(atom) for atom in result.function.results]
    kept = [_placeholder(atom_type(atom)) for atom in there.function.results[len(types) :]]
    cts = [_placeholder(tangent_type(t)) for t in types if t.differentiable]
    inputs = _placeholders(given)
    missing: list[int] = []

    def run(kept: Any, cts: Any, inputs: Any) -> list[Any]:
        found = iter(cts)
        ct = result.tree.rebuild([next(found) if t.differentiable else 0 for t in types])
        back = calls.routed(bwd)(*given.fixed, residuals.rebuild(list(kept)), ct)
        return _arguments(given, back, inputs, missing)

    made = inner(run, (kept, cts, inputs), {})
    _expect_pure(given, made)
    n, m, count = len(kept), len(cts), len(inputs)
    _settle(given, made, n + m + count)
    params = made.function.params
    forms = [params[n + m + k] for k in missing]
    made.function.body.params = [*params[:n], *params[n + m + count :], *forms, *params[n : n + m]]
    made.function.name = f"{given.g.__name__}_bwd"
    return made.function, missing


def _arguments(given: Given, back: Any, inputs: Sequence[Any], missing: list[int]) -> list[Any]:
    """Return the cotangents of differentiable arguments, zeros where ``bwd`` returned None; note which of these are arrays."""
    free = given.free(inputs)
    if not isinstance(back, (tuple, list)) or len(back) != len(free):
        raise StructureError(
            f"bwd of {given.g.__name__} must return a tuple of {len(free)} cotangents, one for each argument",
            remedy="return a tuple, with None for an argument without derivative",
        )
    leaves: list[Any] = []
    for ct, x in zip(back, free, strict=True):
        own, form = flatten(ct), flatten(x)
        if ct is not None and own.key != form.key:
            raise StructureError(f"bwd of {given.g.__name__}: a cotangent has another structure than its argument")
        leaves += [None] * len(form.leaves) if ct is None else own.leaves
    found = []
    for k in given.differentiable:
        place = given.inputs[k]
        kind = tangent_type(leaf_type(given.tree.leaves[place]))
        if _is_zero(leaves[place]):
            found.append(zeros(inputs[k]))
            missing += [k] if inputs[k].ndim else []
        else:
            found.append(_conformed(given, leaves[place], kind, "a cotangent that bwd"))
    return found


def _expect_pure(given: Given, made: Inner) -> None:
    if made.written or made.changed or made.outside:
        raise UnstableError(f"the derivative that was given for {given.g.__name__} changes arrays or containers")


_RULES: dict[type, Callable[[Given, Derivative], None]] = {custom_jvp: _of_jvp, custom_vjp: _of_vjp}
calls.CALLED[Custom] = called


def _with_parts(g: Any, parts: dict[str, Any]) -> Custom:
    """Return a function like ``g`` of other functions."""
    new = object.__new__(type(g))
    new.__dict__.update({**g.__dict__, **parts})
    return new


for _class, _names in ((custom_jvp, ("f", "jvp")), (custom_vjp, ("f", "fwd", "bwd"))):
    closures.KINDS[_class] = (
        lambda g: (type(g), g.nondiff),
        lambda g, names=_names: {name: getattr(g, name) for name in names},
        _with_parts,
    )
