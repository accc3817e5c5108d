/* Exactly once through kill -9: every value that was taken from the kernel is counted once, at whatever
 * instruction the process is killed, also while it recovers. The section "Exactly once" of
 * ARCHITECTURE.md tells the protocol; this tries all its runs. tests/model/run.py runs it, right and
 * wrong.
 *
 * Here       two ingest threads, each with cells of its own and one cell that both write; datagrams
 *            that are empty, or hold one value, two lines, a line that is refused, two values of a new
 *            series that the limit may let in or not; batches of one or two; KILLS kills, each of all
 *            threads at once at any step of any of them, or of recovery.
 * Shown      at the end each value is in its cell exactly once, and nothing else is; a packed line is
 *            in whole or refused whole; the intake figures are exact; of a flag's values the last one
 *            of some thread stands; no lock is left, and nobody waits for ever.
 * Assumed    1. A kill leaves a prefix of each thread's stores, in the order of its instructions: an
 *               interrupt is precise, what stands before it has been retired, and a retired store
 *               reaches memory before whoever maps it next gets to run. So for what recovery reads
 *               only the compiler must keep the order. Between living threads, acquire and release of
 *               the lock order what they share. Two copies under a reader are cell.pml's matter.
 *            2. recvmmsg takes a datagram off the queue, writes its bytes, then its msg_len, then goes
 *               on to the next (Linux: net/socket.c, do_recvmmsg()). With MSG_DONTWAIT it waits for
 *               nothing, and SIGKILL ends a thread where it waits or goes back to user mode: in truth
 *               the call happens whole or not at all, and what a kill can take away is the number that
 *               it returns. Here a kill may also come between two datagrams. Between the queue and the
 *               length it could come only by a page fault that gives up because of it; so all that the
 *               kernel writes to is in memory and locked there before (NO_PREFAULT: what happens else).
 *            3. The sockets, with what they have queued, outlive the process: somebody else holds them.
 *            4. The same bytes give the same values again; a series that has its cell is found again.
 *               Whether a new one gets a cell may turn out differently each time it is asked.
 *
 * Each value adds its own power of four to its cell, so the sum tells how often each one is in it.
 *
 * Wrong on purpose, and spin must find what each breaks: REDO_AFTER_STORE BEGUN_FIRST ONE_REDO
 * DECLARE_BEFORE_LOCK UNLOCK_EARLY TRUST_BEGUN RECORD_AGAIN NO_ROLLBACK SETTLE_ONE_BY_ONE KEEP_LOCKS
 * ZERO_IS_NONE STALE_LENGTHS LIVE_FIRST COUNT_KEPT FIGURES_APART OVER_BY_VALUE NO_PREFAULT. WITNESS
 * claims that something never happens that should: spin must find a run where it does. */

#ifndef SCENARIO
#define SCENARIO 1
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef WITNESS
#define WITNESS 0
#endif
#define SEEN_IN 1      /* recovery finds that the value that was begun is in */
#define SEEN_OUT 2     /* or that it is not */
#define SEEN_UNBEGUN 3 /* a batch was received, and nothing of it begun */
#define SEEN_LOCKED 4  /* a lock is held by a dead thread */
#define SEEN_TWICE 5   /* an earlier recovery had begun a value that is not in */
#define SEEN_REFUSED 6 /* what is not in is that a line was refused */

#include "redo_mapping.pml"
#include "redo_steps.pml"

/* ---- the process ---- */

bool dead = false; /* kill -9 */
byte kills = 0;
bool recovering = false; /* for SEEN_TWICE: outlives a kill */

active proctype killer() {
end:
    do
    :: d_step { kills < KILLS && !dead -> dead = true; kills++ }
    :: kills == KILLS -> break
    od
}

/* Until nothing is queued any more. What stands after `unless` comes before any further step. */
proctype ingest(byte t) {
    LOCALS;
    {
        do
        :: true ->
            if
            :: IS_LIVE(t)
            :: else -> prepare(t)
            fi;
            receive(t);
            if
            :: count == 0 -> break
            :: else
            fi;
            take(t);
            commit(t)
        od
    } unless { dead };
    forget()
}

/* ---- recovery: one thread, for all that have died ---- */

#ifdef RECORD_AGAIN
#define IS_IN(t) false
#else
#define IS_IN(t) (cell[thread[t].redo[SLOT(t)].target].seq != thread[t].redo[SLOT(t)].seq)
#endif

/* What a thread had begun: is it in? If not, that is put down at once: its cell's seq tells it only
 * until another thread's value is recorded there. */
inline settle(t) {
    if
    :: IS_LIVE(t) && BEGUN(t) > 0 && !IS_IN(t) ->
        assert(WITNESS != SEEN_OUT);
        assert(WITNESS != SEEN_TWICE || !recovering);
        assert(WITNESS != SEEN_REFUSED || thread[t].redo[SLOT(t)].target != CELL_OVER(t));
        values = (thread[t].redo[SLOT(t)].target == CELL_OVER(t) -> 2 : 1);
#ifdef NO_ROLLBACK
        undone[t] = values;
#else
        thread[t].begun = 2 * (BEGUN(t) - values) + 1 - SLOT(t);
#endif
        values = 0
    :: IS_LIVE(t) && BEGUN(t) > 0 && IS_IN(t) ->
        assert(WITNESS != SEEN_IN)
    :: !IS_LIVE(t) || BEGUN(t) == 0
    fi
}

inline replay(t) {
    if
    :: IS_LIVE(t) ->
        count_lengths(t);
        if
        :: count > 0 ->
            assert(WITNESS != SEEN_UNBEGUN || BEGUN(t) > 0);
            take(t);
            commit(t)
        :: else
        fi
    :: else
    fi
}

inline recover() {
    assert(WITNESS != SEEN_LOCKED || !cell[CELL_SHARED].lock);
#ifndef TRUST_BEGUN
    settle(0);
#ifdef SETTLE_ONE_BY_ONE
    release(CELL_SHARED);
    replay(0);
#endif
    settle(1);
#endif
#ifndef KEEP_LOCKS
    release(CELL_SHARED);
#endif
    recovering = true;
    replay(0);
    replay(1);
    recovering = false
}

/* ---- start, again after each kill; and the end ---- */

/* Thread t's cells and figures, against what was sent. */
inline check(t) {
    own = 0;
    new = 0;
    parsed = 0;
    bad = 0;
    m = 0;
    do
    :: m < SENDS(t) ->
        kind = SENT(t, m);
        bad = bad + REFUSED(kind);
        parsed = parsed + VALUES(kind);
        v = 0;
        do
        :: v < VALUES(kind) ->
            weight = WEIGHT(t, m, v);
            if
            :: kind == FLAG -> last[t] = 1 + 3 * t + m
            :: kind == NEW_NEW -> new = new + weight
            :: kind != FLAG && kind != NEW_NEW && IS_SHARED(kind, v) -> shared = shared + weight
            :: kind != FLAG && kind != NEW_NEW && !IS_SHARED(kind, v) -> own = own + weight
            fi;
            v++
        :: else -> break
        od;
        m++
    :: else -> break
    od;
    counted_once = counted_once && IN_CELL(CELL_OWN(t)) == own &&
                   IN_CELL(CELL_NEW(t)) == (IN_CELL(CELL_OVER(t)) == 0 -> new : 0) &&
                   IN_CELL(CELL_OVER(t)) <= (new == 0 -> 0 : 1);
    figures_exact = figures_exact && FIGURES(t).datagrams == SENDS(t) && FIGURES(t).bad == bad &&
                    FIGURES(t).over == IN_CELL(CELL_OVER(t)) &&
                    FIGURES(t).values == parsed - 2 * FIGURES(t).over
}

init {
    LOCALS;
    int own, new, shared;
    byte parsed, bad;
    byte last[2];
    bool counted_once = true, figures_exact = true, last_one_stands, no_lock_left;
    do
    :: true ->
        {
            recover()
        } unless { dead };
        forget();
        if
        :: !dead ->
            atomic {
                run ingest(0);
                run ingest(1)
            }
            _nr_pr == 2 /* both have ended: this and the killer are left */
        :: dead
        fi;
        if
        :: dead ->
#ifdef NO_ROLLBACK
            d_step {
                undone[0] = 0;
                undone[1] = 0
            }
#endif
            dead = false
        :: !dead -> break
        fi
    od;
    atomic {
        check(0);
        check(1);
        counted_once = counted_once && IN_CELL(CELL_SHARED) == shared;
        last_one_stands = flag == last[0] || flag == last[1];
        no_lock_left = !cell[CELL_SHARED].lock;
        assert(counted_once);
        assert(figures_exact);
        assert(last_one_stands);
        assert(no_lock_left)
    }
}
