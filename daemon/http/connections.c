#include "http/connections.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Of IPv4 the address, of IPv6 its first 64 bits: what one client is given. */
typedef struct {
    bool ipv6;
    uint64_t bits;
} Network;

struct Peer {
    Peer *next;
    Network network;
    unsigned open;       /* connections that have not been cut */
    unsigned references; /* connections */
};

struct Connection {
    Connection *next;
    Connection *before; /* NULL: it is the first */
    Peer *peer;
    int fd;
    bool cut;
    bool answering; /* else it owes a request */
    int64_t born_ns;
    int64_t since_ns; /* that it is answering, or owes */
    int64_t due_ns;
};

int connections_init(Connections *connections, unsigned limit, int64_t max_age_ns)
{
    *connections = (Connections){.limit = limit,
                                 .max_age_ns = max_age_ns != 0 ? max_age_ns : CONNECTIONS_AGE_NS};
    return -pthread_mutex_init(&connections->lock, NULL);
}

void connections_fini(Connections *connections)
{
    pthread_mutex_destroy(&connections->lock);
}

/* ---- peers; with the mutex held ---- */

static Network network_of(const struct sockaddr *address)
{
    Network network = {.ipv6 = address->sa_family == AF_INET6};
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        network.bits = in.sin_addr.s_addr;
    } else if (network.ipv6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        network.ipv6 = !IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
        memcpy(&network.bits, in.sin6_addr.s6_addr + (network.ipv6 ? 0 : 12), network.ipv6 ? 8 : 4);
    }
    return network;
}

/* => the peer with one reference more; NULL: no memory. */
static Peer *join_peer(Connections *connections, Network network)
{
    Peer *peer = connections->peers;
    while (peer != NULL &&
           (peer->network.bits != network.bits || peer->network.ipv6 != network.ipv6))
        peer = peer->next;
    if (peer == NULL) {
        peer = malloc(sizeof *peer);
        if (peer == NULL)
            return NULL;
        *peer = (Peer){.next = connections->peers, .network = network};
        connections->peers = peer;
    }
    peer->references++;
    return peer;
}

static void leave_peer(Connections *connections, Peer *peer)
{
    if (--peer->references > 0)
        return;
    Peer **place = &connections->peers;
    while (*place != peer)
        place = &(*place)->next;
    *place = peer->next;
    free(peer);
}

/* ---- cutting; with the mutex held ---- */

static void cut(Connections *connections, Connection *c)
{
    (void)shutdown(c->fd, SHUT_RDWR); /* the peer may have gone: then there is nothing to cut */
    c->cut = true;
    c->peer->open--;
    connections->count--;
}

static bool is_greedy(const Connections *connections, const Connection *c)
{
    return c->peer->open > connections->limit / 4;
}

static bool may_go(const Connection *c, int64_t now_ns)
{
    return !c->cut && (!c->answering || now_ns - c->since_ns >= CONNECTIONS_GRACE_NS);
}

static bool goes_before(const Connections *connections, const Connection *a, const Connection *b)
{
    if (is_greedy(connections, a) != is_greedy(connections, b))
        return is_greedy(connections, a);
    if (a->answering != b->answering)
        return b->answering;
    return a->since_ns < b->since_ns;
}

/* Cuts one, if any may go. => whether it did. */
static bool crowd_out(Connections *connections, int64_t now_ns)
{
    Connection *victim = NULL;
    for (Connection *c = connections->first; c != NULL; c = c->next)
        if (may_go(c, now_ns) && (victim == NULL || goes_before(connections, c, victim)))
            victim = c;
    if (victim != NULL)
        cut(connections, victim);
    return victim != NULL;
}

/* Makes room for so many more. => how many were cut. */
static unsigned make_room(Connections *connections, unsigned more, int64_t now_ns)
{
    unsigned gone = 0;
    while (connections->count + more > connections->limit && crowd_out(connections, now_ns))
        gone++;
    return gone;
}

/* ---- a connection's life ---- */

static void link_first(Connections *connections, Connection *c)
{
    c->next = connections->first;
    if (c->next != NULL)
        c->next->before = c;
    connections->first = c;
}

static void unlink_one(Connections *connections, Connection *c)
{
    if (c->next != NULL)
        c->next->before = c->before;
    if (c->before != NULL)
        c->before->next = c->next;
    else
        connections->first = c->next;
}

Connection *connections_add(Connections *connections, int fd, const struct sockaddr *peer,
                            int64_t now_ns, ConnectionsCut *was_cut)
{
    Connection *made = malloc(sizeof *made);
    *was_cut = (ConnectionsCut){.late = 0};
    pthread_mutex_lock(&connections->lock);
    Peer *joined = made == NULL ? NULL : join_peer(connections, network_of(peer));
    if (joined != NULL) {
        *made = (Connection){.peer = joined,
                             .fd = fd,
                             .born_ns = now_ns,
                             .since_ns = now_ns,
                             .due_ns = now_ns + CONNECTIONS_FIRST_NS};
        joined->open++;
        was_cut->crowded_out = make_room(connections, 1, now_ns); /* never itself: not yet linked */
        link_first(connections, made);
        connections->count++;
    }
    pthread_mutex_unlock(&connections->lock);
    if (joined != NULL)
        return made;
    free(made);
    (void)shutdown(fd, SHUT_RDWR);
    return NULL;
}

bool connections_request(Connections *connections, Connection *connection, int64_t now_ns)
{
    if (connection == NULL)
        return true;
    pthread_mutex_lock(&connections->lock);
    connection->answering = true;
    connection->since_ns = now_ns;
    connection->due_ns = now_ns + CONNECTIONS_ANSWER_NS;
    bool last = now_ns - connection->born_ns >= connections->max_age_ns;
    pthread_mutex_unlock(&connections->lock);
    return last;
}

void connections_answered(Connections *connections, Connection *connection, int64_t now_ns)
{
    if (connection == NULL)
        return;
    pthread_mutex_lock(&connections->lock);
    connection->answering = false;
    connection->since_ns = now_ns;
    connection->due_ns = now_ns + CONNECTIONS_NEXT_NS;
    pthread_mutex_unlock(&connections->lock);
}

void connections_remove(Connections *connections, Connection *connection)
{
    if (connection == NULL)
        return;
    pthread_mutex_lock(&connections->lock);
    if (!connection->cut) {
        connection->peer->open--;
        connections->count--;
    }
    leave_peer(connections, connection->peer);
    unlink_one(connections, connection);
    pthread_mutex_unlock(&connections->lock);
    free(connection);
}

ConnectionsCut connections_enforce(Connections *connections, int64_t now_ns)
{
    ConnectionsCut gone = {.late = 0};
    pthread_mutex_lock(&connections->lock);
    for (Connection *c = connections->first; c != NULL; c = c->next) {
        if (c->cut || c->due_ns > now_ns)
            continue;
        cut(connections, c);
        gone.late++;
    }
    gone.crowded_out = make_room(connections, 0, now_ns);
    pthread_mutex_unlock(&connections->lock);
    return gone;
}
