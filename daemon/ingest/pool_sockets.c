#include "ingest/pool_sockets.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/advice.h"
#include "base/log.h"
#include "ingest/pool_parts.h"
#include "ingest/tcp_socket.h"

unsigned pool_sockets_threads(const PoolOptions *options)
{
    size_t fed = options->inherited_count;
    if (fed < options->inherited_unix_count)
        fed = options->inherited_unix_count;
    if (fed < options->inherited_tcp_count)
        fed = options->inherited_tcp_count;
    bool own_tcp = options->tcp_count > 0 && options->inherited_tcp_count == 0;
    if (options->inherited_count == 0 || own_tcp || fed >= options->threads)
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

/* The same for TCP: connections are spread over the threads, which hand nothing to one another. */
static int listen_at(Pool *pool, const Address *wanted)
{
    Address address = *wanted;
    for (unsigned i = 0; i < pool->count; i++) {
        TcpListener *l = worker_next_listener(pool->workers[i]);
        int fd = l != NULL ? tcp_socket_open(&address, i == 0, &l->address) : -ENOMEM;
        if (fd < 0) {
            char text[ADDRESS_TEXT_SIZE];
            char why[ADVICE_SIZE];
            log_error("ingest", "cannot listen on tcp %s: %s", address_format(&address, text),
                      advice_address(fd, &address, ADVICE_TCP, "--tcp or ingest.tcp", why));
            return fd;
        }
        l->fd = fd;
        l->own = true;
        pool->workers[i]->listener_count++;
        address = l->address;
    }
    return 0;
}

static int open_tcp(Pool *pool, const PoolOptions *options)
{
    int error = 0;
    for (size_t i = 0; i < options->tcp_count && error == 0; i++)
        error = listen_at(pool, &options->tcp[i]);
    return error;
}

static int open_udp(Pool *pool, const PoolOptions *options)
{
    int error = 0;
    for (size_t i = 0; i < options->udp_count && error == 0; i++)
        error = open_address(pool, &options->udp[i], options->receive_buffer_bytes);
    return error;
}

static int open_unix(Pool *pool, const PoolOptions *options)
{
    if (options->unix_name == NULL || options->unix_name[0] == '\0')
        return 0;
    WorkerSocket *s = worker_next_socket(pool->workers[0]);
    int error =
        s != NULL ? unix_socket_open(&s->local, options->unix_name, options->unix_mode) : -E2BIG;
    if (error != 0) {
        char why[ADVICE_SIZE];
        log_error("ingest", "cannot receive on unix %s: %s", options->unix_name,
                  advice_unix(error, options->unix_name, "--unix or ingest.unix", why));
        return error;
    }
    s->transport = TRANSPORT_UNIX;
    pool->workers[0]->socket_count++;
    return 0;
}

/* ---- those of a service manager ---- */

static int adopt_udp(Worker *w, int fd, const PoolOptions *options)
{
    WorkerSocket *s = worker_next_socket(w);
    int error = s != NULL ? udp_socket_adopt(&s->udp, fd, options->receive_buffer_bytes) : -E2BIG;
    w->socket_count += error == 0 ? 1 : 0;
    return error;
}

static int adopt_unix(Worker *w, int fd, const PoolOptions *options)
{
    (void)options;
    WorkerSocket *s = worker_next_socket(w);
    int error = s != NULL ? unix_socket_adopt(&s->local, fd) : -E2BIG;
    if (error != 0)
        return error;
    s->transport = TRANSPORT_UNIX;
    w->socket_count++;
    return 0;
}

static int adopt_tcp(Worker *w, int fd, const PoolOptions *options)
{
    (void)options;
    TcpListener *l = worker_next_listener(w);
    int error = l != NULL ? tcp_socket_adopt(fd, &l->address) : -ENOMEM;
    if (error != 0)
        return error;
    l->fd = fd;
    w->listener_count++;
    return 0;
}

/* The service manager's sockets, dealt out to the threads in turn. From here on they are the pool's. */
static int adopt_all(Pool *pool, const int *fds, size_t count,
                     int (*adopt)(Worker *, int, const PoolOptions *), const PoolOptions *options)
{
    int error = 0;
    for (size_t i = 0; i < count; i++) {
        int each = adopt(pool->workers[i % pool->count], fds[i], options);
        if (each != 0) {
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
    close_all(options->inherited_tcp, options->inherited_tcp_count);
}

int pool_sockets_open(Pool *pool, const PoolOptions *options)
{
    const struct {
        const int *fds;
        size_t count;
        int (*adopt)(Worker *, int, const PoolOptions *);
        int (*open)(Pool *, const PoolOptions *); /* of our own, where there are none */
    } kinds[] = {
        /* UDP first: what is said of its buffers is said of a thread's first socket. */
        {options->inherited, options->inherited_count, adopt_udp, open_udp},
        {options->inherited_unix, options->inherited_unix_count, adopt_unix, open_unix},
        {options->inherited_tcp, options->inherited_tcp_count, adopt_tcp, open_tcp},
    };
    enum {
        KINDS = sizeof kinds / sizeof *kinds
    };
    int error = 0;
    for (size_t i = 0; i < KINDS; i++) {
        int each = 0;
        if (kinds[i].count > 0)
            each = adopt_all(pool, kinds[i].fds, kinds[i].count, kinds[i].adopt, options);
        else if (error == 0)
            each = kinds[i].open(pool, options);
        error = error != 0 ? error : each;
    }
    return error;
}
