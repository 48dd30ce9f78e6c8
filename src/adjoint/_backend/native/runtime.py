"""The functions that every program brings along: blocks of memory and their owners, and lists that grow.

Where there is no memory left they return null, or true, and the program leaves.

A block begins with 32 bytes: how many own it (4 bytes), its sort (4), the function that gives up what it holds (null: nothing), and
its capacity in bytes.  Blocks of up to 64 kB are of 2**sort bytes, and come from a pool that lives as long as a call from Python: for
each sort a chain of blocks that nobody needs, and slabs from which new ones are cut (unless objects of Python's may outlive the call).
So a block that is made and given up in each turn of a loop costs some
instructions, not a visit to the C library.  Larger ones are of sort 0.
"""

from __future__ import annotations

TEXT = """
declare noalias noundef ptr @malloc(i64 noundef) mustprogress nounwind willreturn allockind("alloc,uninitialized") allocsize(0) memory(inaccessiblemem: readwrite) "alloc-family"="malloc"
declare noundef ptr @realloc(ptr allocptr, i64) mustprogress nounwind willreturn allockind("realloc") allocsize(1) "alloc-family"="malloc"
declare i64 @llvm.ctlz.i64(i64, i1)
declare void @free(ptr allocptr) mustprogress nounwind willreturn allockind("free") "alloc-family"="malloc"

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
  %new = call ptr @adj.carve(ptr %pool, i64 %room)
  %bad = icmp eq ptr %new, null
  br i1 %bad, label %end, label %note, !prof !1
note:
  %sp = getelementptr i8, ptr %new, i64 4
  %sort32 = trunc i64 %sort to i32
  store i32 %sort32, ptr %sp
  br label %end
end:
  ret ptr %new
large:
  %big = call ptr @malloc(i64 %size)
  %worse = icmp eq ptr %big, null
  br i1 %worse, label %out, label %mark, !prof !1
mark:
  %bp = getelementptr i8, ptr %big, i64 4
  store i32 0, ptr %bp
  br label %out
out:
  ret ptr %big
}

define internal ptr @adj.carve(ptr %pool, i64 %room) noinline nounwind {
  %sp = getelementptr ptr, ptr %pool, i64 3
  %step = load i64, ptr %sp
  %plain = icmp eq i64 %step, 0
  %wide = icmp ugt i64 %room, 16384
  %apart = or i1 %plain, %wide
  br i1 %apart, label %alone, label %slab
alone:
  %single = call ptr @malloc(i64 %room)
  ret ptr %single
slab:
  %fp = getelementptr ptr, ptr %pool, i64 1
  %from = load ptr, ptr %fp
  %lp = getelementptr ptr, ptr %pool, i64 2
  %left = load i64, ptr %lp
  %fits = icmp ule i64 %room, %left
  br i1 %fits, label %cut, label %more
more:
  %new = call ptr @malloc(i64 %step)
  %bad = icmp eq ptr %new, null
  br i1 %bad, label %none, label %chain
none:
  ret ptr null
chain:
  %head = load ptr, ptr %pool
  store ptr %head, ptr %new
  store ptr %new, ptr %pool
  %first = getelementptr i8, ptr %new, i64 64
  %rest = sub i64 %step, 64
  %twice = shl i64 %step, 1
  %large = icmp ugt i64 %twice, 4194304
  %next = select i1 %large, i64 %step, i64 %twice
  store i64 %next, ptr %sp
  br label %cut
cut:
  %at = phi ptr [%from, %slab], [%first, %chain]
  %had = phi i64 [%left, %slab], [%rest, %chain]
  %after = getelementptr i8, ptr %at, i64 %room
  %remains = sub i64 %had, %room
  store ptr %after, ptr %fp
  store i64 %remains, ptr %lp
  ret ptr %at
}

define internal void @adj.give(ptr %pool, ptr %block) {
  %sp = getelementptr i8, ptr %block, i64 4
  %sort = load i32, ptr %sp
  %large = icmp eq i32 %sort, 0
  %alone = icmp eq ptr %pool, null
  %away = or i1 %large, %alone
  br i1 %away, label %free, label %keep
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

define internal void @adj.clear(ptr %pool) noinline nounwind {
entry:
  %sp = getelementptr ptr, ptr %pool, i64 3
  %step = load i64, ptr %sp
  %plain = icmp eq i64 %step, 0
  %start = select i1 %plain, i64 6, i64 15
  %slabs = load ptr, ptr %pool
  br label %slab
slab:
  %this = phi ptr [%slabs, %entry], [%that, %away]
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

define internal noalias ptr @adj.new(ptr %pool, i64 %bytes) noinline nounwind {
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
  %good = and i1 %single, %fits
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

define internal ptr @adj.list.start(ptr %pool, ptr %old, ptr %drop, i64 %count, i64 %size) noinline nounwind {
  %none = icmp eq ptr %old, null
  br i1 %none, label %make, label %look
look:
  %refs = load i32, ptr %old
  %odp = getelementptr i8, ptr %old, i64 8
  %odrop = load ptr, ptr %odp
  %ocp = getelementptr i8, ptr %old, i64 40
  %capacity = load i64, ptr %ocp
  %single = icmp eq i32 %refs, 1
  %alike = icmp eq ptr %odrop, %drop
  %fits = icmp sge i64 %capacity, %count
  %both = and i1 %single, %alike
  %good = and i1 %both, %fits
  br i1 %good, label %keep, label %other
keep:
  %onp = getelementptr i8, ptr %old, i64 32
  store i64 0, ptr %onp
  ret ptr %old
other:
  call void @adj.release(ptr %pool, ptr %old)
  br label %make
make:
  %block = call ptr @adj.list.new(ptr %pool, ptr %drop, i64 %count, i64 %size)
  ret ptr %block
}

define internal ptr @adj.list.new(ptr %pool, ptr %drop, i64 %count, i64 %size) {
  %bytes = mul i64 %count, %size
  %all = add i64 %bytes, 64
  %block = call ptr @adj.block(ptr %pool, i64 %all, ptr %drop)
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %set, !prof !1
set:
  %np = getelementptr i8, ptr %block, i64 32
  store i64 0, ptr %np
  %cp = getelementptr i8, ptr %block, i64 40
  store i64 %count, ptr %cp
  %ip = getelementptr i8, ptr %block, i64 48
  %within = getelementptr i8, ptr %block, i64 64
  store ptr %within, ptr %ip
  br label %end
end:
  ret ptr %block
}

define internal void @adj.list.free(ptr %pool, ptr %block) nounwind {
  %ip = getelementptr i8, ptr %block, i64 48
  %items = load ptr, ptr %ip
  %within = getelementptr i8, ptr %block, i64 64
  %own = icmp eq ptr %items, %within
  br i1 %own, label %end, label %apart
apart:
  call void @free(ptr %items)
  br label %end
end:
  call void @adj.give(ptr %pool, ptr %block)
  ret void
}

define internal i1 @adj.list.reserve(ptr %block, i64 %count, i64 %size) noinline nounwind {
  %cp = getelementptr i8, ptr %block, i64 40
  %capacity = load i64, ptr %cp
  %enough = icmp sle i64 %count, %capacity
  br i1 %enough, label %end, label %grow
grow:
  %half = ashr i64 %capacity, 1
  %better = add i64 %capacity, %half
  %bigger = icmp sgt i64 %count, %better
  %chosen = select i1 %bigger, i64 %count, i64 %better
  %small = icmp slt i64 %chosen, 8
  %room = select i1 %small, i64 8, i64 %chosen
  %bytes = mul i64 %room, %size
  %ip = getelementptr i8, ptr %block, i64 48
  %old = load ptr, ptr %ip
  %within = getelementptr i8, ptr %block, i64 64
  %own = icmp eq ptr %old, %within
  br i1 %own, label %leave, label %again
leave:
  %first = call ptr @malloc(i64 %bytes)
  %np = getelementptr i8, ptr %block, i64 32
  %n = load i64, ptr %np
  %held = mul i64 %n, %size
  %failed1 = icmp eq ptr %first, null
  br i1 %failed1, label %failed, label %copy
copy:
  call void @llvm.memcpy.p0.p0.i64(ptr %first, ptr %old, i64 %held, i1 false)
  br label %have
again:
  %moved = call ptr @realloc(ptr %old, i64 %bytes)
  br label %have
have:
  %items = phi ptr [%first, %copy], [%moved, %again]
  %none = icmp eq ptr %items, null
  br i1 %none, label %failed, label %set, !prof !1
failed:
  ret i1 true
set:
  store ptr %items, ptr %ip
  store i64 %room, ptr %cp
  br label %end
end:
  ret i1 false
}

define internal void @adj.list.flip(ptr %block, i64 %size) noinline nounwind {
entry:
  %np = getelementptr i8, ptr %block, i64 32
  %n = load i64, ptr %np
  %ip = getelementptr i8, ptr %block, i64 48
  %items = load ptr, ptr %ip
  %bytes = mul i64 %n, %size
  %last = sub i64 %bytes, %size
  br label %head
head:
  %a = phi i64 [0, %entry], [%a2, %turn]
  %b = phi i64 [%last, %entry], [%b2, %turn]
  %more = icmp slt i64 %a, %b
  br i1 %more, label %swap, label %end
swap:
  %k = phi i64 [0, %head], [%k2, %swap]
  %ak = add i64 %a, %k
  %bk = add i64 %b, %k
  %pa = getelementptr i8, ptr %items, i64 %ak
  %pb = getelementptr i8, ptr %items, i64 %bk
  %x = load i8, ptr %pa
  %y = load i8, ptr %pb
  store i8 %y, ptr %pa
  store i8 %x, ptr %pb
  %k2 = add i64 %k, 1
  %again = icmp slt i64 %k2, %size
  br i1 %again, label %swap, label %turn
turn:
  %a2 = add i64 %a, %size
  %b2 = sub i64 %b, %size
  br label %head
end:
  ret void
}

define internal ptr @adj.straight(ptr %pool, i64 %width, ptr %spec) noinline nounwind {
entry:
  %sp = getelementptr i64, ptr %spec, i64 7
  %stride = load i64, ptr %sp
  %unit = icmp eq i64 %stride, 1
  br i1 %unit, label %same, label %copy
same:
  ret ptr null
copy:
  %p0 = getelementptr i64, ptr %spec, i64 0
  %p1 = getelementptr i64, ptr %spec, i64 1
  %p2 = getelementptr i64, ptr %spec, i64 2
  %p3 = getelementptr i64, ptr %spec, i64 3
  %n0 = load i64, ptr %p0
  %n1 = load i64, ptr %p1
  %n2 = load i64, ptr %p2
  %n3 = load i64, ptr %p3
  %n23 = mul i64 %n2, %n3
  %n123 = mul i64 %n1, %n23
  %n0123 = mul i64 %n0, %n123
  %size = mul i64 %n0123, %width
  %dp = getelementptr i64, ptr %spec, i64 8
  %from = load ptr, ptr %dp
  %block = call ptr @adj.new(ptr %pool, i64 %size)
  %none = icmp eq ptr %block, null
  br i1 %none, label %bad, label %good
bad:
  store ptr null, ptr %dp
  ret ptr null
good:
  %to = getelementptr i8, ptr %block, i64 32
  call void @adj.gather(ptr %to, ptr %from, i64 %width, ptr %spec)
  store ptr %to, ptr %dp
  store i64 1, ptr %sp
  %s2 = getelementptr i64, ptr %spec, i64 6
  store i64 %n3, ptr %s2
  %s1 = getelementptr i64, ptr %spec, i64 5
  store i64 %n23, ptr %s1
  %s0 = getelementptr i64, ptr %spec, i64 4
  store i64 %n123, ptr %s0
  ret ptr %block
}

define internal void @adj.gather(ptr %to, ptr %from, i64 %width, ptr %spec) noinline nounwind {
entry:
  %p0 = getelementptr i64, ptr %spec, i64 0
  %n0 = load i64, ptr %p0
  %p1 = getelementptr i64, ptr %spec, i64 1
  %n1 = load i64, ptr %p1
  %p2 = getelementptr i64, ptr %spec, i64 2
  %n2 = load i64, ptr %p2
  %p3 = getelementptr i64, ptr %spec, i64 3
  %n3 = load i64, ptr %p3
  %p4 = getelementptr i64, ptr %spec, i64 4
  %s0 = load i64, ptr %p4
  %p5 = getelementptr i64, ptr %spec, i64 5
  %s1 = load i64, ptr %p5
  %p6 = getelementptr i64, ptr %spec, i64 6
  %s2 = load i64, ptr %p6
  %p7 = getelementptr i64, ptr %spec, i64 7
  %s3 = load i64, ptr %p7
  %row = mul i64 %n3, %width
  %unit = icmp eq i64 %s3, 1
  %eight = icmp eq i64 %width, 8
  br label %h0
h0:
  %i0 = phi i64 [0, %entry], [%j0, %e1]
  %to0 = phi ptr [%to, %entry], [%to1, %e1]
  %m0 = icmp slt i64 %i0, %n0
  br i1 %m0, label %b0, label %out
b0:
  %o0 = mul i64 %i0, %s0
  br label %h1
h1:
  %i1 = phi i64 [0, %b0], [%j1, %e2]
  %to1 = phi ptr [%to0, %b0], [%to2, %e2]
  %m1 = icmp slt i64 %i1, %n1
  br i1 %m1, label %b1, label %e1
e1:
  %j0 = add i64 %i0, 1
  br label %h0
b1:
  %q1 = mul i64 %i1, %s1
  %o1 = add i64 %o0, %q1
  br label %h2
h2:
  %i2 = phi i64 [0, %b1], [%j2, %e3]
  %to2 = phi ptr [%to1, %b1], [%to3, %e3]
  %m2 = icmp slt i64 %i2, %n2
  br i1 %m2, label %b2, label %e2
e2:
  %j1 = add i64 %i1, 1
  br label %h1
b2:
  %q2 = mul i64 %i2, %s2
  %o2 = add i64 %o1, %q2
  %offset = mul i64 %o2, %width
  %start = getelementptr i8, ptr %from, i64 %offset
  br i1 %unit, label %whole, label %gaps
whole:
  call void @llvm.memcpy.p0.p0.i64(ptr %to2, ptr %start, i64 %row, i1 false)
  br label %e3
gaps:
  %some = icmp sgt i64 %n3, 0
  br i1 %some, label %sort, label %e3
sort:
  br i1 %eight, label %words, label %bytes
words:
  %w = phi i64 [0, %sort], [%w2, %words]
  %wo = mul i64 %w, %s3
  %wf = getelementptr i64, ptr %start, i64 %wo
  %wt = getelementptr i64, ptr %to2, i64 %w
  %word = load i64, ptr %wf
  store i64 %word, ptr %wt
  %w2 = add i64 %w, 1
  %wm = icmp slt i64 %w2, %n3
  br i1 %wm, label %words, label %e3, !llvm.loop !4
bytes:
  %k = phi i64 [0, %sort], [%k2, %bytes]
  %ko = mul i64 %k, %s3
  %kb = mul i64 %ko, %width
  %kt0 = mul i64 %k, %width
  %kf = getelementptr i8, ptr %start, i64 %kb
  %kt = getelementptr i8, ptr %to2, i64 %kt0
  call void @llvm.memcpy.p0.p0.i64(ptr %kt, ptr %kf, i64 %width, i1 false)
  %k2 = add i64 %k, 1
  %km = icmp slt i64 %k2, %n3
  br i1 %km, label %bytes, label %e3
e3:
  %to3 = getelementptr i8, ptr %to2, i64 %row
  %j2 = add i64 %i2, 1
  br label %h2
out:
  ret void
}

!0 = !{!"branch_weights", i32 2000, i32 1}
!1 = !{!"branch_weights", i32 1, i32 2000}
!2 = !{!"llvm.loop.vectorize.enable", i1 false}
!3 = !{!"llvm.loop.unroll.disable"}
!4 = distinct !{!4, !2, !3}
!5 = !{!"llvm.loop.interleave.count", i32 1}
"""
