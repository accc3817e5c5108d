/* What is served, in words: for the first log line, and for `systemctl status`. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include <stdint.h>

#include "base/address.h"
#include "ingest/pool.h"

enum {
    STATUS_SIZE = 3900 /* 64 addresses (without a zone: as long as they get) within LOG_LINE_SIZE */
};

/* "serving udp 127.0.0.1:8125, unix /run/x.sock, tcp 127.0.0.1:8125, http 127.0.0.1:8127 with 2 ingest
 * threads", every address once, as bound; those that are too many for a line are left out. Where there are drops, "17 datagrams dropped by the kernel; " stands before it: a service
 * manager's line may be cut. Any thread between pool_open() and pool_close(). => out */
const char *status_describe(const Pool *pool, const Address *http, uint64_t dropped,
                            char out[static STATUS_SIZE]);

#endif
