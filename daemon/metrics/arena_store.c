#include "metrics/arena_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ArenaStore {
    int directory_fd;
    uint64_t generation;
    uint32_t files; /* made so far */
    uint8_t boot_id[16];
    ArenaHead *first; /* of file 0 */
};

int arena_store_create(ArenaStore **out, int directory_fd, uint64_t generation)
{
    ArenaStore *store = calloc(1, sizeof *store);
    if (store == NULL)
        return -ENOMEM;
    store->directory_fd = directory_fd;
    store->generation = generation;
    int error = arena_boot_id(store->boot_id);
    if (error != 0) {
        free(store);
        return error;
    }
    *out = store;
    return 0;
}

void arena_store_close(ArenaStore *store)
{
    free(store);
}

static void write_head(const ArenaStore *store, ArenaKind kind, Arena *arena, ArenaHead *head)
{
    head->birth = (ArenaBirth){.magic = ARENA_MAGIC,
                               .version = ARENA_VERSION,
                               .layout = arena_layout(),
                               .kind = kind,
                               .number = store->files,
                               .generation = store->generation,
                               .base = (uintptr_t)arena->base};
    memcpy(head->birth.boot_id, store->boot_id, sizeof head->birth.boot_id);
    head->birth_hash = arena_birth_hash(&head->birth);
    /* release: a head that says so is complete, for the compiler: for who comes after a kill. */
    atomic_store_explicit(&head->ready, ARENA_UNREADY, memory_order_release);
}

/* => 0, and room for a head; -ENOSPC: there is none, and no arena. */
static int make_head(ArenaKind kind, Arena *arena, ArenaHead **head)
{
    arena->sparse = kind == ARENA_HAND;
    *head = arena_alloc(arena, ARENA_HEAD_BYTES, ARENA_HEAD_BYTES);
    if (*head != NULL && arena_fill(arena, *head, ARENA_HEAD_BYTES) == 0)
        return 0;
    arena_fini(arena);
    return -ENOSPC;
}

int arena_store_open(ArenaStore *store, ArenaKind kind, size_t bytes, Arena *arena)
{
    if (store == NULL)
        return arena_init(arena, bytes);
    char name[ARENA_NAME_SIZE];
    int fd = openat(store->directory_fd, arena_name(store->generation, store->files, name),
                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    ArenaHead *head = NULL;
    int error = arena_init_file(arena, bytes, fd);
    if (error != 0)
        (void)close(fd);
    else
        error = make_head(kind, arena, &head);
    if (error != 0) {
        (void)unlinkat(store->directory_fd, name, 0);
        return error;
    }
    write_head(store, kind, arena, head);
    if (store->files == 0)
        store->first = head;
    store->files++;
    return 0;
}

void arena_set_root(Arena *arena, const void *root)
{
    if (arena->fd < 0)
        return;
    ArenaHead *head = (ArenaHead *)(void *)arena->base;
    /* relaxed: for who comes after this process. */
    atomic_store_explicit(&head->root, (uintptr_t)root, memory_order_relaxed);
}

void arena_store_ready(ArenaStore *store)
{
    store->first->files = arena_number(store->files);
    /* release: all that was written into the files is there before they count, for the compiler; no
     * other thread of this process reads it. */
    atomic_store_explicit(&store->first->ready, ARENA_READY, memory_order_release);
}

int arena_store_remove(ArenaStore *store)
{
    int error = 0;
    char name[ARENA_NAME_SIZE];
    /* File 0 first: without it, the others are nobody's, and who comes next removes them. */
    for (uint32_t number = 0; number < store->files; number++) {
        if (unlinkat(store->directory_fd, arena_name(store->generation, number, name), 0) != 0 &&
            error == 0)
            error = -errno;
    }
    return error;
}
