"""The two sweeps over a tape: back, with cotangents, and forward, with tangents.

An entry of the tape is a tuple whose first element, its `Step`, says how the entry is passed in either direction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules import kinds
from adjoint._trace.memory import as_traced, receiving
from adjoint._trace.shadow import Region
from adjoint._trace.traced import Traced, is_array, unhost

Target = Any  # a slot, a Region, None, or a list of these for an argument that is a sequence
Entry = tuple[Any, ...]


class Step:
    """How an entry of one sort is passed by the two sweeps."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        raise NotImplementedError

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        raise NotImplementedError


class Operation(Step):
    """A function with a rule."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        ct = unhost(cts[slot])
        if ct is None:
            return
        _, rule, y, args, kwargs, targets = entry
        for position, target, form in targets:
            g = kinds.pullback(rule, position, ct, y, args, kwargs)
            accumulate(cts, owned, target, g, form, ct)

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, rule, y, args, kwargs, targets = entry
        tangents = {position: fetch(ts, target, args[position]) for position, target, _ in targets}
        tangents = {position: t for position, t in tangents.items() if t is not None}
        if tangents:
            t = kinds.pushforward(rule, y, args, kwargs, tangents)
            ts[slot] = own_tangent(t, y, list(tangents.values()))


class RealElementwise(Operation):
    """An elementwise function of float64 numbers and arrays, without conjugates, casts and nesting: the same, shorter."""

    def backward(  # noqa: C901, PLR0912 - a hot path
        self, entry: Entry, slot: int, cts: list[Any], owned: set[int]
    ) -> None:
        ct = cts[slot]
        if ct is None:
            return
        if type(ct) not in PLAIN:
            super().backward(entry, slot, cts, owned)
            return
        _, rule, y, args, _, targets = entry
        for position, target, form in targets:
            try:
                p = rule.formulas[position](y, *args)
            except ArithmeticError:
                p = kinds.partial(rule.formulas[position], y, args)
            if type(p) is int and -2 < p < 2:
                g = ct if p == 1 else -ct if p else 0.0 * ct
            elif type(p) is float and p and p - p == 0.0:
                g = p * ct
            else:
                g = p * ct
                if type(g) is np.ndarray:
                    # As `kinds.holds_nan`, without the call for small vectors.
                    total = g.dot(g) if g.ndim == 1 and g.size < kinds.MANY else np.add.reduce(g, None)
                    if total != total:
                        g = kinds.scale(p, ct)
                elif g != g:
                    g = kinds.scale(p, ct)
            if form is not None:
                g = kinds.unbroadcast(g, form[0])
            if type(target) is int:
                previous = cts[target]
                cts[target] = g if previous is None else previous + g
            else:
                accumulate(cts, owned, target, g, None, g)


PLAIN = frozenset((float, np.float64, np.ndarray))


class Pick(Step):
    """One array of a result that is a tuple."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        _, source, k, n, _ = entry
        if cts[slot] is not None:
            if cts[source] is None:
                cts[source] = [None] * n
            cts[source][k] = cts[slot]

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, source, k, _, _ = entry
        if ts[source] is not None:
            ts[slot] = ts[source][k]


class Read(Step):
    """A number, or a selection of elements, read from a mutable array."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        _, region = entry
        if cts[slot] is not None:
            ct = unhost(cts[slot])
            region.add(own_shadow(cts, owned, region, ct), ct)

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, region = entry
        if ts[region.slot] is not None:
            ts[slot] = region.read(ts[region.slot])


class Write(Step):
    """A store into a region of a mutable array."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        _, region, target, form, winners = entry
        if cts[region.slot] is None:
            return
        shadow = own_shadow(cts, owned, region, None)
        ct = unhost(region.read(shadow))
        region.write(shadow, 0)
        if target is not None:
            g = ct if winners is None else np.where(winners, ct, np.zeros((), kinds.dtype_of(ct)))
            accumulate(cts, owned, target, g, form, g)

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, region, target, _, _ = entry
        t = None if target is None else as_traced(fetch(ts, target, None))
        if t is None and ts[region.slot] is None:
            return
        shadow = region.zeros(t) if ts[region.slot] is None else ts[region.slot]
        if not is_array(shadow):
            shadow = np.copy(np.reshape(shadow, region.form.shape))
        ts[region.slot] = receiving(shadow, t)
        region.write(ts[region.slot], 0 if t is None else t)


OPERATION, ELEMENTWISE, PICK, READ, WRITE = Operation(), RealElementwise(), Pick(), Read(), Write()


def backward(entries: list[Entry | None], cts: list[Any], *, free: bool) -> list[Any]:
    """Sweep back over the tape, from cotangents by slot to cotangents by slot; ``free`` gives the memory back on the way."""
    owned: set[int] = set()
    inputs = 0
    while inputs < len(entries) and entries[inputs] is None:
        inputs += 1
    with np.errstate(all="ignore"):
        for slot in range(len(entries) - 1, inputs - 1, -1):
            entry = entries.pop() if free else entries[slot]
            if entry is not None:
                entry[0].backward(entry, slot, cts, owned)
            if free:
                cts.pop()
            else:
                cts[slot] = None
    return cts


def forward(entries: list[Entry | None], ts: list[Any]) -> list[Any]:
    """Sweep forward over the tape: tangents by slot of the inputs in, tangents of all slots out."""
    with np.errstate(all="ignore"):
        for slot, entry in enumerate(entries):
            if entry is not None:
                entry[0].forward(entry, slot, ts)
    return ts


def accumulate(cts: list[Any], owned: set[int], target: Target, g: Any, form: Any, ct: Any) -> None:
    """Add a contribution to the cotangent of ``target``, summed back to the form of the argument."""
    if type(target) is list:
        for part, contribution, like in zip(target, g, form, strict=True):
            if part is not None and contribution is not None:
                accumulate(cts, owned, part, contribution, like, None)
        return
    if target is None or g is None:
        return
    g = unhost(g)
    if form is not None:
        g = kinds.conform(g, *form)
    elif g is not ct and (kinds.shape_of(g) != kinds.shape_of(ct) or getattr(g, "dtype", None) != getattr(ct, "dtype", None)):
        g = kinds.conform(g, kinds.shape_of(ct), kinds.dtype_of(ct))
    if type(target) is int:
        previous = cts[target]
        cts[target] = g if previous is None else previous + g
    else:
        g = as_traced(g)  # a shadow that holds traced cotangents may itself arrive here as a contribution
        target.add(own_shadow(cts, owned, target, g), g)


def own_shadow(cts: list[Any], owned: set[int], region: Region, g: Any) -> Any:
    """Return the shadow of a region's array, in memory of its own and able to take ``g``."""
    shadow = cts[region.slot]
    if shadow is None:
        shadow = region.zeros(g)
    else:
        if region.slot not in owned or not is_array(shadow):
            shadow = np.copy(np.reshape(shadow, region.form.shape))
        shadow = receiving(shadow, g)
    owned.add(region.slot)
    cts[region.slot] = shadow
    return shadow


def own_tangent(t: Any, y: Any, sources: list[Any]) -> Any:
    """Give the tangent of a result the result's form, if ``y`` tells it, and memory of its own: later entries write there."""
    if isinstance(t, (list, tuple)):
        return [None if part is None else own_tangent(part, None, sources) for part in t]
    t = as_traced(t)
    if isinstance(y, (kinds.Like, np.ndarray, Traced)):
        shape = kinds.shape_of(y)
        t = kinds.cast(t, kinds.dtype_of(y))
        if kinds.shape_of(t) != shape:
            return kinds.copy(np.broadcast_to(t, shape))
    view = t.whole() is not t if isinstance(t, Traced) else getattr(t, "base", None) is not None
    return kinds.copy(t) if (view or any(t is source for source in sources)) and is_array(t) else t


def fetch(ts: list[Any], target: Target, argument: Any) -> Any:
    """Return the tangent of an argument, None if it is zero."""
    if type(target) is list:
        parts = [None if part is None else fetch(ts, part, None) for part in target]
        if all(part is None for part in parts):
            return None
        return [kinds.zeros_like(a) if t is None else t for t, a in zip(parts, argument, strict=True)]
    if type(target) is int:
        return unhost(ts[target])
    return None if ts[target.slot] is None else unhost(target.read(ts[target.slot]))
