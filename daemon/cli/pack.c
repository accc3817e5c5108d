#include "cli/pack.h"

#include <errno.h>
#include <string.h>

void pack_init(Pack *pack, const Metric *metric, size_t max_bytes)
{
    pack->metric = metric;
    pack->max_bytes = max_bytes;
    pack->length = 0;
    pack->values = 0;
}

static void append(Pack *pack, const char *bytes, size_t length)
{
    memcpy(pack->data + pack->length, bytes, length);
    pack->length += length;
}

int pack_add(Pack *pack, const char *value, size_t length)
{
    const Metric *metric = pack->metric;
    if (length > pack->max_bytes ||
        metric->head_length + length + metric->tail_length > pack->max_bytes)
        return -EMSGSIZE;
    /* Before a further value stands ":", or the last line's tail, a line break and another head. */
    size_t between = metric->packs ? 1 : metric->tail_length + 1 + metric->head_length;
    size_t before = pack->values == 0 ? metric->head_length : between;
    if (pack->length + before + length + metric->tail_length > pack->max_bytes)
        return -ENOBUFS;
    if (pack->values > 0 && !metric->packs) {
        append(pack, metric->tail, metric->tail_length);
        append(pack, "\n", 1);
    }
    if (pack->values > 0 && metric->packs)
        append(pack, ":", 1);
    else
        append(pack, metric->head, metric->head_length);
    append(pack, value, length);
    pack->values++;
    return 0;
}

const char *pack_take(Pack *pack, size_t *length, size_t *values)
{
    if (pack->values > 0)
        append(pack, pack->metric->tail, pack->metric->tail_length);
    *length = pack->length;
    *values = pack->values;
    pack->length = 0;
    pack->values = 0;
    return pack->data;
}
