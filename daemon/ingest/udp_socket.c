#include "ingest/udp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ingest/ip_socket.h"

/* Asks for a receive buffer, above net.core.rmem_max if the process may, and notes what came of it. */
static void set_receive_buffer(UdpSocket *s, int bytes)
{
    /* The kernel keeps twice as much in an int: half of that is all that there is to ask for. */
    if (bytes > INT_MAX / 2)
        bytes = INT_MAX / 2;
    s->receive_buffer_asked = bytes;
    if (bytes > 0 && ip_socket_set(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) != 0)
        (void)ip_socket_set(s->fd, SOL_SOCKET, SO_RCVBUF,
                            bytes); /* the kernel cuts, it never fails */
    socklen_t size = sizeof s->receive_buffer_granted;
    (void)getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &s->receive_buffer_granted, &size);
}

int udp_socket_open(UdpSocket *s, const Address *address, bool first, int receive_buffer)
{
    UdpSocket fresh = {.fd = -1};
    fresh.fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fresh.fd < 0)
        return -errno;
    int error = ip_socket_bind(fresh.fd, address, first);
    if (error == 0)
        error = ip_socket_address(fresh.fd, &fresh.address);
    if (error != 0) {
        close(fresh.fd);
        return error;
    }
    set_receive_buffer(&fresh, receive_buffer);
    *s = fresh;
    return 0;
}

/* => whether the kernel told. */
static bool read_meminfo(int fd, uint32_t info[SK_MEMINFO_VARS])
{
    socklen_t size = SK_MEMINFO_VARS * sizeof info[0];
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 &&
           size >= (SK_MEMINFO_DROPS + 1) * sizeof info[0];
}

int udp_socket_adopt(UdpSocket *s, int fd, int receive_buffer)
{
    UdpSocket fresh = {.fd = fd};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -errno;
    int error = ip_socket_address(fresh.fd, &fresh.address);
    if (error != 0)
        return error;
    /* A manager that gave the socket a larger buffer than ours knows why. */
    socklen_t size = sizeof fresh.receive_buffer_granted;
    (void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &fresh.receive_buffer_granted, &size);
    if (fresh.receive_buffer_granted / 2 < receive_buffer)
        set_receive_buffer(&fresh, receive_buffer);
    /* What was dropped while nobody read it is told too, however much it is. */
    uint32_t info[SK_MEMINFO_VARS];
    if (read_meminfo(fd, info))
        atomic_init(&fresh.dropped, info[SK_MEMINFO_DROPS]);
    socklen_t cookie_size = sizeof fresh.cookie;
    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &fresh.cookie, &cookie_size) != 0)
        fresh.cookie = 0;
    *s = fresh;
    return 0;
}

bool udp_socket_resume(UdpSocket *s, uint64_t dropped)
{
    uint32_t info[SK_MEMINFO_VARS];
    if (!read_meminfo(s->fd, info))
        return false;
    /* As in udp_socket_dropped(). */
    uint32_t since = info[SK_MEMINFO_DROPS] - (uint32_t)dropped;
    if (since > UINT32_MAX / 2)
        return false;
    /* relaxed: one number, see there. */
    atomic_store_explicit(&s->dropped, dropped + since, memory_order_relaxed);
    return true;
}

void udp_socket_close(UdpSocket *s)
{
    if (s->fd < 0)
        return;
    (void)udp_socket_dropped(s);
    close(s->fd);
    s->fd = -1;
}

void udp_socket_keep_dropped(UdpSocket *s, KeptDrops *kept)
{
    s->kept = kept;
    (void)udp_socket_dropped(s);
}

uint64_t udp_socket_dropped(UdpSocket *s)
{
    uint32_t info[SK_MEMINFO_VARS];
    /* relaxed: one number that only grows; whoever looks adds the difference, nobody reads anything
     * else on its word. */
    uint64_t known = atomic_load_explicit(&s->dropped, memory_order_relaxed);
    if (!read_meminfo(s->fd, info))
        return known;
    uint64_t now;
    do {
        /* The low half of what we know is the kernel's counter as of then, so the difference of
         * the two, modulo 2^32, is what came since. A look that is older than what is known by now
         * (a difference of more than half the range) must not count as a wrap. */
        uint32_t since = info[SK_MEMINFO_DROPS] - (uint32_t)known;
        if (since > UINT32_MAX / 2)
            return known;
        now = known + since;
    } while (!atomic_compare_exchange_weak_explicit(&s->dropped, &known, now, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (s->kept != NULL)
        kept_drops_note(s->kept, now);
    return now;
}

uint64_t udp_socket_queued_bytes(const UdpSocket *s)
{
    uint32_t info[SK_MEMINFO_VARS];
    return read_meminfo(s->fd, info) ? info[SK_MEMINFO_RMEM_ALLOC] : 0;
}
