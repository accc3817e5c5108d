#include "ingest/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    char folder[32];
    char path[64]; /* in it; nothing is there */
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    (void)snprintf(b->folder, sizeof b->folder, "/tmp/unix-socket-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    (void)snprintf(b->path, sizeof b->path, "%s/values.sock", b->folder);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    assert_int_equal(0, rmdir(b->folder)); /* so each test removes what it makes */
    free(b);
    return 0;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* Leaves a socket of this type at the path. => its descriptor. */
static int somebody_at(const char *path, int type)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static void test_open_receive_close(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    char bytes[8];
    assert_int_equal(0, unix_socket_open(&s, b->path, 0666));
    assert_string_equal(b->path, s.text);
    int sender = connect_to(b->path);
    assert_true(sender >= 0);
    assert_int_equal(5, send(sender, "a:1|c", 5, 0));
    assert_int_equal(5, recv(s.fd, bytes, sizeof bytes, 0));
    assert_int_equal(-1, recv(s.fd, bytes, sizeof bytes, 0)); /* it does not wait */
    assert_int_equal(EAGAIN, errno);
    assert_int_equal(FD_CLOEXEC, fcntl(s.fd, F_GETFD));
    unix_socket_close(&s);
    assert_int_equal(-1, s.fd);
    assert_false(is_there(b->path));
    unix_socket_close(&s);
    assert_int_equal(-1, send(sender, "a:1|c", 5, 0));
    close(sender);
}

static void test_the_mode_whatever_the_umask(void **state)
{
    Bench *b = *state;
    static const mode_t modes[] = {0666, 0600, 0660, 0622, 0, 0777};
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        for (size_t k = 0; k < sizeof masks / sizeof *masks; k++) {
            UnixSocket s;
            struct stat info;
            mode_t usual = umask(masks[k]);
            assert_int_equal(0, unix_socket_open(&s, b->path, modes[i]));
            umask(usual);
            assert_int_equal(0, lstat(b->path, &info));
            assert_int_equal(S_IFSOCK | modes[i], info.st_mode);
            unix_socket_close(&s);
        }
    }
}

static void test_what_a_dead_process_has_left_is_replaced(void **state)
{
    Bench *b = *state;
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        UnixSocket s;
        close(somebody_at(b->path, types[i]));
        assert_true(is_there(b->path));
        int error = unix_socket_open(&s, b->path, 0666);
        assert_int_equal(0, error);
        int sender = connect_to(b->path);
        assert_true(sender >= 0);
        close(sender);
        unix_socket_close(&s);
    }
}

static void test_what_somebody_has_stays(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    memset(&s, 0x5A, sizeof s);
    UnixSocket untouched = s;
    int there = somebody_at(b->path, SOCK_DGRAM);
    assert_int_equal(-EADDRINUSE, unix_socket_open(&s, b->path, 0666));
    int sender = connect_to(b->path);
    assert_true(sender >= 0);
    close(sender);
    close(there);
    assert_int_equal(0, unlink(b->path));

    there = somebody_at(b->path, SOCK_STREAM); /* another program's, of another type */
    assert_int_equal(0, listen(there, 1));
    assert_int_equal(-EADDRINUSE, unix_socket_open(&s, b->path, 0666));
    assert_true(is_there(b->path));
    close(there);
    assert_int_equal(0, unlink(b->path));
    assert_memory_equal(&untouched, &s, sizeof s);
}

static void test_what_is_no_socket_stays(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    int fd = open(b->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(-ENOTSOCK, unix_socket_open(&s, b->path, 0666));
    assert_true(is_there(b->path));
    assert_int_equal(0, unlink(b->path));
    assert_int_equal(0, mkdir(b->path, 0700));
    assert_int_equal(-ENOTSOCK, unix_socket_open(&s, b->path, 0666));
    assert_int_equal(0, rmdir(b->path));
    assert_int_equal(0, symlink("elsewhere", b->path)); /* not even one that leads nowhere */
    assert_int_equal(-ENOTSOCK, unix_socket_open(&s, b->path, 0666));
    assert_int_equal(0, unlink(b->path));
}

static void test_names(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    char name[UNIX_SOCKET_NAME_MAX + 2];
    size_t length = (size_t)snprintf(name, sizeof name, "%s/", b->folder);
    memset(name + length, 'x', sizeof name - length);
    name[UNIX_SOCKET_NAME_MAX + 1] = '\0';
    assert_int_equal(-ENAMETOOLONG, unix_socket_open(&s, name, 0666));
    name[UNIX_SOCKET_NAME_MAX] = '\0';
    assert_int_equal(0, unix_socket_open(&s, name, 0666));
    assert_string_equal(name, s.text);
    unix_socket_close(&s);
    assert_false(is_there(name));
    assert_int_equal(-ENOENT, unix_socket_open(&s, "/nowhere/at/all", 0666));
}

static void test_an_abstract_name(void **state)
{
    (void)state;
    UnixSocket s;
    UnixSocket second;
    char name[64];
    (void)snprintf(name, sizeof name, "@atomicstatsd-test-%d", (int)getpid());
    assert_int_equal(0, unix_socket_open(&s, name, 0600));
    assert_string_equal(name, s.text);
    assert_int_equal(-EADDRINUSE, unix_socket_open(&second, name, 0600));
    struct sockaddr_un address = address_of(name);
    address.sun_path[0] = '\0';
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(sender, (struct sockaddr *)&address, length));
    close(sender);
    unix_socket_close(&s);
    assert_int_equal(0, unix_socket_open(&second, name, 0600));
    unix_socket_close(&second);
}

/* What was sent before is received; what is sent after fails. */
static void test_retired(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    char bytes[8];
    assert_int_equal(0, unix_socket_open(&s, b->path, 0666));
    int sender = connect_to(b->path);
    assert_int_equal(3, send(sender, "one", 3, 0));
    unix_socket_retire(&s);
    assert_false(is_there(b->path));
    assert_int_equal(-1, send(sender, "two", 3, MSG_NOSIGNAL));
    assert_int_equal(EPIPE, errno);
    assert_int_equal(3, recv(s.fd, bytes, sizeof bytes, 0));
    assert_int_equal(-1, recv(s.fd, bytes, sizeof bytes, 0));
    assert_int_equal(EAGAIN, errno);
    unix_socket_close(&s);
    close(sender);
}

/* Another daemon's by now. */
static void test_a_path_that_is_no_longer_ours_stays(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    UnixSocket next;
    assert_int_equal(0, unix_socket_open(&s, b->path, 0666));
    assert_int_equal(0, unlink(b->path));
    assert_int_equal(0, unix_socket_open(&next, b->path, 0666));
    unix_socket_close(&s);
    assert_true(is_there(b->path));
    unix_socket_close(&next);
    assert_false(is_there(b->path));
}

static void test_one_that_was_handed_over(void **state)
{
    Bench *b = *state;
    UnixSocket s;
    int fd = somebody_at(b->path, SOCK_DGRAM);
    assert_int_equal(0, unix_socket_adopt(&s, fd));
    assert_string_equal(b->path, s.text);
    int on = 0;
    socklen_t length = sizeof on;
    assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, &length));
    assert_int_equal(1, on);
    int sender = connect_to(b->path);
    unix_socket_retire(&s); /* it is the manager's, and goes on */
    assert_int_equal(3, send(sender, "one", 3, 0));
    unix_socket_close(&s);
    assert_true(is_there(b->path));
    assert_int_equal(0, unlink(b->path));
    close(sender);

    int pair[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
    assert_int_equal(0, unix_socket_adopt(&s, pair[0]));
    assert_string_equal("unnamed", s.text);
    unix_socket_close(&s);
    close(pair[1]);

    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(-EINVAL, unix_socket_adopt(&s, fd));
    close(fd);
    assert_int_equal(-EBADF, unix_socket_adopt(&s, fd));
}

/* A name of any bytes stands in logs and in JSON. */
static void test_a_name_of_any_bytes(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    static const char name[] = "\0a\n\xff\0b";
    memcpy(address.sun_path, name, sizeof name - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof name - 1);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address, length));
    UnixSocket s;
    assert_int_equal(0, unix_socket_adopt(&s, fd));
    assert_string_equal("@a\\x0a\\xff\\x00b", s.text);
    unix_socket_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_receive_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_mode_whatever_the_umask, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_dead_process_has_left_is_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_somebody_has_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_socket_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_abstract_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retired, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_path_that_is_no_longer_ours_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_was_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_of_any_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
