"""Functions that programs with divided loops bring along: threads that share the parts of a loop (see `threads`).

A part is a call ``run(pool, depth, env, first, count, place)``.  Which parts there are depends on the loop alone; threads take
the next one that nobody has begun, each with a pool of blocks of its own, and the pools become one when all have ended.
Threads are made for each loop and end with it, which costs some 20 microseconds each; where none can be made the caller does
all parts.  A thread within a part does loops of its own alone.  In two rounds the parts of even number run first, and then the
others, so that no part runs beside its neighbours.
"""

from __future__ import annotations

import sys

# The place in a pool that says that a part of a loop is running.
INSIDE = 17
# Bytes of a pool.
POOL = 8 * (INSIDE + 1)
# Bytes of a thread's stack: what the main thread has on most systems.
_STACK = 8 << 20
# The job that threads share: seven words that are read, the next part and the statuses, the pools and the next one of them,
# the number of rounds, which the next part begins with and goes on by.
_WORK = f"""
define internal ptr @adj.work(ptr %job) noinline nounwind {{
  %run = load ptr, ptr %job
  %p1 = getelementptr ptr, ptr %job, i64 1
  %env = load ptr, ptr %p1
  %p2 = getelementptr ptr, ptr %job, i64 2
  %count = load i64, ptr %p2
  %p3 = getelementptr ptr, ptr %job, i64 3
  %parts = load i64, ptr %p3
  %p4 = getelementptr ptr, ptr %job, i64 4
  %places = load ptr, ptr %p4
  %p5 = getelementptr ptr, ptr %job, i64 5
  %size = load i64, ptr %p5
  %p6 = getelementptr ptr, ptr %job, i64 6
  %depth = load i64, ptr %p6
  %next = getelementptr ptr, ptr %job, i64 7
  %statuses = getelementptr ptr, ptr %job, i64 8
  %p9 = getelementptr ptr, ptr %job, i64 9
  %pools = load ptr, ptr %p9
  %taken = getelementptr ptr, ptr %job, i64 10
  %p11 = getelementptr ptr, ptr %job, i64 11
  %rounds = load i64, ptr %p11
  %mine = atomicrmw add ptr %taken, i64 1 monotonic
  %skip = mul i64 %mine, {POOL}
  %pool = getelementptr i8, ptr %pools, i64 %skip
  br label %head
head:
  %k = atomicrmw add ptr %next, i64 %rounds monotonic
  %more = icmp slt i64 %k, %parts
  br i1 %more, label %look, label %end
look:
  %sofar = load atomic i64, ptr %statuses monotonic, align 8
  %good = icmp eq i64 %sofar, 0
  br i1 %good, label %turn, label %end
turn:
  %a = mul i64 %count, %k
  %first = udiv i64 %a, %parts
  %k1 = add i64 %k, 1
  %b = mul i64 %count, %k1
  %stop = udiv i64 %b, %parts
  %n = sub i64 %stop, %first
  %offset = mul i64 %k, %size
  %place = getelementptr i8, ptr %places, i64 %offset
  %status = call i8 %run(ptr %pool, i64 %depth, ptr %env, i64 %first, i64 %n, ptr %place)
  %bits = zext i8 %status to i64
  %before = atomicrmw or ptr %statuses, i64 %bits seq_cst
  br label %head
end:
  ret ptr null
}}
"""
# Slabs and chains of blocks of a thread go over to the caller.
_MERGE = """
define internal void @adj.merge(ptr %pool, ptr %other) noinline nounwind {
entry:
  %slabs = load ptr, ptr %other
  %none = icmp eq ptr %slabs, null
  br i1 %none, label %chains, label %walk
walk:
  %slab = phi ptr [%slabs, %entry], [%after, %walk]
  %after = load ptr, ptr %slab
  %last = icmp eq ptr %after, null
  br i1 %last, label %tie, label %walk
tie:
  %mine = load ptr, ptr %pool
  store ptr %mine, ptr %slab
  store ptr %slabs, ptr %pool
  br label %chains
chains:
  br label %head
head:
  %k = phi i64 [6, %chains], [%k2, %done]
  %from = getelementptr ptr, ptr %other, i64 %k
  %first = load ptr, ptr %from
  %empty = icmp eq ptr %first, null
  br i1 %empty, label %done, label %step
step:
  %block = phi ptr [%first, %head], [%following, %step]
  %np = getelementptr i8, ptr %block, i64 8
  %following = load ptr, ptr %np
  %ends = icmp eq ptr %following, null
  br i1 %ends, label %join, label %step
join:
  %to = getelementptr ptr, ptr %pool, i64 %k
  %had = load ptr, ptr %to
  store ptr %had, ptr %np
  store ptr %first, ptr %to
  br label %done
done:
  %k2 = add i64 %k, 1
  %more = icmp sle i64 %k2, 16
  br i1 %more, label %head, label %end
end:
  ret void
}
"""
_SPLIT = f"""
define internal i8 @adj.split(ptr %pool, i64 %depth, ptr %run, ptr %env, i64 %count, i64 %parts, ptr %places, i64 %size,
                              i64 %most, i64 %rounds) noinline nounwind {{
entry:
  call void @adj.outside(ptr %pool)
  %insidep = getelementptr ptr, ptr %pool, i64 {INSIDE}
  %inside = load i64, ptr %insidep
  %within = icmp ne i64 %inside, 0
  %fewer = call i64 @llvm.smin.i64(i64 %most, i64 %parts)
  %threads = select i1 %within, i64 1, i64 %fewer
  %job = alloca [12 x i64], align 16
  %bytes = mul i64 %threads, {POOL}
  %pools = alloca i8, i64 %bytes, align 16
  %ids = alloca ptr, i64 %threads, align 16
  call void @llvm.memset.p0.i64(ptr %pools, i8 0, i64 %bytes, i1 false)
  %sp = getelementptr ptr, ptr %pool, i64 3
  %slabs = load i64, ptr %sp
  %plain = icmp eq i64 %slabs, 0
  %step = select i1 %plain, i64 0, i64 65536
  %cellp = getelementptr ptr, ptr %pool, i64 4
  %cell = load ptr, ptr %cellp
  store ptr %run, ptr %job
  %p1 = getelementptr ptr, ptr %job, i64 1
  store ptr %env, ptr %p1
  %p2 = getelementptr ptr, ptr %job, i64 2
  store i64 %count, ptr %p2
  %p3 = getelementptr ptr, ptr %job, i64 3
  store i64 %parts, ptr %p3
  %p4 = getelementptr ptr, ptr %job, i64 4
  store ptr %places, ptr %p4
  %p5 = getelementptr ptr, ptr %job, i64 5
  store i64 %size, ptr %p5
  %p6 = getelementptr ptr, ptr %job, i64 6
  store i64 %depth, ptr %p6
  %next = getelementptr ptr, ptr %job, i64 7
  store i64 0, ptr %next
  %statuses = getelementptr ptr, ptr %job, i64 8
  store i64 0, ptr %statuses
  %p9 = getelementptr ptr, ptr %job, i64 9
  store ptr %pools, ptr %p9
  %taken = getelementptr ptr, ptr %job, i64 10
  %p11 = getelementptr ptr, ptr %job, i64 11
  store i64 %rounds, ptr %p11
  br label %ready
ready:
  %r = phi i64 [0, %entry], [%r2, %ready]
  %rb = mul i64 %r, {POOL}
  %rp = getelementptr i8, ptr %pools, i64 %rb
  %rs = getelementptr ptr, ptr %rp, i64 3
  store i64 %step, ptr %rs
  %rc = getelementptr ptr, ptr %rp, i64 4
  store ptr %cell, ptr %rc
  %ri = getelementptr ptr, ptr %rp, i64 {INSIDE}
  store i64 1, ptr %ri
  %r2 = add i64 %r, 1
  %rmore = icmp slt i64 %r2, %threads
  br i1 %rmore, label %ready, label %begin
begin:
  %round = phi i64 [0, %ready], [%round2, %begin]
  store i64 %round, ptr %next
  store i64 0, ptr %taken
  %made = call i64 @adj.begin(ptr %job, ptr %ids, i64 %threads)
  %own = call ptr @adj.work(ptr %job)
  call void @adj.join(ptr %ids, i64 %made)
  %round2 = add i64 %round, 1
  %again = icmp slt i64 %round2, %rounds
  br i1 %again, label %begin, label %gather
gather:
  %g = phi i64 [0, %begin], [%g2, %gather]
  %gb = mul i64 %g, {POOL}
  %gp = getelementptr i8, ptr %pools, i64 %gb
  call void @adj.merge(ptr %pool, ptr %gp)
  %g2 = add i64 %g, 1
  %gmore = icmp slt i64 %g2, %threads
  br i1 %gmore, label %gather, label %end
end:
  %found = load i64, ptr %statuses
  %narrow = trunc i64 %found to i8
  %first = and i8 %narrow, 1
  %python = icmp ne i8 %first, 0
  %status = select i1 %python, i8 1, i8 %narrow
  ret i8 %status
}}
declare i64 @llvm.smin.i64(i64, i64)
"""
# POSIX threads, of which the attributes take at most 64 bytes on the systems that we know.
_POSIX = f"""
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(ptr, ptr)
define internal i64 @adj.begin(ptr %job, ptr %ids, i64 %threads) noinline nounwind {{
entry:
  %single = icmp sle i64 %threads, 1
  br i1 %single, label %none, label %start
none:
  ret i64 0
start:
  %attributes = alloca [32 x i64], align 16
  %e1 = call i32 @pthread_attr_init(ptr %attributes)
  %e2 = call i32 @pthread_attr_setstacksize(ptr %attributes, i64 {_STACK})
  br label %head
head:
  %k = phi i64 [1, %start], [%k2, %next]
  %made = phi i64 [0, %start], [%made2, %next]
  %place = getelementptr ptr, ptr %ids, i64 %made
  %error = call i32 @pthread_create(ptr %place, ptr %attributes, ptr @adj.work, ptr %job)
  %bad = icmp ne i32 %error, 0
  br i1 %bad, label %enough, label %next
next:
  %made2 = add i64 %made, 1
  %k2 = add i64 %k, 1
  %more = icmp slt i64 %k2, %threads
  br i1 %more, label %head, label %enough
enough:
  %total = phi i64 [%made, %head], [%made2, %next]
  %e3 = call i32 @pthread_attr_destroy(ptr %attributes)
  ret i64 %total
}}

define internal void @adj.join(ptr %ids, i64 %made) noinline nounwind {{
entry:
  br label %head
head:
  %k = phi i64 [0, %entry], [%k2, %turn]
  %more = icmp slt i64 %k, %made
  br i1 %more, label %turn, label %end
turn:
  %place = getelementptr ptr, ptr %ids, i64 %k
  %id = load ptr, ptr %place
  %error = call i32 @pthread_join(ptr %id, ptr null)
  %k2 = add i64 %k, 1
  br label %head
end:
  ret void
}}
"""
# Elsewhere the caller does all parts.
_ALONE = """
define internal i64 @adj.begin(ptr %job, ptr %ids, i64 %threads) {
  ret i64 0
}

define internal void @adj.join(ptr %ids, i64 %made) {
  ret void
}
"""
TEXT = f"{_WORK}{_MERGE}{_SPLIT}{_ALONE if sys.platform == 'win32' else _POSIX}"


def shared(text: str) -> str:
    """Return the functions of `runtime` with counts of owners that several threads may change."""
    for old, new in _COUNTS.items():
        if text.count(old) != 1:
            raise AssertionError("the runtime has changed")
        text = text.replace(old, new)
    return text


# Retaining and releasing a block, alone and with other threads.
_COUNTS = {
    "  %refs = load i32, ptr %block\n  %more = add i32 %refs, 1\n  store i32 %more, ptr %block\n": (
        "  %refs = atomicrmw add ptr %block, i32 1 monotonic\n"
    ),
    "  %refs = load i32, ptr %block\n  %less = sub i32 %refs, 1\n  store i32 %less, ptr %block\n": (
        "  %refs = atomicrmw sub ptr %block, i32 1 acq_rel\n  %less = sub i32 %refs, 1\n"
    ),
}
