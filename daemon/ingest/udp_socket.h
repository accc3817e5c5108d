/* One UDP socket of one ingest thread.
 *
 * What the kernel drops because the queue is full is read from the socket itself (SO_MEMINFO), not
 * from the SO_RXQ_OVFL message that comes with a datagram. It is the same 32-bit counter, but the
 * message tells what it was when its datagram was queued, so drops after the last datagram would
 * never be heard of; and asking costs nothing per datagram. */
#ifndef INGEST_UDP_SOCKET_H
#define INGEST_UDP_SOCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "ingest/kept_drops.h"

typedef struct {
    int fd;                     /* -1: none */
    Address address;            /* as bound: with the real port */
    int receive_buffer_asked;   /* bytes, at most INT_MAX / 2; 0: not asked */
    int receive_buffer_granted; /* bytes as the kernel counts them: twice what it was asked for */
    uint64_t cookie; /* of one that was taken over: its name until the next boot; else 0 */
    _Atomic uint64_t datagrams; /* received; written by the socket's thread alone */
    _Atomic uint64_t dropped;   /* as of the latest look, see udp_socket_dropped() */
    KeptDrops *kept;            /* where that stands once more; NULL: nowhere */
} UdpSocket;

/* Opens a non-blocking socket and binds it to the address alone (IPv6 does not take IPv4 with it), in
 * a group that shares the port by flow (SO_REUSEPORT). `first`: the group is new, and an address that
 * anybody else has bound is refused with -EADDRINUSE, even where both would be willing to share: two
 * daemons must not split one stream of values without anybody noticing.
 * `receive_buffer`: bytes to ask for, with SO_RCVBUFFORCE where allowed; 0: as the system has it.
 * => 0; negative errno: nothing is open. */
int udp_socket_open(UdpSocket *s, const Address *address, bool first, int receive_buffer);

/* Takes over a bound socket from a service manager; it is the caller's again on an error.
 * => 0 or negative errno. */
int udp_socket_adopt(UdpSocket *s, int fd, int receive_buffer);

/* Says what an earlier process knew of the drops on a socket that was taken over, so that they count as
 * one life's. => whether that can be: the kernel's counter has not gone back. */
bool udp_socket_resume(UdpSocket *s, uint64_t dropped);

/* Each look is noted in *kept, too, which outlives the socket. */
void udp_socket_keep_dropped(UdpSocket *s, KeptDrops *kept);

/* Closes it; its figures stay readable. */
void udp_socket_close(UdpSocket *s);

/* => datagrams that the kernel dropped on this socket, over all its life. Looks at the socket, if it
 * is still open. The kernel's counter wraps at 2^32: call it at least once in 2^31 drops. Any
 * thread. */
uint64_t udp_socket_dropped(UdpSocket *s);

/* => bytes in the kernel's queue now, with its overhead of several hundred bytes a datagram. */
uint64_t udp_socket_queued_bytes(const UdpSocket *s);

#endif
