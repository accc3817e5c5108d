/* A datagram socket, UDP or Unix, as an ingest thread has it: in its loop, received from, drained at the end.
 *
 * Thread rule: open and close for the thread that owns the pool; the rest for the worker's, but for the
 * figures of udp_socket.h and unix_socket.h. */
#ifndef INGEST_WORKER_SOCKET_H
#define INGEST_WORKER_SOCKET_H

#include <stdint.h>
#include <uv.h>

#include "ingest/transport.h"
#include "ingest/udp_socket.h"
#include "ingest/unix_socket.h"

typedef struct Worker Worker;

typedef struct {
    Transport transport;
    UdpSocket udp;    /* of TRANSPORT_UDP; else with no descriptor, and no drops */
    UnixSocket local; /* of TRANSPORT_UNIX; else with no descriptor */
    uv_poll_t poll;
    unsigned errors; /* in a row */
    Worker *worker;
} WorkerSocket;

/* Makes it one of the worker's that is not open yet. */
void worker_socket_init(WorkerSocket *s, Worker *worker);

/* Has the worker's loop receive from it; it is open. => 0 or negative errno. */
int worker_socket_start(WorkerSocket *s);

/* Takes what is there, up to a bound, outside of its turn. */
void worker_socket_look(WorkerSocket *s);

/* Takes what the kernel holds at this moment, and closes the loop's handle. */
void worker_socket_drain(WorkerSocket *s);

/* Closes it, whether it is open or not; its figures stay readable. */
void worker_socket_close(WorkerSocket *s);

/* => what it is bound to, as text: in `out` (ADDRESS_TEXT_SIZE), or the socket's own. */
const char *worker_socket_text(const WorkerSocket *s, char out[static ADDRESS_TEXT_SIZE]);

#endif
