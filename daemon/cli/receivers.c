#include "cli/receivers.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/digits.h"

enum {
    LEAST_WINDOW = 16 << 10,
    LARGEST_WINDOW = 1 << 20
};

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool has_port(const cJSON *socket, unsigned port)
{
    const char *address = cJSON_GetStringValue(member(socket, "address"));
    const char *colon = address != NULL ? strrchr(address, ':') : NULL;
    return colon != NULL && digits_parse(colon + 1, UINT16_MAX) == (int64_t)port;
}

static void take_buffer(const cJSON *socket, int64_t *smallest)
{
    const cJSON *granted = member(member(socket, "receive_buffer"), "granted_bytes");
    if (cJSON_IsNumber(granted) && (*smallest == 0 || granted->valuedouble < (double)*smallest))
        *smallest = (int64_t)granted->valuedouble;
}

int receivers_parse(Receivers *out, const char *body, size_t length, unsigned port)
{
    int64_t there = 0;
    int64_t elsewhere = 0;
    cJSON *tree = cJSON_ParseWithLength(body, length);
    const cJSON *threads = member(member(tree, "ingest"), "threads");
    bool right = cJSON_IsArray(threads);
    for (const cJSON *thread = right ? threads->child : NULL; thread; thread = thread->next) {
        const cJSON *sockets = member(thread, "sockets");
        for (const cJSON *one = sockets ? sockets->child : NULL; one; one = one->next)
            take_buffer(one, has_port(one, port) ? &there : &elsewhere);
    }
    cJSON_Delete(tree);
    if (!right)
        return -EPROTO;
    *out = (Receivers){.smallest_buffer = there != 0 ? there : elsewhere};
    return there != 0 ? 0 : -ENOENT;
}

int64_t receivers_window(const Receivers *receivers)
{
    int64_t window = receivers->smallest_buffer / 4;
    if (window < LEAST_WINDOW)
        return LEAST_WINDOW;
    return window < LARGEST_WINDOW ? window : LARGEST_WINDOW;
}
