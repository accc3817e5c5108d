/* Of redo.pml: what is sent, and what lies in the mapping that outlives the process. */

/* ---- what is sent ---- */

/* Datagrams, by what is in them. */
#define EMPTY 0      /* nothing: a datagram all the same */
#define OWN 1        /* a value of a series whose cell is the thread's own: stats, counters */
#define SHARED 2     /* a value of a series with one cell for all threads: gauges, progress */
#define OWN_SHARED 3 /* two lines */
#define SHARED_OWN 4
#define NEW_NEW 5    /* a packed line, two values, of a series that is not there yet */
#define BAD_OWN 6    /* a line that is refused, and one that is not */
#define FLAG 7       /* a value that replaces the one before: flags, and much like them sets */

#define VALUES(d) (d == EMPTY -> 0 : (d == OWN || d == SHARED || d == BAD_OWN || d == FLAG -> 1 : 2))
#define REFUSED(d) (d == BAD_OWN -> 1 : 0)
#define IS_SHARED(d, v) (d == SHARED || (d == OWN_SHARED && v == 1) || (d == SHARED_OWN && v == 0))

/* What each thread's socket is sent: three datagrams at most. */
#if SCENARIO == 1 /* both threads at one cell */
byte sent_0[3] = { OWN_SHARED, SHARED_OWN, SHARED };
byte sent_1[3] = { SHARED, OWN_SHARED, EMPTY };
#define SENDS_0 3
#define SENDS_1 2
#elif SCENARIO == 2 /* what is counted but not recorded, and what is refused late */
byte sent_0[3] = { BAD_OWN, NEW_NEW, EMPTY };
byte sent_1[3] = { EMPTY, SHARED, NEW_NEW };
#define SENDS_0 3
#define SENDS_1 3
#else /* what may be recorded again, among what must not be */
byte sent_0[3] = { FLAG, OWN, FLAG };
byte sent_1[3] = { FLAG, SHARED_OWN, FLAG };
#define SENDS_0 3
#define SENDS_1 3
#endif
#define SENT(t, n) (t == 0 -> sent_0[n] : sent_1[n])
#define SENDS(t) (t == 0 -> SENDS_0 : SENDS_1)

/* Each value's own power of four. */
#define WEIGHT(t, n, v) (1 << (2 * (6 * (t) + 2 * (n) + (v))))

byte taken[2]; /* how many datagrams have left the sockets' queues, which outlive the process too */

/* ---- cells ---- */

typedef Cell {
    byte seq;
    int copy[2];
    bool lock /* of the shared one */
}

#define CELL_OWN(t) (t)
#define CELL_NEW(t) (2 + (t))
#define CELL_OVER(t) (4 + (t)) /* lines that were refused because there were too many series */
#define CELL_SHARED 6
Cell cell[7];
#define IN_CELL(c) cell[c].copy[cell[c].seq & 1]

bool exists[2]; /* the new series of thread t has its cell */
byte flag;

/* ---- a thread's batch and figures ---- */

#define BATCH 2
#ifdef ZERO_IS_NONE
#define NONE 0
#else
#define NONE 255
#endif
#define LENGTH(d) (d == EMPTY -> 0 : 1)

typedef Redo {
    byte target; /* a cell */
    byte seq     /* its seq before the value */
}

typedef Figures {
    byte datagrams, values, bad, over
}

typedef Thread {
    byte length[BATCH]; /* written by the kernel; NONE: no datagram is here */
    byte bytes[BATCH];  /* by the kernel as well; here they are which of the datagrams sent this is */
    byte begun;         /* 2 * n + r: the first n values are in, the last of them if redo[r] is */
    Redo redo[2];
    byte live; /* seq + 1: there is a batch. Zeroed memory has none */
    byte seq;  /* of the figures */
    Figures figures[2];
    byte count /* for COUNT_KEPT */
}
Thread thread[2];

#ifdef FIGURES_APART
#define IS_LIVE(t) (thread[t].live != 0)
#else
#define IS_LIVE(t) (thread[t].live == thread[t].seq + 1)
#endif
#define BEGUN(t) (thread[t].begun / 2)
#define SLOT(t) (thread[t].begun & 1)
#define FIGURES(t) thread[t].figures[thread[t].seq & 1]
#define NEXT_FIGURES(t) thread[t].figures[(thread[t].seq + 1) & 1]
