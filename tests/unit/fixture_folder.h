/* A folder of a test's own, in the folder for temporary files. */
#ifndef TESTS_UNIT_FIXTURE_FOLDER_H
#define TESTS_UNIT_FIXTURE_FOLDER_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char path[64];
    int fd;
} FixtureFolder;

static inline void fixture_folder_open(FixtureFolder *d)
{
    strcpy(d->path, "/tmp/atomicstatsd-test-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(d->fd >= 0);
}

#endif
