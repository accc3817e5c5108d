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
    KIND_OTHER,
    KIND_UDP,
    KIND_HTTP,
} Kind;

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

static Kind kind_by_type(int fd)
{
    int domain = option(fd, SO_DOMAIN);
    if (domain != AF_INET && domain != AF_INET6)
        return KIND_OTHER;
    int type = option(fd, SO_TYPE);
    int protocol = option(fd, SO_PROTOCOL);
    if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
        return KIND_UDP;
    bool listening = option(fd, SO_ACCEPTCONN) == 1;
    return type == SOCK_STREAM && listening ? KIND_HTTP : KIND_OTHER;
}

static bool has_no_name(const char *name)
{
    static const char suffix[] = ".socket";
    size_t length = strlen(name);
    size_t tail = sizeof suffix - 1;
    return length == 0 || strcmp(name, "unknown") == 0 ||
           (length >= tail && strcmp(name + length - tail, suffix) == 0);
}

static int set_flags(int fd)
{
    int status = fcntl(fd, F_GETFL);
    if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0)
        return -errno;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

static int take_one(int fd, const char *name, ListenFds *fds, ListenFdsError *error)
{
    int status = set_flags(fd);
    if (status < 0)
        return refuse(error, status, "LISTEN_FDS: descriptor %d (\"%s\"): %s", fd, name,
                      strerrordesc_np(-status));
    bool nameless = has_no_name(name);
    if (!nameless && strcmp(name, "udp") != 0 && strcmp(name, "http") != 0)
        return refuse(error, -EINVAL,
                      "LISTEN_FDNAMES: descriptor %d: \"%s\" is neither \"udp\" nor \"http\"", fd,
                      name);
    Kind kind = kind_by_type(fd);
    Kind wanted = nameless ? kind : strcmp(name, "udp") == 0 ? KIND_UDP : KIND_HTTP;
    if (kind == KIND_OTHER || kind != wanted)
        return refuse(error, -EINVAL, "LISTEN_FDS: descriptor %d (\"%s\") is no %s", fd, name,
                      wanted == KIND_UDP    ? "UDP socket"
                      : wanted == KIND_HTTP ? "listening TCP socket"
                                            : "UDP socket or listening TCP socket");
    if (kind == KIND_HTTP && fds->http >= 0)
        return refuse(error, -E2BIG, "LISTEN_FDS: descriptors %d and %d are both for http",
                      fds->http, fd);
    if (kind == KIND_UDP && fds->udp_count == LISTEN_FDS_MAX)
        return refuse(error, -E2BIG, "LISTEN_FDS: more than %d UDP sockets", LISTEN_FDS_MAX);
    if (kind == KIND_HTTP)
        fds->http = fd;
    else
        fds->udp[fds->udp_count++] = fd;
    return 0;
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
    ListenFds fds = {.http = -1};
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
