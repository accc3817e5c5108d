/* The two-copy cell (include/atomicstats/cell.h; counter_cell.h is the same with two fields): one
 * writer, two readers, and a kill at any step. tests/model/run.py runs it, right and wrong.
 *
 * Shown      a reader gets exactly a state that the writer published, never a mixture; what one reader
 *            gets never goes back; a reader tries again only if the writer has recorded meanwhile;
 *            after a kill at any step the current copy is complete.
 * Not shown  that the C code does these steps. They stand here in its order and by its names.
 *
 * spin runs one step at a time, and each step sees all memory at once; no CPU and no compiler promises
 * that. So the weak order is part of the model:
 *
 *  - A store is pending until it reaches memory, at any later time and in any order, but not before:
 *    the earlier stores to the same place (coherence); if it is a release store, all stores before it;
 *    after a release fence, all stores before the fence. A release store holds back nothing that comes
 *    after it: that is what the fence is for.
 *  - A reader's loads happen in any order, but not before: an acquire load that stands before them;
 *    the loads before an acquire fence that stands before them; an earlier load of the same place.
 *    Where nothing makes the copy's loads wait for `seq`, the reader guesses which copy it is, and
 *    gives up when it was the wrong one: speculation.
 *
 * A load that happens early is a load of an old value, so this allows what C11 allows this program:
 * readers write nothing, so each has only its own view to be wrong about, and whether two of them see
 * stores in one order (on some machines they need not) plays no part.
 *
 * A kill stops the writer between two steps. What it has stored still reaches memory: a store that a
 * CPU has retired drains from its buffer, whatever becomes of the thread.
 *
 * Every value is the number of its record, so a state is whole if all its fields equal `seq`. Two
 * fields stand for six: a mixture needs two. Four records, so that each copy is overwritten under a
 * slow reader, and once more.
 *
 * Wrong on purpose: NO_RELEASE_FENCE NO_ACQUIRE_FENCE RELAXED_PUBLISH RELAXED_FIRST_LOAD ONE_COPY
 * NO_SECOND_LOOK; spin must find what each one breaks. WITNESS claims that something never happens that
 * should: spin must find a run where it does. */

#ifndef WITNESS
#define WITNESS 0
#endif
#define SEEN_RETRY 1 /* a reader tries again */
#define SEEN_OLD 2   /* a good snapshot that is not the newest state any more */
#define SEEN_HALF 3  /* a dead writer's half-written copy */

#define RECORDS 4
#define SNAPSHOTS 2 /* of each reader */

/* Places in memory. A copy is two fields. */
#define SEQ 0
#define SHIFT 1
#define FIELD(copy, field) (2 + 2 * (copy) + (field))
#define PLACES 6

#ifdef ONE_COPY
#define COPY(seq) 0
#else
#define COPY(seq) ((seq) & 1)
#endif

/* ---- memory, and the writer's stores on their way there ---- */

#define STORES 13 /* 1 + 3 * RECORDS */
#define BIT(i) (1 << (i))
#define BEFORE(i) (BIT(i) - 1)

byte memory[PLACES];
byte place[STORES], value[STORES]; /* the writer's stores, in its order */
short waits[STORES];               /* bit i: for store i */
short arrived = 0;                 /* bit i: store i is in memory */
short fenced = 0;                  /* bit i: store i stands before the latest release fence */
byte stores = 0;
bool ended = false; /* the writer stores nothing more: killed, or done */

#define RELAXED 0
#define RELEASE BEFORE(stores)

inline store(where, what, order) {
    d_step {
        place[stores] = where;
        value[stores] = what;
        waits[stores] = fenced | (order);
        i = 0;
        do
        :: i < stores && place[i] == where -> waits[stores] = waits[stores] | BIT(i); i++
        :: i < stores && place[i] != where -> i++
        :: i == stores -> break
        od;
        i = 0;
        stores++
    }
}

inline release_fence() {
    fenced = BEFORE(stores)
}

#define ARRIVE(i)                                                                    \
    d_step {                                                                         \
        i < stores && !(arrived & BIT(i)) && (waits[i] & ~arrived) == 0;             \
        memory[place[i]] = value[i];                                                 \
        arrived = arrived | BIT(i)                                                   \
    }

active proctype buffer() {
end:
    do
    :: ARRIVE(0)
    :: ARRIVE(1)
    :: ARRIVE(2)
    :: ARRIVE(3)
    :: ARRIVE(4)
    :: ARRIVE(5)
    :: ARRIVE(6)
    :: ARRIVE(7)
    :: ARRIVE(8)
    :: ARRIVE(9)
    :: ARRIVE(10)
    :: ARRIVE(11)
    :: ARRIVE(12)
    od
}

/* ---- astats_cell_record(), RECORDS times ---- */

/* Nobody sees when the writer stores, only when the store arrives, which may be at any later time. So
 * it takes all its steps at once, up to the one where the kill finds it. */
inline step_or_death() {
    if
    :: skip
    :: break
    fi
}

active proctype writer() {
    byte i;
    byte seq = 0; /* as it reads its own store back */
    atomic {
        do
        :: seq == RECORDS -> break
        :: seq < RECORDS ->
            step_or_death();
            if
            :: seq == 0 -> store(SHIFT, 1, RELAXED)
            :: seq > 0
            fi;
#ifndef NO_RELEASE_FENCE
            release_fence();
#endif
            step_or_death();
            store(FIELD(COPY(seq + 1), 0), seq + 1, RELAXED);
            step_or_death();
            store(FIELD(COPY(seq + 1), 1), seq + 1, RELAXED);
            step_or_death();
#ifdef RELAXED_PUBLISH
            store(SEQ, seq + 1, RELAXED);
#else
            store(SEQ, seq + 1, RELEASE);
#endif
            seq++
        od;
        seq = 0;
        ended = true
    }
}

/* Whoever maps the memory when the writer is dead. */
active proctype survivor() {
    byte seq;
    bool complete;
    atomic {
        ended && arrived == BEFORE(stores);
        assert(WITNESS != SEEN_HALF || memory[FIELD(0, 0)] == memory[FIELD(0, 1)]);
        seq = memory[SEQ];
        complete = seq == 0 || (memory[FIELD(COPY(seq), 0)] == seq && memory[FIELD(COPY(seq), 1)] == seq &&
                                memory[SHIFT] == 1);
        assert(complete)
    }
}

/* ---- astats_cell_snapshot(), SNAPSHOTS times ---- */

/* The loads of one attempt, as bits of `done`. */
#define FIRST 1
#define FIELD_0 2
#define FIELD_1 4
#define AGAIN 8

#ifdef RELAXED_FIRST_LOAD
#define ACQUIRED true
#define CHOOSE_COPY skip /* it was guessed */
#else
#define ACQUIRED (done & FIRST)
#define CHOOSE_COPY copy = COPY(first)
#endif
#ifdef NO_ACQUIRE_FENCE
#define FENCED true
#else
#define FENCED (done & FIELD_0) && (done & FIELD_1)
#endif
#ifdef NO_SECOND_LOOK
#define LOOK_AGAIN again = first
#else
#define LOOK_AGAIN again = memory[SEQ]
#endif

#define LOAD(which, when, what) d_step { !(done & which) && when -> what; done = done | which }

proctype reader() {
    byte first, again, field_0, field_1, copy, done;
    byte latest = 0; /* the state that the snapshot before this one got */
    byte snapshots = 0;
    bool whole = true, forward = true;
    do
    :: snapshots == SNAPSHOTS -> break
    :: snapshots < SNAPSHOTS ->
#ifdef RELAXED_FIRST_LOAD
        if
        :: copy = 0
        :: copy = 1
        fi;
#endif
        do
        :: LOAD(FIRST, true, first = memory[SEQ]; CHOOSE_COPY)
        :: LOAD(FIELD_0, ACQUIRED, field_0 = memory[FIELD(copy, 0)])
        :: LOAD(FIELD_1, ACQUIRED, field_1 = memory[FIELD(copy, 1)])
        :: LOAD(AGAIN, (done & FIRST) && FENCED, LOOK_AGAIN)
        :: (done & FIRST) && (first == 0 || COPY(first) != copy) -> break
        :: done == (FIRST | FIELD_0 | FIELD_1 | AGAIN) -> break
        od;
        atomic {
            if
            :: first == 0 -> /* no records */
                forward = latest == 0;
                snapshots++
#ifdef RELAXED_FIRST_LOAD
            :: first != 0 && COPY(first) != copy -> skip /* a wrong guess */
#endif
            :: first != 0 && COPY(first) == copy && again != first ->
                assert(WITNESS != SEEN_RETRY);
                forward = again > first
            :: first != 0 && COPY(first) == copy && again == first ->
                assert(WITNESS != SEEN_OLD || memory[SEQ] == first);
                whole = field_0 == first && field_1 == first && memory[SHIFT] == 1;
                forward = first >= latest;
                latest = first;
                snapshots++
            fi;
            assert(whole);
            assert(forward);
            first = 0;
            again = 0;
            field_0 = 0;
            field_1 = 0;
            copy = 0;
            done = 0
        }
    od
}

init {
    atomic {
        run reader();
        run reader()
    }
}
