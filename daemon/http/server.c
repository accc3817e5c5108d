#include "http/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/log.h"
#include "http/listener.h"
#include "http/traffic.h"

enum {
    IDLE_TIMEOUT_S = 30,
    CONNECTION_MEMORY_BYTES = 32 * 1024
};

struct HttpServer {
    Traffic traffic;
    struct MHD_Daemon *daemon; /* NULL: stopped */
    _Atomic unsigned scrapes;
};

/* Any thread. */
__attribute__((format(printf, 2, 0))) static void log_message(void *context, const char *format,
                                                              va_list arguments)
{
    (void)context;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http", "%s", text); /* what clients do wrong, mostly */
}

/* Targets are decoded in routes.c, with lengths. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(Traffic *traffic, int fd)
{
    unsigned limit = traffic->site.max_connections + TRAFFIC_ARRIVING;
    /* ITC: without it, quiesce does not work and stop waits for the next event. */
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        traffic_handle, traffic, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, traffic_begin, traffic, MHD_OPTION_NOTIFY_COMPLETED,
        traffic_end, traffic, MHD_OPTION_NOTIFY_CONNECTION, traffic_connection, traffic,
        MHD_OPTION_END);
}

/* Starts the thread with all signals blocked: they are for the thread that handles them. */
static int start_masked(HttpServer *server, int fd)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0)
        return -error;
    errno = 0;
    server->daemon = start_daemon(&server->traffic, fd);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon != NULL)
        return 0;
    /* EBADF comes from its clean-up after a failed pthread_create(). */
    return error == 0 || error == EBADF ? -EAGAIN : -error;
}

/* Starts it, or closes the socket. A start that fails has closed the socket in some cases and not in
 * others, and the number may already be somebody else's: so it is closed only if it is still ours. */
static int start_or_close(HttpServer *server, int fd)
{
    struct stat ours;
    struct stat now;
    bool known = fstat(fd, &ours) == 0;
    int error = start_masked(server, fd);
    if (error == 0)
        return 0;
    log_error("http", "cannot start the server's thread: %s", strerrordesc_np(-error));
    if (known && fstat(fd, &now) == 0 && now.st_dev == ours.st_dev && now.st_ino == ours.st_ino)
        close(fd);
    return error;
}

static void fill_site(HttpSite *site, const HttpOptions *options)
{
    site->registry = options->registry;
    site->pool = options->pool;
    site->storage = options->storage;
    site->version = options->version;
    site->started_realtime_ns = options->started_realtime_ns;
    site->started_monotonic_ns = options->started_monotonic_ns;
    site->max_connections = options->max_connections;
    site->stuck_ns = options->stuck_ns != 0 ? options->stuck_ns : HTTP_STUCK_NS;
}

/* => a server that does not run yet; NULL: no memory. */
static HttpServer *make_server(const HttpOptions *options)
{
    HttpServer *made = malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    made->daemon = NULL;
    if (traffic_init(&made->traffic, options->max_connections, options->max_age_ns) == 0) {
        fill_site(&made->traffic.site, options);
        atomic_init(&made->scrapes, 0);
        made->traffic.site.scrapes = &made->scrapes;
        return made;
    }
    free(made);
    return NULL;
}

static void free_server(HttpServer *server)
{
    traffic_fini(&server->traffic);
    free(server);
}

int http_server_open(HttpServer **server, const HttpOptions *options)
{
    HttpServer *made = make_server(options);
    if (made == NULL) {
        log_error("http", "cannot make the server: %s", strerrordesc_np(ENOMEM));
        if (options->inherited_fd >= 0)
            close(options->inherited_fd);
        return -ENOMEM;
    }
    Address *bound = &made->traffic.site.address;
    int fd = options->inherited_fd >= 0 ? listener_adopt(options->inherited_fd, bound)
                                        : listener_open(options->listen, bound);
    int error = fd < 0 ? fd : start_or_close(made, fd);
    if (error == 0) {
        *server = made;
        return 0;
    }
    free_server(made);
    return error;
}

void http_server_tick(HttpServer *server)
{
    traffic_enforce(&server->traffic);
}

const Address *http_server_address(const HttpServer *server)
{
    return &server->traffic.site.address;
}

void http_server_set_state(HttpServer *server, HttpState state)
{
    http_site_set_state(&server->traffic.site, state);
}

void http_server_stop(HttpServer *server, int64_t grace_ns)
{
    if (server->daemon == NULL)
        return;
    /* From here on each answer is its connection's last, so the flight comes to an end. */
    http_site_set_state(&server->traffic.site, HTTP_STOPPING);
    int fd = MHD_quiesce_daemon(server->daemon);
    if (!flight_wait(&server->traffic.flight, grace_ns))
        log_warning("http", "stopped before all requests in flight were answered");
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
    if (fd >= 0)
        close(fd);
}

void http_server_close(HttpServer *server)
{
    if (server == NULL)
        return;
    http_server_stop(server, 0);
    free_server(server);
}
