#include "http/connections.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"

#define SECOND_NS INT64_C(1000000000)

/* A connection: ours is watched, theirs sees whether it is cut. */
typedef struct {
    int ours;
    int theirs;
    Connection *known;
    unsigned crowded_out; /* by its coming */
} Client;

static Client client_of(Connections *connections, const char *address, int64_t now_ns)
{
    int ends[2];
    Address peer;
    ConnectionsCut cut = {.late = 99};
    assert_int_equal(0, address_parse(address, &peer));
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    Client c = {
        ends[0], ends[1],
        connections_add(connections, ends[0], (const struct sockaddr *)&peer.storage, now_ns, &cut),
        cut.crowded_out};
    assert_non_null(c.known);
    assert_int_equal(0, cut.late);
    return c;
}

static Client client(Connections *connections, int64_t now_ns)
{
    return client_of(connections, "127.0.0.1:1", now_ns);
}

static void close_client(Connections *connections, Client *c)
{
    connections_remove(connections, c->known);
    close(c->ours);
    close(c->theirs);
}

static void close_all(Connections *connections, Client *clients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close_client(connections, &clients[i]);
    assert_null(connections->first);
    assert_null(connections->peers);
    assert_int_equal(0, connections->count);
    connections_fini(connections);
}

static void expect_cut(const Client *c, bool cut)
{
    char byte;
    ssize_t got = recv(c->theirs, &byte, 1, 0);
    if (cut)
        assert_int_equal(0, got);
    else
        assert_true(got < 0 && errno == EAGAIN);
}

/* => how many were late. */
static unsigned late(Connections *connections, int64_t now_ns)
{
    ConnectionsCut cut = connections_enforce(connections, now_ns);
    assert_int_equal(0, cut.crowded_out);
    return cut.late;
}

static void test_the_first_request_is_due(void **state)
{
    (void)state;
    Connections connections;
    assert_int_equal(0, connections_init(&connections, 8, 0));
    Client c = client(&connections, 1000);
    assert_int_equal(0, late(&connections, 999 + CONNECTIONS_FIRST_NS));
    expect_cut(&c, false);
    assert_int_equal(1, late(&connections, 1000 + CONNECTIONS_FIRST_NS));
    expect_cut(&c, true);
    assert_int_equal(0, late(&connections, 2000 + CONNECTIONS_FIRST_NS)); /* once */
    close_all(&connections, &c, 1);
}

static void test_an_answer_has_its_time(void **state)
{
    (void)state;
    Connections connections;
    assert_int_equal(0, connections_init(&connections, 8, 0));
    Client c = client(&connections, 0);
    assert_false(connections_request(&connections, c.known, 2000));
    assert_int_equal(0, late(&connections, 1999 + CONNECTIONS_ANSWER_NS));
    expect_cut(&c, false);
    connections_answered(&connections, c.known, 5000);
    assert_int_equal(0, late(&connections, 4999 + CONNECTIONS_NEXT_NS));
    assert_int_equal(1, late(&connections, 5000 + CONNECTIONS_NEXT_NS));
    expect_cut(&c, true);
    close_all(&connections, &c, 1);
}

static void test_an_answer_that_nobody_takes(void **state)
{
    (void)state;
    Connections connections;
    assert_int_equal(0, connections_init(&connections, 8, 0));
    Client c = client(&connections, 0);
    assert_false(connections_request(&connections, c.known, 2000));
    assert_int_equal(1, late(&connections, 2000 + CONNECTIONS_ANSWER_NS));
    expect_cut(&c, true);
    close_all(&connections, &c, 1);
}

/* However good its manners are. */
static void test_an_old_connection_gets_its_last_answer(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        int64_t age_ns = own ? 100 * SECOND_NS : CONNECTIONS_AGE_NS;
        Connections connections;
        assert_int_equal(0, connections_init(&connections, 8, own ? age_ns : 0));
        Client c = client(&connections, 7);
        for (int64_t now = 7; now < 7 + age_ns; now += 50 * SECOND_NS) {
            assert_int_equal(0, late(&connections, now));
            assert_false(connections_request(&connections, c.known, now));
            connections_answered(&connections, c.known, now);
        }
        assert_true(connections_request(&connections, c.known, 7 + age_ns));
        close_all(&connections, &c, 1);
    }
}

/* The first, the middle and the last of a list go, in each order. */
static void test_each_is_removed_from_where_it_is(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const addresses[] = {"127.0.0.1:1", "127.0.0.2:1", "[::1]:1"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        Connections connections;
        Client all[3];
        assert_int_equal(0, connections_init(&connections, 8, 0));
        for (int k = 0; k < 3; k++)
            all[k] = client_of(&connections, addresses[k], k);
        close_client(&connections, &all[orders[i][0]]);
        assert_int_equal(2, late(&connections, INT64_MAX));
        expect_cut(&all[orders[i][1]], true);
        close_client(&connections, &all[orders[i][1]]);
        close_all(&connections, &all[orders[i][2]], 1);
    }
}

static void test_one_that_is_not_known(void **state)
{
    (void)state;
    Connections connections;
    assert_int_equal(0, connections_init(&connections, 8, 0));
    assert_true(connections_request(&connections, NULL, 1));
    connections_answered(&connections, NULL, 1);
    connections_remove(&connections, NULL);
    assert_int_equal(0, late(&connections, INT64_MAX));
    connections_fini(&connections);
}

/* ---- a crowd ---- */

/* Opens `count` connections, each from an address of its own, one a nanosecond from 0 on. */
static void open_each_elsewhere(Connections *connections, Client *clients, int count)
{
    for (int i = 0; i < count; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.0.0.%d:1", i + 1);
        clients[i] = client_of(connections, address, i);
        assert_int_equal(0, clients[i].crowded_out);
    }
}

/* The one that has owed a request for the longest time goes, and only one. */
static void test_the_longest_wait_goes(void **state)
{
    (void)state;
    Connections connections;
    Client clients[9];
    assert_int_equal(0, connections_init(&connections, 8, 0));
    open_each_elsewhere(&connections, clients, 8);
    connections_request(&connections, clients[0].known, 100);
    connections_request(&connections, clients[1].known, 100);
    connections_answered(&connections, clients[1].known, 101);
    clients[8] = client(&connections, 102);
    assert_int_equal(1, clients[8].crowded_out);
    for (int i = 0; i < 9; i++)
        expect_cut(&clients[i], i == 2);
    close_all(&connections, clients, 9);
}

/* Whoever has more than a quarter pays first, whatever its connections do. */
static void test_the_greedy_go_first(void **state)
{
    (void)state;
    Connections connections;
    Client clients[11];
    assert_int_equal(0, connections_init(&connections, 8, 0));
    open_each_elsewhere(&connections, clients, 4);
    for (int i = 4; i < 8; i++)
        clients[i] = client(&connections, 10 + i);
    for (int i = 4; i < 7; i++)
        connections_request(&connections, clients[i].known, 50 - i);
    clients[8] = client_of(&connections, "10.0.0.99:1", 5 * SECOND_NS);
    expect_cut(&clients[7], true); /* it owed a request */
    clients[9] = client_of(&connections, "10.0.0.98:1", 5 * SECOND_NS);
    expect_cut(&clients[6], true); /* the oldest answer of three */
    clients[10] = client_of(&connections, "10.0.0.97:1", 5 * SECOND_NS);
    for (int i = 0; i < 11; i++) /* two are no more than a quarter: now the longest wait */
        if (i != 6 && i != 7)
            expect_cut(&clients[i], i == 0);
    close_all(&connections, clients, 11);
}

/* Within a second no answer is cut, and the newcomers are too many for a while. */
static void test_an_answer_is_given_a_second(void **state)
{
    (void)state;
    Connections connections;
    Client clients[10];
    assert_int_equal(0, connections_init(&connections, 8, 0));
    open_each_elsewhere(&connections, clients, 8);
    for (int i = 0; i < 8; i++)
        connections_request(&connections, clients[i].known, 100 - i);
    for (int i = 8; i < 10; i++) {
        clients[i] = client(&connections, CONNECTIONS_GRACE_NS);
        assert_int_equal(0, clients[i].crowded_out);
        connections_request(&connections, clients[i].known, CONNECTIONS_GRACE_NS);
    }
    assert_int_equal(0, connections_enforce(&connections, CONNECTIONS_GRACE_NS).crowded_out);
    ConnectionsCut cut = connections_enforce(&connections, CONNECTIONS_GRACE_NS + 100);
    assert_int_equal(0, cut.late);
    assert_int_equal(2, cut.crowded_out);
    for (int i = 0; i < 10; i++)
        expect_cut(&clients[i], i == 6 || i == 7);
    assert_int_equal(0, connections_enforce(&connections, 3 * SECOND_NS).crowded_out);
    close_all(&connections, clients, 10);
}

/* The last to come is never the one that goes for itself. */
static void test_many_of_one_address(void **state)
{
    (void)state;
    Connections connections;
    Client clients[20];
    assert_int_equal(0, connections_init(&connections, 8, 0));
    for (int i = 0; i < 20; i++) {
        clients[i] = client(&connections, i);
        assert_int_equal(i < 8 ? 0 : 1, clients[i].crowded_out);
    }
    for (int i = 0; i < 20; i++)
        expect_cut(&clients[i], i < 12);
    close_all(&connections, clients, 20);
}

/* => whether three connections from there, of which the others have one of two, are greedy together:
 * more than a quarter of eight. The oldest of all is from elsewhere. */
static bool are_one(const char *one, const char *other)
{
    Connections connections;
    Client clients[9];
    assert_int_equal(0, connections_init(&connections, 8, 0));
    open_each_elsewhere(&connections, clients, 5);
    for (int i = 5; i < 8; i++)
        clients[i] = client_of(&connections, i == 6 ? other : one, i);
    clients[8] = client(&connections, 8);
    char byte;
    bool same = recv(clients[5].theirs, &byte, 1, 0) == 0;
    expect_cut(&clients[0], !same);
    close_all(&connections, clients, 9);
    return same;
}

static void test_what_is_one_address(void **state)
{
    (void)state;
    assert_true(are_one("192.0.2.1:1", "192.0.2.1:2"));
    assert_false(are_one("192.0.2.1:1", "192.0.2.2:1"));
    assert_true(are_one("192.0.2.1:1", "[::ffff:192.0.2.1]:1"));
    assert_true(are_one("[2001:db8:1:2::3]:1", "[2001:db8:1:2:ffff::4]:1")); /* one /64 */
    assert_false(are_one("[2001:db8:1:2::3]:1", "[2001:db8:1:3::3]:1"));
    assert_false(are_one("[2001:db8::1]:1", "32.1.13.184:1")); /* the same bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_request_is_due),
        cmocka_unit_test(test_an_answer_has_its_time),
        cmocka_unit_test(test_an_answer_that_nobody_takes),
        cmocka_unit_test(test_an_old_connection_gets_its_last_answer),
        cmocka_unit_test(test_each_is_removed_from_where_it_is),
        cmocka_unit_test(test_one_that_is_not_known),
        cmocka_unit_test(test_the_longest_wait_goes),
        cmocka_unit_test(test_the_greedy_go_first),
        cmocka_unit_test(test_an_answer_is_given_a_second),
        cmocka_unit_test(test_many_of_one_address),
        cmocka_unit_test(test_what_is_one_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
