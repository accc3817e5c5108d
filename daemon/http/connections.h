/* The connections that are open: what each owes and by when, and which one goes when there is no
 * place for another.
 *
 * libmicrohttpd's time-out is for connections on which nothing moves: one byte now and then keeps one
 * open for ever. So a new connection must have sent a whole request within CONNECTIONS_FIRST_NS, and
 * one that was served the next within CONNECTIONS_NEXT_NS (a scraper that keeps its connection is
 * idle longer than that only if libmicrohttpd's own time-out has cut it already). An answer must have
 * been taken within CONNECTIONS_ANSWER_NS, which lets a hundred megabytes through at 350 kB/s. And a
 * connection of CONNECTIONS_AGE_NS gets its last answer.
 *
 * libmicrohttpd lets those who are there keep their places, and enough slow clients lock everybody
 * else out. Here a new connection is let in, and past the limit another one is cut for it: first one
 * of an address that has more than a quarter of the places; of those, one that owes a request rather
 * than one that is being answered; of those, the one that has been doing so for the longest time. An
 * answer has CONNECTIONS_GRACE_NS before it may be cut, so that many who ask at once have their turn.
 * Who asks and reads is never in the way for long; who holds a connection open has no claim to it.
 *
 * Thread rule: the server's thread adds, tells and removes; any one thread enforces. A mutex guards
 * the list, so that a descriptor is never used after it is closed. */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define CONNECTIONS_FIRST_NS (INT64_C(10) * 1000000000)
#define CONNECTIONS_NEXT_NS (INT64_C(60) * 1000000000)
#define CONNECTIONS_ANSWER_NS (INT64_C(300) * 1000000000)
#define CONNECTIONS_GRACE_NS INT64_C(1000000000)
#define CONNECTIONS_AGE_NS (INT64_C(3600) * 1000000000)

typedef struct Connection Connection;
typedef struct Peer Peer;

typedef struct {
    pthread_mutex_t lock;
    Connection *first;
    Peer *peers;    /* whose connections they are */
    unsigned count; /* connections that have not been cut */
    unsigned limit;
    int64_t max_age_ns;
} Connections;

/* How many were cut. */
typedef struct {
    unsigned late;        /* owed something for too long */
    unsigned crowded_out; /* made room for others */
} ConnectionsCut;

/* `limit`: how many there should be at most, from 4. `max_age_ns`: then a connection gets its last
 * answer; 0: CONNECTIONS_AGE_NS. => 0 or negative errno. */
int connections_init(Connections *connections, unsigned limit, int64_t max_age_ns);

/* No connection may be left. */
void connections_fini(Connections *connections);

/* A connection from `peer` was accepted. `now_ns`: CLOCK_MONOTONIC, also below. May cut another one:
 * *was_cut. => NULL: no memory, and it has been cut; the three below take NULL. */
Connection *connections_add(Connections *connections, int fd, const struct sockaddr *peer,
                            int64_t now_ns, ConnectionsCut *was_cut);

/* Its request is here, whole: the answer is to be taken. => whether the answer shall be its last. */
bool connections_request(Connections *connections, Connection *connection, int64_t now_ns);

/* The answer is out, or given up: the next request is due. */
void connections_answered(Connections *connections, Connection *connection, int64_t now_ns);

/* It is about to be closed. */
void connections_remove(Connections *connections, Connection *connection);

/* Shuts down every connection that is late, and those that are too many; the server's thread then
 * closes them. Call it about once a second. */
ConnectionsCut connections_enforce(Connections *connections, int64_t now_ns);

#endif
