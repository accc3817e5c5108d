/* The /server document: the daemon itself, for its operator: per thread, per socket, per reason,
 * HTTP figures, memory, and the latest rejected lines. */
#ifndef HTTP_SERVER_REPORT_H
#define HTTP_SERVER_REPORT_H

#include "http/json_tree.h"
#include "http/site.h"

/* How many rejected lines it shows. */
enum {
    SERVER_REPORT_REJECTED = 64
};

/* => the document; the caller destroys it. Any thread; blocks no ingest thread. */
JsonTree server_report(const HttpSite *site);

#endif
