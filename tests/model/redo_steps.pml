/* Of redo.pml: what an ingest thread does, and recovery in a dead one's place. One line, one access to
 * the mapping, one place to be killed before; `t` is the thread's number. */

#define LOCALS                                                                  \
    byte count, m, v, item, kind, values, c, slot, seq;                         \
    int weight

inline forget() {
    d_step {
        count = 0;
        m = 0;
        v = 0;
        item = 0;
        kind = 0;
        values = 0;
        c = 0;
        slot = 0;
        seq = 0;
        weight = 0
    }
}

/* ---- one value ---- */

#ifdef ONE_REDO
#define NEXT_SLOT(t) 0
#else
#define NEXT_SLOT(t) (1 - SLOT(t))
#endif

/* Says what comes next. The other redo word still tells of the value before until `begun`, one store,
 * says that this one is complete, and with it that all before is in. */
inline declare(t, c, end_of_item) {
    slot = NEXT_SLOT(t);
#ifdef BEGUN_FIRST
    thread[t].begun = 2 * (end_of_item) + slot;
#endif
    thread[t].redo[slot].target = c;
    thread[t].redo[slot].seq = seq;
#ifndef BEGUN_FIRST
    thread[t].begun = 2 * (end_of_item) + slot;
#endif
    skip
}

inline acquire(c) {
    d_step {
        !cell[c].lock;
        cell[c].lock = true
    }
}

inline release(c) {
    cell[c].lock = false
}

/* Adds `weight` to cell `c`. When that is in, all items before `end_of_item` are. */
inline record(t, c, weight, end_of_item) {
#ifdef DECLARE_BEFORE_LOCK
    seq = cell[c].seq;
    declare(t, c, end_of_item);
#endif
    if
    :: c == CELL_SHARED -> acquire(c)
    :: else
    fi;
    seq = cell[c].seq;
#if !defined(DECLARE_BEFORE_LOCK) && !defined(REDO_AFTER_STORE)
    declare(t, c, end_of_item);
#endif
    cell[c].copy[(seq + 1) & 1] = cell[c].copy[seq & 1] + (weight);
#ifdef UNLOCK_EARLY
    if
    :: c == CELL_SHARED -> release(c)
    :: else
    fi;
#endif
    cell[c].seq = seq + 1;
#ifdef REDO_AFTER_STORE
    declare(t, c, end_of_item);
#endif
#ifndef UNLOCK_EARLY
    if
    :: c == CELL_SHARED -> release(c)
    :: else
    fi;
#endif
    skip
}

/* Where a value goes. A line of a new series is let in or refused as a whole, at its first value; that
 * it is refused is recorded as a value is, in the place of all its values. */
inline choose(t) {
    if
    :: d_step { kind == NEW_NEW && exists[t] -> c = CELL_NEW(t) }
    :: d_step { kind == NEW_NEW && !exists[t] -> exists[t] = true; c = CELL_NEW(t) }
    :: d_step { kind == NEW_NEW && !exists[t] -> c = CELL_OVER(t); weight = 1; values = 2 }
    :: d_step { kind != NEW_NEW && IS_SHARED(kind, v) -> c = CELL_SHARED }
    :: d_step { kind != NEW_NEW && !IS_SHARED(kind, v) -> c = CELL_OWN(t) }
    fi
}

/* ---- a batch ---- */

/* Makes ready what the kernel writes to, then says that it counts. */
inline prepare(t) {
#ifdef LIVE_FIRST
    thread[t].live = thread[t].seq + 1;
#endif
    thread[t].length[0] = NONE;
#ifndef STALE_LENGTHS
    thread[t].length[1] = NONE;
#endif
    thread[t].begun = 0;
#ifdef COUNT_KEPT
    thread[t].count = 0;
#endif
#ifndef LIVE_FIRST
    thread[t].live = thread[t].seq + 1;
#endif
    skip
}

/* recvmmsg. There may be one datagram yet, or two. */
inline receive(t) {
    do
    :: count < BATCH && taken[t] < SENDS(t) ->
#ifdef NO_PREFAULT
        d_step {
            thread[t].bytes[count] = taken[t];
            taken[t]++
        }
        thread[t].length[count] = LENGTH(SENT(t, thread[t].bytes[count]));
        count++
#else
        d_step {
            thread[t].bytes[count] = taken[t];
            thread[t].length[count] = LENGTH(SENT(t, taken[t]));
            taken[t]++;
            count++
        }
#endif
    :: count > 0 || taken[t] == SENDS(t) -> break
    od;
#ifdef COUNT_KEPT
    thread[t].count = count
#endif
}

/* How many datagrams were received, now that nobody knows what recvmmsg returned. */
inline count_lengths(t) {
#ifdef COUNT_KEPT
    count = thread[t].count
#else
    d_step {
        do
        :: count < BATCH && thread[t].length[count] != NONE -> count++
        :: else -> break
        od
    }
#endif
}

#ifdef NO_ROLLBACK
byte undone[2]; /* in the process, not in the mapping */
#define DONE(t) (BEGUN(t) - undone[t])
#else
#define DONE(t) BEGUN(t)
#endif

/* Records what is not in yet of `count` datagrams. */
inline take(t) {
    do
    :: m < count ->
        d_step {
            kind = SENT(t, thread[t].bytes[m]);
            v = 0
        }
        do
        :: v < VALUES(kind) ->
            d_step {
                values = 1;
                weight = WEIGHT(t, thread[t].bytes[m], v)
            }
            if
            :: item < DONE(t)
            :: item >= DONE(t) && kind == FLAG -> flag = 1 + 3 * t + thread[t].bytes[m]
            :: item >= DONE(t) && kind != FLAG ->
                choose(t);
#ifdef OVER_BY_VALUE
                record(t, c, weight, item + 1);
#else
                record(t, c, weight, item + values);
#endif
#ifdef NO_ROLLBACK
                undone[t] = 0
#endif
            fi;
            d_step {
                v = v + values;
                item = item + values
            }
        :: v == VALUES(kind) -> break
        od;
        m++
    :: m == count -> break
    od
}

/* The figures are counted from the bytes, so a batch that is taken up again gives them again, all but
 * the lines that were refused late: these have a cell. That the figures are published is also what
 * ends the batch: one store. */
inline commit(t) {
    d_step {
        values = 0;
        v = 0;
        m = 0;
        do
        :: m < count ->
            values = values + VALUES(SENT(t, thread[t].bytes[m]));
            v = v + REFUSED(SENT(t, thread[t].bytes[m]));
            m++
        :: else -> break
        od;
        NEXT_FIGURES(t).datagrams = FIGURES(t).datagrams + count;
        NEXT_FIGURES(t).bad = FIGURES(t).bad + v;
        NEXT_FIGURES(t).over = IN_CELL(CELL_OVER(t));
        NEXT_FIGURES(t).values = FIGURES(t).values + values + 2 * FIGURES(t).over - 2 * NEXT_FIGURES(t).over
    }
    thread[t].seq = thread[t].seq + 1;
#ifdef FIGURES_APART
    thread[t].live = 0;
#endif
    forget()
}
