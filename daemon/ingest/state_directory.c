#include "ingest/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/advice.h"
#include "base/log.h"

static int cannot(const char *what, const char *path, int error)
{
    char why[ADVICE_SIZE];
    log_error("state", "cannot %s %s: %s", what, path,
              advice_directory(-error, path, "--state, or `state` in the configuration", why));
    return -error;
}

static int open_locked(StateDirectory *d)
{
    if (mkdir(d->path, 0750) != 0 && errno != EEXIST)
        return cannot("make", d->path, errno);
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0)
        return cannot("open", d->path, errno);
    d->lock_fd = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (d->lock_fd < 0)
        return cannot("open the lock in", d->path, errno);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return cannot("lock", d->path, errno);
    log_error("state",
              "%s is in use by another daemon (`sudo fuser -v %s/lock` shows which); each needs a "
              "directory of its own: choose another with --state, or `state` in the configuration",
              d->path, d->path);
    return -EBUSY;
}

int state_directory_open(StateDirectory *d, const char *path)
{
    *d = (StateDirectory){.path = path, .fd = -1, .lock_fd = -1};
    int error = open_locked(d);
    if (error != 0)
        state_directory_close(d);
    return error;
}

void state_directory_close(StateDirectory *d)
{
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = d->lock_fd = -1;
}
