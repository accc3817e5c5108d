#include "app/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

enum {
    REST_SIZE = 200 /* of what follows the addresses */
};

/* Threads share addresses: each is told where it is seen first. `names` has those that were told, each with its
 * zero. => whether the name is a new one. */
static bool is_new(Buffer *names, const char *name)
{
    for (size_t at = 0; at < names->length; at += strlen(names->data + at) + 1)
        if (strcmp(names->data + at, name) == 0)
            return false;
    buffer_bytes(names, name, strlen(name) + 1);
    return true;
}

static void put_address(Buffer *text, Buffer *names, Transport transport, const char *address)
{
    char name[POOL_NAME_SIZE + 8];
    (void)snprintf(name, sizeof name, "%s %s", transport_name(transport), address);
    if (buffer_room(text) < REST_SIZE + sizeof name || !is_new(names, name))
        return;
    buffer_text(text, name);
    buffer_text(text, ", ");
}

static void put_addresses(Buffer *text, const Pool *pool)
{
    char memory[STATUS_SIZE];
    Buffer names;
    buffer_init(&names, memory, sizeof memory);
    for (unsigned t = 0; t < pool_thread_count(pool); t++) {
        for (size_t i = 0; i < pool_socket_count(pool, t); i++) {
            PoolSocketInfo info;
            pool_socket_info(pool, t, i, &info);
            put_address(text, &names, info.transport, info.name);
        }
    }
    for (unsigned t = 0; t < pool_thread_count(pool); t++) {
        for (size_t i = 0; i < pool_listener_count(pool, t); i++) {
            PoolTcpFigures unused;
            char address[ADDRESS_TEXT_SIZE];
            address_format(pool_listener_info(pool, t, i, &unused), address);
            put_address(text, &names, TRANSPORT_TCP, address);
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
    put_addresses(&text, pool);
    buffer_text(&text, "http ");
    buffer_text(&text, address_format(http, address));
    buffer_text(&text, " with ");
    buffer_uint64(&text, threads);
    buffer_text(&text, " ingest threads");
    out[text.length] = '\0';
    return out;
}
