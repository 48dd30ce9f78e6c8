"""What rewritten code calls: Python's operations on names, items, attributes, lists and text, with symbols in their places."""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from adjoint._frontend import calls, iteration, objects
from adjoint._frontend.arrays import Array, is_whole_number
from adjoint._frontend.control import Control, is_boolean, truth
from adjoint._frontend.function_merge import Choice, is_function, unknown_function
from adjoint._frontend.lists import GrowingList, joined_lists
from adjoint._frontend.state import Ambiguous, Unbound, UnstableError, is_plain_object
from adjoint._ir.infer import sample
from adjoint._ir.symbol import Symbol, UnknownNumberError, is_list, is_object, writer
from adjoint._ir.types import ListOf, Opaque, Tensor
from adjoint._rules import logic


class Runtime(Control):
    """The ``R`` of the rewritten code."""

    # Names -------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def outer(value: Any, name: str) -> Any:
        """Return a variable of the world outside: a number or an array becomes a hidden argument."""
        return writer().captures.variable(value, name, sys._getframe(1))

    @staticmethod
    def named(value: Any, names: Any) -> Any:
        """Give values the names that the user gives them."""
        if isinstance(names, str):
            give_name(value, names)
        elif isinstance(value, (tuple, list)) and len(value) == len(names):
            for part, name in zip(value, names, strict=True):
                if name is not None:
                    Runtime.named(part, name)
        return value

    @staticmethod
    def unpack(value: Any, count: int, star: int | None) -> Any:
        value = read(value)
        return iteration.unpacked(value, count, star)

    def unpack_nested(self, value: Any, shape: Any) -> Any:
        star = next((k for k, part in enumerate(shape) if part == "*"), None)
        parts = list(self.unpack(value, len(shape), star))
        if star is not None:
            return parts
        return [self.unpack_nested(x, s) if isinstance(s, tuple) else x for x, s in zip(parts, shape, strict=True)]

    # Operators ----------------------------------------------------------------------------------------------------------------

    @staticmethod
    def binary(name: str, a: Any, b: Any) -> Any:
        if isinstance(a, Unbound) or isinstance(b, Unbound):
            raise UnboundLocalError("a local variable was read before it was assigned")
        if (isinstance(a, Symbol) or isinstance(b, Symbol)) and not (is_plain_object(a) or is_plain_object(b)):
            if name in ("truediv", "floordiv", "mod") and is_number(a) and isinstance(b, (int, float)) and b == 0:
                getattr(operator, name)(sample(a.type) if isinstance(a, Symbol) else a, b)  # raises, as the program would
            return symbolic_binary(name, a, b)
        return user_binary(name.rstrip("_"), getattr(operator, name), a, b)

    @staticmethod
    def unary(name: str, x: Any) -> Any:
        x = read(x)
        if isinstance(x, Symbol) and is_number(x):  # it stays one of Python's, where NumPy's function gives one of NumPy's
            return writer().apply(getattr(operator, name), (x,), {})
        method = calls.special(x, f"__{name}__")
        return getattr(operator, name)(x) if method is None else method()

    def compare(self, names: tuple[str, ...], first: Any, *thunks: Callable[[], Any]) -> Any:
        if len(names) == 1:
            return compared(names[0], first, thunks[0]())
        second = thunks[0]()
        rest = lambda: self.compare(names[1:], second, *thunks[1:])
        return self.and_(lambda: compared(names[0], first, second), rest)

    @staticmethod
    def update(name: str, a: Any, b: Any) -> Any:
        """``a += b``."""
        if isinstance(a, GrowingList) and name == "iadd":
            if isinstance(b, (np.ndarray, np.generic)) or (isinstance(b, Symbol) and not isinstance(b.type, ListOf)):
                return RUNTIME.binary("add", a, b)  # NumPy's sum goes before what lists do: `a` becomes an array
            a.extend(b)
            return a
        if is_plain_object(a) or is_plain_object(b):
            y = objects.update(name, a, b)
            return user_binary(PLAIN[name].rstrip("_"), getattr(operator, PLAIN[name]), a, b) if y is None else y
        if isinstance(a, (list, dict, set)):
            writer().touch(a)
        if isinstance(a, Array):
            return a._update(getattr(operator, name), as_operand(b))
        if isinstance(a, Symbol) or isinstance(b, Symbol):
            return symbolic_binary(PLAIN[name], a, b)
        return getattr(operator, name)(a, b)

    # Items and attributes -----------------------------------------------------------------------------------------------------

    @staticmethod
    def slice(start: Any, stop: Any, step: Any) -> builtins.slice:
        return builtins.slice(*[None if part is None else index_of(part) for part in (start, stop, step)])

    @staticmethod
    def item(obj: Any, index: Any) -> Any:
        obj = read(obj)
        if isinstance(index, tuple):
            index = tuple(map(index_of, index))
        elif not isinstance(obj, dict):
            index = index_of(index)
        if isinstance(obj, Symbol):
            return writer().apply(operator.getitem, (obj, index), {})
        if isinstance(obj, (tuple, list)) and not isinstance(obj, GrowingList) and unknown_index(index):
            return GrowingList(obj)[index]
        if isinstance(obj, range) and isinstance(index, Symbol):
            return index * obj.step + obj.start  # pyright: ignore[reportOperatorIssue]
        if isinstance(obj, np.ndarray):
            return writer().captures.array(obj)[index]
        if isinstance(obj, np.lib._index_tricks_impl.AxisConcatenator):
            return calls.concatenator(obj, index)
        return objects.item(obj, index)

    @staticmethod
    def set_item(obj: Any, index: Any, value: Any) -> None:
        obj = read(obj)
        if isinstance(obj, np.ndarray):
            obj = writer().captures.array(obj)
        if isinstance(obj, Array):
            index = tuple(map(index_of, index)) if isinstance(index, tuple) else index_of(index)
            obj[index] = value
        elif isinstance(obj, (list, dict)):
            writer().touch(obj)
            if isinstance(obj, dict) and isinstance(index, Symbol):
                raise UnknownNumberError(index, "used as the key of a dict")
            obj[index] = value
        else:
            objects.set_item(obj, index, value)

    def update_item(self, name: str, obj: Any, index: Any, value: Any) -> None:
        old = self.item(obj, index)
        new = self.update(name, old, value)
        seen = new is old and isinstance(new, Array) and isinstance(obj, Array) and new.memory is obj.memory
        if not seen:  # a view has been written through
            self.set_item(obj, index, new)

    @staticmethod
    def delete_item(obj: Any, index: Any) -> None:
        writer().touch(obj)
        del obj[index]

    @staticmethod
    def attribute(obj: Any, name: str) -> Any:
        if isinstance(obj, ModuleType):
            return objects.of_module(obj, name)
        writer().check(obj)
        return objects.attribute(obj, name)

    @staticmethod
    def set_attribute(obj: Any, name: str, value: Any) -> None:
        objects.set_attribute(obj, name, value)

    def update_attribute(self, name: str, obj: Any, attribute: str, value: Any) -> None:
        old = self.attribute(obj, attribute)
        self.set_attribute(obj, attribute, self.update(name, old, value))

    @staticmethod
    def call(function: Any) -> Any:
        routed, recorder = calls.routed(read(function)), writer()
        if not recorder.identities:
            return routed

        def checked(*args: Any, **kwargs: Any) -> Any:
            for arg in (*args, *kwargs.values()):
                recorder.check(arg)
            return routed(*args, **kwargs)

        return checked

    @staticmethod
    def iterated(x: Any) -> Any:
        return iteration.iterated(read(x))

    @staticmethod
    def subject(x: Any) -> Any:
        if isinstance(x, Symbol) and not isinstance(x.type, Opaque):
            raise UnknownNumberError(x, "matched with a pattern")
        return x

    # Displays -----------------------------------------------------------------------------------------------------------------

    @staticmethod
    def list(items: Any) -> GrowingList:
        return GrowingList(items)

    @staticmethod
    def dict(items: Any) -> Any:
        for key in items:
            if isinstance(key, Symbol):
                raise UnknownNumberError(key, "used as the key of a dict")
        return writer().made(items)

    @staticmethod
    def made(x: Any) -> Any:
        return writer().made(x)

    def comprehension(self, kind: str, iterable: Any, test: Any, element: Any, nested: bool) -> Any:
        iterable = read(iterable)
        source = iteration.of(iterable)
        unknown = iteration.is_stepped(iterable) or (source is not None and source.count is None)
        if kind == "lazy" or (kind == "generator" and not unknown):
            return writer().made_iterator(self.generated(iterable if source is None else source.items(), test, element, nested))
        result = GrowingList()

        def step(item: Any) -> None:
            def add() -> None:
                value = element(item)
                if nested:
                    result.extend(value)
                else:
                    result.append(value)

            if test is None:
                add()
            else:
                self.if_(test(item), add, lambda: None)

        if not unknown and (source is None or kind != "list"):
            for item in iteration.iterated(iterable) if source is None else source.items():
                step(item)
        else:
            self.for_(iterable if source is None else source, step, None, self.state((), lambda: (), lambda _: None))
        if kind == "set":
            return writer().made(set(result))
        return self.dict(builtins.dict(result)) if kind == "dict" else result

    def generated(self, iterable: Any, test: Any, element: Any, nested: bool) -> Any:
        for item in iterable:
            if test is not None:
                answer = truth(test(item))
                if isinstance(answer, Symbol):
                    raise UnknownNumberError(answer, "in the condition of a generator expression")
                if not answer:
                    continue
            if nested:
                yield from element(item)
            else:
                yield element(item)

    # Text ---------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def formatted(value: Any, conversion: int, spec: str) -> Any:
        """Return one part of an f-string: text, or what formats a symbol when the program runs."""
        if not holds_symbol(value):
            value = {115: str, 114: repr, 97: ascii}.get(conversion, lambda x: x)(value)
            return format(value, spec)
        mark = {115: "!s", 114: "!r", 97: "!a"}.get(conversion, "")
        return ("{" + mark + (":" + spec if spec else "") + "}", value)

    @staticmethod
    def text(*parts: Any) -> Any:
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        template = "".join(
            part[0] if isinstance(part, tuple) else str(part).replace("{", "{{").replace("}", "}}") for part in parts
        )
        return writer().apply(calls.text, (template, *[part[1] for part in parts if isinstance(part, tuple)]), {})

    @staticmethod
    def percent(template: Any, values: Any) -> Any:
        if holds_symbol(values):
            return writer().apply(calls.percent, (template, values), {})
        return template % values


RUNTIME = Runtime()
# The operator of each that updates in place.
PLAIN = {f"i{name.rstrip('_')}": name for name in (*calls.NUMBER_OPERATORS, "matmul")}


def read(x: Any) -> Any:
    """Return a value that is about to be used; raise if it is none."""
    if isinstance(x, Unbound):
        raise UnboundLocalError("a local variable was read before it was assigned")
    if isinstance(x, Ambiguous):
        raise x.refuse()
    writer().check(x)
    return x


def give_name(value: Any, name: str) -> None:
    """Let the program call a value what the user calls it, unless it has a name already."""
    if isinstance(value, Array):
        if not value.path and type(value.memory.value.name) is str and not value.memory.value.name:
            value.memory.value.name = name
    elif isinstance(value, Symbol) and not value.value.name:
        value.value.name = name
    elif isinstance(value, GrowingList) and value.dynamic is not None and not value.dynamic.name:
        value.dynamic.name = name


def as_operand(x: Any) -> Any:
    """Return an operand of an operator of arrays: a list is an array."""
    return writer().as_array(x) if isinstance(x, (list, tuple)) else x


def symbolic_binary(name: str, a: Any, b: Any) -> Any:
    """Return ``a + b`` and the like where one of the two is a symbol."""
    if isinstance(a, list) and isinstance(b, Symbol) and isinstance(b.type, Tensor) and not b.type.rank and name == "mul":
        return a * b
    if isinstance(b, list) and isinstance(a, Symbol) and isinstance(a.type, Tensor) and not a.type.rank and name == "mul":
        return b * a
    if name == "mul":
        pairs: tuple[tuple[Any, Any], ...] = ((a, b), (b, a))
        for items, n in pairs:
            if isinstance(items, (tuple, str)) and isinstance(n, Symbol) and is_whole_number(n.type):
                raise UnknownNumberError(n, f"of repetitions of a {type(items).__name__}")
    if is_list(a) or is_list(b):
        return joined_lists(a, b)
    if is_object(a) or is_object(b):
        return writer().apply(getattr(operator, name), (a, b), {})
    function = getattr(operator, name)
    if is_number(a) and is_number(b):
        return writer().apply(calls.NUMBER_OPERATORS.get(name, function), (a, b), {})
    return function(as_operand(a), as_operand(b))


def is_number(x: Any) -> bool:
    """Tell whether ``x`` is one of Python's numbers, known or not."""
    return isinstance(x, (bool, int, float, complex)) or (
        isinstance(x, Symbol) and isinstance(x.type, Tensor) and x.type.number
    )


def compared(name: str, a: Any, b: Any) -> Any:
    """Return the answer of one comparison."""
    a, b = read(a), read(b)
    if a is not b and is_function(a) and is_function(b) and (is_one_of_several(a) or is_one_of_several(b)):
        raise unknown_function()
    if name in ("is_", "is_not"):
        if isinstance(a, Symbol) and isinstance(b, bool):
            a = writer().apply(operator.eq, (a, b), {}) if is_boolean(a) else a
            return (logic.opposite(a) if not b else a) if is_boolean(a) else name == "is_not"
        return one_object(a, b) == (name == "is_")
    if name in ("in", "not_in"):
        from adjoint._frontend.sequences import contained

        found = contained(a, b)
        return found if name == "in" else (logic.opposite(found) if isinstance(found, Symbol) else not found)
    if (isinstance(a, Symbol) or isinstance(b, Symbol)) and not (is_plain_object(a) or is_plain_object(b)):
        if a is None or b is None or isinstance(a, str) or isinstance(b, str):
            return {"eq": False, "ne": True}[name]
        return symbolic_binary(name, a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and holds_symbol((a, b)):
        return compared_sequences(name, a, b)
    return user_binary(name, getattr(operator, name), a, b)


def is_one_of_several(f: Any) -> bool:
    """Tell whether a function stands for what may be one of several."""
    return isinstance(f, Choice) or id(f) in writer().merged


def compared_sequences(name: str, a: Any, b: Any) -> Any:
    """Return the answer of a comparison of two sequences that hold symbols: by their first items that differ."""
    if isinstance(a, list) != isinstance(b, list) and name in ("eq", "ne"):
        return name == "ne"
    if is_list(a) or is_list(b) or any(isinstance(x, GrowingList) and x.dynamic is not None for x in (a, b)):
        raise UnknownNumberError(
            a.symbol if isinstance(a, GrowingList) and a.dynamic is not None else b.symbol, "of items of a list, compared,"
        )
    pairs = list(zip(a, b, strict=False))
    same = [lambda x=x, y=y: True if x is y else compared("eq", x, y) for x, y in pairs]
    if name in ("eq", "ne"):
        equal = RUNTIME.and_(*same) if same and len(a) == len(b) else len(a) == len(b)
        return equal if name == "eq" else RUNTIME.not_(equal)
    if not pairs:
        return getattr(operator, name)(len(a), len(b))
    x, y = pairs[0]
    rest = lambda: compared_sequences(name, a[1:], b[1:])
    return RUNTIME.choose(same[0](), rest, lambda: compared(name, x, y))


def one_object(a: Any, b: Any) -> bool:
    """``a is b``; refused if that depends on how the program ran."""
    if a is b:
        return True
    if isinstance(a, Array) and isinstance(b, Array) and a.memory is b.memory:
        return not a.path and not b.path
    first, second = writer().known_identity(a), writer().known_identity(b)
    if first is not None and second is not None and first.related(second):
        raise UnstableError("whether two names mean one object is known only when the program runs")
    return False


_REFLECTED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}


def user_binary(name: str, function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """Return an operator of two values; those of the user's classes are followed."""
    method = calls.special(a, f"__{name}__")
    if method is not None and (y := method(b)) is not NotImplemented:
        return y
    method = calls.special(b, f"__{_REFLECTED.get(name, 'r' + name)}__")
    if method is not None and (y := method(a)) is not NotImplemented:
        return y
    y = function(a, b)
    return writer().made(y) if type(y) in (dict, set) else y


def index_of(part: Any) -> Any:
    """Return part of an index: lists of the user's as plain lists."""
    if isinstance(part, GrowingList):
        if part.dynamic is not None or any(isinstance(x, Symbol) for x in part.known_items):
            return writer().as_array(part)
        return part.known_items
    return writer().captures.array(part) if isinstance(part, np.ndarray) else part


def unknown_index(index: Any) -> bool:
    """Tell whether an index is a symbol or a slice by symbols."""
    if isinstance(index, builtins.slice):
        return any(isinstance(part, Symbol) for part in (index.start, index.stop, index.step))
    return isinstance(index, Symbol)


def holds_symbol(x: Any) -> bool:
    """Tell whether a value is or holds a symbol."""
    if isinstance(x, (tuple, list)):
        return any(map(holds_symbol, tuple(x) if not isinstance(x, GrowingList) else x.known_items))
    return isinstance(x, Symbol) or (isinstance(x, GrowingList) and x.dynamic is not None)
