"""The functions that every program brings along: blocks of memory and their owners (here), lists and copies (`runtime_lists`).

Where there is no memory left they return null, or true, and the program leaves.

A block begins with 32 bytes: how many own it (4 bytes), its sort (4), the function that gives up what it holds (null: nothing),
and its capacity in bytes.  Blocks of up to 64 kB are of 2**sort bytes, and come from a pool that lives as long as a call from
Python: for each sort a chain of blocks that nobody needs, and slabs from which new ones are cut (unless objects of Python's may
outlive the call).  The largest slab, of up to 4 MB, is kept for the next call of any program: the system hands new memory out
page by page, at a price.  So a block that is made and given up in each turn of a loop costs some instructions, not a visit to
the C library.  Larger ones are kept by `runtime_large`, or are the C library's, of sort 0.  If all memory came from slabs,
nothing is given up at the end of the call: it goes with them (`adj.release.end`).
"""

from __future__ import annotations

from adjoint._backend.native import runtime_large, runtime_lists

# What LLVM knows of the C library's functions, so that it can leave out a block that nobody uses.
_DECLARED = (
    "\ndeclare noalias noundef ptr @malloc(i64 noundef) mustprogress nounwind willreturn "
    'allockind("alloc,uninitialized") allocsize(0) memory(inaccessiblemem: readwrite) "alloc-family"="malloc"\n'
    "declare noundef ptr @realloc(ptr allocptr, i64) mustprogress nounwind willreturn "
    'allockind("realloc") allocsize(1) "alloc-family"="malloc"\n'
    "declare i64 @llvm.ctlz.i64(i64, i1)\n"
    'declare void @free(ptr allocptr) mustprogress nounwind willreturn allockind("free") "alloc-family"="malloc"\n'
)
_BLOCKS = """
define internal noalias ptr @adj.take(ptr %pool, i64 %size) {
  %small = icmp ule i64 %size, 65536
  br i1 %small, label %pick, label %large
pick:
  %less = sub i64 %size, 1
  %most = or i64 %less, 63
  %zeros = call i64 @llvm.ctlz.i64(i64 %most, i1 true)
  %sort = sub i64 64, %zeros
  %place = getelementptr ptr, ptr %pool, i64 %sort
  %first = load ptr, ptr %place
  %none = icmp eq ptr %first, null
  br i1 %none, label %make, label %have
have:
  %np = getelementptr i8, ptr %first, i64 8
  %next = load ptr, ptr %np
  store ptr %next, ptr %place
  ret ptr %first
make:
  %room = shl i64 1, %sort
  %fp = getelementptr ptr, ptr %pool, i64 1
  %from = load ptr, ptr %fp
  %lp = getelementptr ptr, ptr %pool, i64 2
  %left = load i64, ptr %lp
  %fits = icmp ule i64 %room, %left
  %short = icmp ule i64 %room, 16384
  %here = and i1 %fits, %short
  br i1 %here, label %cut, label %carve, !prof !0
cut:
  %after = getelementptr i8, ptr %from, i64 %room
  %remains = sub i64 %left, %room
  store ptr %after, ptr %fp
  store i64 %remains, ptr %lp
  br label %note
carve:
  %carved = call ptr @adj.carve(ptr %pool, i64 %room)
  %bad = icmp eq ptr %carved, null
  br i1 %bad, label %end, label %note, !prof !1
note:
  %new = phi ptr [%from, %cut], [%carved, %carve]
  %sp = getelementptr i8, ptr %new, i64 4
  %sort32 = trunc i64 %sort to i32
  store i32 %sort32, ptr %sp
  ret ptr %new
end:
  ret ptr null
large:
  call void @adj.outside(ptr %pool)
  %big = call ptr @adj.large(ptr %pool, i64 %size)
  ret ptr %big
}

define internal ptr @adj.carve(ptr %pool, i64 %room) noinline nounwind {
  %sp = getelementptr ptr, ptr %pool, i64 3
  %step = load i64, ptr %sp
  %plain = icmp eq i64 %step, 0
  %wide = icmp ugt i64 %room, 16384
  %apart = or i1 %plain, %wide
  br i1 %apart, label %alone, label %more
alone:
  call void @adj.outside(ptr %pool)
  %single = call ptr @malloc(i64 %room)
  ret ptr %single
more:
  %spare = call ptr @adj.spare(ptr %pool, ptr null)
  %had = icmp ne ptr %spare, null
  br i1 %had, label %again, label %fresh
again:
  %known = getelementptr i8, ptr %spare, i64 8
  %old = load i64, ptr %known
  br label %chain
fresh:
  %made = call ptr @malloc(i64 %step)
  %bad = icmp eq ptr %made, null
  br i1 %bad, label %none, label %chain
none:
  ret ptr null
chain:
  %new = phi ptr [%spare, %again], [%made, %fresh]
  %whole = phi i64 [%old, %again], [%step, %fresh]
  %head = load ptr, ptr %pool
  store ptr %head, ptr %new
  store ptr %new, ptr %pool
  %wp = getelementptr i8, ptr %new, i64 8
  store i64 %whole, ptr %wp
  %first = getelementptr i8, ptr %new, i64 64
  %rest = sub i64 %whole, 64
  %twice = shl i64 %whole, 1
  %large = icmp ugt i64 %twice, 4194304
  %next = select i1 %large, i64 %whole, i64 %twice
  store i64 %next, ptr %sp
  %after = getelementptr i8, ptr %first, i64 %room
  %remains = sub i64 %rest, %room
  %fp = getelementptr ptr, ptr %pool, i64 1
  store ptr %after, ptr %fp
  %lp = getelementptr ptr, ptr %pool, i64 2
  store i64 %remains, ptr %lp
  ret ptr %first
}

define internal void @adj.outside(ptr %pool) {
  %op = getelementptr ptr, ptr %pool, i64 5
  store i64 1, ptr %op
  ret void
}

define internal void @adj.release.end(ptr %pool, ptr captures(none) %shares, i64 %count) noinline nounwind {
  %op = getelementptr ptr, ptr %pool, i64 5
  %outside = load i64, ptr %op
  %none = icmp eq i64 %outside, 0
  br i1 %none, label %end, label %each
each:
  call void @adj.release.all(ptr %pool, ptr %shares, i64 %count)
  br label %end
end:
  ret void
}

define internal void @adj.give(ptr %pool, ptr %block) {
  %sp = getelementptr i8, ptr %block, i64 4
  %sort = load i32, ptr %sp
  %large = icmp eq i32 %sort, 0
  %alone = icmp eq ptr %pool, null
  %away = or i1 %large, %alone
  br i1 %away, label %free, label %some
some:
  %classed = icmp uge i32 %sort, 64
  br i1 %classed, label %hold, label %keep
hold:
  call void @adj.keep(ptr %pool, ptr %block, i32 %sort)
  ret void
keep:
  %index = zext i32 %sort to i64
  %place = getelementptr ptr, ptr %pool, i64 %index
  %first = load ptr, ptr %place
  %np = getelementptr i8, ptr %block, i64 8
  store ptr %first, ptr %np
  store ptr %block, ptr %place
  ret void
free:
  call void @free(ptr %block)
  ret void
}

define internal ptr @adj.spare(ptr %pool, ptr %slab) nounwind {
  %cp = getelementptr ptr, ptr %pool, i64 4
  %cell = load ptr, ptr %cp
  %before = atomicrmw xchg ptr %cell, ptr %slab acq_rel
  ret ptr %before
}

define internal i1 @adj.larger(ptr %slab, i64 %size) {
  %none = icmp eq ptr %slab, null
  br i1 %none, label %no, label %ask
no:
  ret i1 false
ask:
  %wp = getelementptr i8, ptr %slab, i64 8
  %whole = load i64, ptr %wp
  %more = icmp ugt i64 %whole, %size
  ret i1 %more
}

define internal void @adj.clear(ptr %pool) noinline nounwind {
entry:
  %sp = getelementptr ptr, ptr %pool, i64 3
  %step = load i64, ptr %sp
  %plain = icmp eq i64 %step, 0
  %start = select i1 %plain, i64 6, i64 15
  %slabs = load ptr, ptr %pool
  %some = icmp ne ptr %slabs, null
  br i1 %some, label %keep, label %slab
keep:
  %others = load ptr, ptr %slabs
  %was = call ptr @adj.spare(ptr %pool, ptr null)
  %lp = getelementptr i8, ptr %slabs, i64 8
  %size = load i64, ptr %lp
  %larger = call i1 @adj.larger(ptr %was, i64 %size)
  %kept = select i1 %larger, ptr %was, ptr %slabs
  %given = select i1 %larger, ptr %slabs, ptr %was
  %lost = call ptr @adj.spare(ptr %pool, ptr %kept)
  call void @free(ptr %given)
  call void @free(ptr %lost)
  br label %slab
slab:
  %this = phi ptr [%slabs, %entry], [%others, %keep], [%that, %away]
  %last = icmp eq ptr %this, null
  br i1 %last, label %head, label %away
away:
  %that = load ptr, ptr %this
  call void @free(ptr %this)
  br label %slab
head:
  %k = phi i64 [%start, %slab], [%k2, %done]
  %place = getelementptr ptr, ptr %pool, i64 %k
  %first = load ptr, ptr %place
  br label %turn
turn:
  %block = phi ptr [%first, %head], [%next, %drop]
  %none = icmp eq ptr %block, null
  br i1 %none, label %done, label %drop
drop:
  %np = getelementptr i8, ptr %block, i64 8
  %next = load ptr, ptr %np
  call void @free(ptr %block)
  br label %turn
done:
  %k2 = add i64 %k, 1
  %more = icmp sle i64 %k2, 16
  br i1 %more, label %head, label %end
end:
  ret void
}

define internal i64 @adj.bytes(i64 %n, i64 %bytes) alwaysinline nounwind willreturn memory(none) {
  %long = icmp ugt i64 %n, 1099511627776
  %size = call {i64, i1} @llvm.smul.with.overflow.i64(i64 %n, i64 %bytes)
  %product = extractvalue {i64, i1} %size, 0
  %over = extractvalue {i64, i1} %size, 1
  %none = icmp slt i64 %bytes, 0
  %bad = or i1 %long, %over
  %worse = or i1 %bad, %none
  %result = select i1 %worse, i64 -1, i64 %product
  ret i64 %result
}

define internal i64 @adj.bytes.once(i64 %n, i64 %bytes) noinline nounwind willreturn memory(none) {
  %result = call i64 @adj.bytes(i64 %n, i64 %bytes)
  ret i64 %result
}

define internal range(i64 -1, 1099511627777) i64 @adj.fit(i64 %a, i64 %b) noinline nounwind willreturn memory(none) {
  %one = icmp eq i64 %a, 1
  %other = icmp eq i64 %b, 1
  %same = icmp eq i64 %a, %b
  %first = or i1 %other, %same
  %length = select i1 %first, i64 %a, i64 -1
  %found = select i1 %one, i64 %b, i64 %length
  %long = icmp ugt i64 %found, 1099511627776
  %result = select i1 %long, i64 -1, i64 %found
  ret i64 %result
}

define internal noalias ptr @adj.new(ptr %pool, i64 %bytes) noinline nounwind {
  %less = icmp slt i64 %bytes, 0
  br i1 %less, label %no, label %some, !prof !1
no:
  ret ptr null
some:
  %size = add i64 %bytes, 32
  %block = call ptr @adj.take(ptr %pool, i64 %size)
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %set, !prof !1
set:
  store i32 1, ptr %block
  %dp = getelementptr i8, ptr %block, i64 8
  store ptr null, ptr %dp
  %cp = getelementptr i8, ptr %block, i64 16
  store i64 %bytes, ptr %cp
  br label %end
end:
  ret ptr %block
}

define internal noalias ptr @adj.block(ptr %pool, i64 %size, ptr %drop) alwaysinline {
  %block = call ptr @adj.take(ptr %pool, i64 %size)
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %set, !prof !1
set:
  store i32 1, ptr %block
  %dp = getelementptr i8, ptr %block, i64 8
  store ptr %drop, ptr %dp
  %cp = getelementptr i8, ptr %block, i64 16
  store i64 -1, ptr %cp
  br label %end
end:
  ret ptr %block
}

define internal ptr @adj.renew(ptr %pool, ptr %old, i64 %bytes) noinline nounwind {
  %none = icmp eq ptr %old, null
  br i1 %none, label %make, label %look
look:
  %refs = load i32, ptr %old
  %cp = getelementptr i8, ptr %old, i64 16
  %capacity = load i64, ptr %cp
  %single = icmp eq i32 %refs, 1
  %fits = icmp sge i64 %capacity, %bytes
  %some = icmp sge i64 %bytes, 0
  %right = and i1 %fits, %some
  %good = and i1 %single, %right
  br i1 %good, label %keep, label %other
keep:
  ret ptr %old
other:
  call void @adj.release(ptr %pool, ptr %old)
  br label %make
make:
  %block = call ptr @adj.new(ptr %pool, i64 %bytes)
  ret ptr %block
}

define internal ptr @adj.renew.variable(ptr %pool, ptr captures(none) %variable, i64 %bytes) noinline nounwind {
  %old = load ptr, ptr %variable
  store ptr null, ptr %variable
  %block = call ptr @adj.renew(ptr %pool, ptr %old, i64 %bytes)
  store ptr %block, ptr %variable
  ret ptr %block
}

define internal void @adj.retain(ptr %block) alwaysinline nounwind {
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %count
count:
  %refs = load i32, ptr %block
  %more = add i32 %refs, 1
  store i32 %more, ptr %block
  br label %end
end:
  ret void
}

define internal void @adj.retain.once(ptr %block) noinline nounwind {
  call void @adj.retain(ptr %block)
  ret void
}

define internal void @adj.release(ptr %pool, ptr %block) alwaysinline nounwind {
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %count
count:
  %refs = load i32, ptr %block
  %less = sub i32 %refs, 1
  store i32 %less, ptr %block
  %last = icmp eq i32 %less, 0
  br i1 %last, label %drop, label %end
drop:
  call void @adj.drop(ptr %pool, ptr %block)
  br label %end
end:
  ret void
}

define internal void @adj.release.once(ptr %pool, ptr %block) noinline nounwind {
  call void @adj.release(ptr %pool, ptr %block)
  ret void
}

define internal void @adj.release.variable(ptr %pool, ptr captures(none) %variable) noinline nounwind {
  %block = load ptr, ptr %variable
  store ptr null, ptr %variable
  call void @adj.release(ptr %pool, ptr %block)
  ret void
}

define internal void @adj.release.all(ptr %pool, ptr captures(none) %shares, i64 %count) noinline nounwind {
entry:
  br label %head
head:
  %k = phi i64 [0, %entry], [%k2, %turn]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %turn, label %end
turn:
  %place = getelementptr ptr, ptr %shares, i64 %k
  %block = load ptr, ptr %place
  call void @adj.release(ptr %pool, ptr %block)
  %k2 = add i64 %k, 1
  br label %head
end:
  ret void
}

define internal void @adj.drop(ptr %pool, ptr %block) noinline nounwind {
  %dp = getelementptr i8, ptr %block, i64 8
  %drop = load ptr, ptr %dp
  %plain = icmp eq ptr %drop, null
  br i1 %plain, label %free, label %call
free:
  call void @adj.give(ptr %pool, ptr %block)
  ret void
call:
  call void %drop(ptr %pool, ptr %block)
  ret void
}
"""
# What branches and loops refer to.
_NOTES = """
!0 = !{!"branch_weights", i32 2000, i32 1}
!1 = !{!"branch_weights", i32 1, i32 2000}
!2 = !{!"llvm.loop.vectorize.enable", i1 false}
!3 = !{!"llvm.loop.unroll.disable"}
!4 = distinct !{!4, !2, !3}
!5 = !{!"llvm.loop.interleave.count", i32 1}
!6 = distinct !{}
!7 = !{!"llvm.loop.parallel_accesses", !6}
!8 = distinct !{!8, !7, !3}
!9 = distinct !{!9, !7, !3, !5}
"""
TEXT = f"{_DECLARED}{_BLOCKS}{runtime_large.TEXT}{runtime_lists.TEXT}{_NOTES}"


def releases(count: int) -> list[str]:
    """Return what gives up all shares of a function that is called often: by instructions here, not by a call and its loop."""
    lines = []
    for k in range(count):
        lines += [
            f"  %end.p{k} = getelementptr ptr, ptr %shares, i64 {k}",
            f"  %end.b{k} = load ptr, ptr %end.p{k}",
            f"  call void @adj.release(ptr %pool, ptr %end.b{k})",
        ]
    return lines
