#include "http/reply.h"

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

static Reply make_reply(unsigned status, struct MHD_Response *response)
{
    Reply reply = {.status = status, .response = response};
    reply_header(&reply, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    reply_header(&reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    reply_header(&reply, "X-Content-Type-Options", "nosniff");
    return reply;
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
