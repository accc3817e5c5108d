#include "metrics/checkpoint_load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "metrics/pages.h"
#include "metrics/series_record.h"

static int failed(CheckpointReason *reason, const char *what, int error)
{
    (void)snprintf(reason->text, sizeof reason->text, "cannot %s: %s", what,
                   strerrordesc_np(error));
    return -error;
}

/* ---- taking it apart ---- */

/* Looks at every record before the first is used. => 0 or -EBADMSG. */
static int check(const unsigned char *payload, const CheckpointHead *head, CheckpointReason *reason)
{
    WireReader r = {.data = payload, .length = head->payload_bytes};
    CheckpointFigures unused;
    uint64_t series = 0;
    const char *wrong = checkpoint_figures_read(&r, &unused);
    for (; wire_left(&r) > 0 && wrong == NULL; series++) {
        SeriesRecord record;
        wrong = series_record_read(&r, &record);
    }
    if (wrong == NULL && series != head->info.series)
        wrong = "another number of series than it says";
    if (wrong == NULL)
        return 0;
    (void)snprintf(reason->text, sizeof reason->text, "it holds %s (before byte %zu)", wrong,
                   CHECKPOINT_HEAD_BYTES + r.taken);
    return -EBADMSG;
}

static int restore(const unsigned char *payload, const CheckpointHead *head,
                   const CheckpointTarget *target, CheckpointFigures *figures,
                   CheckpointReason *reason)
{
    WireReader r = {.data = payload, .length = head->payload_bytes};
    (void)checkpoint_figures_read(&r, figures); /* check() has done it before */
    for (size_t i = 0; wire_left(&r) > 0; i++) {
        SeriesRecord record;
        (void)series_record_read(&r, &record); /* check() has done it before */
        int error = series_record_restore(&record, target->indexes[i % target->index_count]);
        if (error != 0 && error != -EEXIST) /* the same id twice: the first one counts */
            return failed(reason, "take it up", -error);
    }
    return 0;
}

/* ---- getting it ---- */

static int read_all(int fd, unsigned char *out, size_t length)
{
    while (length > 0) {
        ssize_t got = read(fd, out, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO;
        out += got;
        length -= (size_t)got;
    }
    return 0;
}

static int load_payload(int fd, const CheckpointHead *head, const CheckpointTarget *target,
                        CheckpointFigures *figures, CheckpointReason *reason)
{
    unsigned char *payload = pages_map(head->payload_bytes);
    if (payload == NULL)
        return failed(reason, "read it", ENOMEM);
    int error = read_all(fd, payload, head->payload_bytes);
    if (error != 0) {
        error = failed(reason, "read it", error);
    } else if (XXH3_64bits(payload, head->payload_bytes) != head->payload_hash) {
        (void)snprintf(reason->text, sizeof reason->text, "it does not match its checksum");
        error = -EBADMSG;
    } else {
        error = check(payload, head, reason);
        if (error == 0)
            error = restore(payload, head, target, figures, reason);
    }
    pages_unmap(payload, head->payload_bytes);
    return error;
}

static int load_open(int fd, const CheckpointTarget *target, CheckpointFigures *figures,
                     CheckpointInfo *info, CheckpointReason *reason)
{
    struct stat file;
    unsigned char bytes[CHECKPOINT_HEAD_BYTES];
    if (fstat(fd, &file) != 0)
        return failed(reason, "look at it", errno);
    if (!S_ISREG(file.st_mode) || file.st_size < CHECKPOINT_HEAD_BYTES) {
        (void)snprintf(reason->text, sizeof reason->text, "it is no file of %d bytes or more",
                       CHECKPOINT_HEAD_BYTES);
        return -EBADMSG;
    }
    int error = read_all(fd, bytes, sizeof bytes);
    if (error != 0)
        return failed(reason, "read it", error);
    CheckpointHead head;
    error = checkpoint_head_read(bytes, (uint64_t)file.st_size, &head, reason);
    if (error == 0 && head.payload_bytes == 0) {
        (void)snprintf(reason->text, sizeof reason->text, "it is empty");
        error = -EBADMSG;
    }
    if (error == 0)
        error = load_payload(fd, &head, target, figures, reason);
    if (error == 0)
        *info = head.info;
    return error;
}

int checkpoint_load(int directory_fd, const CheckpointTarget *target, CheckpointFigures *figures,
                    CheckpointInfo *info, CheckpointReason *reason)
{
    /* O_NONBLOCK: a FIFO of that name must not hang the start. */
    int fd = openat(directory_fd, CHECKPOINT_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return failed(reason, "open it", errno);
    int error = load_open(fd, target, figures, info, reason);
    (void)close(fd);
    return error;
}
