#include "base/advice.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digits.h"

static const char more_descriptors[] = "raise the limit (LimitNOFILE= of the unit, or ulimit -n)";

/* "Error; what helps" => out */
__attribute__((format(printf, 3, 4))) static const char *say(char out[static ADVICE_SIZE],
                                                             int error, const char *format, ...)
{
    int used = snprintf(out, ADVICE_SIZE, "%s; ", strerrordesc_np(-error));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out + used, (size_t)(ADVICE_SIZE - used), format, args);
    va_end(args);
    return out;
}

static const char *say_no_more(char out[static ADVICE_SIZE], int error)
{
    (void)snprintf(out, ADVICE_SIZE, "%s", strerrordesc_np(-error));
    return out;
}

/* The kernel wants to know the interface of such an address. */
static bool lacks_interface(const Address *address)
{
    struct sockaddr_in6 in;
    if (address->storage.ss_family != AF_INET6)
        return false;
    memcpy(&in, &address->storage, sizeof in);
    return IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr) && in.sin6_scope_id == 0;
}

const char *advice_address(int error, const Address *address, AdviceTransport transport,
                           const char *setting, char out[static ADVICE_SIZE])
{
    bool ipv6 = address->storage.ss_family == AF_INET6;
    switch (-error) {
    case EADDRINUSE:
        return say(out, error,
                   "`sudo ss -%snp 'sport = :%u'` shows by whom: stop that, or choose another port "
                   "with %s",
                   transport == ADVICE_UDP ? "lu" : "lt", address_port(address), setting);
    case EACCES:
    case EPERM:
        if (address_port(address) < IPPORT_RESERVED)
            return say(out, error,
                       "ports below %d take CAP_NET_BIND_SERVICE: choose a higher one with %s, or "
                       "let systemd hold it (the .socket unit)",
                       IPPORT_RESERVED, setting);
        return say(out, error, "something above this program forbids it (a sandbox, SELinux)");
    case EADDRNOTAVAIL:
        return say(out, error,
                   "this machine has no such address: `ip -brief address` lists those that it has, "
                   "%s stands for all; choose one with %s",
                   ipv6 ? "[::]" : "0.0.0.0", setting);
    case EINVAL:
        if (lacks_interface(address))
            return say(out, error,
                       "a link-local address needs its interface, as in [fe80::1%%eth0]:%u",
                       address_port(address));
        return say_no_more(out, error);
    case EAFNOSUPPORT:
        return say(out, error,
                   "%s is switched off, or the unit's sandbox forbids it: there the .socket units "
                   "hold the addresses",
                   ipv6 ? "IPv6" : "IPv4");
    case EMFILE:
    case ENFILE:
        return say(out, error, "%s", more_descriptors);
    default:
        return say_no_more(out, error);
    }
}

/* In brackets, or what stands there for them. */
static const char *advice_ipv6_text(const char *text)
{
    const char *end = strchr(text, ']');
    const char *zone = strchr(text, '%');
    if (end == NULL)
        return "a ] is missing";
    if (end[1] == '\0')
        return "the port is missing";
    if (end[1] != ':' || digits_parse(end + 2, UINT16_MAX) < 0)
        return "the port is a number from 0 to 65535";
    if (zone != NULL)
        return "`ip link` lists the interfaces that may stand behind the %";
    return "that is no IPv6 address";
}

const char *advice_address_text(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    const char *colon = strrchr(text, ':');
    if (text[0] == '\0')
        return "";
    if (strstr(text, "://") != NULL)
        return "leave what ends in :// away";
    if (text[0] == '[')
        return advice_ipv6_text(text);
    if (strchr(text, ':') != colon)
        return "IPv6 stands in brackets, as in [::1]:PORT";
    if (digits_parse(text, UINT16_MAX) >= 0)
        return "127.0.0.1:PORT is for this machine alone, 0.0.0.0:PORT for all";
    if (colon == text || text[0] == '*')
        return "0.0.0.0:PORT stands for all of IPv4, [::]:PORT for all of IPv6";
    if (colon == NULL)
        return "the port is missing";
    if (digits_parse(colon + 1, UINT16_MAX) < 0)
        return "the port is a number from 0 to 65535";
    if (strpbrk(text, letters) != NULL)
        return "host names are not looked up: `getent ahosts NAME` shows a name's addresses";
    return "an IPv4 address is four numbers from 0 to 255";
}

const char *advice_directory(int error, const char *path, const char *setting,
                             char out[static ADVICE_SIZE])
{
    const char *slash = strrchr(path, '/');
    switch (-error) {
    case EACCES:
    case EPERM:
        return say(out, error,
                   "uid %u must be allowed to write there: `ls -ld` shows who is; give it the "
                   "directory (chown), or choose another with %s",
                   (unsigned)geteuid(), setting);
    case ENOENT:
        return say(out, error,
                   "make the one above it first (mkdir -p '%.*s'), or choose another with %s",
                   slash == NULL || slash == path ? 1 : (int)(slash - path), path, setting);
    case ENOTDIR:
        return say(out, error,
                   "a file of that name is in the way: move it, or choose another with %s",
                   setting);
    case EROFS:
        return say(out, error,
                   "choose another with %s, or open it to the unit (StateDirectory= or "
                   "ReadWritePaths=)",
                   setting);
    case ENOSPC:
    case EDQUOT:
        return say(
            out, error,
            "make room (`df -h` and `df -i` show how much there is), or choose another with %s",
            setting);
    case EMFILE:
    case ENFILE:
        return say(out, error, "%s", more_descriptors);
    default:
        return say_no_more(out, error);
    }
}

const char *advice_unix(int error, const char *name, const char *setting,
                        char out[static ADVICE_SIZE])
{
    switch (-error) {
    case EADDRINUSE:
        return say(out, error,
                   "`sudo ss -xap | grep -F '%s'` shows by whom: stop that, or choose another name "
                   "with %s",
                   name, setting);
    case ENOTSOCK:
        return say(out, error,
                   "what is there is something else, and stays: move it, or choose another name "
                   "with %s",
                   setting);
    case EAFNOSUPPORT:
        return say(
            out, error,
            "the unit's sandbox forbids it: there atomicstatsd-unix.socket holds the socket");
    default:
        return name[0] == '/' ? advice_directory(error, name, setting, out)
                              : say_no_more(out, error);
    }
}

const char *advice_file(int error, const char *absent, char out[static ADVICE_SIZE])
{
    switch (-error) {
    case ENOENT:
        return say(out, error, "%s", absent);
    case EACCES:
    case EPERM:
        return say(out, error,
                   "uid %u must be allowed to read it, and to enter the directories above it",
                   (unsigned)geteuid());
    case EISDIR:
        return say(out, error, "name a file in it");
    case ENOTDIR:
        return say(out, error, "something above it is a file");
    case EMFILE:
    case ENFILE:
        return say(out, error, "%s", more_descriptors);
    default:
        return say_no_more(out, error);
    }
}
