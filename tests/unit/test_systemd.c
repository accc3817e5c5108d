#include "app/systemd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A service manager: a datagram socket under a path ('@': abstract). */
typedef struct {
    char path[64];
    char folder[32];
    int fd;
    SystemdNotify to;
} Manager;

static void manager_open(Manager *m, bool abstract)
{
    snprintf(m->folder, sizeof m->folder, "/tmp/test_systemd.XXXXXX");
    assert_non_null(mkdtemp(m->folder));
    snprintf(m->path, sizeof m->path, "%s%s/notify", abstract ? "@" : "", m->folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, m->path, strlen(m->path) + 1);
    if (abstract)
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(m->path));
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(m->fd >= 0);
    assert_int_equal(0, bind(m->fd, (struct sockaddr *)&address, size));
    m->to = (SystemdNotify){.path = m->path, .fd = -1};
}

static void manager_close(Manager *m)
{
    close(m->fd);
    unlink(m->path);
    rmdir(m->folder);
}

static void assert_received(const Manager *m, const char *expected)
{
    char got[1024];
    ssize_t length = recv(m->fd, got, sizeof got - 1, 0);
    assert_true(length >= 0);
    got[length] = '\0';
    assert_string_equal(expected, got);
}

static void assert_nothing_received(const Manager *m)
{
    char got[16];
    assert_int_equal(-1, recv(m->fd, got, sizeof got, 0));
    assert_int_equal(EAGAIN, errno);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    const SystemdNotify nobody = {.path = NULL, .fd = -1};
    assert_int_equal(0, systemd_notify(&nobody, "READY=1"));
    assert_int_equal(0, systemd_notify(&(SystemdNotify){.path = "", .fd = -1}, "READY=1"));
    assert_int_equal(0, systemd_ready(&nobody, "fine"));
    assert_int_equal(0, systemd_status(&nobody, "fine"));
    assert_int_equal(0, systemd_stopping(&nobody));
    assert_int_equal(0, systemd_reloading(&nobody, 5));
    assert_int_equal(0, systemd_watchdog(&nobody));
}

static void test_the_words(void **state)
{
    (void)state;
    for (int abstract = 0; abstract < 2; abstract++) {
        Manager m;
        manager_open(&m, abstract);
        assert_int_equal(0, systemd_notify(&m.to, "X=1"));
        assert_received(&m, "X=1");
        assert_int_equal(0, systemd_ready(&m.to, NULL));
        assert_received(&m, "READY=1");
        assert_int_equal(0, systemd_ready(&m.to, "2 threads"));
        assert_received(&m, "READY=1\nSTATUS=2 threads");
        assert_int_equal(0, systemd_status(&m.to, "draining"));
        assert_received(&m, "STATUS=draining");
        assert_int_equal(0, systemd_stopping(&m.to));
        assert_received(&m, "STOPPING=1");
        assert_int_equal(0, systemd_reloading(&m.to, 1234567890999));
        assert_received(&m, "RELOADING=1\nMONOTONIC_USEC=1234567890");
        assert_int_equal(0, systemd_watchdog(&m.to));
        assert_received(&m, "WATCHDOG=1");
        assert_nothing_received(&m);
        manager_close(&m);
    }
}

static void test_a_status_is_one_line(void **state)
{
    (void)state;
    Manager m;
    manager_open(&m, true);
    assert_int_equal(0, systemd_ready(&m.to, "a\nMAINPID=1\n"));
    assert_received(&m, "READY=1\nSTATUS=a MAINPID=1 ");

    char status[2 * SYSTEMD_MESSAGE_SIZE];
    memset(status, 's', sizeof status);
    status[sizeof status - 1] = '\0';
    assert_int_equal(0, systemd_status(&m.to, status));
    char expected[SYSTEMD_MESSAGE_SIZE];
    snprintf(expected, sizeof expected, "STATUS=%.*s", SYSTEMD_MESSAGE_SIZE - 8, status);
    assert_received(&m, expected);
    manager_close(&m);
}

static void test_a_socket_to_send_from(void **state)
{
    (void)state;
    for (int abstract = 0; abstract < 2; abstract++) {
        Manager m;
        manager_open(&m, abstract);
        m.to.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un own = {.sun_family = AF_UNIX};
        (void)snprintf(own.sun_path + 1, sizeof own.sun_path - 1, "%s/own", m.folder);
        assert_int_equal(0, bind(m.to.fd, (struct sockaddr *)&own, sizeof own));
        for (int again = 0; again < 2; again++) { /* it stays open */
            assert_int_equal(0, systemd_watchdog(&m.to));
            char got[16];
            struct sockaddr_un from;
            socklen_t size = sizeof from;
            assert_int_equal(10,
                             recvfrom(m.fd, got, sizeof got, 0, (struct sockaddr *)&from, &size));
            assert_memory_equal("WATCHDOG=1", got, 10);
            assert_memory_equal(own.sun_path, from.sun_path, sizeof own.sun_path);
        }
        close(m.to.fd);
        manager_close(&m);
    }
}

static int notify_path(const char *path)
{
    return systemd_notify(&(SystemdNotify){.path = path, .fd = -1}, "X=1");
}

static void test_paths(void **state)
{
    (void)state;
    assert_int_equal(-EINVAL, notify_path("run/notify"));
    assert_int_equal(-EINVAL, notify_path("vsock:2:1"));
    assert_int_equal(-ENOENT, notify_path("/nonexistent/notify"));
    assert_int_equal(-ECONNREFUSED, notify_path("@/nonexistent/notify"));
    char path[110];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[108] = '\0';
    assert_int_equal(-EINVAL, notify_path(path));
    path[107] = '\0';
    assert_int_equal(-ENOENT, notify_path(path));
}

static void test_watchdog_interval(void **state)
{
    (void)state;
    assert_int_equal(0, systemd_watchdog_ns(NULL, NULL, 42));
    assert_int_equal(0, systemd_watchdog_ns(NULL, "42", 42));
    assert_int_equal(30000000000, systemd_watchdog_ns("30000000", "42", 42));
    assert_int_equal(30000000000, systemd_watchdog_ns("30000000", NULL, 42));
    assert_int_equal(0, systemd_watchdog_ns("30000000", "43", 42));
    assert_int_equal(1000, systemd_watchdog_ns("1", "42", 42));
    assert_int_equal(9223372036854775000, systemd_watchdog_ns("9223372036854775", "42", 42));

    static const char *const bad[] = {
        "",
        "0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "9223372036854776",
        "99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(-EINVAL, systemd_watchdog_ns(bad[i], "42", 42));
    assert_int_equal(-EINVAL, systemd_watchdog_ns("1", "", 42));
    assert_int_equal(-EINVAL, systemd_watchdog_ns("1", "x", 42));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_the_words),
        cmocka_unit_test(test_a_status_is_one_line),
        cmocka_unit_test(test_a_socket_to_send_from),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_watchdog_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
