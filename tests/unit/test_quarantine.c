#include "ingest/quarantine.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "fixture_arenas.h"

typedef struct {
    FixtureFolder folder;
    Hand *hand;
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fixture_folder_open(&b->folder);
    b->hand = calloc(1, sizeof *b->hand);
    assert_non_null(b->hand);
    b->hand->transport = TRANSPORT_UDP;
    receive_batch_init(&b->hand->batch);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    fixture_folder_close(&b->folder);
    free(b->hand);
    free(b);
    return 0;
}

static void put(Bench *b, int i, const void *bytes, size_t length)
{
    memcpy(b->hand->batch.bytes + (size_t)i * RECEIVE_STRIDE, bytes, length);
    b->hand->batch.headers[i].msg_len = (unsigned)length;
}

static void expect_file(const Bench *b, const char *name, const void *expected, size_t length)
{
    char *bytes = malloc(length + 1);
    int fd = openat(b->folder.fd, name, O_RDONLY | O_CLOEXEC);
    assert_non_null(bytes);
    assert_true(fd >= 0);
    assert_int_equal(length, read(fd, bytes, length + 1));
    assert_memory_equal(expected, bytes, length);
    close(fd);
    free(bytes);
}

static void test_lengths_and_bytes(void **state)
{
    Bench *b = *state;
    static const char expected[] = "5\na:1|c\n0\n\n6\n1\n2\0\xff\n\n";
    put(b, 0, "a:1|c", 5);
    put(b, 1, "", 0);
    put(b, 2, "1\n2\0\xff\n", 6);
    put(b, 3, "not this one", 12);
    assert_int_equal(0, quarantine_write(b->folder.fd, "q", b->hand, 3));
    expect_file(b, "q", expected, sizeof expected - 1);
    assert_int_equal(0, quarantine_write(b->folder.fd, "none", b->hand, 0));
    expect_file(b, "none", "", 0);
}

static void test_the_longest_batch(void **state)
{
    Bench *b = *state;
    enum {
        LONGEST = 65507
    };
    static const size_t each = sizeof "65507\n" - 1 + LONGEST + 1;
    char *expected = malloc(RECEIVE_BATCH_SIZE * each);
    assert_non_null(expected);
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++) {
        char *at = expected + (size_t)i * each;
        memcpy(at, "65507\n", 6);
        memset(at + 6, 'a' + i % 26, LONGEST);
        at[each - 1] = '\n';
        put(b, i, at + 6, LONGEST);
    }
    assert_int_equal(0, quarantine_write(b->folder.fd, "q", b->hand, RECEIVE_BATCH_SIZE));
    expect_file(b, "q", expected, RECEIVE_BATCH_SIZE * each);
    free(expected);
}

/* All that is there, the line included that was kept from the read before. */
static void test_a_stream(void **state)
{
    Bench *b = *state;
    put(b, 0, "abc:1|c\nd:", 10);
    b->hand->transport = TRANSPORT_TCP;
    b->hand->stream.kept = 2;
    b->hand->batch.headers[0].msg_len = 8;
    assert_int_equal(0, quarantine_write(b->folder.fd, "q", b->hand, 1));
    expect_file(b, "q", "10\nabc:1|c\nd:\n", 14);
}

static void test_what_is_there_stays(void **state)
{
    Bench *b = *state;
    put(b, 0, "one", 3);
    assert_int_equal(0, quarantine_write(b->folder.fd, "q", b->hand, 1));
    put(b, 0, "other", 5);
    assert_int_equal(-EEXIST, quarantine_write(b->folder.fd, "q", b->hand, 1));
    expect_file(b, "q", "3\none\n", 6);
    assert_int_equal(0, symlinkat("elsewhere", b->folder.fd, "link"));
    assert_int_equal(-EEXIST, quarantine_write(b->folder.fd, "link", b->hand, 1));
    assert_int_equal(2, fixture_folder_each(&b->folder, "", NULL));
    assert_int_equal(-ENOTDIR, quarantine_write(b->folder.fd, "q/q", b->hand, 1));
}

/* Half a file is none. RLIMIT_FSIZE in place of a full disk. */
static void test_no_room(void **state)
{
    Bench *b = *state;
    struct rlimit usual;
    put(b, 0, "0123456789", 10);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &usual));
    const struct rlimit small = {8, usual.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
    int error = quarantine_write(b->folder.fd, "q", b->hand, 1);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &usual));
    assert_int_equal(-EFBIG, error);
    assert_int_equal(0, fixture_folder_each(&b->folder, "", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lengths_and_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_longest_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_there_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
