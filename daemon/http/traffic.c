#include "http/traffic.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "http/accept.h"
#include "http/framing.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/stranger.h"

enum {
    /* What the kernel keeps of an answer that the client does not take, beside what is on its way. */
    UNSENT_BYTES = 128 * 1024,
    STRANGER_SHOWN_SIZE = 100 /* of what somebody sent who speaks no HTTP */
};

#define WARNING_NS (INT64_C(60) * 1000000000)

/* A request under way: its target as the client sent it. */
typedef struct {
    bool complete;    /* the headers have been looked at, and there is no body to come */
    bool last;        /* the connection is to be closed after the answer */
    const char *sent; /* where libmicrohttpd has the target */
    size_t length;
    char target[];
} Exchange;

int traffic_init(Traffic *traffic, unsigned max_connections, int64_t max_age_ns)
{
    memset(traffic, 0, sizeof *traffic);
    int error = flight_init(&traffic->flight);
    if (error != 0)
        return error;
    error = connections_init(&traffic->connections, max_connections, max_age_ns);
    if (error != 0)
        flight_fini(&traffic->flight);
    return error;
}

void traffic_fini(Traffic *traffic)
{
    connections_fini(&traffic->connections);
    flight_fini(&traffic->flight);
}

/* ---- connections ---- */

/* Counts those that were cut, and tells of a crowd. */
static void note_cut(Traffic *traffic, ConnectionsCut cut)
{
    uint64_t before;
    http_counts_cut(&traffic->site.counts, cut.late, cut.crowded_out);
    if (cut.late > 0)
        log_debug("http", "cut %u connections that owed something for too long", cut.late);
    if (cut.crowded_out > 0 &&
        log_limiter_pass(&traffic->crowd_limiter, clock_monotonic_ns(), WARNING_NS, &before))
        log_warning("http",
                    "more than %u connections: those that keep us waiting longest are cut; a "
                    "larger http.max_connections helps, unless somebody does it on purpose (%llu "
                    "similar messages suppressed)",
                    traffic->site.max_connections, (unsigned long long)before);
}

void traffic_enforce(Traffic *traffic)
{
    note_cut(traffic, connections_enforce(&traffic->connections, clock_monotonic_ns()));
}

/* A line of text is likely a client with a wrong port, which somebody wants to know; what else knocks at a
 * port is not worth a line. */
static void tell_stranger(Traffic *traffic, const struct sockaddr *peer, const char *sent,
                          const Address *values)
{
    char shown[STRANGER_SHOWN_SIZE];
    char from[ADDRESS_TEXT_SIZE];
    char to[ADDRESS_TEXT_SIZE];
    uint64_t before;
    Address address;
    size_t length = strcspn(sent, "\r\n");
    if (length == 0 || !utf8_is_clean(sent, length) ||
        !log_limiter_pass(&traffic->stranger_limiter, clock_monotonic_ns(), WARNING_NS, &before))
        return;
    address_from_sockaddr(&address, peer, sizeof(struct sockaddr_storage));
    (void)utf8_escape(sent, length, shown, sizeof shown);
    log_warning("http",
                "%s sends to the HTTP port what is no HTTP request: \"%s\"; values go to udp %s "
                "(%llu similar messages suppressed)",
                address_format(&address, from), shown, address_format(values, to),
                (unsigned long long)before);
}

/* Answers whoever speaks no HTTP, and ends the connection. */
static void turn_away(Traffic *traffic, int fd, const struct sockaddr *peer, Stranger stranger,
                      char *sent, size_t length)
{
    char answer[STRANGER_ANSWER_SIZE];
    const Address receiver = http_site_receiver(&traffic->site);
    size_t size = stranger_answer(stranger, &receiver, answer);
    (void)send(fd, answer, size, MSG_DONTWAIT | MSG_NOSIGNAL); /* fits: nothing was sent before */
    (void)recv(fd, sent, length, MSG_DONTWAIT); /* unread, it would break the connection off */
    (void)shutdown(fd, SHUT_RDWR);
    http_counts_stranger(&traffic->site.counts);
    if (stranger == STRANGER_TEXT)
        tell_stranger(traffic, peer, sent, &receiver);
}

/* The listener lets a connection through when its first bytes are there, or when they do not come for long:
 * libmicrohttpd has not read them yet. */
static void look_at_stranger(Traffic *traffic, int fd, const struct sockaddr *peer)
{
    char sent[STRANGER_LOOK + 1];
    ssize_t length = recv(fd, sent, STRANGER_LOOK, MSG_PEEK | MSG_DONTWAIT);
    if (length <= 0)
        return;
    Stranger stranger = stranger_look(sent, (size_t)length);
    sent[length] = '\0';
    if (stranger != STRANGER_NONE)
        turn_away(traffic, fd, peer, stranger, sent, (size_t)length);
}

static Connection *begin_connection(Traffic *traffic, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info->connect_fd;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    int unsent = UNSENT_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    ConnectionsCut cut;
    Connection *begun =
        connections_add(&traffic->connections, fd, info->client_addr, clock_monotonic_ns(), &cut);
    note_cut(traffic, cut);
    look_at_stranger(traffic, fd, info->client_addr);
    return begun;
}

void traffic_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    Traffic *traffic = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http_counts_connected(&traffic->site.counts);
        *socket_context = begin_connection(traffic, connection);
    } else {
        http_counts_disconnected(&traffic->site.counts);
        connections_remove(&traffic->connections, *socket_context);
        *socket_context = NULL;
    }
}

static Connection *ours(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- requests ---- */

/* The only time at which the whole target is to be had. */
void *traffic_begin(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    Traffic *traffic = context;
    size_t length = strlen(target);
    Exchange *exchange = malloc(sizeof *exchange + length);
    http_counts_request(&traffic->site.counts);
    flight_begin(&traffic->flight);
    if (exchange == NULL)
        return NULL;
    exchange->complete = false;
    exchange->last = false;
    exchange->sent = target;
    exchange->length = length;
    memcpy(exchange->target, target, length);
    return exchange;
}

void traffic_end(void *context, struct MHD_Connection *connection, void **exchange,
                 enum MHD_RequestTerminationCode code)
{
    (void)code;
    Traffic *traffic = context;
    free(*exchange);
    *exchange = NULL;
    connections_answered(&traffic->connections, ours(connection), clock_monotonic_ns());
    flight_end(&traffic->flight);
}

static enum MHD_Result add_accept(void *accept, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    if (value != NULL && strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0)
        accept_add(accept, value);
    return MHD_YES;
}

static Reply answer(const Traffic *traffic, struct MHD_Connection *connection, const char *method,
                    const Exchange *exchange)
{
    Accept accept = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_accept, &accept);
    return routes_answer(&traffic->site, method, exchange->target, exchange->length, &accept);
}

/* The answer to a request that is malformed, or whose body will not be read. */
static Reply refuse(const Traffic *traffic, struct MHD_Connection *connection, const char *method,
                    const Exchange *exchange, const Framing *framing)
{
    bool reads =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (framing->malformed != NULL)
        return reply_error(MHD_HTTP_BAD_REQUEST, framing->malformed);
    if (reads)
        return reply_error(MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here");
    return answer(traffic, connection, method, exchange);
}

/* What the client has already is not sent again. */
static Reply shorten_reply(struct MHD_Connection *connection, Reply reply)
{
    const char *known =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    if (reply.response == NULL || !reply_is_known(&reply, known))
        return reply;
    MHD_destroy_response(reply.response);
    return reply_not_modified(&reply);
}

static enum MHD_Result send_reply(Traffic *traffic, struct MHD_Connection *connection,
                                  const char *method, bool last, Reply reply)
{
    reply = shorten_reply(connection, reply);
    if (last || http_site_state(&traffic->site) == HTTP_STOPPING)
        reply_header(&reply, MHD_HTTP_HEADER_CONNECTION, "close");
    if (reply.response == NULL)
        return MHD_NO;
    /* To a HEAD, 0.9.75 sends the last chunk of a chunked body: a body, where there must be none. */
    if (reply.stream && strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
        MHD_set_response_options(reply.response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    enum MHD_Result queued = MHD_queue_response(connection, reply.status, reply.response);
    MHD_destroy_response(reply.response);
    if (queued == MHD_YES)
        http_counts_response(&traffic->site.counts, reply.status);
    return queued;
}

/* Called once with the headers, and again when the request is complete. An answer to the first call
 * is the connection's last, as the rest of the request has not been read. */
enum MHD_Result traffic_handle(void *context, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **exchange)
{
    (void)url;
    (void)upload;
    (void)upload_size;
    Traffic *traffic = context;
    Exchange *own = *exchange;
    if (own == NULL)
        return MHD_NO; /* no memory: the connection is closed */
    if (own->complete)
        return send_reply(traffic, connection, method, own->last,
                          answer(traffic, connection, method, own));
    Framing framing = framing_read(connection);
    if (!framing_line_is_whole(method, own->sent, own->length, version))
        framing.malformed = "a NUL, or more than one space, in the request line";
    own->complete = framing.malformed == NULL && !framing.body;
    own->last = connections_request(&traffic->connections, ours(connection), clock_monotonic_ns());
    if (own->complete)
        return MHD_YES;
    return send_reply(traffic, connection, method, true,
                      refuse(traffic, connection, method, own, &framing));
}
