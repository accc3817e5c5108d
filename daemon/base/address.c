#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/digits.h"

/* An interface's name, or its number as address_format() has to write it where the name is gone. */
static bool parse_zone(const char *zone, uint32_t *out)
{
    unsigned index = if_nametoindex(zone);
    int64_t number = index != 0 ? (int64_t)index : digits_parse(zone, INT32_MAX);
    if (number <= 0)
        return false;
    *out = (uint32_t)number;
    return true;
}

static int parse_ipv4(const char *host, in_port_t port, Address *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
        return -EINVAL;
    address_from_sockaddr(out, (const struct sockaddr *)&in, sizeof in);
    return 0;
}

/* Without the brackets; cuts the zone off `host`. */
static int parse_ipv6(char *host, in_port_t port, Address *out)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = port};
    char *zone = strchr(host, '%');
    if (zone) {
        *zone++ = '\0';
        if (!parse_zone(zone, &in.sin6_scope_id))
            return -EINVAL;
    }
    if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
        return -EINVAL;
    address_from_sockaddr(out, (const struct sockaddr *)&in, sizeof in);
    return 0;
}

int address_parse(const char *text, Address *out)
{
    const char *colon = strrchr(text, ':');
    char host[ADDRESS_TEXT_SIZE];
    int64_t port = colon == NULL ? -EINVAL : digits_parse(colon + 1, UINT16_MAX);
    if (port < 0)
        return -EINVAL;
    size_t length = (size_t)(colon - text);
    if (length == 0 || length >= sizeof host)
        return -EINVAL;
    memcpy(host, text, length);
    host[length] = '\0';
    if (host[0] != '[')
        return parse_ipv4(host, htons((uint16_t)port), out);
    if (host[length - 1] != ']')
        return -EINVAL;
    host[length - 1] = '\0';
    return parse_ipv6(host + 1, htons((uint16_t)port), out);
}

void address_from_sockaddr(Address *out, const struct sockaddr *from, socklen_t length)
{
    memset(out, 0, sizeof *out);
    if (!from || length < (socklen_t)sizeof from->sa_family)
        return;
    socklen_t needed = from->sa_family == AF_INET    ? (socklen_t)sizeof(struct sockaddr_in)
                       : from->sa_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                                     : 0;
    if (needed == 0 || length < needed)
        return;
    memcpy(&out->storage, from, needed);
    out->length = needed;
}

/* The address in out->storage by its own type; a copy, as the storage has another type. */
static struct sockaddr_in as_ipv4(const Address *address)
{
    struct sockaddr_in in;
    memcpy(&in, &address->storage, sizeof in);
    return in;
}

static struct sockaddr_in6 as_ipv6(const Address *address)
{
    struct sockaddr_in6 in;
    memcpy(&in, &address->storage, sizeof in);
    return in;
}

static void format_ipv4(const void *bytes, unsigned port, char *out)
{
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, bytes, host, sizeof host); /* cannot fail: family and size are right */
    snprintf(out, ADDRESS_TEXT_SIZE, "%s:%u", host, port);
}

static void format_ipv6(const struct sockaddr_in6 *in, char *out)
{
    char host[INET6_ADDRSTRLEN];
    char zone[IF_NAMESIZE + 1] = "";
    unsigned port = ntohs(in->sin6_port);
    /* What a socket for both families shows of an IPv4 peer: people know it by the plain form. */
    if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
        format_ipv4(in->sin6_addr.s6_addr + 12, port, out);
        return;
    }
    if (in->sin6_scope_id) {
        zone[0] = '%';
        if (!if_indextoname(in->sin6_scope_id, zone + 1))
            snprintf(zone + 1, sizeof zone - 1, "%u", (unsigned)in->sin6_scope_id);
    }
    inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
    snprintf(out, ADDRESS_TEXT_SIZE, "[%s%s]:%u", host, zone, port);
}

const char *address_format(const Address *address, char out[static ADDRESS_TEXT_SIZE])
{
    if (address->length == 0) {
        snprintf(out, ADDRESS_TEXT_SIZE, "unknown");
    } else if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in in = as_ipv4(address);
        format_ipv4(&in.sin_addr, ntohs(in.sin_port), out);
    } else {
        struct sockaddr_in6 in = as_ipv6(address);
        format_ipv6(&in, out);
    }
    return out;
}

unsigned address_port(const Address *address)
{
    if (address->length == 0)
        return 0;
    if (address->storage.ss_family == AF_INET)
        return ntohs(as_ipv4(address).sin_port);
    return ntohs(as_ipv6(address).sin6_port);
}
