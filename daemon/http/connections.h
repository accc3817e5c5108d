/* Connections that owe us a request, and by when.
 *
 * libmicrohttpd's time-out is for connections on which nothing moves: one byte now and then keeps one
 * open for ever, and enough of those lock everybody else out. So a new connection must have sent a
 * whole request within DEADLINES_FIRST_NS, and one that was served the next within
 * DEADLINES_NEXT_NS (a scraper that keeps its connection is idle longer than that only if
 * libmicrohttpd's own time-out has cut it already). An answer must have been taken within
 * DEADLINES_ANSWER_NS, which lets a hundred megabytes through at 350 kB/s.
 *
 * Thread rule: the server's thread adds, tells and removes; any one thread enforces. A mutex guards
 * the list, so that a descriptor is never used after it is closed. */
#ifndef HTTP_DEADLINES_H
#define HTTP_DEADLINES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define DEADLINES_FIRST_NS (INT64_C(10) * 1000000000)
#define DEADLINES_NEXT_NS (INT64_C(60) * 1000000000)
#define DEADLINES_ANSWER_NS (INT64_C(300) * 1000000000)

typedef struct Deadline Deadline;

typedef struct {
    pthread_mutex_t lock;
    Deadline *first;
} Deadlines;

/* => 0 or negative errno. */
int deadlines_init(Deadlines *deadlines);

/* No connection may be left. */
void deadlines_fini(Deadlines *deadlines);

/* A connection was accepted. `now_ns`: CLOCK_MONOTONIC, also below. => NULL: no memory; such a
 * connection has no deadline, and the three below take NULL. */
Deadline *deadlines_add(Deadlines *deadlines, int fd, int64_t now_ns);

/* Its request is here, whole: the answer is to be taken. */
void deadlines_request(Deadlines *deadlines, Deadline *deadline, int64_t now_ns);

/* The answer is out, or given up: the next request is due. */
void deadlines_answered(Deadlines *deadlines, Deadline *deadline, int64_t now_ns);

/* The connection is about to be closed. */
void deadlines_remove(Deadlines *deadlines, Deadline *deadline);

/* Shuts down every connection whose deadline has passed; the server's thread then closes it. => how
 * many. */
unsigned deadlines_enforce(Deadlines *deadlines, int64_t now_ns);

#endif
