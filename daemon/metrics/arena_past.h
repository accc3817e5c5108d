/* The arenas that a process left which was killed, for reading. Nothing in them is trusted: what an address
 * leads to is looked for in the files' bounds each time. They are read, never written, but for one count
 * (arena_past_crashed()), so taking them up may be cut off and begun again.
 *
 * Thread rule: one thread. */
#ifndef METRICS_ARENA_PAST_H
#define METRICS_ARENA_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "metrics/arena_head.h"
#include "metrics/checkpoint_head.h"

typedef struct ArenaPast ArenaPast;

/* Looks for the generation that counts, and removes what belongs to none.
 * => 0: *out has it, NULL if there is none, and *next is a generation that can be made; -EBADMSG and
 * *reason: it is damaged; -ESTALE and *reason: it is of an earlier boot, and on a disk, where nobody knows
 * what of it was written; -EPROTONOSUPPORT and *reason: it is of another format; other negative errno and
 * *reason. With -EBADMSG and -ESTALE *out is open, but only good for being removed or moved aside. */
int arena_past_open(ArenaPast **out, int directory_fd, uint64_t *next, CheckpointReason *reason);

/* NULL is allowed. */
void arena_past_close(ArenaPast *past);

/* Removes its files, or gives them other names: "damaged." and the file's number. */
void arena_past_remove(const ArenaPast *past);
void arena_past_move_aside(const ArenaPast *past);

/* => what stood at that address, if `bytes` from there were in one arena, and the address is a multiple of
 * `alignment`; else NULL. */
const void *arena_past_at(ArenaPast *past, uintptr_t address, size_t bytes, size_t alignment);

/* => how many files there are. */
uint32_t arena_past_files(const ArenaPast *past);

/* => what the file holds. */
ArenaKind arena_past_kind(const ArenaPast *past, uint32_t number);

/* => the root of file `number`, if it is of that kind and has `bytes` there; else NULL. *address: where it
 * was; NULL is allowed. */
const void *arena_past_root(ArenaPast *past, uint32_t number, ArenaKind kind, size_t bytes,
                            uintptr_t *address);

/* => how often what was in hand in file `number` has crashed this program; UINT32_MAX: nobody has written that
 * there. */
uint32_t arena_past_crashes(const ArenaPast *past, uint32_t number);

/* Counts one more. Async-signal-safe. */
void arena_past_crashed(const ArenaPast *past, uint32_t number);

#endif
