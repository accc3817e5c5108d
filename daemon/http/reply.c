#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

enum {
    STREAM_BLOCK_SIZE = 64 * 1024
};

void reply_header(Reply *reply, const char *name, const char *value)
{
    if (reply->response == NULL)
        return;
    if (MHD_add_response_header(reply->response, name, value) == MHD_NO) {
        MHD_destroy_response(reply->response);
        reply->response = NULL;
    }
}

static Reply make_typed(unsigned status, struct MHD_Response *response, const char *type,
                        const char *cache)
{
    Reply reply = {.status = status, .response = response};
    reply_header(&reply, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    reply_header(&reply, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
    reply_header(&reply, "X-Content-Type-Options", "nosniff");
    return reply;
}

static Reply make_reply(unsigned status, struct MHD_Response *response)
{
    return make_typed(status, response, "application/json", "no-store");
}

Reply reply_tree(unsigned status, JsonTree *tree, bool pretty)
{
    size_t length = 0;
    char *text = json_tree_print(tree, pretty, &length);
    json_tree_destroy(tree);
    if (text == NULL)
        return (Reply){.status = status, .response = NULL};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    return make_reply(status, response);
}

Reply reply_error(unsigned status, const char *message)
{
    JsonTree tree = json_tree_create();
    cJSON *error = json_tree_object(&tree, tree.root, "error");
    json_tree_uint64(&tree, error, "status", status);
    json_tree_text(&tree, error, "message", message);
    return reply_tree(status, &tree, false);
}

/* ---- the stream ---- */

typedef struct {
    JsonStats stats;
    char texts[]; /* the filter's */
} Stream;

static const char *keep_text(char *to, const char *text, size_t length)
{
    if (text == NULL)
        return NULL;
    memcpy(to, text, length);
    return to;
}

static Stream *stream_create(const JsonStatsRequest *request)
{
    const SnapshotFilter *filter = &request->filter;
    Stream *stream = malloc(sizeof *stream + filter->glob_length + filter->exact_length);
    if (stream == NULL)
        return NULL;
    JsonStatsRequest kept = *request;
    kept.filter.glob = keep_text(stream->texts, filter->glob, filter->glob_length);
    kept.filter.exact =
        keep_text(stream->texts + filter->glob_length, filter->exact, filter->exact_length);
    json_stats_init(&stream->stats, &kept);
    return stream;
}

static ssize_t stream_read(void *context, uint64_t position, char *out, size_t capacity)
{
    (void)position; /* libmicrohttpd reads from start to end */
    Stream *stream = context;
    ssize_t length = json_stats_read(&stream->stats, out, capacity);
    if (length < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return length > 0 ? length : MHD_CONTENT_READER_END_OF_STREAM;
}

static void stream_destroy(void *context)
{
    Stream *stream = context;
    json_stats_fini(&stream->stats);
    free(stream);
}

Reply reply_stats(const JsonStatsRequest *request)
{
    Reply none = {.status = MHD_HTTP_OK, .response = NULL};
    Stream *stream = stream_create(request);
    if (stream == NULL)
        return none;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK_SIZE, stream_read, stream, stream_destroy);
    if (response == NULL)
        stream_destroy(stream);
    Reply reply = make_reply(MHD_HTTP_OK, response);
    reply.stream = true;
    return reply;
}

/* ---- the page ---- */

/* Trusted types: the browser refuses to make markup of a text, wherever the page might try. */
static const char page_policy[] =
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types atomicstats";

static void tag_reply(Reply *reply, const char *tag)
{
    snprintf(reply->tag, sizeof reply->tag, "%s", tag);
    reply_header(reply, MHD_HTTP_HEADER_ETAG, tag);
}

Reply reply_file(const WebFile *file)
{
    const struct MHD_IoVec part = {.iov_base = file->data, .iov_len = file->length};
    char tag[WEB_FILE_TAG_SIZE];
    Reply reply = make_typed(MHD_HTTP_OK, MHD_create_response_from_iovec(&part, 1, NULL, NULL),
                             file->type, "no-cache");
    tag_reply(&reply, web_file_tag(file, tag));
    reply_header(&reply, "Content-Security-Policy", page_policy);
    reply_header(&reply, "Referrer-Policy", "no-referrer");
    reply_header(&reply, "Cross-Origin-Opener-Policy", "same-origin");
    reply_header(&reply, "Cross-Origin-Resource-Policy", "same-origin");
    return reply;
}

Reply reply_not_modified(const Reply *reply)
{
    Reply known = {.status = MHD_HTTP_NOT_MODIFIED,
                   .response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)};
    reply_header(&known, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    tag_reply(&known, reply->tag);
    return known;
}

bool reply_is_known(const Reply *reply, const char *if_none_match)
{
    if (if_none_match == NULL || reply->tag[0] == '\0')
        return false;
    /* A tag of ours in quotes can stand in the list only as one of its items, weak or not. */
    return strcmp(if_none_match, "*") == 0 || strstr(if_none_match, reply->tag) != NULL;
}
