#include "ingest/ip_socket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const int types[] = {SOCK_DGRAM, SOCK_STREAM};

/* => a socket of that type, and what its binding gave in *error. */
static int bound_to(const Address *address, int type, bool first, int *error)
{
    int fd = socket(address->storage.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    *error = ip_socket_bind(fd, address, first);
    return fd;
}

static void test_a_group_shares_its_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        Address address;
        Address same;
        int error;
        assert_int_equal(0, address_parse("127.0.0.1:0", &address));
        int first = bound_to(&address, types[i], true, &error);
        assert_int_equal(0, error);
        assert_int_equal(0, ip_socket_address(first, &address));
        assert_int_not_equal(0, address_port(&address));
        int second = bound_to(&address, types[i], false, &error);
        assert_int_equal(0, error);
        assert_int_equal(0, ip_socket_address(second, &same));
        assert_int_equal(address_port(&address), address_port(&same));
        int another_first = bound_to(&address, types[i], true, &error);
        assert_int_equal(-EADDRINUSE, error);
        close(another_first);
        close(second);
        close(first);
    }
}

static void test_what_is_no_socket(void **state)
{
    (void)state;
    Address address;
    assert_int_equal(0, address_parse("127.0.0.1:0", &address));
    assert_int_equal(-EBADF, ip_socket_set(-1, SOL_SOCKET, SO_REUSEPORT, 1));
    assert_int_equal(-EBADF, ip_socket_bind(-1, &address, true));
    assert_int_equal(-EBADF, ip_socket_bind(-1, &address, false));
    assert_int_equal(-EBADF, ip_socket_address(-1, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_group_shares_its_port),
        cmocka_unit_test(test_what_is_no_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
