#include "ingest/ledger.h"

#include <errno.h>

/* relaxed throughout: this thread alone reads what it writes, until the process has ended; the signal
 * fences keep the order in which a kill can cut it off (redo.h). */

static uint64_t own(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed); /* relaxed: see above */
}

static void put(_Atomic uint64_t *word, uint64_t value)
{
    atomic_signal_fence(memory_order_release);                /* all before it is there */
    atomic_store_explicit(word, value, memory_order_relaxed); /* relaxed: see above */
    atomic_signal_fence(memory_order_release);                /* nothing after it is */
}

void ledger_begin(Ledger *ledger)
{
    redo_reset(&ledger->redo);
    put(&ledger->live, own(&ledger->seq) + 1);
}

void ledger_refuse(Ledger *ledger, uint64_t values)
{
    uint64_t seq = own(&ledger->refused_seq);
    LedgerRefused next = ledger->refused[seq & 1];
    next.lines++;
    next.values += values;
    redo_begin(&ledger->redo, &ledger->refused_seq, seq, values);
    ledger->refused[(seq + 1) & 1] = next;
    put(&ledger->refused_seq, seq + 1);
}

void ledger_end(Ledger *ledger, const IntakeCounts *counts)
{
    uint64_t seq = own(&ledger->seq);
    IntakeCounts *next = &ledger->counts[(seq + 1) & 1];
    *next = *counts;
    next->values += ledger->refused[own(&ledger->refused_seq) & 1].values;
    put(&ledger->seq, seq + 1);
}

/* => how many of the batch's values are in; the reason why not in *error. */
static uint64_t values_in(const Redo *redo, LedgerWordAt word_at, const void *context, int *error)
{
    uint64_t begun = own(&redo->begun);
    const RedoStep *step = &redo->step[begun & 1];
    uintptr_t address = atomic_load_explicit(&step->word, memory_order_relaxed); /* see above */
    uint64_t word;
    if (address == 0)
        return begun >> 1;
    if (!word_at(context, address, &word) || own(&step->values) > begun >> 1) {
        *error = -EBADMSG;
        return 0;
    }
    return word == own(&step->before) ? own(&step->values) : begun >> 1;
}

int ledger_read(const Ledger *ledger, LedgerWordAt word_at, const void *context,
                IntakeCounts *counts, LedgerProgress *progress)
{
    uint64_t seq = own(&ledger->seq);
    const LedgerRefused *refused = &ledger->refused[own(&ledger->refused_seq) & 1];
    int error = 0;
    *counts = ledger->counts[seq & 1];
    counts->values -= refused->values;
    counts->rejected[REJECT_OVER_LIMIT] = refused->lines;
    counts->dropped_kernel = 0;
    *progress = (LedgerProgress){.in_hand = own(&ledger->live) == seq + 1};
    if (progress->in_hand)
        progress->done = values_in(&ledger->redo, word_at, context, &error);
    return error;
}
