#include "ingest/transport.h"

#include <stddef.h>

const char *transport_name(Transport transport)
{
    switch (transport) {
    case TRANSPORT_UDP:
        return "udp";
    case TRANSPORT_UNIX:
        return "unix";
    case TRANSPORT_TCP:
        return "tcp";
    }
    return NULL;
}
