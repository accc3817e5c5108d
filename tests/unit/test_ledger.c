#include "ingest/ledger.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fixture_arenas.h"
#include "fixture_tsan.h"

/* ---- what the ledger says ---- */

/* What stands in memory. */
static bool word_at(void *context, uintptr_t address, uint64_t *word)
{
    const _Atomic uint64_t *const known[] = {&((Ledger *)context)->redo.step[0].before,
                                             &((Ledger *)context)->refused_seq};
    static const size_t count = sizeof known / sizeof *known;
    for (size_t i = 0; i < count; i++) {
        if (address != (uintptr_t)known[i])
            continue;
        *word = atomic_load_explicit(known[i], memory_order_relaxed); /* relaxed: one thread */
        return true;
    }
    return false;
}

static LedgerProgress progress_of(Ledger *ledger, IntakeCounts *counts)
{
    LedgerProgress progress;
    assert_int_equal(0, ledger_read(ledger, (uintptr_t)ledger, word_at, ledger, counts, &progress));
    return progress;
}

static void test_a_new_one_has_taken_in_nothing(void **state)
{
    (void)state;
    static const IntakeCounts none;
    Ledger ledger;
    IntakeCounts counts;
    LedgerProgress progress;
    memset(&ledger, 0, sizeof ledger);
    assert_int_equal(
        -EBADMSG, ledger_read(&ledger, (uintptr_t)&ledger, word_at, &ledger, &counts, &progress));
    ledger_init(&ledger);
    assert_false(progress_of(&ledger, &counts).in_hand);
    assert_memory_equal(&none, &counts, sizeof counts);
}

static void test_a_batch_is_in_hand_until_its_end(void **state)
{
    (void)state;
    Ledger ledger = {.gauge_sign = 0};
    IntakeCounts counts = {.datagrams = 1, .values = 2};
    IntakeCounts read;
    ledger_init(&ledger);
    for (uint64_t round = 1; round < 5; round++) {
        ledger_begin(&ledger);
        assert_true(progress_of(&ledger, &read).in_hand);
        assert_int_equal(round - 1, read.datagrams);
        ledger_begin(&ledger); /* nothing was there, and it is asked again */
        assert_true(progress_of(&ledger, &read).in_hand);
        counts.datagrams = round;
        ledger_end(&ledger, &counts);
        assert_false(progress_of(&ledger, &read).in_hand);
        assert_int_equal(round, read.datagrams);
        assert_int_equal(2, read.values);
    }
}

static void test_refused_lines_count_at_once(void **state)
{
    (void)state;
    Ledger ledger = {.gauge_sign = 0};
    IntakeCounts counts = {.values = 100};
    IntakeCounts read;
    ledger_init(&ledger);
    ledger_begin(&ledger);
    ledger_refuse(&ledger, 3);
    ledger_refuse(&ledger, 1);
    LedgerProgress progress = progress_of(&ledger, &read);
    assert_true(progress.in_hand);
    assert_int_equal(4, progress.done);
    assert_int_equal(2, read.rejected[REJECT_OVER_LIMIT]);
    assert_int_equal(0, read.values + 4); /* what adds the batch counts these four, too */
    ledger_end(&ledger, &counts);
    progress = progress_of(&ledger, &read);
    assert_false(progress.in_hand);
    assert_int_equal(100, read.values);
    assert_int_equal(2, read.rejected[REJECT_OVER_LIMIT]);
    ledger_begin(&ledger);
    assert_int_equal(0, progress_of(&ledger, &read).done);
    assert_int_equal(100, read.values);
}

/* A value has begun: its word tells whether it is in. */
static void test_what_has_begun_is_in_if_its_word_has_changed(void **state)
{
    (void)state;
    Ledger ledger = {.gauge_sign = 0};
    IntakeCounts read;
    /* Any word will do: one that nothing else is done with. */
    _Atomic uint64_t *word = &ledger.redo.step[0].before;
    ledger_init(&ledger);
    ledger_begin(&ledger);
    redo_pass(&ledger.redo, 7);
    assert_int_equal(7, progress_of(&ledger, &read).done);
    redo_begin(&ledger.redo, word, 0, 5);
    assert_int_equal(7, progress_of(&ledger, &read).done);
    atomic_store_explicit(word, 1, memory_order_relaxed); /* relaxed: one thread */
    assert_int_equal(12, progress_of(&ledger, &read).done);
    redo_pass(&ledger.redo, 1);
    assert_int_equal(13, progress_of(&ledger, &read).done);
}

static void test_what_nobody_can_have_written(void **state)
{
    (void)state;
    Ledger ledger = {.gauge_sign = 0};
    IntakeCounts counts;
    LedgerProgress progress;
    _Atomic uint64_t elsewhere = 0;
    ledger_init(&ledger);
    ledger_begin(&ledger);
    redo_begin(&ledger.redo, &elsewhere, 0, 1); /* a word that word_at() does not know */
    assert_int_equal(
        -EBADMSG, ledger_read(&ledger, (uintptr_t)&ledger, word_at, &ledger, &counts, &progress));
    ledger_begin(&ledger);
    redo_begin(&ledger.redo, &ledger.refused_seq, 0, 1);
    /* Another step's. relaxed: one thread. */
    atomic_store_explicit(&ledger.redo.step[1].before, 2, memory_order_relaxed);
    assert_int_equal(
        -EBADMSG, ledger_read(&ledger, (uintptr_t)&ledger, word_at, &ledger, &counts, &progress));
    ledger_end(&ledger, &counts); /* not in hand: nobody asks */
    assert_int_equal(
        0, ledger_read(&ledger, (uintptr_t)&ledger, word_at, &ledger, &counts, &progress));
}

/* Whether there is a batch in hand must not be for a flipped bit to say. */
static void test_live_is_guarded(void **state)
{
    (void)state;
    Ledger ledger = {.gauge_sign = 0};
    IntakeCounts counts = {.values = 1};
    LedgerProgress progress;
    ledger_init(&ledger);
    for (int round = 0; round < 4; round++) {
        for (int bit = 0; bit <= 64; bit++) {
            Ledger bent = ledger;
            /* relaxed, both: one thread. The last one: zeroes. */
            uint64_t live = atomic_load_explicit(&ledger.live, memory_order_relaxed);
            live = bit < 64 ? live ^ UINT64_C(1) << bit : 0;
            atomic_store_explicit(&bent.live, live, memory_order_relaxed);
            assert_int_equal(-EBADMSG, ledger_read(&bent, (uintptr_t)&ledger, word_at, &ledger,
                                                   &counts, &progress));
        }
        if (round % 2 == 0)
            ledger_begin(&ledger);
        else
            ledger_end(&ledger, &counts);
    }
}

/* ---- a kill after each single instruction ---- */

enum {
    MAX_SERIES = 7, /* those of the first batch but the last datagram's */
    BATCHES_MAX = 4,
    DATAGRAMS_MAX = 24,
    LOOKED_AT = 3 << 16, /* bytes of each file, at most */
    FILES_MAX = 5
};

static const char *const all_kinds[] = {
    "a:1:2:3|ms\nhits:5|c\nfrac:0.5:0.25|c\n",
    "g:10|g\ng:+2:-1|g\nno value\nusers:alice|s",
    "", /* an empty one is one */
    "on:true|f\njob:5/10|p\njob:+3|p\n_e{1,1}:x|y",
    "over:1:2:3|ms\nmore:7|c\nhits:-2:1|c\nover:4|ms",
    NULL,
};

static const char *const once_more[] = {
    "g:-4|g\nover:1:2|g\nusers:bob|s\nusers:alice|s\non:0|f",
    "a:4|ms|@0.5\na:7\n\nover|too\na:0.5:1000|h\njob:/20|p",
    NULL,
};

static const char *const for_two[] = {
    "g:1|g\ng:+5|g\nhits:1:2|c\njob:2/9|p\nusers:eve|s\non:1|f\na:1|ms\nover:1:1|c",
    NULL,
};

typedef struct {
    FixtureFolder folder;
    FixtureArenas arenas;
    char *expected[DATAGRAMS_MAX]; /* with the first n datagrams */
    int datagrams;
    char *now[FILES_MAX]; /* of each file, as it is */
    char *before[FILES_MAX];
    size_t looked_at[FILES_MAX]; /* bytes */
    int files;
} Bench;

/* ---- */

static void expect(Bench *b, Registry *registry, const Pipeline *p)
{
    assert_true(b->datagrams < DATAGRAMS_MAX);
    b->expected[b->datagrams++] = fixture_arenas_text(registry, &p->counts);
}

/* What a process says that nobody kills: `first` is in, and then each of the batches' datagrams. */
static void prepare_expected(Bench *b, const char *const *first, const char *const *const batches[])
{
    Registry *registry;
    RejectLog rejects;
    Pipeline *p = calloc(1, sizeof *p);
    assert_non_null(p);
    reject_log_init(&rejects);
    assert_int_equal(0, registry_create(&registry, MAX_SERIES));
    assert_int_equal(0, pipeline_init(p, registry, &rejects, false));
    pipeline_set_time(p, FIXTURE_NOW_NS);
    for (; first != NULL && *first != NULL; first++)
        pipeline_datagram(p, *first, strlen(*first), NULL);
    pipeline_flush(p);
    expect(b, registry, p);
    for (int n = 0; batches[n] != NULL; n++) {
        for (const char *const *d = batches[n]; *d != NULL; d++) {
            pipeline_datagram(p, *d, strlen(*d), NULL);
            pipeline_flush(p);
            expect(b, registry, p);
        }
    }
    pipeline_fini(p);
    registry_destroy(registry);
    reject_log_fini(&rejects);
    free(p);
}

static void map_files(Bench *b)
{
    char name[ARENA_NAME_SIZE];
    b->files = 1 + 2 * (int)b->arenas.threads;
    for (int i = 0; i < b->files; i++) {
        int fd = openat(b->folder.fd, arena_name(1, (uint32_t)i, name), O_RDONLY | O_CLOEXEC);
        struct stat file;
        assert_true(fd >= 0);
        assert_int_equal(0, fstat(fd, &file));
        size_t looked_at = file.st_size < LOOKED_AT ? (size_t)file.st_size : LOOKED_AT;
        b->looked_at[i] = looked_at;
        b->now[i] = mmap(NULL, looked_at, PROT_READ, MAP_SHARED, fd, 0);
        assert_true(b->now[i] != MAP_FAILED);
        b->before[i] = calloc(1, looked_at);
        assert_non_null(b->before[i]);
        close(fd);
    }
}

static bool has_changed(Bench *b)
{
    bool changed = false;
    for (int i = 0; i < b->files; i++) {
        if (memcmp(b->before[i], b->now[i], b->looked_at[i]) == 0)
            continue;
        memcpy(b->before[i], b->now[i], b->looked_at[i]);
        changed = true;
    }
    return changed;
}

/* What is found now is what was found before, or one datagram more. => datagrams. */
static int look(Bench *b, int known, uint64_t steps)
{
    char *text = fixture_recovered_text(b->folder.fd, b->arenas.threads, MAX_SERIES);
    if (strcmp(b->expected[known], text) != 0) {
        if (known + 1 == b->datagrams)
            assert_string_equal(b->expected[known], text);
        known++;
        if (strcmp(b->expected[known], text) != 0)
            fail_msg("killed after instruction %llu: expected\n%s\nor\n%s\ngot\n%s\n",
                     (unsigned long long)steps, b->expected[known - 1], b->expected[known], text);
    }
    free(text);
    return known;
}

static void *the_child(FixtureArenas *f, unsigned thread, const char *const *const batches[])
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    (void)raise(SIGSTOP);
    for (int n = 0; batches[n] != NULL; n++)
        fixture_arenas_take(f, thread, batches[n]);
    _exit(0);
}

/* Has a child take the batches in, one instruction at a time; whenever that has changed the memory that
 * outlives it, looks what a process would find that comes now. */
static void step_through(Bench *b, unsigned thread, const char *const *const batches[])
{
    int status;
    int known = 0;
    uint64_t steps = 0;
    uint64_t looks = 0;
    if (FIXTURE_TSAN) /* there are a million instructions more, and each look takes long */
        skip();
    map_files(b);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        (void)the_child(&b->arenas, thread, batches);
    assert_int_equal(child, waitpid(child, &status, 0));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    for (; WIFSTOPPED(status); steps++) {
        if (has_changed(b)) {
            known = look(b, known, steps);
            looks++;
        }
        assert_int_equal(0, ptrace(PTRACE_SINGLESTEP, child, NULL, NULL));
        assert_int_equal(child, waitpid(child, &status, 0));
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(0, WEXITSTATUS(status));
    assert_int_equal(b->datagrams - 1, look(b, known, steps));
    print_message("# %llu instructions, %llu different states, %d datagrams\n",
                  (unsigned long long)steps, (unsigned long long)looks, b->datagrams - 1);
    assert_true(looks > 100);
}

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_folder_open(&b->folder);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    fixture_arenas_close(&b->arenas);
    for (int i = 0; i < b->files; i++) {
        munmap(b->now[i], b->looked_at[i]);
        free(b->before[i]);
    }
    for (int i = 0; i < b->datagrams; i++)
        free(b->expected[i]);
    fixture_folder_close(&b->folder);
    free(b);
    return 0;
}

static void test_killed_after_any_instruction(void **state)
{
    Bench *b = *state;
    static const char *const *const batches[] = {all_kinds, once_more, NULL};
    fixture_arenas_open(&b->arenas, b->folder.fd, 1, 1, MAX_SERIES);
    prepare_expected(b, NULL, batches);
    step_through(b, 0, batches);
}

/* What another thread has in hand is all in; what it shares goes on. */
static void test_killed_while_another_thread_has_a_batch_in_hand(void **state)
{
    Bench *b = *state;
    static const char *const *const batches[] = {for_two, once_more, NULL};
    fixture_arenas_open(&b->arenas, b->folder.fd, 1, 2, MAX_SERIES);
    prepare_expected(b, all_kinds, batches);
    (void)fixture_arenas_begin(&b->arenas, 0, all_kinds);
    step_through(b, 1, batches);
}

/* A set gets its sketch, another one has it: what a kill leaves of a sketch is whole. */
static void test_killed_while_sets_grow(void **state)
{
    Bench *b = *state;
    char grown[8 * (SET_SMALL + 5) + 1] = "";
    char full[8 * SET_SMALL + 1] = "";
    for (int i = 0; i < SET_SMALL + 5; i++)
        (void)snprintf(grown + strlen(grown), sizeof grown - strlen(grown), "a:%02d|s\n", i);
    for (int i = 0; i < SET_SMALL; i++)
        (void)snprintf(full + strlen(full), sizeof full - strlen(full), "b:%02d|s\n", i);
    const char *const first[] = {grown, full, NULL};
    static const char *const batch[] = {"a:x|s\na:00|s\na:y|s", "b:x|s\nb:y|s\nb:x|s\nb:z|s",
                                        "a:z|s\nc:1|s", NULL};
    const char *const *const batches[] = {batch, NULL};
    fixture_arenas_open(&b->arenas, b->folder.fd, 1, 1, MAX_SERIES);
    prepare_expected(b, first, batches);
    fixture_arenas_take(&b->arenas, 0, first);
    step_through(b, 0, batches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_has_taken_in_nothing),
        cmocka_unit_test(test_a_batch_is_in_hand_until_its_end),
        cmocka_unit_test(test_refused_lines_count_at_once),
        cmocka_unit_test(test_what_has_begun_is_in_if_its_word_has_changed),
        cmocka_unit_test(test_what_nobody_can_have_written),
        cmocka_unit_test(test_live_is_guarded),
        cmocka_unit_test_setup_teardown(test_killed_after_any_instruction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_while_another_thread_has_a_batch_in_hand, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_killed_while_sets_grow, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
