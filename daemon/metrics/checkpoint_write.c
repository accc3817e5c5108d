#include "metrics/checkpoint_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "metrics/series_record.h"

#define NEW_NAME CHECKPOINT_NAME ".new"

enum {
    BUFFER_BYTES = 256 * 1024,
    SERIES_A_HOLD = 64 /* written under one hold of the readers' mutex */
};

typedef struct {
    int fd;
    WireWriter buffer;
    XXH3_state_t *hash;
    CheckpointHead head;
    CheckpointReason *reason;
} Writer;

static int failed(CheckpointReason *reason, const char *what)
{
    int error = errno != 0 ? -errno : -EIO;
    (void)snprintf(reason->text, sizeof reason->text, "cannot %s: %s", what,
                   strerrordesc_np(-error));
    return error;
}

static int write_all(int fd, const unsigned char *bytes, size_t length, off_t at)
{
    while (length > 0) {
        errno = 0;
        ssize_t written = pwrite(fd, bytes, length, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        bytes += written;
        length -= (size_t)written;
        at += written;
    }
    return 0;
}

static int flush(Writer *w)
{
    const WireWriter *b = &w->buffer;
    off_t at = (off_t)(CHECKPOINT_HEAD_BYTES + w->head.payload_bytes);
    if (write_all(w->fd, b->data, b->length, at) != 0)
        return failed(w->reason, "write " NEW_NAME);
    (void)XXH3_64bits_update(w->hash, b->data, b->length);
    w->head.payload_bytes += b->length;
    w->buffer.length = 0;
    return 0;
}

/* Some series more, as long as there is room for any. => whether there may be more. */
static bool write_some(Writer *w, SeriesWalk *walk)
{
    for (int i = 0; i < SERIES_A_HOLD; i++) {
        if (w->buffer.capacity - w->buffer.length < SERIES_RECORD_MAX)
            return true;
        const Series *series = series_walk_next(walk);
        if (series == NULL)
            return false;
        if (!series_is_live(series))
            continue;
        SeriesContent content;
        series_read(series, &content);
        if (series_record_write(&content, &w->buffer))
            w->head.info.series++;
    }
    return true;
}

static int write_kind(Writer *w, Registry *registry, SeriesKind kind)
{
    SeriesWalk walk;
    int error = 0;
    bool more = true;
    registry_lock_walks(registry);
    registry_walk(registry, kind, &walk);
    while (error == 0 && more) {
        more = write_some(w, &walk);
        registry_unlock_walks(registry);
        if (w->buffer.capacity - w->buffer.length < SERIES_RECORD_MAX)
            error = flush(w);
        registry_lock_walks(registry);
    }
    series_walk_end(&walk);
    registry_unlock_walks(registry);
    return error;
}

static int write_head(Writer *w)
{
    unsigned char bytes[CHECKPOINT_HEAD_BYTES];
    w->head.payload_hash = XXH3_64bits_digest(w->hash);
    w->head.info.bytes = CHECKPOINT_HEAD_BYTES + w->head.payload_bytes;
    checkpoint_head_write(&w->head, bytes);
    return write_all(w->fd, bytes, sizeof bytes, 0) != 0 ? failed(w->reason, "write " NEW_NAME) : 0;
}

static int write_file(Writer *w, Registry *registry, const CheckpointFigures *figures)
{
    int error = 0;
    checkpoint_figures_write(figures, &w->buffer);
    for (unsigned kind = 0; kind < SERIES_KINDS && error == 0; kind++)
        error = write_kind(w, registry, (SeriesKind)kind);
    if (error == 0)
        error = flush(w);
    if (error == 0)
        error = write_head(w);
    if (error == 0 && fsync(w->fd) != 0)
        error = failed(w->reason, "flush " NEW_NAME);
    return error;
}

/* Gives the new file the name, for good. */
static int put_in_place(int directory_fd, CheckpointReason *reason)
{
    if (renameat(directory_fd, NEW_NAME, directory_fd, CHECKPOINT_NAME) != 0)
        return failed(reason, "rename " NEW_NAME);
    if (fsync(directory_fd) != 0)
        return failed(reason, "flush the directory");
    return 0;
}

static int write_beside(Writer *w, int directory_fd, Registry *registry,
                        const CheckpointFigures *figures)
{
    w->fd =
        openat(directory_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (w->fd < 0)
        return failed(w->reason, "open " NEW_NAME);
    int error = write_file(w, registry, figures);
    if (close(w->fd) != 0 && error == 0)
        error = failed(w->reason, "close " NEW_NAME);
    if (error == 0)
        error = put_in_place(directory_fd, w->reason);
    if (error != 0)
        (void)unlinkat(directory_fd, NEW_NAME, 0); /* what it takes on a full disk is needed */
    return error;
}

int checkpoint_write(int directory_fd, Registry *registry, const CheckpointFigures *figures,
                     int64_t now_ns, CheckpointInfo *info, CheckpointReason *reason)
{
    Writer w = {.buffer = {.data = malloc(BUFFER_BYTES), .capacity = BUFFER_BYTES},
                .hash = XXH3_createState(),
                .head.info.created_ns = now_ns,
                .reason = reason};
    int error = -ENOMEM;
    errno = ENOMEM;
    if (w.buffer.data == NULL || w.hash == NULL || XXH3_64bits_reset(w.hash) != XXH_OK)
        error = failed(reason, "begin");
    else
        error = write_beside(&w, directory_fd, registry, figures);
    (void)XXH3_freeState(w.hash);
    free(w.buffer.data);
    if (error == 0)
        *info = w.head.info;
    return error;
}
