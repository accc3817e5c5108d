#include "app/systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/digits.h"

/* Fills in the address that NOTIFY_SOCKET names. => its length; -EINVAL. */
static int make_address(const char *path, struct sockaddr_un *out)
{
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length >= sizeof out->sun_path)
        return -EINVAL;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, path, length);
    if (path[0] == '@')
        out->sun_path[0] = '\0';
    /* An abstract name ends with the address, without a zero. */
    return (int)(offsetof(struct sockaddr_un, sun_path) + length);
}

int systemd_notify(const SystemdNotify *to, const char *message)
{
    if (to->path == NULL || to->path[0] == '\0')
        return 0;
    struct sockaddr_un address;
    int size = make_address(to->path, &address);
    if (size < 0)
        return size;
    int fd = to->fd >= 0 ? to->fd : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ssize_t sent;
    do
        sent = sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
                      (socklen_t)size);
    while (sent < 0 && errno == EINTR);
    int status = sent < 0 ? -errno : 0;
    if (fd != to->fd)
        close(fd);
    return status;
}

static int notify_with_status(const SystemdNotify *to, const char *before, const char *status)
{
    char message[SYSTEMD_MESSAGE_SIZE];
    int used = snprintf(message, sizeof message, "%sSTATUS=", before);
    snprintf(message + used, sizeof message - (size_t)used, "%s", status);
    /* A line break would begin another assignment. */
    for (char *c = message + used; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    return systemd_notify(to, message);
}

int systemd_ready(const SystemdNotify *to, const char *status)
{
    if (status == NULL)
        return systemd_notify(to, "READY=1");
    return notify_with_status(to, "READY=1\n", status);
}

int systemd_status(const SystemdNotify *to, const char *status)
{
    return notify_with_status(to, "", status);
}

int systemd_stopping(const SystemdNotify *to)
{
    return systemd_notify(to, "STOPPING=1");
}

int systemd_reloading(const SystemdNotify *to, int64_t now_ns)
{
    char message[SYSTEMD_MESSAGE_SIZE];
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now_ns / 1000);
    return systemd_notify(to, message);
}

int systemd_watchdog(const SystemdNotify *to)
{
    return systemd_notify(to, "WATCHDOG=1");
}

int64_t systemd_watchdog_ns(const char *usec, const char *pid, pid_t self)
{
    if (usec == NULL)
        return 0;
    int64_t microseconds = digits_parse(usec, INT64_MAX / 1000);
    int64_t wanted = pid == NULL ? self : digits_parse(pid, INT_MAX);
    if (microseconds <= 0 || wanted <= 0)
        return -EINVAL;
    return wanted == self ? microseconds * 1000 : 0;
}

const char *systemd_runtime_directory(const char *directories, char *out, size_t size)
{
    size_t length = directories != NULL ? strcspn(directories, ":") : 0;
    if (length >= size || length == 0 || directories[0] != '/')
        length = 0;
    if (length > 0)
        memcpy(out, directories, length);
    out[length] = '\0';
    return out;
}
