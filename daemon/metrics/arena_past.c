#include "metrics/arena_past.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "metrics/arena_generation.h"

enum {
    FILES_MAX = 1024 /* two for each thread, and the registry's */
};

typedef struct {
    int fd;      /* open for ARENA_HAND only; else -1 */
    char *bytes; /* read only */
    size_t length;
    uint64_t base;
    ArenaKind kind;
} PastFile;

struct ArenaPast {
    int directory_fd;
    uint64_t generation;
    uint32_t files;  /* as file 0 says; before it is known, as many as there may be */
    uint32_t latest; /* where the latest address was found */
    PastFile *file;
};

/* ---- mapping it ---- */

static int map_file(ArenaPast *past, uint32_t number, ArenaHead *head, CheckpointReason *reason)
{
    PastFile *file = &past->file[number];
    struct stat status;
    int fd = arena_file_open(past->directory_fd, past->generation, number, O_RDWR);
    if (fd < 0)
        return fd == -ENOENT ? arena_failed(reason, -EBADMSG, "an arena is missing")
                             : arena_failed(reason, fd, "open an arena");
    int error = arena_head_read(fd, head, reason);
    if (error == -ENOENT ||
        (error == 0 &&
         (head->birth.number != number || head->birth.generation != past->generation ||
          head->birth.kind >= ARENA_KINDS || head->birth.base % ARENA_HEAD_BYTES != 0)))
        error =
            arena_failed(reason, -EBADMSG, "an arena is cut off, or stands in another one's place");
    if (error == 0 && fstat(fd, &status) != 0)
        error = arena_failed(reason, -errno, "look at an arena");
    if (error == 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            error = arena_failed(reason, -errno, "map an arena");
        else
            *file = (PastFile){-1, bytes, (size_t)status.st_size, head->birth.base,
                               (ArenaKind)head->birth.kind};
    }
    if (error == 0 && file->kind == ARENA_HAND)
        file->fd = fd;
    else
        (void)close(fd);
    return error;
}

/* On a file system in memory, all that was written is there; on a disk it is as long as the machine has
 * not crashed. => 1 or 0; negative errno: nobody can tell just now. */
static int is_of_this_boot(const ArenaPast *past, const ArenaHead *head)
{
    static const uint8_t unknown[16];
    struct statfs fs;
    uint8_t now[16];
    if (fstatfs(past->directory_fd, &fs) == 0 &&
        (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
        return 1;
    int error = arena_boot_id(now);
    if (error != 0)
        return error;
    return memcmp(now, unknown, sizeof now) != 0 &&
           memcmp(now, head->birth.boot_id, sizeof now) == 0;
}

static int map_all(ArenaPast *past, CheckpointReason *reason)
{
    ArenaHead head = {.root = 0};
    int error = map_file(past, 0, &head, reason);
    if (error != 0)
        return error;
    int same = is_of_this_boot(past, &head);
    if (same < 0)
        return arena_failed(reason, same, "tell this boot of the machine from others");
    if (same == 0)
        return arena_failed(reason, -ESTALE, "its arenas are of an earlier boot of the machine");
    uint32_t files = arena_number_read(head.files);
    if (files == 0 || files > FILES_MAX || past->file[0].kind != ARENA_SERIES)
        return arena_failed(reason, -EBADMSG, "an arena's head is of no use");
    past->files = files;
    for (uint32_t number = 1; number < past->files && error == 0; number++)
        error = map_file(past, number, &head, reason);
    return error;
}

int arena_past_open(ArenaPast **out, int directory_fd, uint64_t *next, CheckpointReason *reason)
{
    ArenaGeneration found;
    *out = NULL;
    int error = arena_generation_find(directory_fd, &found, reason);
    if (error != 0)
        return error;
    *next = found.highest + 1;
    if (found.error != 0 && found.error != -EBADMSG)
        return found.error;
    arena_generation_sweep(directory_fd, &found);
    if (!found.found)
        return 0;
    ArenaPast *past = calloc(1, sizeof *past);
    if (past != NULL)
        past->file = calloc(FILES_MAX, sizeof *past->file);
    if (past == NULL || past->file == NULL) {
        free(past);
        return arena_failed(reason, -ENOMEM, "read the arenas");
    }
    past->directory_fd = directory_fd;
    past->generation = found.counts;
    past->files = FILES_MAX;
    for (uint32_t i = 0; i < FILES_MAX; i++)
        past->file[i].fd = -1;
    *out = past;
    return found.error != 0 ? found.error : map_all(past, reason);
}

void arena_past_close(ArenaPast *past)
{
    if (past == NULL)
        return;
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (past->file[i].bytes != NULL)
            (void)munmap(past->file[i].bytes, past->file[i].length);
        if (past->file[i].fd >= 0)
            (void)close(past->file[i].fd);
    }
    free(past->file);
    free(past);
}

/* ---- getting rid of it ---- */

void arena_past_remove(const ArenaPast *past)
{
    char name[ARENA_NAME_SIZE];
    for (uint32_t i = 0; i < past->files; i++)
        (void)unlinkat(past->directory_fd, arena_name(past->generation, i, name), 0);
}

void arena_past_move_aside(const ArenaPast *past)
{
    char name[ARENA_NAME_SIZE];
    char aside[ARENA_NAME_SIZE];
    for (uint32_t i = 0; i < past->files; i++) {
        (void)snprintf(aside, sizeof aside, "damaged.%u", (unsigned)i);
        (void)renameat(past->directory_fd, arena_name(past->generation, i, name),
                       past->directory_fd, aside);
    }
}

/* ---- reading ---- */

static const void *at(const PastFile *file, uintptr_t address, size_t bytes)
{
    uint64_t offset = address - file->base;
    if (file->bytes == NULL || address < file->base || bytes > file->length ||
        offset > file->length - bytes || offset < ARENA_HEAD_BYTES)
        return NULL;
    return file->bytes + offset;
}

const void *arena_past_at(ArenaPast *past, uintptr_t address, size_t bytes, size_t alignment)
{
    if ((address & (alignment - 1)) != 0)
        return NULL;
    const void *found = at(&past->file[past->latest], address, bytes);
    for (uint32_t i = 0; i < past->files && found == NULL; i++) {
        found = at(&past->file[i], address, bytes);
        if (found != NULL)
            past->latest = i;
    }
    return found;
}

uint32_t arena_past_files(const ArenaPast *past)
{
    return past->files;
}

ArenaKind arena_past_kind(const ArenaPast *past, uint32_t number)
{
    return past->file[number].kind;
}

const void *arena_past_root(ArenaPast *past, uint32_t number, ArenaKind kind, size_t bytes,
                            uintptr_t *address)
{
    const PastFile *file = &past->file[number];
    if (file->kind != kind)
        return NULL;
    const ArenaHead *head = (const void *)file->bytes;
    /* relaxed: its process has ended. */
    uint64_t root = atomic_load_explicit(&head->root, memory_order_relaxed);
    if (address != NULL)
        *address = (uintptr_t)root;
    /* It is the first thing that was made. */
    return root == file->base + ARENA_HEAD_BYTES ? at(file, root, bytes) : NULL;
}

uint32_t arena_past_crashes(const ArenaPast *past, uint32_t number)
{
    const ArenaHead *head = (const void *)past->file[number].bytes;
    /* relaxed: written by processes that have ended. */
    return arena_number_read(atomic_load_explicit(&head->crashes, memory_order_relaxed));
}

void arena_past_crashed(const ArenaPast *past, uint32_t number)
{
    uint32_t crashes = arena_number(arena_past_crashes(past, number) + 1);
    (void)!pwrite(past->file[number].fd, &crashes, sizeof crashes,
                  (off_t)offsetof(ArenaHead, crashes));
}
