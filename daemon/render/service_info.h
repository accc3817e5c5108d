/* Who is speaking: the "service" object of the replies. */
#ifndef RENDER_SERVICE_INFO_H
#define RENDER_SERVICE_INFO_H

#include <stdint.h>
#include <sys/types.h>

/* The texts belong to whoever made it, and outlive what it is given to. */
typedef struct {
    const char *name;
    const char *version;
    pid_t pid;
    int64_t started_realtime_ns; /* when this process started */
    double uptime_s;             /* shown to the millisecond */
} ServiceInfo;

#endif
