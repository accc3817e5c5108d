#include "http/routes.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "base/nearest.h"
#include "http/json_tree.h"
#include "http/metrics.h"
#include "http/server_report.h"
#include "http/stats_query.h"
#include "http/uri.h"
#include "http/web_files.h"

/* A request whose path has been found. */
typedef struct {
    UriPart rest;  /* of the path, decoded: what stands behind a prefix; else empty */
    UriPart query; /* encoded */
    const Accept *accept;
} RouteRequest;

typedef struct {
    const char *path;
    bool prefix; /* at least one byte must follow */
    Reply (*answer)(const HttpSite *site, const RouteRequest *request);
} Route;

/* ---- series ---- */

/* => whether the document would hold a series. Stops at the first. */
static bool any_series(const JsonStatsRequest *request)
{
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++) {
        SnapshotCursor cursor;
        if ((request->kinds & (1U << kind)) == 0)
            continue;
        snapshot_begin(&cursor, request->registry, (SeriesKind)kind, &request->filter);
        bool any = snapshot_skip(&cursor);
        snapshot_end(&cursor);
        if (any)
            return true;
    }
    return false;
}

static Reply answer_series(const HttpSite *site, const RouteRequest *request, unsigned kinds)
{
    StatsQuery query;
    const char *wrong = stats_query_parse(request->query, &query);
    if (wrong != NULL)
        return reply_error(MHD_HTTP_BAD_REQUEST, wrong);
    JsonStatsRequest document = {
        .service = http_site_service(site),
        .threads = pool_thread_count(site->pool),
        .registry = site->registry,
        .kinds = kinds & query.kinds,
        .pretty = query.pretty,
    };
    if (query.glob_length > 0) {
        document.filter.glob = query.glob;
        document.filter.glob_length = query.glob_length;
    }
    if (request->rest.length > 0) {
        document.filter.exact = request->rest.data;
        document.filter.exact_length = request->rest.length;
        if (!any_series(&document))
            return reply_error(MHD_HTTP_NOT_FOUND,
                               "no series of this name or id has come; /stats?name=*PART* finds "
                               "those that have PART in them");
    }
    /* Before the walk: what these figures call recorded, the walk will see. */
    pool_counts(site->pool, &document.intake);
    return reply_stats(&document);
}

static Reply answer_stats(const HttpSite *site, const RouteRequest *request)
{
    return answer_series(site, request, JSON_STATS_ALL_KINDS);
}

static Reply answer_progress(const HttpSite *site, const RouteRequest *request)
{
    return answer_series(site, request, 1U << SERIES_PROGRESS);
}

/* ---- the daemon ---- */

static Reply answer_server(const HttpSite *site, const RouteRequest *request)
{
    StatsQuery query;
    const char *wrong = stats_query_parse(request->query, &query);
    if (wrong != NULL)
        return reply_error(MHD_HTTP_BAD_REQUEST, wrong);
    JsonTree tree = server_report(site);
    return reply_tree(MHD_HTTP_OK, &tree, query.pretty);
}

static Reply answer_metrics(const HttpSite *site, const RouteRequest *request)
{
    return metrics_answer(site, request->accept);
}

static Reply answer_healthz(const HttpSite *site, const RouteRequest *request)
{
    (void)request;
    int64_t stuck_ns = pool_stuck_ns(site->pool);
    bool stuck = stuck_ns > site->stuck_ns;
    JsonTree tree = json_tree_create();
    json_tree_text(&tree, tree.root, "status", stuck ? "stuck" : "ok");
    if (stuck)
        json_tree_seconds(&tree, tree.root, "stuck_s", (double)stuck_ns / 1e9);
    return reply_tree(stuck ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, &tree, false);
}

static Reply answer_readyz(const HttpSite *site, const RouteRequest *request)
{
    (void)request;
    static const char *const words[] = {
        [HTTP_STARTING] = "starting", [HTTP_READY] = "ok", [HTTP_STOPPING] = "stopping"};
    HttpState state = http_site_state(site);
    JsonTree tree = json_tree_create();
    json_tree_text(&tree, tree.root, "status", words[state]);
    return reply_tree(state == HTTP_READY ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &tree,
                      false);
}

/* ---- the page ---- */

static Reply answer_file(const char *name, size_t length)
{
    WebFile file;
    if (!web_files_find(name, length, &file))
        return reply_error(MHD_HTTP_NOT_FOUND, "no such file");
    return reply_file(&file);
}

static Reply answer_page(const HttpSite *site, const RouteRequest *request)
{
    (void)site;
    (void)request;
    return answer_file(WEB_FILES_INDEX, strlen(WEB_FILES_INDEX));
}

static Reply answer_web(const HttpSite *site, const RouteRequest *request)
{
    (void)site;
    return answer_file(request->rest.data, request->rest.length);
}

/* ---- the table ---- */

static const Route routes[] = {
    {"/", false, answer_page},
    {"/web/", true, answer_web},
    {"/stats", false, answer_stats},
    {"/stats/", true, answer_stats},
    {"/progress", false, answer_progress},
    {"/progress/", true, answer_progress},
    {"/metrics", false, answer_metrics},
    {"/server", false, answer_server},
    {"/healthz", false, answer_healthz},
    {"/readyz", false, answer_readyz},
};

/* => the path's route, and what stands behind its prefix; NULL: there is none. */
static const Route *find_route(const char *path, size_t length, UriPart *rest)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t size = strlen(routes[i].path);
        bool long_enough = routes[i].prefix ? length > size : length == size;
        if (!long_enough || memcmp(path, routes[i].path, size) != 0)
            continue;
        *rest = (UriPart){.data = path + size, .length = length - size};
        return &routes[i];
    }
    return NULL;
}

/* With the path that was meant, if one is near. */
static Reply answer_unknown_path(const char *path, size_t length)
{
    static const char *const paths[] = {"/stats",   "/progress", "/metrics", "/server",
                                        "/healthz", "/readyz",   "/web/",    NULL};
    static const char all[] = "the paths are /, /stats, /stats/NAME, /progress, /progress/NAME, "
                              "/metrics, /server, /healthz and /readyz";
    char word[NEAREST_LENGTH + 1] = "";
    char message[256];
    if (length <= NEAREST_LENGTH)
        memcpy(word, path, length); /* it holds no zero */
    const char *near = nearest_word(word, paths);
    (void)snprintf(message, sizeof message, "no such path%s%s%s; %s",
                   near != NULL ? " (did you mean " : "", near != NULL ? near : "",
                   near != NULL ? "?)" : "", all);
    return reply_error(MHD_HTTP_NOT_FOUND, message);
}

static Reply answer_wrong_method(const HttpSite *site)
{
    char address[ADDRESS_TEXT_SIZE];
    char message[256];
    const Address receiver = http_site_receiver(site);
    (void)snprintf(message, sizeof message,
                   "only GET and HEAD are allowed here; values are sent to udp %s",
                   address_format(&receiver, address));
    Reply reply = reply_error(MHD_HTTP_METHOD_NOT_ALLOWED, message);
    reply_header(&reply, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    return reply;
}

Reply routes_answer(const HttpSite *site, const char *method, const char *target, size_t length,
                    const Accept *accept)
{
    if (length > ROUTES_TARGET_MAX)
        return reply_error(MHD_HTTP_URI_TOO_LONG, "the request's target is too long");
    UriPart path;
    RouteRequest request = {.accept = accept};
    uri_split(target, length, &path, &request.query);
    char decoded[ROUTES_TARGET_MAX];
    size_t decoded_length = 0;
    if (uri_decode(path.data, path.length, decoded, sizeof decoded, &decoded_length) != 0)
        return reply_error(
            MHD_HTTP_BAD_REQUEST,
            "a broken percent-escape or a NUL in the path; a % itself is written %25");
    const Route *route = find_route(decoded, decoded_length, &request.rest);
    if (route == NULL)
        return answer_unknown_path(decoded, decoded_length);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_wrong_method(site);
    /* A reply copies what it keeps of the request. */
    /* cppcheck-suppress returnDanglingLifetime */
    return route->answer(site, &request);
}
