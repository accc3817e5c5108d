/* An answer: a status and a libmicrohttpd response with the headers that every answer carries.
 *
 * Thread rule: a reply belongs to one thread; the server queues and frees it. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>

#include "http/json_tree.h"
#include "render/json_stats.h"

struct MHD_Response;

typedef struct {
    unsigned status;
    bool stream;                   /* its length is not known before its end */
    struct MHD_Response *response; /* NULL: there was no memory for it; close the connection */
} Reply;

/* The document as the body; destroys the tree. */
Reply reply_tree(unsigned status, JsonTree *tree, bool pretty);

/* {"error":{"status":404,"message":"…"}} */
Reply reply_error(unsigned status, const char *message);

/* The /stats document, written while it is sent, in as little memory as a JsonStats takes. The
 * filter's texts are copied; the request's other texts must outlive the server. */
Reply reply_stats(const JsonStatsRequest *request);

/* Adds one header; does nothing to a reply without a response. */
void reply_header(Reply *reply, const char *name, const char *value);

#endif
