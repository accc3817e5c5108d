#include "app/listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SELF = 4242,
    FIRST = 200 /* the tests' own place, far from cmocka's descriptors */
};

/* Puts `fd` where the service manager would. */
static void hand_over(int index, int fd)
{
    assert_true(fd >= 0);
    assert_int_equal(FIRST + index, dup2(fd, FIRST + index));
    close(fd);
}

static int udp_socket(int domain)
{
    return socket(domain, SOCK_DGRAM, 0);
}

static int tcp_socket(int domain, bool listening)
{
    int fd = socket(domain, SOCK_STREAM, 0);
    if (listening)
        assert_int_equal(0, listen(fd, 1)); /* on any free port */
    return fd;
}

static void close_all(int count)
{
    for (int i = 0; i < count; i++)
        close(FIRST + i);
}

static int take(const char *pid, const char *count, const char *names, ListenFds *out,
                ListenFdsError *error)
{
    const ListenFdsEnvironment environment = {pid, count, names};
    return listen_fds_take(&environment, SELF, FIRST, out, error);
}

static void assert_none(const char *pid, const char *count, const char *names)
{
    ListenFds fds;
    memset(&fds, 0x5A, sizeof fds);
    ListenFdsError error;
    assert_int_equal(0, take(pid, count, names, &fds, &error));
    assert_int_equal(0, fds.udp_count);
    assert_int_equal(-1, fds.http);
    assert_int_equal(-1, fds.notify);
}

static void assert_refused(int status, const char *message, const char *pid, const char *count,
                           const char *names)
{
    ListenFds fds;
    memset(&fds, 0x5A, sizeof fds);
    ListenFds untouched = fds;
    ListenFdsError error = {"no message"};
    assert_int_equal(status, take(pid, count, names, &fds, &error));
    assert_string_equal(message, error.message);
    assert_memory_equal(&untouched, &fds, sizeof fds);
}

static void test_nothing_is_handed_over(void **state)
{
    (void)state;
    assert_none(NULL, NULL, NULL);
    assert_none("4242", NULL, NULL);
    assert_none(NULL, "1", "udp");
    assert_none("4243", "1", "udp"); /* for our parent */
    assert_none("4242", "0", "");
}

static void test_bad_numbers(void **state)
{
    (void)state;
    assert_refused(-EINVAL, "LISTEN_PID: \"x\" is no number", "x", "1", NULL);
    assert_refused(-EINVAL, "LISTEN_PID: \"\" is no number", "", "1", NULL);
    assert_refused(-EINVAL, "LISTEN_FDS: \"-1\" is no number", "4242", "-1", NULL);
    assert_refused(-EINVAL, "LISTEN_FDS: \"1e1\" is no number", "4242", "1e1", NULL);
    assert_refused(-EINVAL, "LISTEN_FDS: \"2147483647\" is no number", "4242", "2147483647", NULL);
    assert_refused(-EINVAL, "LISTEN_FDS: \"99999999999\" is no number", "4242", "99999999999",
                   NULL);
}

static void test_names_decide_not_the_order(void **state)
{
    (void)state;
    hand_over(0, tcp_socket(AF_INET6, true));
    hand_over(1, udp_socket(AF_INET));
    hand_over(2, udp_socket(AF_INET6));
    ListenFds fds;
    ListenFdsError error = {"no message"};
    int status = take("4242", "3", "http:udp:udp", &fds, &error);
    if (status != 0)
        fail_msg("%s", error.message);
    assert_int_equal(FIRST, fds.http);
    assert_int_equal(2, fds.udp_count);
    assert_int_equal(FIRST + 1, fds.udp[0]);
    assert_int_equal(FIRST + 2, fds.udp[1]);
    assert_int_equal(-1, fds.notify);
    for (int fd = FIRST; fd < FIRST + 3; fd++) {
        assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    }
    close_all(3);
}

static void test_a_socket_to_notify_from_waits(void **state)
{
    (void)state;
    hand_over(0, socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    ListenFds fds;
    ListenFdsError error = {"no message"};
    if (take("4242", "1", "notify", &fds, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(FIRST, fds.notify);
    assert_int_equal(-1, fds.http);
    assert_int_equal(0, fds.udp_count);
    assert_int_equal(FD_CLOEXEC, fcntl(FIRST, F_GETFD));
    assert_false(fcntl(FIRST, F_GETFL) & O_NONBLOCK);
    close_all(1);
}

static void test_the_type_decides_where_there_is_no_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        NULL, "", ":", "unknown", "unknown:unknown", "a-udp.socket:a-http.socket", "udp", ":http",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hand_over(0, udp_socket(AF_INET));
        hand_over(1, tcp_socket(AF_INET, true));
        ListenFds fds;
        ListenFdsError error = {"no message"};
        if (take("4242", "2", names[i], &fds, &error) != 0)
            fail_msg("%s: %s", names[i] == NULL ? "NULL" : names[i], error.message);
        assert_int_equal(FIRST + 1, fds.http);
        assert_int_equal(1, fds.udp_count);
        assert_int_equal(FIRST, fds.udp[0]);
        close_all(2);
    }
}

static void test_unix_sockets(void **state)
{
    (void)state;
    hand_over(0, udp_socket(AF_UNIX));
    hand_over(1, udp_socket(AF_UNIX));
    hand_over(2, udp_socket(AF_UNIX));
    ListenFds fds;
    ListenFdsError error = {"no message"};
    int status = take("4242", "3", "unix:notify:a.socket", &fds, &error);
    if (status != 0)
        fail_msg("%s", error.message);
    assert_int_equal(2, fds.local_count);
    assert_int_equal(FIRST, fds.local[0]);
    assert_int_equal(FIRST + 2, fds.local[1]); /* without a name of its own: by its type */
    assert_int_equal(FIRST + 1, fds.notify);
    assert_int_equal(0, fds.udp_count);
    assert_true(fcntl(FIRST, F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(FIRST + 1, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(FIRST + 2, F_GETFL) & O_NONBLOCK);
    close_all(3);
}

static void test_tcp_sockets(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        hand_over(i, tcp_socket(AF_INET, true));
    hand_over(3, tcp_socket(AF_INET6, true));
    ListenFds fds;
    ListenFdsError error = {"no message"};
    int status = take("4242", "4", "tcp:http:tcp:tcp", &fds, &error);
    if (status != 0)
        fail_msg("%s", error.message);
    assert_int_equal(3, fds.tcp_count);
    assert_int_equal(FIRST, fds.tcp[0]);
    assert_int_equal(FIRST + 2, fds.tcp[1]);
    assert_int_equal(FIRST + 3, fds.tcp[2]);
    assert_int_equal(FIRST + 1, fds.http);
    assert_refused(-E2BIG, "LISTEN_FDS: descriptors 200 and 201 are both for http", "4242", "4",
                   "http:a.socket:tcp:tcp"); /* without a name of its own it is for http */
    close_all(4);
    hand_over(0, tcp_socket(AF_INET, false));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"tcp\") is no listening TCP socket",
                   "4242", "1", "tcp");
    close_all(1);
}

static void test_names_that_nothing_is_done_for(void **state)
{
    (void)state;
    hand_over(0, udp_socket(AF_INET));
    assert_refused(-EINVAL,
                   "LISTEN_FDNAMES: descriptor 200: \"statsd\" is none of \"udp\", "
                   "\"unix\", \"tcp\", \"http\" and \"notify\"",
                   "4242", "1", "statsd");
    assert_refused(-EINVAL,
                   "LISTEN_FDNAMES: descriptor 200: \"UDP\" is none of \"udp\", "
                   "\"unix\", \"tcp\", \"http\" and \"notify\"",
                   "4242", "1", "UDP");
    assert_refused(-EINVAL, "LISTEN_FDNAMES: more names than the 1 descriptors", "4242", "1",
                   "udp:http");
    close_all(1);
}

static void test_the_wrong_kind_of_socket(void **state)
{
    (void)state;
    hand_over(0, tcp_socket(AF_INET, true));
    hand_over(1, udp_socket(AF_INET));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"udp\") is no UDP socket", "4242", "2",
                   "udp:http");
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 201 (\"http\") is no listening TCP socket",
                   "4242", "2", "http:http");
    close_all(2);

    hand_over(0, tcp_socket(AF_INET, false));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"http\") is no listening TCP socket",
                   "4242", "1", "http");
    assert_refused(-EINVAL,
                   "LISTEN_FDS: descriptor 200 (\"\") is no UDP socket, Unix datagram socket or "
                   "listening TCP socket",
                   "4242", "1", NULL);
    close_all(1);

    hand_over(0, udp_socket(AF_UNIX));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"udp\") is no UDP socket", "4242", "1",
                   "udp");
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"http\") is no listening TCP socket",
                   "4242", "1", "http");
    close_all(1);

    hand_over(0, udp_socket(AF_INET));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"unix\") is no Unix datagram socket",
                   "4242", "1", "unix");
    close_all(1);

    hand_over(0, udp_socket(AF_INET));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"notify\") is no Unix datagram socket",
                   "4242", "1", "notify");
    close_all(1);

    hand_over(0, open("/dev/null", O_RDWR | O_CLOEXEC));
    assert_refused(-EINVAL, "LISTEN_FDS: descriptor 200 (\"http\") is no listening TCP socket",
                   "4242", "1", "http");
    close_all(1);
}

static void test_a_descriptor_that_is_not_open(void **state)
{
    (void)state;
    assert_refused(-EBADF, "LISTEN_FDS: descriptor 200 (\"udp\"): Bad file descriptor", "4242", "1",
                   "udp");
}

static void test_too_many_of_a_kind(void **state)
{
    (void)state;
    hand_over(0, tcp_socket(AF_INET, true));
    hand_over(1, tcp_socket(AF_INET6, true));
    assert_refused(-E2BIG, "LISTEN_FDS: descriptors 200 and 201 are both for http", "4242", "2",
                   "http:http");
    close_all(2);

    hand_over(0, udp_socket(AF_UNIX));
    hand_over(1, udp_socket(AF_UNIX));
    assert_refused(-E2BIG, "LISTEN_FDS: descriptors 200 and 201 are both for notify", "4242", "2",
                   "notify:notify");
    close_all(2);

    for (int i = 0; i <= LISTEN_FDS_MAX; i++)
        hand_over(i, udp_socket(AF_INET));
    ListenFds fds;
    ListenFdsError error;
    assert_int_equal(0, take("4242", "64", NULL, &fds, &error));
    assert_int_equal(LISTEN_FDS_MAX, fds.udp_count);
    assert_refused(-E2BIG, "LISTEN_FDS: more than 64 sockets for udp", "4242", "65", NULL);
    close_all(LISTEN_FDS_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_handed_over),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_names_decide_not_the_order),
        cmocka_unit_test(test_a_socket_to_notify_from_waits),
        cmocka_unit_test(test_the_type_decides_where_there_is_no_name),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_tcp_sockets),
        cmocka_unit_test(test_names_that_nothing_is_done_for),
        cmocka_unit_test(test_the_wrong_kind_of_socket),
        cmocka_unit_test(test_a_descriptor_that_is_not_open),
        cmocka_unit_test(test_too_many_of_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
