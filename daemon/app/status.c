#include "app/status.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"

/* => whether some thread before this one, or this one before that socket, has the address too. */
static bool address_was_told(const Pool *pool, unsigned thread, size_t socket, const char *text)
{
    for (unsigned t = 0; t <= thread; t++) {
        size_t count = t == thread ? socket : pool_socket_count(pool, t);
        for (size_t i = 0; i < count; i++) {
            PoolSocketInfo info;
            pool_socket_info(pool, t, i, &info);
            if (strcmp(info.name, text) == 0)
                return true;
        }
    }
    return false;
}

static void put_sockets(Buffer *text, const Pool *pool)
{
    for (unsigned t = 0; t < pool_thread_count(pool); t++) {
        for (size_t i = 0; i < pool_socket_count(pool, t); i++) {
            PoolSocketInfo info;
            pool_socket_info(pool, t, i, &info);
            if (address_was_told(pool, t, i, info.name))
                continue;
            buffer_text(text, transport_name(info.transport));
            buffer_text(text, " ");
            buffer_text(text, info.name);
            buffer_text(text, ", ");
        }
    }
}

const char *status_describe(const Pool *pool, const Address *http, uint64_t dropped,
                            char out[static STATUS_SIZE])
{
    Buffer text;
    char address[ADDRESS_TEXT_SIZE];
    unsigned threads = pool_thread_count(pool);
    buffer_init(&text, out, STATUS_SIZE - 1);
    if (dropped > 0) {
        buffer_uint64(&text, dropped);
        buffer_text(&text, " datagrams dropped by the kernel; ");
    }
    buffer_text(&text, "serving ");
    put_sockets(&text, pool);
    buffer_text(&text, "http ");
    buffer_text(&text, address_format(http, address));
    buffer_text(&text, " with ");
    buffer_uint64(&text, threads);
    buffer_text(&text, " ingest threads");
    out[text.length] = '\0';
    return out;
}
