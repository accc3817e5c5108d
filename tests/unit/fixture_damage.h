/* Damage to the files of a small daemon that was killed, and what is taken up then: for the test of
 * metrics/arena_load.h and its fuzzer. */
#ifndef TESTS_UNIT_FIXTURE_DAMAGE_H
#define TESTS_UNIT_FIXTURE_DAMAGE_H

#include "base/hash.h"
#include "fixture_arenas.h"
#include "metrics/series_record.h"

enum {
    DAMAGE_FILES = 5, /* series; a hand and slots of two threads */
    DAMAGE_LINE = 64,
    DAMAGE_PAGE = 4096,
    DAMAGE_SERIES_MAX = 100
};

typedef struct {
    FixtureFolder folder;
    char *good[DAMAGE_FILES]; /* as they were left */
    size_t length[DAMAGE_FILES];
    size_t filled[DAMAGE_FILES];     /* bytes to after the last one that is not 0 */
    uint32_t *written[DAMAGE_FILES]; /* numbers of the words of 8 bytes that are not 0 */
    size_t written_count[DAMAGE_FILES];
    char *text; /* what they hold */
} Damage;

static inline const char *const *damage_first_batch(void)
{
    static const char *const batch[] = {
        "a:1:2:3|ms\nhits:5|c\nfrac:0.5:0.25|c|#x:y,z\n",
        "g:10|g\ng:+2:-1|g\nno value\nusers:alice|s",
        "a.name.that.does.not.fit.into.a.slot.at.all:1|ms|#env:prod,route:/x",
        "on:true|f\njob:5/10|p\njob:+3|p\nb:1|ms\nc:1|c\nd:1|c\ne:-1|g",
        NULL,
    };
    return batch;
}

static inline const char *const *damage_in_hand(void)
{
    static const char *const batch[] = {
        "g:-4|g\nusers:bob|s\non:0|f",
        "a:4|ms|@0.5\nhits:7|c\njob:/20|p\nfresh:1|c",
        NULL,
    };
    return batch;
}

/* The same, as a Unix socket gives it: with who has sent, the second one cut, and a line that is no good. */
static inline int damage_receive_unix(FixtureArenas *f, unsigned thread)
{
    Hand *hand = f->hand[thread];
    fixture_arenas_receive(f, thread, 0, damage_in_hand()[0]);
    fixture_arenas_receive(f, thread, 1,
                           "a:4|ms|@0.5\nhits:7|c\njob:/20|p\nfresh:1|c\nbad\nfresh:1");
    for (int i = 0; i < 2; i++)
        hand->batch.controls[i] = (ReceiveControl){
            CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS, {4242 + i, 1000, 100}};
    hand->batch.headers[1].msg_hdr.msg_flags = MSG_TRUNC;
    return 2;
}

/* The same, as a read of a stream: some of it kept from before, and some for later. */
static inline int damage_receive_stream(FixtureArenas *f, unsigned thread)
{
    Hand *hand = f->hand[thread];
    hand->stream.kept = 3;
    hand->batch.sources[0] = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = 5};
    fixture_arenas_receive(f, thread, 0,
                           "g:-4|g\nusers:bob|s\non:0|f\na:4|ms|@0.5\nhits:7|c\njob:/20|p\n"
                           "bad\nfresh:1|c\nfresh:1");
    hand->batch.headers[0].msg_len -= hand->stream.kept;
    return 1;
}

/* Leaves the batch in a hand, received and not recorded. */
static inline void damage_leave(FixtureArenas *f, unsigned thread, Transport transport)
{
    int count = 0;
    f->hand[thread]->transport = transport;
    hand_unseal(f->hand[thread]);
    ledger_begin(f->pipeline[thread]->ledger);
    if (transport == TRANSPORT_UNIX)
        count = damage_receive_unix(f, thread);
    else if (transport == TRANSPORT_TCP)
        count = damage_receive_stream(f, thread);
    else
        for (; damage_in_hand()[count] != NULL; count++)
            fixture_arenas_receive(f, thread, count, damage_in_hand()[count]);
    hand_seal(f->hand[thread], count);
}

/* Notes which words of a file hold something. */
static inline void damage_find_written(Damage *d, uint32_t n)
{
    d->written[n] = malloc(d->length[n] / 8 * sizeof *d->written[n]);
    assert_non_null(d->written[n]);
    for (size_t i = 0; i < d->length[n] / 8; i++) {
        uint64_t word;
        memcpy(&word, d->good[n] + 8 * i, sizeof word);
        if (word == 0)
            continue;
        d->filled[n] = 8 * i + 8;
        d->written[n][d->written_count[n]++] = (uint32_t)i;
    }
}

/* => a hash of what is told of lines that were rejected, but for the time. */
static inline uint64_t damage_rejected(const Pool *pool)
{
    RejectRecord records[REJECT_LOG_SIZE];
    size_t count = pool_recent_rejected(pool, records, REJECT_LOG_SIZE);
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        char source[ADDRESS_TEXT_SIZE];
        char text[ADDRESS_TEXT_SIZE + REJECT_TEXT_BYTES + 80];
        int length = snprintf(text, sizeof text, "%d %d %d %u %s %s", (int)records[i].transport,
                              (int)records[i].reason, (int)records[i].peer.pid,
                              (unsigned)records[i].peer.uid,
                              address_format(&records[i].source, source), records[i].text);
        hash = hash_fixed_tweaked(text, (size_t)length, hash);
    }
    return hash;
}

/* What was recovered, as text for free(): what /stats shows, and behind it a hash of all records of series as a
 * checkpoint has them, of what is known of the sockets, and of rejected lines. */
static inline char *damage_text(Registry *registry, Pool *pool, const CheckpointFigures *figures)
{
    IntakeCounts counts;
    pool_counts(pool, &counts);
    char *text = fixture_arenas_text(registry, &counts);
    unsigned char *bytes = malloc(SERIES_RECORD_MAX);
    assert_non_null(bytes);
    uint64_t hash = hash_fixed(figures->sockets, figures->socket_count * sizeof *figures->sockets);
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        SeriesWalk walk;
        const Series *series;
        registry_lock_walks(registry);
        registry_walk(registry, (SeriesKind)kind, &walk);
        while ((series = series_walk_next(&walk)) != NULL) {
            WireWriter w = {.data = bytes, .capacity = SERIES_RECORD_MAX};
            SeriesContent content;
            series_read(series, &content);
            assert_true(series_record_write(&content, &w));
            hash = hash_fixed_tweaked(bytes, w.length, hash);
        }
        series_walk_end(&walk);
        registry_unlock_walks(registry);
    }
    free(bytes);
    hash ^= damage_rejected(pool);
    size_t room = strlen(text) + 20;
    char *all = malloc(room);
    assert_non_null(all);
    (void)snprintf(all, room, "%s\n%016llx", text, (unsigned long long)hash);
    free(text);
    return all;
}

/* => what there is in the directory, for free(). */
static inline char *damage_recovered_text(const FixtureFolder *folder)
{
    FixtureRecovery r;
    ReplayResult result;
    fixture_recovery_open(&r, 2);
    int error = fixture_recover(&r, folder->fd, DAMAGE_SERIES_MAX, &result);
    if (error != 0)
        fail_msg("%d: %s", error, r.reason.text);
    char *text = damage_text(r.registry, r.pool, &r.figures);
    fixture_recovery_close(&r);
    return text;
}

/* Makes the arenas: two threads, series of all kinds, one with a sketch, sockets that have dropped something, and a
 * batch in each hand, of which one is recorded and one, which came by `transport`, is not. */
static inline void damage_open(Damage *d, Transport transport)
{
    FixtureArenas *f = calloc(1, sizeof *f);
    char value[32];
    assert_non_null(f);
    fixture_folder_open(&d->folder);
    fixture_arenas_open(f, d->folder.fd, 1, 2, DAMAGE_SERIES_MAX);
    fixture_arenas_take(f, 0, damage_first_batch());
    for (int i = 0; i < 300; i++) {
        (void)snprintf(value, sizeof value, "large:%d|s", i);
        fixture_arenas_take(f, 1, (const char *const[]){value, NULL});
    }
    for (unsigned thread = 0; thread < 2; thread++) {
        f->hand[thread]->origin.before.dropped_kernel = thread;
        f->hand[thread]->origin.cookies[0] = 4097 + thread;
        hand_sign_origin(f->hand[thread]);
        kept_drops_note(&f->hand[thread]->dropped[0], 5 + thread);
    }
    (void)fixture_arenas_begin(f, 0, damage_in_hand());
    damage_leave(f, 1, transport);
    fixture_arenas_close(f);
    free(f);
    for (uint32_t n = 0; n < DAMAGE_FILES; n++) {
        char name[ARENA_NAME_SIZE];
        struct stat file;
        int fd = openat(d->folder.fd, arena_name(1, n, name), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(0, fstat(fd, &file));
        d->length[n] = (size_t)file.st_size;
        d->good[n] = malloc(d->length[n]);
        assert_non_null(d->good[n]);
        assert_int_equal(d->length[n], pread(fd, d->good[n], d->length[n], 0));
        close(fd);
        damage_find_written(d, n);
    }
    d->text = damage_recovered_text(&d->folder);
}

static inline void damage_close(Damage *d)
{
    for (int n = 0; n < DAMAGE_FILES; n++) {
        free(d->good[n]);
        free(d->written[n]);
    }
    free(d->text);
    fixture_folder_close(&d->folder);
}

static inline void damage_write(const Damage *d, uint32_t n, size_t at, const void *bytes,
                                size_t length)
{
    char name[ARENA_NAME_SIZE];
    int fd = openat(d->folder.fd, arena_name(1, n, name), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(length, pwrite(fd, bytes, length, (off_t)at));
    close(fd);
}

/* Makes all files good again; their ends, which nobody has written to, are holes. */
static inline void damage_mend(const Damage *d)
{
    char name[ARENA_NAME_SIZE];
    fixture_folder_empty(&d->folder);
    for (uint32_t n = 0; n < DAMAGE_FILES; n++) {
        int fd = openat(d->folder.fd, arena_name(1, n, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(d->filled[n], pwrite(fd, d->good[n], d->filled[n], 0));
        assert_int_equal(0, ftruncate(fd, (off_t)d->length[n]));
        close(fd);
    }
}

/* => the hash that a head would have with this birth. */
static inline void damage_sign(const Damage *d, uint32_t n)
{
    char name[ARENA_NAME_SIZE];
    ArenaHead head;
    int fd = openat(d->folder.fd, arena_name(1, n, name), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    if (pread(fd, &head, sizeof head, 0) == (ssize_t)sizeof head) {
        head.birth_hash = arena_birth_hash(&head.birth);
        assert_int_equal(sizeof head, pwrite(fd, &head, sizeof head, 0));
    }
    close(fd);
}

typedef enum {
    DAMAGE_REFUSED,    /* with an error, and nothing was made */
    DAMAGE_OVERLOOKED, /* as if there were no arenas: file 0 says that it does not count */
    DAMAGE_HARMLESS,   /* what was taken up is what was there */
    DAMAGE_UNNOTICED,  /* something else was taken up */
    DAMAGE_RESULTS
} DamageResult;

/* Takes up what there is now. => what came of it; anything else fails the test. */
static inline DamageResult damage_take_up(const Damage *d)
{
    FixtureRecovery r;
    ReplayResult result;
    fixture_recovery_open(&r, 2);
    int error = fixture_recover(&r, d->folder.fd, DAMAGE_SERIES_MAX, &result);
    DamageResult came = error == 1 ? DAMAGE_OVERLOOKED : DAMAGE_REFUSED;
    if (error == 0) {
        char *text = damage_text(r.registry, r.pool, &r.figures);
        came = strcmp(text, d->text) == 0 ? DAMAGE_HARMLESS : DAMAGE_UNNOTICED;
        free(text);
    } else {
        if (error != 1 && error != -EBADMSG && error != -ESTALE && error != -EPROTONOSUPPORT)
            fail_msg("%d: %s", error, r.reason.text);
        for (int kind = 0; kind < SERIES_KINDS; kind++)
            assert_int_equal(0, registry_count(r.registry, (SeriesKind)kind));
    }
    fixture_recovery_close(&r);
    return came;
}

#endif
