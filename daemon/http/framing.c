#include "http/framing.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>

enum {
    FARTHEST = 1 << 20 /* bytes between two texts in one buffer */
};

/* What has been seen of the headers so far. */
typedef struct {
    Framing framing;
    unsigned content_lengths;
    bool transfer_encoding;
} Headers;

size_t framing_token_length(const char *text, size_t length)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t count = 0;
    while (count < length && memchr(allowed, text[count], sizeof allowed - 1) != NULL)
        count++;
    return count;
}

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length)
{
    (void)kind;
    Headers *headers = context;
    Framing *framing = &headers->framing;
    if (name_length == 0 || framing_token_length(name, name_length) != name_length) {
        framing->malformed = "a header's name is no token";
        return MHD_NO;
    }
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        headers->transfer_encoding = true;
        framing->body = true;
    }
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        headers->content_lengths++;
        if (value == NULL || value_length == 0 || strspn(value, "0") != value_length)
            framing->body = true;
    }
    return MHD_YES;
}

Framing framing_read(struct MHD_Connection *connection)
{
    Headers headers = {.content_lengths = 0};
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, note_header, &headers);
    Framing framing = headers.framing;
    if (framing.malformed == NULL && headers.content_lengths > 1)
        framing.malformed = "more than one Content-Length";
    else if (framing.malformed == NULL && headers.content_lengths > 0 && headers.transfer_encoding)
        framing.malformed = "both Content-Length and Transfer-Encoding";
    return framing;
}

/* => whether `later` stands behind the end of the text before it by more than the closing zero, and
 * yet in the same buffer. */
static bool something_between(uintptr_t end, const char *later)
{
    uintptr_t between = (uintptr_t)later - end - 1;
    return between > 0 && between < FARTHEST;
}

bool framing_line_is_whole(const char *method, const char *target, size_t target_length,
                           const char *version)
{
    uintptr_t method_end = (uintptr_t)method + strlen(method);
    uintptr_t target_end = (uintptr_t)target + target_length;
    return !something_between(method_end, target) && !something_between(target_end, version);
}
