/* What one ingest thread has in its hands: the batch that it received, and the ledger that tells how far
 * it is with it. All of it lies in one piece of an arena, so that with a state directory it outlives the
 * process.
 *
 * Thread rule: hand_open() and hand_close() before and after the thread runs. */
#ifndef INGEST_HAND_H
#define INGEST_HAND_H

#include <stdatomic.h>
#include <stdint.h>

#include "ingest/ledger.h"
#include "ingest/receive_batch.h"
#include "metrics/arena_store.h"
#include "metrics/intake.h"

enum {
    HAND_SOCKETS = 64
};

/* What the kernel is known to have dropped on one of the thread's sockets. */
typedef struct {
    _Atomic uint64_t cookie; /* UdpSocket.cookie */
    _Atomic uint64_t dropped;
} HandSocket;

typedef struct Hand {
    Ledger ledger;
    IntakeCounts before;   /* of earlier processes, in one of the threads' hands; written before the
                            generation counts */
    uint64_t before_check; /* hand_before_check() */
    HandSocket sockets[HAND_SOCKETS];
    ReceiveBatch batch;
} Hand;

/* Makes a hand in `arena`; `store` NULL: in no file. With a store, what the kernel writes into is then in
 * memory: a datagram that is taken off its queue while the process is killed must not find a page missing.
 * At first that is so for 8 KiB of each buffer, which costs next to no time. => 0 or negative errno. */
int hand_open(ArenaStore *store, Arena *arena, Hand **hand);

/* => the check of `before`, in a hand that stands, or stood, at `address`; 0 of figures that are all 0. */
uint64_t hand_before_check(const Hand *hand, uintptr_t address);

/* Makes these parts stay in memory, whatever is short, and the others be there when they are wanted. When
 * there is time for that. => 0; negative errno: it cannot be, which is no harm but on a day when all comes
 * together. */
int hand_complete(const Arena *arena, Hand *hand);

#endif
