#include "app/limits.h"

#include <stdint.h>
#include <sys/resource.h>

#include "base/log.h"

enum {
    DESCRIPTORS_A_THREAD =
        8, /* about: a loop, its wake-up, arenas, and a socket for each address */
    OTHER_DESCRIPTORS = 32
};

bool limits_make_room(const Config *config, unsigned threads)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    unsigned connections = config->ingest.tcp_max_connections;
    uint64_t needed = (uint64_t)connections + config->http.max_connections +
                      (uint64_t)threads * DESCRIPTORS_A_THREAD + OTHER_DESCRIPTORS;
    if (limit.rlim_cur >= needed)
        return true;
    log_warning("app",
                "ingest.tcp_max_connections is %u, but this process may have only %llu descriptors "
                "in all: connections beyond them wait. LimitNOFILE= of the unit (ulimit -Hn) gives "
                "more",
                connections, (unsigned long long)limit.rlim_cur);
    return false;
}
