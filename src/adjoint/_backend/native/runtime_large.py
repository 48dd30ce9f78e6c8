"""Functions that every program brings along: large blocks, which are kept for the next one who asks for as much.

The system hands out new memory page by page, and fills each with zeros when it is first touched: programs over arrays of some
hundred kilobytes, each of which the C library gives back to the system as soon as it is freed, spend most of their time with
that.  So large blocks are kept when they are freed, for this call and for later ones of any program: up to 64 MB altogether, of
up to 32 MB each.  Sizes are rounded up to 5, 6, 7 or 8 eighths of a power of two, a *class*; pages that nobody touches cost
nothing.  There are eight places for each class, which threads empty and fill without waiting for each other.
"""

from __future__ import annotations

# The number of classes, from 64 kB to 32 MB, and of the places for blocks of each.
CLASSES, PLACES = 36, 8
# The bytes that are kept at most.
MOST = 64 << 20
# In the process: the slab that is kept (`runtime`), how many bytes are kept, and the places.
SIZE = 16 + 8 * CLASSES * PLACES
# The sort of a block of class 0.
FIRST = 64

# What keeps a block.
KEEP = f"""
define internal ptr @adj.places(ptr %pool, i64 %class) {{
  %cp = getelementptr ptr, ptr %pool, i64 4
  %cell = load ptr, ptr %cp
  %skip = mul i64 %class, {8 * PLACES}
  %at = add i64 %skip, 16
  %places = getelementptr i8, ptr %cell, i64 %at
  ret ptr %places
}}

define internal ptr @adj.kept(ptr %pool) {{
  %cp = getelementptr ptr, ptr %pool, i64 4
  %cell = load ptr, ptr %cp
  %kept = getelementptr i8, ptr %cell, i64 8
  ret ptr %kept
}}

define internal void @adj.keep(ptr %pool, ptr %block, i32 %sort) noinline nounwind {{
entry:
  %sort64 = zext i32 %sort to i64
  %class = sub i64 %sort64, {FIRST}
  %above = lshr i64 %class, 2
  %part = and i64 %class, 3
  %shift = add i64 %above, 14
  %eighths = add i64 %part, 5
  %room = shl i64 %eighths, %shift
  %kept = call ptr @adj.kept(ptr %pool)
  %before = atomicrmw add ptr %kept, i64 %room monotonic
  %after = add i64 %before, %room
  %much = icmp ugt i64 %after, {MOST}
  br i1 %much, label %free, label %look
look:
  %places = call ptr @adj.places(ptr %pool, i64 %class)
  br label %turn
turn:
  %k = phi i64 [0, %look], [%k2, %taken]
  %place = getelementptr ptr, ptr %places, i64 %k
  %pair = cmpxchg ptr %place, ptr null, ptr %block acq_rel monotonic
  %done = extractvalue {{ptr, i1}} %pair, 1
  br i1 %done, label %end, label %taken
taken:
  %k2 = add i64 %k, 1
  %more = icmp slt i64 %k2, {PLACES}
  br i1 %more, label %turn, label %free
free:
  %was = atomicrmw sub ptr %kept, i64 %room monotonic
  call void @free(ptr %block)
  br label %end
end:
  ret void
}}
"""
# What finds one, or makes it.
TEXT = f"""{KEEP}
define internal noalias ptr @adj.large(ptr %pool, i64 %size) noinline nounwind {{
entry:
  %less = sub i64 %size, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %less, i1 true)
  %power = sub i64 63, %zeros
  %shift = sub i64 %power, 2
  %quarter = lshr i64 %less, %shift
  %next = add i64 %quarter, 1
  %room = shl i64 %next, %shift
  %above = sub i64 %power, 16
  %four = mul i64 %above, 4
  %part = sub i64 %quarter, 4
  %class = add i64 %four, %part
  %huge = icmp uge i64 %class, {CLASSES}
  br i1 %huge, label %plain, label %look
plain:
  %single = call ptr @malloc(i64 %size)
  %failed = icmp eq ptr %single, null
  br i1 %failed, label %none, label %alone, !prof !1
alone:
  %zp = getelementptr i8, ptr %single, i64 4
  store i32 0, ptr %zp
  ret ptr %single
none:
  ret ptr null
look:
  %places = call ptr @adj.places(ptr %pool, i64 %class)
  br label %turn
turn:
  %k = phi i64 [0, %look], [%k2, %empty]
  %place = getelementptr ptr, ptr %places, i64 %k
  %seen = load atomic ptr, ptr %place monotonic, align 8
  %nobody = icmp eq ptr %seen, null
  br i1 %nobody, label %empty, label %take
take:
  %old = atomicrmw xchg ptr %place, ptr null acq_rel
  %gone = icmp eq ptr %old, null
  br i1 %gone, label %empty, label %have
empty:
  %k2 = add i64 %k, 1
  %more = icmp slt i64 %k2, {PLACES}
  br i1 %more, label %turn, label %make
have:
  %kept = call ptr @adj.kept(ptr %pool)
  %was = atomicrmw sub ptr %kept, i64 %room monotonic
  ret ptr %old
make:
  %new = call ptr @malloc(i64 %room)
  %bad = icmp eq ptr %new, null
  br i1 %bad, label %none, label %note, !prof !1
note:
  %sort = add i64 %class, {FIRST}
  %sort32 = trunc i64 %sort to i32
  %sp = getelementptr i8, ptr %new, i64 4
  store i32 %sort32, ptr %sp
  ret ptr %new
}}
"""
