/* The requests in flight: from their first line until their answer has gone to the kernel. Whoever
 * stops the server waits here for the last one.
 *
 * Thread rule: any thread. A mutex is good enough: no ingest thread ever comes here. */
#ifndef HTTP_FLIGHT_H
#define HTTP_FLIGHT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    unsigned count;
} Flight;

/* => 0 or negative errno. */
int flight_init(Flight *flight);
void flight_fini(Flight *flight); /* nobody may be waiting */

void flight_begin(Flight *flight);
void flight_end(Flight *flight);

/* Waits until no request is in flight, at most so long. => whether none is. */
bool flight_wait(Flight *flight, int64_t timeout_ns);

#endif
