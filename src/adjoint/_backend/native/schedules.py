"""The schedule of binomial checkpoints as machine code: a loop under a budget asks it at each state that it keeps.

The functions are those of `adjoint._transform.schedule`, known by name, for the backends do not know the transformations.
"""

from __future__ import annotations

from adjoint._backend.native.function import Writer
from adjoint._backend.native.values import Scalar
from adjoint._ir.nodes import Apply, Value

MODULE = "adjoint._transform.schedule"
# Steps up to which the products below have 64 bits.
_MOST = 2**30
NEXT_PLACE = """
define internal i64 @adj.next_place(i64 %position, i64 %end, i64 %snapshots, i64 %kept) {
entry:
  %free = sub i64 %snapshots, %kept
  %some = icmp sgt i64 %free, 0
  br i1 %some, label %start, label %full
full:
  %last = sub i64 %end, 1
  ret i64 %last
start:
  %steps = sub i64 %end, %position
  %room = add i64 %free, 1
  %plenty = icmp sgt i64 %room, %steps
  %s = select i1 %plenty, i64 %steps, i64 %room
  br label %head
head:
  %r = phi i64 [0, %start], [%r2, %body]
  %before = phi i64 [0, %start], [%reach, %body]
  %reach = phi i64 [1, %start], [%further, %body]
  %more = icmp slt i64 %reach, %steps
  br i1 %more, label %body, label %done
body:
  %r2 = add i64 %r, 1
  %sum = add i64 %s, %r2
  %product = mul i64 %reach, %sum
  %further = sdiv i64 %product, %r2
  br label %head
done:
  %sr = add i64 %s, %r
  %below = sub i64 %sr, 1
  %none = icmp eq i64 %below, 0
  %divisor = select i1 %none, i64 1, i64 %below
  %taken = mul i64 %before, %s
  %quotient = sdiv i64 %taken, %divisor
  %other = sub i64 %steps, %quotient
  %less = icmp slt i64 %before, %other
  %segment = select i1 %less, i64 %before, i64 %other
  %place = add i64 %position, %segment
  ret i64 %place
}
"""


def next_place(w: Writer, op: Apply, target: Value | None = None) -> Scalar:
    """Return the step before which the next state is to be kept (`adjoint._checkpoint.binomial.first_segment`)."""
    position, end, snapshots, kept = map(w.whole, op.args)
    w.leave_if(w.text.compare("sgt", end, str(_MOST)))
    w.module.include("next_place", NEXT_PLACE)
    call = f"call i64 @adj.next_place(i64 {position}, i64 {end}, i64 {snapshots}, i64 {kept})"
    return Scalar("i8", w.text.let(call))
