#include "app/listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/digits.h"

enum {
    NAME_SIZE = 64
};

typedef enum {
    TYPE_OTHER,
    TYPE_UDP,
    TYPE_UNIX_DATAGRAM,
    TYPE_LISTENING
} Type;

/* What a socket is for. Of a type's kinds, the first is that of a socket without a name. */
typedef enum {
    KIND_UDP,
    KIND_UNIX,
    KIND_HTTP,
    KIND_TCP,
    KIND_NOTIFY,
    KINDS
} Kind;

static const struct {
    const char *name; /* in LISTEN_FDNAMES */
    Type type;
} kinds[KINDS] = {
    [KIND_UDP] = {"udp", TYPE_UDP},
    [KIND_UNIX] = {"unix", TYPE_UNIX_DATAGRAM},
    [KIND_HTTP] = {"http", TYPE_LISTENING},
    [KIND_TCP] = {"tcp", TYPE_LISTENING},
    [KIND_NOTIFY] = {"notify", TYPE_UNIX_DATAGRAM},
};

static const char *const types[] = {
    [TYPE_OTHER] = "UDP socket, Unix datagram socket or listening TCP socket",
    [TYPE_UDP] = "UDP socket",
    [TYPE_UNIX_DATAGRAM] = "Unix datagram socket",
    [TYPE_LISTENING] = "listening TCP socket",
};

__attribute__((format(printf, 3, 4))) static int refuse(ListenFdsError *error, int status,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return status;
}

/* => the socket's option; -1: there is none. */
static int option(int fd, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static Type type_of(int fd)
{
    int domain = option(fd, SO_DOMAIN);
    int type = option(fd, SO_TYPE);
    if (domain == AF_UNIX && type == SOCK_DGRAM)
        return TYPE_UNIX_DATAGRAM;
    if (domain != AF_INET && domain != AF_INET6)
        return TYPE_OTHER;
    int protocol = option(fd, SO_PROTOCOL);
    if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
        return TYPE_UDP;
    bool listening = option(fd, SO_ACCEPTCONN) == 1;
    return type == SOCK_STREAM && listening ? TYPE_LISTENING : TYPE_OTHER;
}

static bool has_no_name(const char *name)
{
    static const char suffix[] = ".socket";
    size_t length = strlen(name);
    size_t tail = sizeof suffix - 1;
    return length == 0 || strcmp(name, "unknown") == 0 ||
           (length >= tail && strcmp(name + length - tail, suffix) == 0);
}

/* => the kind that has this name; KINDS: none. */
static Kind kind_by_name(const char *name)
{
    Kind kind = 0;
    while (kind < KINDS && strcmp(name, kinds[kind].name) != 0)
        kind++;
    return kind;
}

/* => what a socket of this type is for without a name; KINDS: nothing. */
static Kind kind_by_type(Type type)
{
    Kind kind = 0;
    while (kind < KINDS && kinds[kind].type != type)
        kind++;
    return kind;
}

/* A word to the service manager must not get lost because it is busy: its socket waits. */
static int set_flags(int fd, Kind kind)
{
    int status = fcntl(fd, F_GETFL);
    if (status < 0)
        return -errno;
    int flags = kind == KIND_NOTIFY ? status & ~O_NONBLOCK : status | O_NONBLOCK;
    if (fcntl(fd, F_SETFL, flags) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

static int keep_one_of_many(int fd, int fds[LISTEN_FDS_MAX], size_t *count, Kind kind,
                            ListenFdsError *error)
{
    if (*count == LISTEN_FDS_MAX)
        return refuse(error, -E2BIG, "LISTEN_FDS: more than %d sockets for %s", LISTEN_FDS_MAX,
                      kinds[kind].name);
    fds[(*count)++] = fd;
    return 0;
}

/* Keeps the socket for what it is. => 0, or -E2BIG: there is one already, or LISTEN_FDS_MAX. */
static int keep(int fd, Kind kind, ListenFds *fds, ListenFdsError *error)
{
    if (kind == KIND_UDP)
        return keep_one_of_many(fd, fds->udp, &fds->udp_count, kind, error);
    if (kind == KIND_UNIX)
        return keep_one_of_many(fd, fds->local, &fds->local_count, kind, error);
    if (kind == KIND_TCP)
        return keep_one_of_many(fd, fds->tcp, &fds->tcp_count, kind, error);
    int *place = kind == KIND_HTTP ? &fds->http : &fds->notify;
    if (*place >= 0)
        return refuse(error, -E2BIG, "LISTEN_FDS: descriptors %d and %d are both for %s", *place,
                      fd, kinds[kind].name);
    *place = fd;
    return 0;
}

static int take_one(int fd, const char *name, ListenFds *fds, ListenFdsError *error)
{
    bool nameless = has_no_name(name);
    Type type = type_of(fd);
    Kind kind = nameless ? kind_by_type(type) : kind_by_name(name);
    int status = set_flags(fd, kind);
    if (status < 0)
        return refuse(error, status, "LISTEN_FDS: descriptor %d (\"%s\"): %s", fd, name,
                      strerrordesc_np(-status));
    if (!nameless && kind == KINDS)
        return refuse(error, -EINVAL,
                      "LISTEN_FDNAMES: descriptor %d: \"%s\" is none of \"udp\", \"unix\", "
                      "\"tcp\", \"http\" and \"notify\"",
                      fd, name);
    if (kind == KINDS || kinds[kind].type != type)
        return refuse(error, -EINVAL, "LISTEN_FDS: descriptor %d (\"%s\") is no %s", fd, name,
                      types[kind == KINDS ? TYPE_OTHER : kinds[kind].type]);
    return keep(fd, kind, fds, error);
}

/* Copies the name that *rest begins with (a longer one is cut: no known one is as long) and moves
 * *rest behind it and its colon, or to NULL behind the last. */
static void next_name(const char **rest, char name[static NAME_SIZE])
{
    name[0] = '\0';
    if (*rest == NULL)
        return;
    size_t length = strcspn(*rest, ":");
    bool last = (*rest)[length] == '\0';
    snprintf(name, NAME_SIZE, "%.*s", (int)length, *rest);
    *rest = last ? NULL : *rest + length + 1;
}

int listen_fds_take(const ListenFdsEnvironment *environment, pid_t self, int first, ListenFds *out,
                    ListenFdsError *error)
{
    ListenFds fds = {.http = -1, .notify = -1};
    int64_t count = 0;
    if (environment->pid != NULL && environment->count != NULL) {
        int64_t pid = digits_parse(environment->pid, INT_MAX);
        if (pid < 0)
            return refuse(error, -EINVAL, "LISTEN_PID: \"%s\" is no number", environment->pid);
        count = pid == self ? digits_parse(environment->count, INT_MAX - first) : 0;
        if (count < 0)
            return refuse(error, -EINVAL, "LISTEN_FDS: \"%s\" is no number", environment->count);
    }
    const char *names = environment->names;
    for (int i = 0; i < count; i++) {
        char name[NAME_SIZE];
        next_name(&names, name);
        int status = take_one(first + i, name, &fds, error);
        if (status < 0)
            return status;
    }
    if (count > 0 && names != NULL && names[0] != '\0')
        return refuse(error, -EINVAL, "LISTEN_FDNAMES: more names than the %d descriptors",
                      (int)count);
    *out = fds;
    return 0;
}
