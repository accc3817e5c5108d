#include "metrics/arena_past.h"

#include <dirent.h>
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

static int failed(CheckpointReason *reason, int error, const char *what)
{
    if (error == -EBADMSG || error == -ESTALE || error == -EPROTONOSUPPORT)
        (void)snprintf(reason->text, sizeof reason->text, "%s", what);
    else
        (void)snprintf(reason->text, sizeof reason->text, "cannot %s: %s", what,
                       strerrordesc_np(-error));
    return error;
}

/* ---- which one ---- */

/* As pread(), but short only at the file's end. */
static ssize_t read_up_to(int fd, void *to, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(fd, (char *)to + done, length - done, (off_t)done);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

static bool is_zero(const void *memory, size_t length)
{
    const unsigned char *bytes = memory;
    size_t i = 0;
    while (i < length && bytes[i] == 0)
        i++;
    return i == length;
}

/* => 0: *head is a whole, sound head; -ENOENT: there is nothing yet; else as arena_past_open(). */
static int read_head(int fd, ArenaHead *head, CheckpointReason *reason)
{
    ssize_t got = read_up_to(fd, head, sizeof *head);
    if (got < 0)
        return failed(reason, -errno, "read an arena");
    if (got == 0 || (got == (ssize_t)sizeof *head && is_zero(head, sizeof *head)))
        return -ENOENT; /* begun, and not more */
    if (got < (ssize_t)sizeof *head)
        return failed(reason, -EBADMSG, "an arena is cut off");
    if (head->birth.magic != ARENA_MAGIC || head->birth_hash != arena_birth_hash(&head->birth))
        return failed(reason, -EBADMSG, "an arena's head does not match its checksum");
    if (head->birth.version != ARENA_VERSION || head->birth.layout != arena_layout())
        return failed(
            reason, -EPROTONOSUPPORT,
            "its arenas are of another version of this program; start that one and stop it, "
            "which saves all in the checkpoint");
    return 0;
}

static int open_file(const ArenaPast *past, uint32_t number, int flags)
{
    char name[ARENA_NAME_SIZE];
    int fd = openat(past->directory_fd, arena_name(past->generation, number, name),
                    flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd >= 0 ? fd : -errno;
}

/* => whether the generation has a second file: then its first one is complete but for `ready`. */
static bool has_more(const ArenaPast *past)
{
    int fd = open_file(past, 1, O_RDONLY);
    if (fd >= 0)
        (void)close(fd);
    return fd != -ENOENT;
}

/* => 1: this generation counts; 0: it does not; else as arena_past_open(). */
static int counts(int directory_fd, uint64_t generation, CheckpointReason *reason)
{
    const ArenaPast past = {.directory_fd = directory_fd, .generation = generation};
    ArenaHead head;
    int fd = open_file(&past, 0, O_RDONLY);
    if (fd < 0)
        return fd == -ENOENT ? 0 : failed(reason, fd, "open an arena");
    int error = read_head(fd, &head, reason);
    (void)close(fd);
    if (error != 0 && error != -ENOENT)
        return error;
    if (error == 0 && (head.birth.number != 0 || head.birth.generation != generation))
        return failed(reason, -EBADMSG, "another arena stands in the first one's place");
    /* relaxed, both: its process has ended. */
    uint32_t ready = error == 0 ? atomic_load_explicit(&head.ready, memory_order_relaxed) : 0;
    uint64_t root = error == 0 ? atomic_load_explicit(&head.root, memory_order_relaxed) : 0;
    if (ready == ARENA_READY)
        return 1;
    /* 0: its process ended between two stores, and did no more. */
    if ((ready != ARENA_UNREADY && (ready != 0 || root != 0)) || (root == 0 && has_more(&past)))
        return failed(reason, -EBADMSG, "the head of the first arena is damaged");
    return 0;
}

typedef void (*EachName)(void *context, const char *name, uint64_t generation, uint32_t number);

/* Calls `each` for every arena's file in the directory. */
static int each_file(int directory_fd, EachName each, void *context)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        int error = -errno;
        if (fd >= 0)
            (void)close(fd);
        return error;
    }
    const struct dirent *entry;
    errno = 0; /* NULL is the end, or an error: then files may have been left out */
    /* Only this thread uses this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while ((entry = readdir(directory)) != NULL) {
        uint64_t generation;
        uint32_t number;
        if (arena_name_read(entry->d_name, &generation, &number))
            each(context, entry->d_name, generation, number);
        errno = 0;
    }
    int error = -errno;
    (void)closedir(directory);
    return error;
}

typedef struct {
    int directory_fd;
    bool found;      /* one that counts, or is damaged */
    uint64_t latest; /* the latest of them */
    uint64_t highest;
    int error; /* of the latest */
    CheckpointReason *reason;
} Search;

/* => whether this one is rather to be taken than what was found: what is sound before what is not. */
static bool is_better(const Search *search, uint64_t generation, int result)
{
    bool sound = result != -EBADMSG;
    bool found_sound = search->error != -EBADMSG;
    return sound == found_sound ? generation > search->latest : sound;
}

static void look(void *context, const char *name, uint64_t generation, uint32_t number)
{
    Search *search = context;
    (void)name;
    search->highest = generation > search->highest ? generation : search->highest;
    if (number != 0)
        return;
    int result = counts(search->directory_fd, generation, search->reason);
    if (result == 0 || (search->found && !is_better(search, generation, result)))
        return;
    search->found = true;
    search->latest = generation;
    search->error = result < 0 ? result : 0;
}

/* Removes what is not of the generation that counts. */
static void sweep(void *context, const char *name, uint64_t generation, uint32_t number)
{
    const Search *search = context;
    (void)number;
    if (!search->found || generation != search->latest)
        (void)unlinkat(search->directory_fd, name, 0);
}

/* ---- mapping it ---- */

static int map_file(ArenaPast *past, uint32_t number, ArenaHead *head, CheckpointReason *reason)
{
    PastFile *file = &past->file[number];
    struct stat status;
    int fd = open_file(past, number, O_RDWR);
    if (fd < 0)
        return fd == -ENOENT ? failed(reason, -EBADMSG, "an arena is missing")
                             : failed(reason, fd, "open an arena");
    int error = read_head(fd, head, reason);
    if (error == -ENOENT ||
        (error == 0 &&
         (head->birth.number != number || head->birth.generation != past->generation ||
          head->birth.kind >= ARENA_KINDS || head->birth.base % ARENA_HEAD_BYTES != 0)))
        error = failed(reason, -EBADMSG, "an arena is cut off, or stands in another one's place");
    if (error == 0 && fstat(fd, &status) != 0)
        error = failed(reason, -errno, "look at an arena");
    if (error == 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            error = failed(reason, -errno, "map an arena");
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
    ArenaHead head;
    int error = map_file(past, 0, &head, reason);
    if (error != 0)
        return error;
    int same = is_of_this_boot(past, &head);
    if (same < 0)
        return failed(reason, same, "tell this boot of the machine from others");
    if (same == 0)
        return failed(reason, -ESTALE, "its arenas are of an earlier boot of the machine");
    uint32_t files = arena_number_read(head.files);
    if (files == 0 || files > FILES_MAX || past->file[0].kind != ARENA_SERIES)
        return failed(reason, -EBADMSG, "an arena's head is of no use");
    past->files = files;
    for (uint32_t number = 1; number < past->files && error == 0; number++)
        error = map_file(past, number, &head, reason);
    return error;
}

int arena_past_open(ArenaPast **out, int directory_fd, uint64_t *next, CheckpointReason *reason)
{
    Search search = {.directory_fd = directory_fd, .reason = reason};
    *out = NULL;
    int error = each_file(directory_fd, look, &search);
    if (error != 0)
        return failed(reason, error, "look for arenas");
    *next = search.highest + 1;
    if (search.error != 0 && search.error != -EBADMSG)
        return search.error;
    (void)each_file(directory_fd, sweep, &search);
    if (!search.found)
        return 0;
    ArenaPast *past = calloc(1, sizeof *past);
    if (past != NULL)
        past->file = calloc(FILES_MAX, sizeof *past->file);
    if (past == NULL || past->file == NULL) {
        free(past);
        return failed(reason, -ENOMEM, "read the arenas");
    }
    past->directory_fd = directory_fd;
    past->generation = search.latest;
    past->files = FILES_MAX;
    for (uint32_t i = 0; i < FILES_MAX; i++)
        past->file[i].fd = -1;
    *out = past;
    return search.error != 0 ? search.error : map_all(past, reason);
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
