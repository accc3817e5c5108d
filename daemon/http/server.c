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

#include "base/clock.h"
#include "base/log.h"
#include "http/deadlines.h"
#include "http/flight.h"
#include "http/framing.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/routes.h"

enum {
    IDLE_TIMEOUT_S = 30,
    CONNECTION_MEMORY_BYTES = 32 * 1024
};

struct HttpServer {
    HttpSite site;
    Flight flight;
    Deadlines deadlines;
    struct MHD_Daemon *daemon; /* NULL: stopped */
};

/* A request under way: its target as the client sent it. */
typedef struct {
    bool complete;    /* the headers have been looked at, and there is no body to come */
    const char *sent; /* where libmicrohttpd has the target */
    size_t length;
    char target[];
} Exchange;

/* ---- libmicrohttpd's callbacks; all but log_message() in its thread ---- */

__attribute__((format(printf, 2, 0))) static void log_message(void *context, const char *format,
                                                              va_list arguments)
{
    (void)context;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http", "%s", text); /* what clients do wrong, mostly */
}

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    HttpServer *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        http_counts_connected(&server->site.counts);
        *socket_context = info == NULL ? NULL
                                       : deadlines_add(&server->deadlines, info->connect_fd,
                                                       clock_monotonic_ns());
    } else {
        http_counts_disconnected(&server->site.counts);
        deadlines_remove(&server->deadlines, *socket_context);
        *socket_context = NULL;
    }
}

static Deadline *deadline_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* The request line has been read: the only time at which the whole target is to be had.
 * => what the other callbacks find as *exchange. */
static void *begin_exchange(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    HttpServer *server = context;
    size_t length = strlen(target);
    Exchange *exchange = malloc(sizeof *exchange + length);
    http_counts_request(&server->site.counts);
    flight_begin(&server->flight);
    if (exchange == NULL)
        return NULL;
    exchange->complete = false;
    exchange->sent = target;
    exchange->length = length;
    memcpy(exchange->target, target, length);
    return exchange;
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    HttpServer *server = context;
    free(*exchange);
    *exchange = NULL;
    deadlines_answered(&server->deadlines, deadline_of(connection), clock_monotonic_ns());
    flight_end(&server->flight);
}

/* Targets are decoded in routes.c, with lengths. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* The answer to a request that is malformed, or whose body will not be read. */
static Reply refuse(const HttpServer *server, const char *method, const Exchange *exchange,
                    const Framing *framing)
{
    bool reads =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    Reply reply;
    if (framing->malformed != NULL)
        reply = reply_error(MHD_HTTP_BAD_REQUEST, framing->malformed);
    else if (reads)
        reply = reply_error(MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here");
    else
        reply = routes_answer(&server->site, method, exchange->target, exchange->length);
    reply_header(&reply, MHD_HTTP_HEADER_CONNECTION, "close");
    return reply;
}

static enum MHD_Result send_reply(HttpServer *server, struct MHD_Connection *connection,
                                  const char *method, Reply reply)
{
    if (http_site_state(&server->site) == HTTP_STOPPING)
        reply_header(&reply, MHD_HTTP_HEADER_CONNECTION, "close");
    if (reply.response == NULL)
        return MHD_NO;
    /* To a HEAD, 0.9.75 sends the last chunk of a chunked body: a body, where there must be none. */
    if (reply.stream && strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
        MHD_set_response_options(reply.response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    enum MHD_Result queued = MHD_queue_response(connection, reply.status, reply.response);
    MHD_destroy_response(reply.response);
    if (queued == MHD_YES)
        http_counts_response(&server->site.counts, reply.status);
    return queued;
}

/* Called once with the headers, and again when the request is complete. An answer to the first call
 * is the connection's last, as the rest of the request has not been read. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    (void)url;
    (void)upload;
    (void)upload_size;
    HttpServer *server = context;
    Exchange *exchange = *request;
    if (exchange == NULL)
        return MHD_NO; /* no memory: the connection is closed */
    if (exchange->complete)
        return send_reply(server, connection, method,
                          routes_answer(&server->site, method, exchange->target, exchange->length));
    Framing framing = framing_read(connection);
    if (!framing_line_is_whole(method, exchange->sent, exchange->length, version))
        framing.malformed = "a NUL, or more than one space, in the request line";
    exchange->complete = framing.malformed == NULL && !framing.body;
    deadlines_request(&server->deadlines, deadline_of(connection), clock_monotonic_ns());
    if (exchange->complete)
        return MHD_YES;
    return send_reply(server, connection, method, refuse(server, method, exchange, &framing));
}

/* ---- life ---- */

static struct MHD_Daemon *start_daemon(HttpServer *server, int fd, unsigned max_connections)
{
    /* ITC: without it, quiesce does not work and stop waits for the next event. */
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0,
                            NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_message,
                            NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_UNESCAPE_CALLBACK,
                            leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange,
                            server, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, server,
                            MHD_OPTION_NOTIFY_CONNECTION, note_connection, server, MHD_OPTION_END);
}

/* Starts the thread with all signals blocked: they are for the thread that handles them. */
static int start_masked(HttpServer *server, int fd, unsigned max_connections)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0)
        return -error;
    errno = 0;
    server->daemon = start_daemon(server, fd, max_connections);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon != NULL)
        return 0;
    /* EBADF comes from its clean-up after a failed pthread_create(). */
    return error == 0 || error == EBADF ? -EAGAIN : -error;
}

/* Starts it, or closes the socket. A start that fails has closed the socket in some cases and not in
 * others, and the number may already be somebody else's: so it is closed only if it is still ours. */
static int start_or_close(HttpServer *server, int fd, unsigned max_connections)
{
    struct stat ours;
    struct stat now;
    bool known = fstat(fd, &ours) == 0;
    int error = start_masked(server, fd, max_connections);
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
    site->version = options->version;
    site->started_realtime_ns = options->started_realtime_ns;
    site->started_monotonic_ns = options->started_monotonic_ns;
    site->max_connections = options->max_connections;
    site->stuck_ns = options->stuck_ns != 0 ? options->stuck_ns : HTTP_STUCK_NS;
}

/* => a server that does not run yet; NULL: no memory. */
static HttpServer *make_server(void)
{
    HttpServer *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    if (flight_init(&made->flight) == 0) {
        if (deadlines_init(&made->deadlines) == 0)
            return made;
        flight_fini(&made->flight);
    }
    free(made);
    return NULL;
}

static void free_server(HttpServer *server)
{
    deadlines_fini(&server->deadlines);
    flight_fini(&server->flight);
    free(server);
}

int http_server_open(HttpServer **server, const HttpOptions *options)
{
    HttpServer *made = make_server();
    if (made == NULL) {
        if (options->inherited_fd >= 0)
            close(options->inherited_fd);
        return -ENOMEM;
    }
    fill_site(&made->site, options);
    int fd = options->inherited_fd >= 0 ? listener_adopt(options->inherited_fd, &made->site.address)
                                        : listener_open(options->listen, &made->site.address);
    int error = fd < 0 ? fd : start_or_close(made, fd, options->max_connections);
    if (error == 0) {
        *server = made;
        return 0;
    }
    free_server(made);
    return error;
}

void http_server_tick(HttpServer *server)
{
    unsigned cut = deadlines_enforce(&server->deadlines, clock_monotonic_ns());
    if (cut > 0)
        log_debug("http", "cut %u connections that owed a request for too long", cut);
}

const Address *http_server_address(const HttpServer *server)
{
    return &server->site.address;
}

void http_server_set_state(HttpServer *server, HttpState state)
{
    http_site_set_state(&server->site, state);
}

void http_server_stop(HttpServer *server, int64_t grace_ns)
{
    if (server->daemon == NULL)
        return;
    /* From here on each answer is its connection's last, so the flight comes to an end. */
    http_site_set_state(&server->site, HTTP_STOPPING);
    int fd = MHD_quiesce_daemon(server->daemon);
    if (!flight_wait(&server->flight, grace_ns))
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
