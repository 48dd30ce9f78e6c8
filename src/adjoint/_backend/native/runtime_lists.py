"""Functions that every program brings along: lists that grow, and copies of arrays that have gaps (see `runtime`)."""

from __future__ import annotations

TEXT = """
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

define internal i1 @adj.list.reserve(ptr %pool, ptr %block, i64 %count, i64 %size) noinline nounwind {
  %cp = getelementptr i8, ptr %block, i64 40
  %capacity = load i64, ptr %cp
  %enough = icmp sle i64 %count, %capacity
  br i1 %enough, label %end, label %grow
grow:
  call void @adj.outside(ptr %pool)
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

define internal {ptr, ptr} @adj.straight(ptr %pool, i64 %width, ptr %from, i64 %n0, i64 %n1, i64 %n2, i64 %n3,
    i64 %s0, i64 %s1, i64 %s2, i64 %s3) noinline nounwind {
entry:
  %spec = alloca [8 x i64], align 16
  %unit = icmp eq i64 %s3, 1
  br i1 %unit, label %same, label %copy
same:
  %itself = insertvalue {ptr, ptr} {ptr null, ptr null}, ptr %from, 1
  ret {ptr, ptr} %itself
copy:
  %n23 = mul i64 %n2, %n3
  %n123 = mul i64 %n1, %n23
  %n0123 = mul i64 %n0, %n123
  %size = mul i64 %n0123, %width
  %block = call ptr @adj.new(ptr %pool, i64 %size)
  %none = icmp eq ptr %block, null
  br i1 %none, label %bad, label %good
bad:
  ret {ptr, ptr} {ptr null, ptr null}
good:
  %to = getelementptr i8, ptr %block, i64 32
  %p0 = getelementptr i64, ptr %spec, i64 0
  store i64 %n0, ptr %p0
  %p1 = getelementptr i64, ptr %spec, i64 1
  store i64 %n1, ptr %p1
  %p2 = getelementptr i64, ptr %spec, i64 2
  store i64 %n2, ptr %p2
  %p3 = getelementptr i64, ptr %spec, i64 3
  store i64 %n3, ptr %p3
  %p4 = getelementptr i64, ptr %spec, i64 4
  store i64 %s0, ptr %p4
  %p5 = getelementptr i64, ptr %spec, i64 5
  store i64 %s1, ptr %p5
  %p6 = getelementptr i64, ptr %spec, i64 6
  store i64 %s2, ptr %p6
  %p7 = getelementptr i64, ptr %spec, i64 7
  store i64 %s3, ptr %p7
  call void @adj.gather(ptr %to, ptr %from, i64 %width, ptr %spec)
  %first = insertvalue {ptr, ptr} {ptr null, ptr null}, ptr %block, 0
  %both = insertvalue {ptr, ptr} %first, ptr %to, 1
  ret {ptr, ptr} %both
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
"""
