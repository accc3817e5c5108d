/* An answer: a status and a libmicrohttpd response with the headers that every answer carries.
 *
 * Thread rule: a reply belongs to one thread; the server queues and frees it. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>

#include "http/json_tree.h"
#include "http/web_files.h"
#include "render/json_stats.h"

struct MHD_Response;

typedef struct {
    unsigned status;
    bool stream;                   /* its length is not known before its end */
    char tag[WEB_FILE_TAG_SIZE];   /* the body's entity tag; "": it has none */
    struct MHD_Response *response; /* NULL: there was no memory for it; close the connection */
} Reply;

/* The document as the body; destroys the tree. */
Reply reply_tree(unsigned status, JsonTree *tree, bool pretty);

/* {"error":{"status":404,"message":"…"}} */
Reply reply_error(unsigned status, const char *message);

/* The /stats document, written while it is sent, in as little memory as a JsonStats takes. The
 * filter's texts are copied; the request's other texts must outlive the server. */
Reply reply_stats(const JsonStatsRequest *request);

/* A file of the page, with headers that let it fetch from this server and from nowhere else, run no
 * script and use no style but its files', and stand in no frame. A browser keeps it, and asks each time
 * whether it is still the same. */
Reply reply_file(const WebFile *file);

/* The answer in its place for a client that has the same body already: 304 with the reply's tag. */
Reply reply_not_modified(const Reply *reply);

/* => whether an If-None-Match, as it was sent (RFC 9110, 13.1.2), names the reply's tag. NULL, or a
 * reply without a tag: no. */
bool reply_is_known(const Reply *reply, const char *if_none_match);

/* Adds one header; does nothing to a reply without a response. */
void reply_header(Reply *reply, const char *name, const char *value);

#endif
