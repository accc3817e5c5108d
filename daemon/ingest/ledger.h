/* What one ingest thread has counted, and how far it is with the batch in hand, in such a form that
 * whoever finds it after a kill can tell exactly what is in and what is not. Steps, orders and proof:
 * ARCHITECTURE.md, "Exactly once, through kill -9".
 *
 * Readers of this process have IntakeCounters; this is for the process that comes after it.
 *
 * Thread rule: one thread. Zeroed memory is a thread that has taken in nothing; one that is to be read after
 * a kill begins with ledger_init(). */
#ifndef INGEST_LEDGER_H
#define INGEST_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "metrics/intake.h"
#include "metrics/redo.h"

/* Lines refused as over_limit. They are counted one by one, each a step of the redo, because nothing in
 * the lines themselves tells it. */
typedef struct {
    uint64_t lines;
    uint64_t values;
} LedgerRefused;

/* Two copies each, `seq & 1` is the one that is good. A seq has 32 bits, and above them the check of that copy
 * (atomicstats/check.h). */
typedef struct {
    Redo redo;
    _Atomic uint64_t refused_seq; /* lines refused */
    LedgerRefused refused[2];
    _Atomic uint64_t seq; /* batches ended */
    _Atomic uint64_t
        live; /* the 32 bits of seq, + 1, while there is a batch in hand; above them a check */
    _Atomic int64_t now_ns; /* CLOCK_REALTIME of the batch in hand, or of one shortly before it */
    _Atomic uint8_t
        gauge_sign; /* what PoolOptions.gauge_sign_absolute was; no bool: who knows what is found there */
    IntakeCounts counts[2]; /* of all batches ended; values of refused lines are among the values */
} Ledger;

/* Makes zeroed memory a ledger that has taken in nothing, and is sound. */
void ledger_init(Ledger *ledger);

/* Before the call that receives a batch: there is one in hand from now on. */
void ledger_begin(Ledger *ledger);

/* A line of so many values is refused as over_limit. */
void ledger_refuse(Ledger *ledger, uint64_t values);

/* All of the batch is in. `counts`: what the thread has counted since the ledger began. */
void ledger_end(Ledger *ledger, const IntakeCounts *counts);

/* => what it has counted without the batch in hand, in *counts (dropped_kernel: 0), except that lines of
 * that batch which were refused are counted already, and their values taken off: what adds the batch
 * counts all values of lines before *done, and refuses none of these lines.
 * => whether there is a batch in hand; then *done of its values are in. `word_at` tells what stands at an
 * address that the process had which wrote the ledger. => false: it does not know. */
typedef struct {
    bool in_hand;
    uint64_t begun; /* values of it that have begun */
    uint64_t done;  /* that are in */
} LedgerProgress;

typedef bool (*LedgerWordAt)(void *context, uintptr_t address, uint64_t *word);

/* => 0; -EBADMSG: nobody can have written that. `address`: where the ledger was. */
int ledger_read(const Ledger *ledger, uintptr_t address, LedgerWordAt word_at, void *context,
                IntakeCounts *counts, LedgerProgress *progress);

#endif
