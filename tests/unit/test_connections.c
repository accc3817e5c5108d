#include "http/deadlines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A connection: ours is watched, theirs sees whether it is cut. */
typedef struct {
    int ours;
    int theirs;
    Deadline *deadline;
} Connection;

static Connection connection(Deadlines *deadlines, int64_t now_ns)
{
    int ends[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    Connection c = {ends[0], ends[1], deadlines_add(deadlines, ends[0], now_ns)};
    assert_non_null(c.deadline);
    return c;
}

static void close_connection(Deadlines *deadlines, Connection *c)
{
    deadlines_remove(deadlines, c->deadline);
    close(c->ours);
    close(c->theirs);
}

static void expect_cut(const Connection *c, bool cut)
{
    char byte;
    ssize_t got = recv(c->theirs, &byte, 1, 0);
    if (cut)
        assert_int_equal(0, got);
    else
        assert_true(got < 0 && errno == EAGAIN);
}

static void test_the_first_request_is_due(void **state)
{
    (void)state;
    Deadlines deadlines;
    assert_int_equal(0, deadlines_init(&deadlines));
    Connection c = connection(&deadlines, 1000);
    assert_int_equal(0, deadlines_enforce(&deadlines, 999 + DEADLINES_FIRST_NS));
    expect_cut(&c, false);
    assert_int_equal(1, deadlines_enforce(&deadlines, 1000 + DEADLINES_FIRST_NS));
    expect_cut(&c, true);
    assert_int_equal(0, deadlines_enforce(&deadlines, 2000 + DEADLINES_FIRST_NS)); /* once */
    close_connection(&deadlines, &c);
    deadlines_fini(&deadlines);
}

static void test_an_answer_has_its_time(void **state)
{
    (void)state;
    Deadlines deadlines;
    assert_int_equal(0, deadlines_init(&deadlines));
    Connection c = connection(&deadlines, 0);
    deadlines_request(&deadlines, c.deadline, 2000);
    assert_int_equal(0, deadlines_enforce(&deadlines, 1999 + DEADLINES_ANSWER_NS));
    expect_cut(&c, false);
    deadlines_answered(&deadlines, c.deadline, 5000);
    assert_int_equal(0, deadlines_enforce(&deadlines, 4999 + DEADLINES_NEXT_NS));
    assert_int_equal(1, deadlines_enforce(&deadlines, 5000 + DEADLINES_NEXT_NS));
    expect_cut(&c, true);
    close_connection(&deadlines, &c);
    deadlines_fini(&deadlines);
}

static void test_an_answer_that_nobody_takes(void **state)
{
    (void)state;
    Deadlines deadlines;
    assert_int_equal(0, deadlines_init(&deadlines));
    Connection c = connection(&deadlines, 0);
    deadlines_request(&deadlines, c.deadline, 2000);
    assert_int_equal(1, deadlines_enforce(&deadlines, 2000 + DEADLINES_ANSWER_NS));
    expect_cut(&c, true);
    close_connection(&deadlines, &c);
    deadlines_fini(&deadlines);
}

/* The first, the middle and the last of a list go, in each order. */
static void test_each_is_removed_from_where_it_is(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        Deadlines deadlines;
        Connection all[3];
        assert_int_equal(0, deadlines_init(&deadlines));
        for (int k = 0; k < 3; k++)
            all[k] = connection(&deadlines, k);
        close_connection(&deadlines, &all[orders[i][0]]);
        assert_int_equal(2, deadlines_enforce(&deadlines, INT64_MAX));
        expect_cut(&all[orders[i][1]], true);
        close_connection(&deadlines, &all[orders[i][1]]);
        close_connection(&deadlines, &all[orders[i][2]]);
        assert_null(deadlines.first);
        deadlines_fini(&deadlines);
    }
}

static void test_one_without_a_deadline(void **state)
{
    (void)state;
    Deadlines deadlines;
    assert_int_equal(0, deadlines_init(&deadlines));
    deadlines_request(&deadlines, NULL, 1);
    deadlines_answered(&deadlines, NULL, 1);
    deadlines_remove(&deadlines, NULL);
    assert_int_equal(0, deadlines_enforce(&deadlines, INT64_MAX));
    deadlines_fini(&deadlines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_request_is_due),
        cmocka_unit_test(test_an_answer_has_its_time),
        cmocka_unit_test(test_an_answer_that_nobody_takes),
        cmocka_unit_test(test_each_is_removed_from_where_it_is),
        cmocka_unit_test(test_one_without_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
