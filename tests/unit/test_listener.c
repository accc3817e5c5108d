#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/listener.h"

static Address address_of(const char *text)
{
    Address address;
    assert_int_equal(0, address_parse(text, &address));
    return address;
}

/* => 0 or the errno of connect(). */
static int try_connect(const Address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int result = connect(fd, (const struct sockaddr *)&address->storage, address->length);
    int error = result == 0 ? 0 : errno;
    close(fd);
    return error;
}

static void expect_flags(int fd)
{
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    int seconds = 0;
    socklen_t length = sizeof seconds;
    assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, &length));
    assert_int_equal(1, seconds);
}

static void test_binds_exactly_the_address(void **state)
{
    (void)state;
    Address wanted = address_of("127.0.0.2:0");
    Address bound;
    int fd = listener_open(&wanted, &bound);
    assert_true(fd >= 0);
    expect_flags(fd);
    assert_true(address_port(&bound) != 0);
    assert_int_equal(0, try_connect(&bound));
    Address other = address_of("127.0.0.1:0");
    ((struct sockaddr_in *)&other.storage)->sin_port =
        ((struct sockaddr_in *)&bound.storage)->sin_port;
    assert_int_equal(ECONNREFUSED, try_connect(&other));
    close(fd);
}

static void test_ipv6_takes_ipv6_alone(void **state)
{
    (void)state;
    Address wanted = address_of("[::]:0");
    Address bound;
    int fd = listener_open(&wanted, &bound);
    if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
        skip(); /* a machine without IPv6 */
    assert_true(fd >= 0);
    int only = 0;
    socklen_t length = sizeof only;
    assert_int_equal(0, getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length));
    assert_int_equal(1, only);
    close(fd);
}

static void test_an_address_in_use_is_an_error(void **state)
{
    (void)state;
    Address wanted = address_of("127.0.0.1:0");
    Address bound;
    int fd = listener_open(&wanted, &bound);
    assert_true(fd >= 0);
    Address untouched;
    memset(&untouched, 0x5a, sizeof untouched);
    Address before = untouched;
    assert_int_equal(-EADDRINUSE, listener_open(&bound, &untouched));
    assert_memory_equal(&before, &untouched, sizeof before);
    close(fd);
}

static void test_a_foreign_address_is_an_error(void **state)
{
    (void)state;
    Address wanted = address_of("192.0.2.1:0"); /* TEST-NET-1: nobody's */
    Address bound;
    assert_int_equal(-EADDRNOTAVAIL, listener_open(&wanted, &bound));
}

static void test_adopts_a_listening_socket(void **state)
{
    (void)state;
    Address wanted = address_of("127.0.0.1:0");
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* as systemd gives it: neither flag is set */
    assert_true(fd >= 0);
    assert_int_equal(0, bind(fd, (const struct sockaddr *)&wanted.storage, wanted.length));
    assert_int_equal(0, listen(fd, 5));
    Address bound;
    assert_int_equal(fd, listener_adopt(fd, &bound));
    expect_flags(fd);
    assert_true(address_port(&bound) != 0);
    assert_int_equal(0, try_connect(&bound));
    close(fd);
}

static void expect_not_adopted(int fd, int error)
{
    Address bound;
    assert_true(fd >= 0);
    assert_int_equal(error, listener_adopt(fd, &bound));
    assert_int_equal(-1, fcntl(fd, F_GETFD)); /* closed */
    assert_int_equal(EBADF, errno);
}

static void test_adopts_nothing_else(void **state)
{
    (void)state;
    expect_not_adopted(socket(AF_INET, SOCK_STREAM, 0), -EINVAL); /* does not listen */
    expect_not_adopted(socket(AF_INET, SOCK_DGRAM, 0), -EINVAL);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr name = {.sa_family = AF_UNIX}; /* the kernel chooses an abstract name */
    assert_int_equal(0, bind(local, &name, sizeof name.sa_family));
    assert_int_equal(0, listen(local, 1));
    expect_not_adopted(local, -EINVAL);
    expect_not_adopted(open("/dev/null", O_RDONLY), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binds_exactly_the_address),
        cmocka_unit_test(test_ipv6_takes_ipv6_alone),
        cmocka_unit_test(test_an_address_in_use_is_an_error),
        cmocka_unit_test(test_a_foreign_address_is_an_error),
        cmocka_unit_test(test_adopts_a_listening_socket),
        cmocka_unit_test(test_adopts_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
