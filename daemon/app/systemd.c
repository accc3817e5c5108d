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

int systemd_notify(const char *socket_path, const char *message)
{
    if (socket_path == NULL || socket_path[0] == '\0')
        return 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(socket_path);
    if ((socket_path[0] != '/' && socket_path[0] != '@') || length >= sizeof address.sun_path)
        return -EINVAL;
    memcpy(address.sun_path, socket_path, length);
    if (socket_path[0] == '@')
        address.sun_path[0] = '\0';

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* An abstract name ends with the address, without a zero. */
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent;
    do
        sent =
            sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    while (sent < 0 && errno == EINTR);
    int status = sent < 0 ? -errno : 0;
    close(fd);
    return status;
}

static int notify_with_status(const char *socket_path, const char *before, const char *status)
{
    char message[SYSTEMD_MESSAGE_SIZE];
    int used = snprintf(message, sizeof message, "%sSTATUS=", before);
    snprintf(message + used, sizeof message - (size_t)used, "%s", status);
    /* A line break would begin another assignment. */
    for (char *c = message + used; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    return systemd_notify(socket_path, message);
}

int systemd_ready(const char *socket_path, const char *status)
{
    if (status == NULL)
        return systemd_notify(socket_path, "READY=1");
    return notify_with_status(socket_path, "READY=1\n", status);
}

int systemd_status(const char *socket_path, const char *status)
{
    return notify_with_status(socket_path, "", status);
}

int systemd_stopping(const char *socket_path)
{
    return systemd_notify(socket_path, "STOPPING=1");
}

int systemd_reloading(const char *socket_path, int64_t now_ns)
{
    char message[SYSTEMD_MESSAGE_SIZE];
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now_ns / 1000);
    return systemd_notify(socket_path, message);
}

int systemd_watchdog(const char *socket_path)
{
    return systemd_notify(socket_path, "WATCHDOG=1");
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
