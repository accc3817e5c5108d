#include "http/resident.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t resident_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    char *resident = NULL;
    strtoull(text, &resident, 10); /* the first figure is the whole address space */
    return strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}
