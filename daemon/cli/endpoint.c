#include "cli/endpoint.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/digits.h"

/* What may stand in a host: it goes into a URL as it is. */
static const char host_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
static const char ipv6_bytes[] = "abcdefABCDEFghijklmnopqrstuvwxyz0123456789:.%-_";

int endpoint_parse(const char *text, unsigned port, Endpoint *out)
{
    Endpoint found = {.port = port};
    bool bracket = text[0] == '[';
    const char *host = text + bracket;
    size_t length = strspn(host, bracket ? ipv6_bytes : host_bytes);
    const char *rest = host + length;
    if (length == 0 || length >= sizeof found.host || (bracket && *rest++ != ']'))
        return -EINVAL;
    if (*rest == ':') {
        int64_t number = digits_parse(rest + 1, UINT16_MAX);
        if (number < 1)
            return -EINVAL;
        found.port = (unsigned)number;
    } else if (*rest != '\0') {
        return -EINVAL;
    }
    memcpy(found.host, host, length);
    *out = found;
    return 0;
}

const char *endpoint_advice(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (strstr(text, "://") != NULL)
        return "leave what ends in :// away";
    if (strchr(text, '/') != NULL)
        return "there is no path in it";
    if (text[0] != '[' && strchr(text, ':') != colon)
        return "IPv6 stands in brackets, as in [::1]:PORT";
    if (text[0] == '\0' || text[0] == ':')
        return "the host is missing";
    if (colon != NULL && digits_parse(colon + 1, UINT16_MAX) < 1)
        return "the port is a number from 1 to 65535";
    return "a host is letters, digits, . and -, or an IPv6 address in brackets";
}

const char *endpoint_format(const Endpoint *endpoint, char out[static ENDPOINT_TEXT_SIZE])
{
    bool ipv6 = strchr(endpoint->host, ':') != NULL;
    (void)snprintf(out, ENDPOINT_TEXT_SIZE, ipv6 ? "[%s]:%u" : "%s:%u", endpoint->host,
                   endpoint->port);
    return out;
}
