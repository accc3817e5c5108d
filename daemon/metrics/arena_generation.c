#include "metrics/arena_generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int arena_failed(CheckpointReason *reason, int error, const char *what)
{
    if (error == -EBADMSG || error == -ESTALE || error == -EPROTONOSUPPORT)
        (void)snprintf(reason->text, sizeof reason->text, "%s", what);
    else
        (void)snprintf(reason->text, sizeof reason->text, "cannot %s: %s", what,
                       strerrordesc_np(-error));
    return error;
}

/* ---- one file ---- */

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

int arena_head_read(int fd, ArenaHead *head, CheckpointReason *reason)
{
    ssize_t got = read_up_to(fd, head, sizeof *head);
    if (got < 0)
        return arena_failed(reason, -errno, "read an arena");
    if (got == 0 || (got == (ssize_t)sizeof *head && is_zero(head, sizeof *head)))
        return -ENOENT; /* begun, and not more */
    if (got < (ssize_t)sizeof *head)
        return arena_failed(reason, -EBADMSG, "an arena is cut off");
    if (head->birth.magic != ARENA_MAGIC || head->birth_hash != arena_birth_hash(&head->birth))
        return arena_failed(reason, -EBADMSG, "an arena's head does not match its checksum");
    if (head->birth.version != ARENA_VERSION || head->birth.layout != arena_layout())
        return arena_failed(
            reason, -EPROTONOSUPPORT,
            "its arenas are of another version of this program; start that one and stop it, "
            "which saves all in the checkpoint");
    return 0;
}

int arena_file_open(int directory_fd, uint64_t generation, uint32_t number, int flags)
{
    char name[ARENA_NAME_SIZE];
    int fd = openat(directory_fd, arena_name(generation, number, name),
                    flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd >= 0 ? fd : -errno;
}

/* ---- one generation ---- */

/* => whether the generation has a second file: then its first one is complete but for `ready`. */
static bool has_more(int directory_fd, uint64_t generation)
{
    int fd = arena_file_open(directory_fd, generation, 1, O_RDONLY);
    if (fd >= 0)
        (void)close(fd);
    return fd != -ENOENT;
}

/* => 1: the generation with this first file counts; 0: it does not; negative errno and *reason. */
static int judge(int directory_fd, uint64_t generation, int fd, CheckpointReason *reason)
{
    ArenaHead head = {.root = 0};
    int error = arena_head_read(fd, &head, reason);
    /* relaxed, both: its process has ended. */
    uint32_t ready = atomic_load_explicit(&head.ready, memory_order_relaxed);
    uint64_t root = atomic_load_explicit(&head.root, memory_order_relaxed);
    /* What comes after the birth, in this order: its process ended before that. */
    bool is_begun = ready == 0 && root == 0;
    if (is_begun && (error == 0 || error == -ENOENT || error == -EBADMSG))
        return has_more(directory_fd, generation)
                   ? arena_failed(reason, -EBADMSG, "the head of the first arena is damaged")
                   : 0;
    if (error != 0)
        return error;
    if (head.birth.number != 0 || head.birth.generation != generation)
        return arena_failed(reason, -EBADMSG, "another arena stands in the first one's place");
    if (ready == ARENA_READY)
        return 1;
    if (ready != ARENA_UNREADY || (root == 0 && has_more(directory_fd, generation)))
        return arena_failed(reason, -EBADMSG, "the head of the first arena is damaged");
    return 0;
}

static int counts(int directory_fd, uint64_t generation, CheckpointReason *reason)
{
    int fd = arena_file_open(directory_fd, generation, 0, O_RDONLY);
    if (fd < 0)
        return fd == -ENOENT ? 0 : arena_failed(reason, fd, "open an arena");
    int result = judge(directory_fd, generation, fd, reason);
    (void)close(fd);
    return result;
}

/* ---- all of them ---- */

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
    ArenaGeneration *result;
    CheckpointReason *reason; /* of the result's error */
} Search;

/* => whether this one is rather to be taken than what was found: what is sound before what is not. */
static bool is_better(const ArenaGeneration *found, uint64_t generation, int error)
{
    bool sound = error != -EBADMSG;
    bool found_sound = found->error != -EBADMSG;
    return sound == found_sound ? generation > found->counts : sound;
}

static void look(void *context, const char *name, uint64_t generation, uint32_t number)
{
    const Search *search = context;
    ArenaGeneration *result = search->result;
    CheckpointReason reason;
    (void)name;
    result->highest = generation > result->highest ? generation : result->highest;
    if (number != 0)
        return;
    int verdict = counts(search->directory_fd, generation, &reason);
    int error = verdict < 0 ? verdict : 0;
    if (verdict == 0 || (result->found && !is_better(result, generation, error)))
        return;
    result->found = true;
    result->counts = generation;
    result->error = error;
    if (error != 0)
        *search->reason = reason;
}

int arena_generation_find(int directory_fd, ArenaGeneration *out, CheckpointReason *reason)
{
    Search search = {directory_fd, out, reason};
    *out = (ArenaGeneration){.found = false};
    int error = each_file(directory_fd, look, &search);
    return error != 0 ? arena_failed(reason, error, "look for arenas") : 0;
}

typedef struct {
    int directory_fd;
    const ArenaGeneration *kept;
} Sweep;

static void sweep_file(void *context, const char *name, uint64_t generation, uint32_t number)
{
    const Sweep *sweep = context;
    (void)number;
    if (!sweep->kept->found || generation != sweep->kept->counts)
        (void)unlinkat(sweep->directory_fd, name, 0);
}

void arena_generation_sweep(int directory_fd, const ArenaGeneration *generation)
{
    Sweep sweep = {directory_fd, generation};
    (void)each_file(directory_fd, sweep_file, &sweep);
}
