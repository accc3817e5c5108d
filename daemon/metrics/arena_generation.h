/* Which of the generations of arenas in a directory counts: the latest one that is ready and sound. What a process
 * had begun, and not made ready, counts for nothing.
 *
 * Thread rule: one thread. */
#ifndef METRICS_ARENA_GENERATION_H
#define METRICS_ARENA_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/arena_head.h"
#include "metrics/checkpoint_head.h"

typedef struct {
    bool found;       /* one that counts, or is damaged; the next two are of it */
    uint64_t counts;  /* its number */
    int error;        /* 0: it is sound; as arena_head_read(), or why it could not be read */
    uint64_t highest; /* of all numbers that were met; 0: none */
} ArenaGeneration;

/* Looks through the directory. => 0 and *out; negative errno and *reason: it cannot be read. If out->error is not 0,
 * *reason says why. */
int arena_generation_find(int directory_fd, ArenaGeneration *out, CheckpointReason *reason);

/* Removes all arenas' files but those of the generation that was found. */
void arena_generation_sweep(int directory_fd, const ArenaGeneration *generation);

/* Opens file `number` of a generation. => its descriptor; negative errno. */
int arena_file_open(int directory_fd, uint64_t generation, uint32_t number, int flags);

/* Reads a file's head. => 0: *head is whole and sound, and of this version; -ENOENT: there is nothing yet; -EBADMSG,
 * -EPROTONOSUPPORT (of another version), other negative errno, and *reason. */
int arena_head_read(int fd, ArenaHead *head, CheckpointReason *reason);

/* Says what was wrong: `what`, if `error` is one of those of arena_past_open(), else that it could not be done.
 * => error. */
int arena_failed(CheckpointReason *reason, int error, const char *what);

#endif
