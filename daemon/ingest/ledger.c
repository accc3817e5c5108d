#include "ingest/ledger.h"

#include <errno.h>
#include <string.h>

#include <atomicstats/check.h>

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

/* The check of so many bytes, whole words, which are at `from` and were at `address`. */
static uint32_t check_of(const void *from, uintptr_t address, uint32_t seq, size_t bytes)
{
    uint64_t words[sizeof(IntakeCounts) / sizeof(uint64_t)];
    memcpy(words, from, bytes);
    return astats_check(address, seq, words, bytes / sizeof *words);
}

static uint64_t word_of(uint32_t seq, const void *copy, size_t bytes)
{
    return astats_check_word(seq, check_of(copy, (uintptr_t)copy, seq, bytes));
}

static uint64_t next_word(uint64_t word, const void *copy, size_t bytes)
{
    return word_of(astats_check_next(word), copy, bytes);
}

/* => whether the word has the check of the copy, which was at `address`. */
static bool is_sound(uint64_t word, const void *copy, uintptr_t address, size_t bytes)
{
    return word >> 32 == check_of(copy, address, (uint32_t)word, bytes);
}

/* => Ledger.live, which is, or was, at `address`, with these 32 bits. */
static uint64_t live_word(uintptr_t address, uint32_t number)
{
    return astats_check_word(number, astats_check(address, number, NULL, 0));
}

_Static_assert(sizeof(IntakeCounts) % sizeof(uint64_t) == 0, "whole words");

void ledger_init(Ledger *ledger)
{
    put(&ledger->refused_seq, word_of(0, &ledger->refused[0], sizeof ledger->refused[0]));
    put(&ledger->seq, word_of(0, &ledger->counts[0], sizeof ledger->counts[0]));
    put(&ledger->live, live_word((uintptr_t)&ledger->live, 0));
}

void ledger_begin(Ledger *ledger)
{
    redo_reset(&ledger->redo);
    put(&ledger->live, live_word((uintptr_t)&ledger->live, (uint32_t)own(&ledger->seq) + 1));
}

void ledger_refuse(Ledger *ledger, uint64_t values)
{
    uint64_t seq = own(&ledger->refused_seq);
    LedgerRefused *next = &ledger->refused[astats_check_next(seq) & 1];
    redo_begin(&ledger->redo, &ledger->refused_seq, seq, values);
    *next = ledger->refused[seq & 1];
    next->lines++;
    next->values += values;
    put(&ledger->refused_seq, next_word(seq, next, sizeof *next));
}

void ledger_end(Ledger *ledger, const IntakeCounts *counts)
{
    uint64_t seq = own(&ledger->seq);
    IntakeCounts *next = &ledger->counts[astats_check_next(seq) & 1];
    *next = *counts;
    next->values += ledger->refused[own(&ledger->refused_seq) & 1].values;
    put(&ledger->seq, next_word(seq, next, sizeof *next));
}

/* => 0, and how many of the batch's values have begun, and are in; -EBADMSG. */
static int read_redo(const Redo *redo, LedgerWordAt word_at, void *context,
                     LedgerProgress *progress)
{
    RedoState state;
    uint64_t word;
    if (!redo_read(redo, &state))
        return -EBADMSG;
    progress->begun = state.begun;
    progress->done = state.begun;
    if (state.word == 0)
        return 0;
    if (!word_at(context, state.word, &word))
        return -EBADMSG;
    if (word == state.before)
        progress->done = state.in;
    return 0;
}

int ledger_read(const Ledger *ledger, uintptr_t address, LedgerWordAt word_at, void *context,
                IntakeCounts *counts, LedgerProgress *progress)
{
    uint64_t seq = own(&ledger->seq);
    uint64_t refused_seq = own(&ledger->refused_seq);
    const IntakeCounts *counted = &ledger->counts[seq & 1];
    const LedgerRefused *refused = &ledger->refused[refused_seq & 1];
    uint64_t live = own(&ledger->live);
    uintptr_t moved = address - (uintptr_t)ledger;
    if (!is_sound(seq, counted, (uintptr_t)counted + moved, sizeof *counted) ||
        live != live_word((uintptr_t)&ledger->live + moved, (uint32_t)live) ||
        !is_sound(refused_seq, refused, (uintptr_t)refused + moved, sizeof *refused))
        return -EBADMSG;
    *counts = *counted;
    counts->values -= refused->values;
    counts->rejected[REJECT_OVER_LIMIT] = refused->lines;
    counts->dropped_kernel = 0;
    *progress = (LedgerProgress){.in_hand = (uint32_t)live == (uint32_t)seq + 1};
    return progress->in_hand ? read_redo(&ledger->redo, word_at, context, progress) : 0;
}
