#include "http/framing.h"

#include <string.h>
#include <strings.h>

#include <microhttpd.h>

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    Framing *framing = context;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
        framing->body = true;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) != 0)
        return MHD_YES;
    framing->content_lengths++;
    if (value == NULL || value[0] == '\0' || value[strspn(value, "0")] != '\0')
        framing->body = true;
    return MHD_YES;
}

Framing framing_read(struct MHD_Connection *connection)
{
    Framing framing = {.content_lengths = 0, .body = false};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, note_header, &framing);
    return framing;
}
