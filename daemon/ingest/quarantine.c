#include "ingest/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int write_datagrams(FILE *file, const Hand *hand, int count)
{
    errno = 0;
    for (int i = 0; i < count; i++) {
        size_t length = hand_text_length(hand, i);
        (void)fprintf(file, "%zu\n", length);
        (void)fwrite(receive_batch_bytes(&hand->batch, i), 1, length, file);
        (void)fputc('\n', file);
    }
    if (fflush(file) == 0 && ferror(file) == 0 && fsync(fileno(file)) == 0)
        return 0;
    return errno != 0 ? -errno : -EIO;
}

int quarantine_write(int directory_fd, const char *name, const Hand *hand, int count)
{
    int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    FILE *file = fdopen(fd, "w");
    int error = file != NULL ? write_datagrams(file, hand, count) : -errno;
    if ((file != NULL ? fclose(file) : close(fd)) != 0 && error == 0)
        error = -errno;
    if (error != 0)
        (void)unlinkat(directory_fd, name, 0);
    return error;
}
