"""The functions that every program brings along: blocks of memory and their owners, and lists that grow.

Where there is no memory left they return null, or true, and the program leaves.

A block begins with 32 bytes: how many own it, the function that gives up what it holds (null: nothing), and its capacity in bytes.
"""

from __future__ import annotations

TEXT = """
declare noalias noundef ptr @malloc(i64 noundef) mustprogress nounwind willreturn allockind("alloc,uninitialized") allocsize(0) memory(inaccessiblemem: readwrite) "alloc-family"="malloc"
declare noundef ptr @realloc(ptr allocptr, i64) mustprogress nounwind willreturn allockind("realloc") allocsize(1) "alloc-family"="malloc"
declare void @free(ptr allocptr) mustprogress nounwind willreturn allockind("free") "alloc-family"="malloc"

define internal noalias ptr @adj.new(i64 %bytes) alwaysinline {
  %size = add i64 %bytes, 32
  %block = call ptr @malloc(i64 %size)
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %set, !prof !1
set:
  store i64 1, ptr %block
  %dp = getelementptr i8, ptr %block, i64 8
  store ptr null, ptr %dp
  %cp = getelementptr i8, ptr %block, i64 16
  store i64 %bytes, ptr %cp
  br label %end
end:
  ret ptr %block
}

define internal ptr @adj.block(i64 %size, ptr %drop) alwaysinline {
  %block = call ptr @malloc(i64 %size)
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %set, !prof !1
set:
  store i64 1, ptr %block
  %dp = getelementptr i8, ptr %block, i64 8
  store ptr %drop, ptr %dp
  %cp = getelementptr i8, ptr %block, i64 16
  store i64 -1, ptr %cp
  br label %end
end:
  ret ptr %block
}

define internal ptr @adj.renew(ptr %old, i64 %bytes) alwaysinline {
  %none = icmp eq ptr %old, null
  br i1 %none, label %make, label %look
look:
  %refs = load i64, ptr %old
  %cp = getelementptr i8, ptr %old, i64 16
  %capacity = load i64, ptr %cp
  %single = icmp eq i64 %refs, 1
  %fits = icmp sge i64 %capacity, %bytes
  %good = and i1 %single, %fits
  br i1 %good, label %keep, label %other
keep:
  ret ptr %old
other:
  call void @adj.release(ptr %old)
  br label %make
make:
  %block = call ptr @adj.new(i64 %bytes)
  ret ptr %block
}

define internal void @adj.retain(ptr %block) alwaysinline {
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %count
count:
  %refs = load i64, ptr %block
  %more = add i64 %refs, 1
  store i64 %more, ptr %block
  br label %end
end:
  ret void
}

define internal void @adj.release(ptr %block) alwaysinline {
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %count
count:
  %refs = load i64, ptr %block
  %less = sub i64 %refs, 1
  store i64 %less, ptr %block
  %last = icmp eq i64 %less, 0
  br i1 %last, label %drop, label %end
drop:
  call void @adj.drop(ptr %block)
  br label %end
end:
  ret void
}

define internal void @adj.drop(ptr %block) noinline nounwind {
  %dp = getelementptr i8, ptr %block, i64 8
  %drop = load ptr, ptr %dp
  %plain = icmp eq ptr %drop, null
  br i1 %plain, label %free, label %call
free:
  call void @free(ptr %block)
  ret void
call:
  call void %drop(ptr %block)
  ret void
}

define internal ptr @adj.list.start(ptr %old, ptr %drop, i64 %count, i64 %size) noinline nounwind {
  %none = icmp eq ptr %old, null
  br i1 %none, label %make, label %look
look:
  %refs = load i64, ptr %old
  %odp = getelementptr i8, ptr %old, i64 8
  %odrop = load ptr, ptr %odp
  %ocp = getelementptr i8, ptr %old, i64 40
  %capacity = load i64, ptr %ocp
  %single = icmp eq i64 %refs, 1
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
  call void @adj.release(ptr %old)
  br label %make
make:
  %block = call ptr @adj.list.new(ptr %drop, i64 %count, i64 %size)
  ret ptr %block
}

define internal ptr @adj.list.new(ptr %drop, i64 %count, i64 %size) {
  %bytes = mul i64 %count, %size
  %all = add i64 %bytes, 64
  %block = call ptr @adj.block(i64 %all, ptr %drop)
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

define internal void @adj.list.free(ptr %block) nounwind {
  %ip = getelementptr i8, ptr %block, i64 48
  %items = load ptr, ptr %ip
  %within = getelementptr i8, ptr %block, i64 64
  %own = icmp eq ptr %items, %within
  br i1 %own, label %end, label %apart
apart:
  call void @free(ptr %items)
  br label %end
end:
  call void @free(ptr %block)
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

!0 = !{!"branch_weights", i32 2000, i32 1}
!1 = !{!"branch_weights", i32 1, i32 2000}
"""
