#include "ingest/pool_sockets.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/advice.h"
#include "base/log.h"
#include "ingest/pool_parts.h"

unsigned pool_sockets_threads(const PoolOptions *options)
{
    size_t fed = options->inherited_count;
    if (fed < options->inherited_unix_count)
        fed = options->inherited_unix_count;
    if (options->inherited_count == 0 || fed >= options->threads)
        return options->threads;
    log_notice("ingest", "%zu inherited udp sockets feed %zu of the %u threads: no more start",
               options->inherited_count, fed, options->threads);
    return (unsigned)fed;
}

/* ---- our own ---- */

/* One socket for each thread, all in one group. The first finds out the port if it is 0. */
static int open_address(Pool *pool, const Address *wanted, int receive_buffer)
{
    Address address = *wanted;
    for (unsigned i = 0; i < pool->count; i++) {
        WorkerSocket *s = worker_next_socket(pool->workers[i]);
        int error = s != NULL ? udp_socket_open(&s->udp, &address, i == 0, receive_buffer) : -E2BIG;
        if (error != 0) {
            char text[ADDRESS_TEXT_SIZE];
            char why[ADVICE_SIZE];
            log_error("ingest", "cannot receive on udp %s: %s", address_format(&address, text),
                      advice_address(error, &address, ADVICE_UDP, "--udp or ingest.udp", why));
            return error;
        }
        pool->workers[i]->socket_count++;
        address = s->udp.address;
    }
    return 0;
}

static int open_udp(Pool *pool, const PoolOptions *options)
{
    int error = 0;
    for (size_t i = 0; i < options->udp_count && error == 0; i++)
        error = open_address(pool, &options->udp[i], options->receive_buffer_bytes);
    return error;
}

/* Why a Unix socket cannot be opened, and what to do about it. */
static const char *unix_advice(int error)
{
    switch (error) {
    case -EADDRINUSE:
        return "somebody receives there already (`ss -xlp` and `ss -xap` name the process): stop "
               "it, or "
               "set another ingest.unix";
    case -ENOTSOCK:
        return "there is something else that is no socket, and it stays: remove it, or set another "
               "ingest.unix";
    case -ENOENT:
        return "its directory is not there: make it, or set another ingest.unix";
    case -EACCES:
    case -EPERM:
    case -EROFS:
        return "this user may not make it there: change the directory's owner or mode, or set "
               "another "
               "ingest.unix";
    case -ENAMETOOLONG:
        return "its name is longer than the 107 bytes that the kernel takes";
    case -EAFNOSUPPORT:
        return "this process may not open Unix sockets (RestrictAddressFamilies=?): have "
               "atomicstatsd-unix.socket hand one over";
    default:
        return strerrordesc_np(-error);
    }
}

static int open_unix(Pool *pool, const PoolOptions *options)
{
    if (options->unix_name == NULL || options->unix_name[0] == '\0')
        return 0;
    WorkerSocket *s = worker_next_socket(pool->workers[0]);
    int error =
        s != NULL ? unix_socket_open(&s->local, options->unix_name, options->unix_mode) : -E2BIG;
    if (error != 0) {
        log_error("ingest", "cannot receive on unix %s: %s", options->unix_name,
                  unix_advice(error));
        return error;
    }
    s->transport = TRANSPORT_UNIX;
    pool->workers[0]->socket_count++;
    return 0;
}

/* ---- those of a service manager ---- */

static int adopt(WorkerSocket *s, int fd, Transport transport, const PoolOptions *options)
{
    if (s == NULL)
        return -E2BIG;
    s->transport = transport;
    if (transport == TRANSPORT_UDP)
        return udp_socket_adopt(&s->udp, fd, options->receive_buffer_bytes);
    return unix_socket_adopt(&s->local, fd);
}

/* The service manager's sockets, dealt out to the threads in turn. From here on they are the pool's. */
static int adopt_all(Pool *pool, const int *fds, size_t count, Transport transport,
                     const PoolOptions *options)
{
    int error = 0;
    for (size_t i = 0; i < count; i++) {
        Worker *w = pool->workers[i % pool->count];
        WorkerSocket *s = worker_next_socket(w);
        int each = adopt(s, fds[i], transport, options);
        if (each == 0) {
            w->socket_count++;
        } else {
            log_error("ingest",
                      "cannot use the inherited socket %d: %s; it comes from the service manager: "
                      "see the .socket unit",
                      fds[i], strerrordesc_np(-each));
            close(fds[i]);
            error = each;
        }
    }
    return error;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

void pool_sockets_close_inherited(const PoolOptions *options)
{
    close_all(options->inherited, options->inherited_count);
    close_all(options->inherited_unix, options->inherited_unix_count);
}

int pool_sockets_open(Pool *pool, const PoolOptions *options)
{
    int error =
        adopt_all(pool, options->inherited, options->inherited_count, TRANSPORT_UDP, options);
    int other = adopt_all(pool, options->inherited_unix, options->inherited_unix_count,
                          TRANSPORT_UNIX, options);
    error = error != 0 ? error : other;
    /* UDP first: what is said of its buffers is said of a thread's first socket. */
    if (error == 0 && options->inherited_count == 0)
        error = open_udp(pool, options);
    if (error == 0 && options->inherited_unix_count == 0)
        error = open_unix(pool, options);
    return error;
}
