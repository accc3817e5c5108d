/* What one ingest thread has in its hands: the batch that it received, and the ledger that tells how far
 * it is with it. All of it lies in one piece of an arena, so that with a state directory it outlives the
 * process.
 *
 * Thread rule: hand_open() and hand_close() before and after the thread runs. */
#ifndef INGEST_HAND_H
#define INGEST_HAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/kept_drops.h"
#include "ingest/ledger.h"
#include "ingest/receive_batch.h"
#include "ingest/transport.h"
#include "metrics/arena_store.h"
#include "metrics/intake.h"

enum {
    HAND_SOCKETS = 128
};

/* What the text in the first buffer is a piece of, if it is a stream's. */
typedef struct {
    uint32_t
        kept; /* bytes before what is received: the beginning of a line, STREAM_LINE_MAX at most */
    uint32_t skipping; /* 1: the text begins within a line that was too long; else 0 */
} HandStream;

/* What is known before the generation counts, and does not change any more. */
typedef struct {
    IntakeCounts before;            /* of earlier processes, in one of the threads' hands */
    uint64_t cookies[HAND_SOCKETS]; /* UdpSocket.cookie of the thread's sockets */
} HandOrigin;

typedef struct Hand {
    Ledger ledger;
    HandOrigin origin;
    uint64_t origin_check; /* hand_sign_origin() */
    _Atomic uint64_t seal; /* hand_seal() */
    uint32_t
        transport; /* Transport of the batch. It and `stream` change only while no length is there */
    HandStream stream;
    KeptDrops dropped[HAND_SOCKETS];
    ReceiveBatch batch;
} Hand;

/* Makes a hand in `arena`; `store` NULL: in no file. With a store, what the kernel writes into is then in
 * memory: a datagram that is taken off its queue while the process is killed must not find a page missing.
 * At first that is so for 8 KiB of each buffer, which costs next to no time. => 0 or negative errno. */
int hand_open(ArenaStore *store, Arena *arena, Hand **hand);

/* To be called when the origin was written. */
void hand_sign_origin(Hand *hand);

/* => how many there are in its batch: datagrams, or 1 for a stream's text. -EBADMSG: nobody can have left that. */
int hand_count(const Hand *hand);

/* => the length of the text in buffer i. */
size_t hand_text_length(const Hand *hand, int i);

/* Puts a check under the batch in hand, of hand_count() `count`: bytes, lengths and sources, how it has come, and
 * what of the ledger's settings a replay goes by. After the batch is received and its time is set, before anything of it is
 * recorded. Of no use to a hand in no file. */
void hand_seal(Hand *hand, int count);

/* Says that the batch that ledger_begin() begins next has no seal yet. */
void hand_unseal(Hand *hand);

/* => whether all but the ledger, which says `progress`, is as it was written in a hand that stood at `address`, if
 * a batch in hand has that hand_count(). One that has no seal yet is as it is, if nothing of it has begun. */
bool hand_is_sound(const Hand *hand, uintptr_t address, const LedgerProgress *progress, int count);

/* Makes these parts stay in memory, whatever is short, and the others be there when they are wanted. When
 * there is time for that. => 0; negative errno: it cannot be, which is no harm but on a day when all comes
 * together. */
int hand_complete(const Arena *arena, Hand *hand);

#endif
