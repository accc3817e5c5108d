#include "base/advice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_address(const char *expected, int error, const char *text,
                           AdviceTransport transport)
{
    Address address;
    char out[ADVICE_SIZE];
    memset(out, 'X', sizeof out);
    assert_int_equal(0, address_parse(text, &address));
    assert_ptr_equal(out, advice_address(error, &address, transport, "--it", out));
    assert_string_equal(expected, out);
}

static void test_addresses(void **state)
{
    (void)state;
    expect_address("Address already in use; `sudo ss -lunp 'sport = :8125'` shows by whom: stop "
                   "that, or choose another port with --it",
                   -EADDRINUSE, "127.0.0.1:8125", ADVICE_UDP);
    expect_address("Address already in use; `sudo ss -ltnp 'sport = :8127'` shows by whom: stop "
                   "that, or choose another port with --it",
                   -EADDRINUSE, "[::1]:8127", ADVICE_TCP);
    expect_address("Permission denied; ports below 1024 take CAP_NET_BIND_SERVICE: choose a higher "
                   "one with --it, or let systemd hold it (the .socket unit)",
                   -EACCES, "127.0.0.1:1023", ADVICE_UDP);
    expect_address(
        "Permission denied; something above this program forbids it (a sandbox, SELinux)", -EACCES,
        "127.0.0.1:1024", ADVICE_UDP);
    expect_address("Cannot assign requested address; this machine has no such address: `ip -brief "
                   "address` lists those that it has, 0.0.0.0 stands for all; choose one with --it",
                   -EADDRNOTAVAIL, "192.0.2.1:8125", ADVICE_UDP);
    expect_address("Cannot assign requested address; this machine has no such address: `ip -brief "
                   "address` lists those that it has, [::] stands for all; choose one with --it",
                   -EADDRNOTAVAIL, "[2001:db8::1]:8125", ADVICE_TCP);
    expect_address("Invalid argument; a link-local address needs its interface, as in "
                   "[fe80::1%eth0]:8125",
                   -EINVAL, "[fe80::2]:8125", ADVICE_UDP);
    expect_address("Invalid argument", -EINVAL, "[fe80::2%1]:8125", ADVICE_UDP);
    expect_address("Invalid argument", -EINVAL, "[::1]:8125", ADVICE_UDP);
    expect_address("Invalid argument", -EINVAL, "127.0.0.1:8125", ADVICE_UDP);
    expect_address("Address family not supported by protocol; IPv6 is switched off, or the unit's "
                   "sandbox forbids it: there the .socket units hold the addresses",
                   -EAFNOSUPPORT, "[::1]:8125", ADVICE_UDP);
    expect_address("Too many open files; raise the limit (LimitNOFILE= of the unit, or ulimit -n)",
                   -EMFILE, "127.0.0.1:8125", ADVICE_UDP);
    expect_address("Input/output error", -EIO, "127.0.0.1:8125", ADVICE_TCP);
}

static void test_texts_that_are_no_address(void **state)
{
    (void)state;
    static const struct {
        const char *text, *advice;
    } cases[] = {
        {"", ""},
        {"8125", "127.0.0.1:PORT is for this machine alone, 0.0.0.0:PORT for all"},
        {":8125", "0.0.0.0:PORT stands for all of IPv4, [::]:PORT for all of IPv6"},
        {"*:8125", "0.0.0.0:PORT stands for all of IPv4, [::]:PORT for all of IPv6"},
        {"127.0.0.1", "the port is missing"},
        {"localhost", "the port is missing"},
        {"[::1]", "the port is missing"},
        {"[::1:8125", "a ] is missing"},
        {"127.0.0.1:", "the port is a number from 0 to 65535"},
        {"127.0.0.1:70000", "the port is a number from 0 to 65535"},
        {"[::1]:x", "the port is a number from 0 to 65535"},
        {"[::1]8125", "the port is a number from 0 to 65535"},
        {"::1:8125", "IPv6 stands in brackets, as in [::1]:PORT"},
        {"[fe80::1%nix]:8125", "`ip link` lists the interfaces that may stand behind the %"},
        {"[127.0.0.1]:8125", "that is no IPv6 address"},
        {"localhost:8125",
         "host names are not looked up: `getent ahosts NAME` shows a name's addresses"},
        {"udp://127.0.0.1:8125", "leave what ends in :// away"},
        {"127.0.0.300:8125", "an IPv4 address is four numbers from 0 to 255"},
        {"127.1:8125", "an IPv4 address is four numbers from 0 to 255"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Address address;
        assert_int_equal(-EINVAL, address_parse(cases[i].text, &address));
        assert_string_equal(cases[i].advice, advice_address_text(cases[i].text));
    }
}

static void expect_directory(const char *expected, int error, const char *path)
{
    char out[ADVICE_SIZE];
    assert_ptr_equal(out, advice_directory(error, path, "--it", out));
    assert_string_equal(expected, out);
}

static void test_directories(void **state)
{
    (void)state;
    char denied[ADVICE_SIZE];
    (void)snprintf(denied, sizeof denied,
                   "Permission denied; uid %u must be allowed to write there: `ls -ld` shows who "
                   "is; give it the directory (chown), or choose another with --it",
                   (unsigned)geteuid());
    expect_directory(denied, -EACCES, "/a/b");
    expect_directory("No such file or directory; make the one above it first (mkdir -p '/a/b'), or "
                     "choose another with --it",
                     -ENOENT, "/a/b/c");
    expect_directory("No such file or directory; make the one above it first (mkdir -p '/'), or "
                     "choose another with --it",
                     -ENOENT, "/a");
    expect_directory("Not a directory; a file of that name is in the way: move it, or choose "
                     "another with --it",
                     -ENOTDIR, "/a");
    expect_directory("Read-only file system; choose another with --it, or open it to the unit "
                     "(StateDirectory= or ReadWritePaths=)",
                     -EROFS, "/a");
    expect_directory("No space left on device; make room (`df -h` and `df -i` show how much there "
                     "is), or choose another with --it",
                     -ENOSPC, "/a");
    expect_directory(
        "Too many open files in system; raise the limit (LimitNOFILE= of the unit, or ulimit -n)",
        -ENFILE, "/a");
    expect_directory("Is a directory", -EISDIR, "/a");
}

/* However long the path: cut, and ended. */
static void expect_unix(const char *expected, int error, const char *name)
{
    char out[ADVICE_SIZE];
    assert_ptr_equal(out, advice_unix(error, name, "--it", out));
    assert_string_equal(expected, out);
}

static void test_unix_sockets(void **state)
{
    (void)state;
    char expected[ADVICE_SIZE];
    expect_unix(
        "Address already in use; `sudo ss -xap | grep -F '/run/x'` shows by whom: stop that, "
        "or choose another name with --it",
        -EADDRINUSE, "/run/x");
    expect_unix("Socket operation on non-socket; what is there is something else, and stays: move "
                "it, or choose another name with --it",
                -ENOTSOCK, "/run/x");
    expect_unix("Address family not supported by protocol; the unit's sandbox forbids it: there "
                "atomicstatsd-unix.socket holds the socket",
                -EAFNOSUPPORT, "/run/x");
    expect_unix("No such file or directory; make the one above it first (mkdir -p '/no/where'), or "
                "choose another with --it",
                -ENOENT, "/no/where/x");
    (void)snprintf(
        expected, sizeof expected,
        "Permission denied; uid %u must be allowed to write there: `ls -ld` shows who is; "
        "give it the directory (chown), or choose another with --it",
        (unsigned)geteuid());
    expect_unix(expected, -EACCES, "/private/x");
    expect_unix("Permission denied", -EACCES, "@x");
}

static void test_a_path_that_does_not_fit(void **state)
{
    (void)state;
    char path[4096];
    char out[ADVICE_SIZE];
    memset(path, 'a', sizeof path);
    path[0] = path[4000] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(ADVICE_SIZE - 1, strlen(advice_directory(-ENOENT, path, "--it", out)));
}

static void expect_file(const char *expected, int error)
{
    char out[ADVICE_SIZE];
    assert_ptr_equal(out, advice_file(error, "write it", out));
    assert_string_equal(expected, out);
}

static void test_files(void **state)
{
    (void)state;
    char denied[ADVICE_SIZE];
    (void)snprintf(denied, sizeof denied,
                   "Permission denied; uid %u must be allowed to read it, and to enter the "
                   "directories above it",
                   (unsigned)geteuid());
    expect_file(denied, -EACCES);
    expect_file("No such file or directory; write it", -ENOENT);
    expect_file("Is a directory; name a file in it", -EISDIR);
    expect_file("Not a directory; something above it is a file", -ENOTDIR);
    expect_file("Too many open files; raise the limit (LimitNOFILE= of the unit, or ulimit -n)",
                -EMFILE);
    expect_file("Input/output error", -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_texts_that_are_no_address),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_a_path_that_does_not_fit),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
