/* A directory that belongs to one daemon at a time. One thread. */
#ifndef INGEST_STATE_DIRECTORY_H
#define INGEST_STATE_DIRECTORY_H

typedef struct {
    const char *path; /* the caller's */
    int fd;           /* -1: not open */
    int lock_fd;
} StateDirectory;

/* Opens it (made if its parent is there), and locks its file `lock`.
 * => 0; -EBUSY: another daemon has it; other negative errno. It has been logged. */
int state_directory_open(StateDirectory *directory, const char *path);

/* Unlocks and closes it. One that is not open may be closed. */
void state_directory_close(StateDirectory *directory);

#endif
