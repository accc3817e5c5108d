/* A generation of arenas in files, as its process makes it; or arenas without files.
 *
 * Thread rule: one thread, before other threads use the arenas and after they have ended. */
#ifndef METRICS_ARENA_STORE_H
#define METRICS_ARENA_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "metrics/arena.h"
#include "metrics/arena_head.h"

typedef struct ArenaStore ArenaStore;

/* Begins a generation in a directory, whose descriptor stays the caller's and open.
 * => 0; negative errno, -ENOMEM among them. */
int arena_store_create(ArenaStore **out, int directory_fd, uint64_t generation);

/* Forgets it; the files stay. NULL is allowed. */
void arena_store_close(ArenaStore *store);

/* Makes an arena of at most `bytes` of this kind, in a file of its own; `store` NULL: in no file. The
 * first one is the registry's. => 0 or negative errno. */
int arena_store_open(ArenaStore *store, ArenaKind kind, size_t bytes, Arena *arena);

/* Says what in the arena tells of all that is in it. */
void arena_set_root(Arena *arena, const void *root);

/* From now on this generation counts, and whoever comes after this process takes it up. */
void arena_store_ready(ArenaStore *store);

/* Removes the files: what is in them has been saved elsewhere. => 0 or negative errno. */
int arena_store_remove(ArenaStore *store);

#endif
