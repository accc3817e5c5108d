#include "ingest/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"

/* ---- names ---- */

/* => the length of the address; 0: the name is too long. */
static socklen_t address_of(const char *name, struct sockaddr_un *out)
{
    size_t length = strlen(name);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length > UNIX_SOCKET_NAME_MAX)
        return 0;
    memcpy(out->sun_path, name, length);
    bool abstract = name[0] == '@';
    if (abstract)
        out->sun_path[0] = '\0';
    /* An abstract name is all that the length covers, a path ends with its zero. */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
}

/* Notes what the socket is bound to, as clean text, and cut where that is too long. */
static int read_name(UnixSocket *s)
{
    /* A path of full length has no zero in sun_path; one byte more, and there is always one. */
    union {
        struct sockaddr_un address;
        char bytes[sizeof(struct sockaddr_un) + 1];
    } bound;
    socklen_t length = sizeof bound.address;
    memset(&bound, 0, sizeof bound);
    if (getsockname(s->fd, (struct sockaddr *)&bound.address, &length) != 0)
        return -errno;
    if (bound.address.sun_family != AF_UNIX)
        return -EINVAL;
    size_t path = offsetof(struct sockaddr_un, sun_path);
    const char *name = bound.address.sun_path;
    size_t bytes = length > path ? length - path : 0;
    if (bytes == 0)
        memcpy(s->text, "unnamed", sizeof "unnamed");
    else if (name[0] != '\0')
        utf8_escape(name, strlen(name), s->text, sizeof s->text);
    else
        utf8_escape(name + 1, bytes - 1, s->text + 1, sizeof s->text - 1);
    if (s->text[0] == '\0')
        s->text[0] = '@';
    return 0;
}

/* ---- opening ---- */

/* Whether the socket at this address, of whatever type, is one that a dead process has left.
 * => 0: it is; -EADDRINUSE: it is not; other negative errno: it cannot be told. */
static int find_stale(const struct sockaddr_un *address, socklen_t length)
{
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return -errno;
    int error = connect(probe, (const struct sockaddr *)address, length) == 0 ? 0 : errno;
    close(probe);
    if (error == ECONNREFUSED)
        return 0;
    return error == 0 || error == EPROTOTYPE ? -EADDRINUSE : -error;
}

/* Makes the path free. That somebody else has done so meanwhile is as good. */
static int remove_stale(const struct sockaddr_un *address, socklen_t length)
{
    struct stat found;
    if (lstat(address->sun_path, &found) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(found.st_mode))
        return -ENOTSOCK;
    int error = find_stale(address, length);
    if (error == 0 && unlink(address->sun_path) != 0)
        error = -errno;
    return error == -ENOENT ? 0 : error;
}

static int bind_at(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t length = address_of(name, &address);
    if (length == 0)
        return -ENAMETOOLONG;
    if (bind(fd, (const struct sockaddr *)&address, length) == 0)
        return 0;
    if (errno != EADDRINUSE || name[0] == '@')
        return -errno;
    int error = remove_stale(&address, length);
    if (error == 0 && bind(fd, (const struct sockaddr *)&address, length) != 0)
        error = -errno;
    return error;
}

/* The file gets the socket's own mode without what the umask takes, so it is never wider than it shall
 * be; then it is made as wide. */
static int bind_own(UnixSocket *s, const char *name, mode_t mode)
{
    struct stat made;
    if (fchmod(s->fd, mode) != 0)
        return -errno;
    int error = bind_at(s->fd, name);
    if (error != 0)
        return error;
    s->own = true;
    memcpy(s->text, name, strlen(name) + 1); /* it fits, or it could not be bound */
    if (name[0] == '@')
        return 0;
    if (lstat(name, &made) != 0)
        return -errno;
    s->device = made.st_dev;
    s->inode = made.st_ino;
    return chmod(name, mode) == 0 ? 0 : -errno;
}

static int pass_credentials(int fd)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 ? 0 : -errno;
}

int unix_socket_open(UnixSocket *s, const char *name, mode_t mode)
{
    UnixSocket fresh = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (fresh.fd < 0)
        return -errno;
    int error = pass_credentials(fresh.fd); /* before anybody can send */
    if (error == 0)
        error = bind_own(&fresh, name, mode);
    if (error != 0) {
        unix_socket_close(&fresh);
        return error;
    }
    *s = fresh;
    return 0;
}

int unix_socket_adopt(UnixSocket *s, int fd)
{
    UnixSocket fresh = {.fd = fd};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -errno;
    int error = read_name(&fresh);
    if (error == 0)
        error = pass_credentials(fd);
    if (error == 0)
        *s = fresh;
    return error;
}

/* ---- the end ---- */

void unix_socket_retire(UnixSocket *s)
{
    struct stat found;
    if (!s->own)
        return;
    s->own = false;
    if (s->text[0] == '/' && lstat(s->text, &found) == 0 && found.st_dev == s->device &&
        found.st_ino == s->inode)
        (void)unlink(s->text);
    (void)shutdown(s->fd, SHUT_RD);
}

void unix_socket_close(UnixSocket *s)
{
    if (s->fd < 0)
        return;
    unix_socket_retire(s);
    close(s->fd);
    s->fd = -1;
}
