#include "http/server_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/reject_hint.h"
#include "http/resident.h"
#include "render/json_members.h"

/* ---- service and series ---- */

static void add_service(JsonTree *tree, const HttpSite *site)
{
    JsonTreePlace place;
    const JsonSink members = json_tree_sink(tree, tree->root, &place);
    const ServiceInfo info = http_site_service(site);
    json_members_service(&members, &info);
}

static void add_series(JsonTree *tree, const Registry *registry)
{
    cJSON *series = json_tree_object(tree, tree->root, "series");
    uint32_t counts[SERIES_KINDS];
    uint64_t total = 0;
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++) {
        counts[kind] = registry_count(registry, (SeriesKind)kind);
        total += counts[kind];
    }
    json_tree_uint64(tree, series, "max", registry_max_series(registry));
    json_tree_uint64(tree, series, "expire_after_s", registry_expire_after(registry));
    json_tree_uint64(tree, series, "expired", registry_expired(registry));
    json_tree_uint64(tree, series, "total", total);
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++)
        json_tree_uint64(tree, series, series_kind_section((SeriesKind)kind), counts[kind]);
}

/* ---- ingest ---- */

static void add_socket(JsonTree *tree, cJSON *sockets, const PoolSocketInfo *info)
{
    JsonTreePlace place;
    cJSON *socket = json_tree_item(tree, sockets);
    const JsonSink members = json_tree_sink(tree, socket, &place);
    json_tree_text(tree, socket, "transport", transport_name(info->transport));
    json_tree_text(tree, socket, "address", info->name);
    json_tree_uint64(tree, socket, "datagrams", info->datagrams);
    json_members_dropped(&members, info->dropped);
    if (info->transport != TRANSPORT_UDP)
        return; /* the kernel's queue is measured in datagrams there, and it does not tell how many */
    cJSON *buffer = json_tree_object(tree, socket, "receive_buffer");
    json_tree_uint64(tree, buffer, "asked_bytes", (uint64_t)info->receive_buffer_asked);
    json_tree_uint64(tree, buffer, "granted_bytes", (uint64_t)info->receive_buffer_granted);
    json_tree_uint64(tree, socket, "queued_bytes", info->queued_bytes);
}

static void add_tcp_figures(JsonTree *tree, cJSON *object, const PoolTcpFigures *figures)
{
    json_tree_uint64(tree, object, "connections", figures->connections);
    json_tree_uint64(tree, object, "accepted", figures->accepted);
    json_tree_uint64(tree, object, "refused", figures->refused);
    json_tree_uint64(tree, object, "crowded_out", figures->crowded_out);
    json_tree_uint64(tree, object, "bytes", figures->bytes);
}

static void add_listener(JsonTree *tree, cJSON *sockets, const Pool *pool, unsigned thread,
                         size_t number)
{
    char text[ADDRESS_TEXT_SIZE];
    PoolTcpFigures figures;
    cJSON *socket = json_tree_item(tree, sockets);
    const Address *address = pool_listener_info(pool, thread, number, &figures);
    json_tree_text(tree, socket, "transport", transport_name(TRANSPORT_TCP));
    json_tree_text(tree, socket, "address", address_format(address, text));
    add_tcp_figures(tree, socket, &figures);
}

static void add_thread(JsonTree *tree, cJSON *threads, const Pool *pool, unsigned number)
{
    IntakeCounts intake;
    JsonTreePlace place;
    cJSON *thread = json_tree_item(tree, threads);
    const JsonSink members = json_tree_sink(tree, thread, &place);
    json_tree_uint64(tree, thread, "id", number);
    pool_thread_counts(pool, number, &intake);
    json_members_intake(&members, &intake);
    int64_t stuck_ns = pool_thread_stuck_ns(pool, number);
    if (stuck_ns > 0)
        json_tree_seconds(tree, thread, "stuck_s", (double)stuck_ns / 1e9);
    else
        json_tree_null(tree, thread, "stuck_s");
    cJSON *sockets = json_tree_array(tree, thread, "sockets");
    size_t count = pool_socket_count(pool, number);
    for (size_t i = 0; i < count; i++) {
        PoolSocketInfo info;
        pool_socket_info(pool, number, i, &info);
        add_socket(tree, sockets, &info);
    }
    for (size_t i = 0; i < pool_listener_count(pool, number); i++)
        add_listener(tree, sockets, pool, number, i);
}

static void add_ingest(JsonTree *tree, const Pool *pool)
{
    cJSON *ingest = json_tree_object(tree, tree->root, "ingest");
    json_tree_text(tree, ingest, "scanner", pool_scanner_name(pool));
    PoolTcpFigures figures;
    cJSON *tcp = json_tree_object(tree, ingest, "tcp");
    json_tree_uint64(tree, tcp, "max_connections", pool_tcp_figures(pool, &figures));
    add_tcp_figures(tree, tcp, &figures);
    cJSON *threads = json_tree_array(tree, ingest, "threads");
    unsigned count = pool_thread_count(pool);
    for (unsigned i = 0; i < count; i++)
        add_thread(tree, threads, pool, i);
}

/* ---- http, memory, rejected lines ---- */

static void add_http(JsonTree *tree, const HttpSite *site)
{
    static const char *const classes[HTTP_STATUS_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    char address[ADDRESS_TEXT_SIZE];
    HttpFigures figures;
    http_counts_read(&site->counts, &figures);
    cJSON *http = json_tree_object(tree, tree->root, "http");
    json_tree_text(tree, http, "address", address_format(&site->address, address));
    json_tree_uint64(tree, http, "connections", figures.connections);
    json_tree_uint64(tree, http, "max_connections", site->max_connections);
    json_tree_uint64(tree, http, "accepted", figures.accepted);
    cJSON *cut = json_tree_object(tree, http, "cut");
    json_tree_uint64(tree, cut, "late", figures.cut_late);
    json_tree_uint64(tree, cut, "crowded_out", figures.cut_crowded_out);
    json_tree_uint64(tree, http, "not_http", figures.strangers);
    json_tree_uint64(tree, http, "requests", figures.requests);
    cJSON *responses = json_tree_object(tree, http, "responses");
    for (unsigned i = 1; i < HTTP_STATUS_CLASSES; i++) /* 1xx is never sent by a route */
        json_tree_uint64(tree, responses, classes[i], figures.responses[i]);
}

static void add_memory(JsonTree *tree, const HttpSite *site)
{
    cJSON *memory = json_tree_object(tree, tree->root, "memory");
    json_tree_uint64(tree, memory, "rss_bytes", resident_bytes());
    json_tree_uint64(tree, memory, "cells_bytes", pool_memory_bytes(site->pool));
    json_tree_uint64(tree, memory, "registry_bytes", registry_memory_bytes(site->registry));
}

static void add_state(JsonTree *tree, State *storage)
{
    if (storage == NULL) {
        json_tree_null(tree, tree->root, "state");
        return;
    }
    StateInfo info;
    state_info(storage, &info);
    cJSON *state = json_tree_object(tree, tree->root, "state");
    json_tree_text(tree, state, "directory", state_directory(storage));
    json_tree_text(tree, state, "arenas", state_arenas(storage));
    cJSON *recovered = json_tree_object(tree, state, "recovered");
    json_tree_uint64(tree, recovered, "series", info.recovered_series);
    json_tree_uint64(tree, recovered, "datagrams", info.recovered_datagrams);
    json_tree_uint64(tree, recovered, "quarantined", info.quarantined);
    const SaverInfo *saver = &info.checkpoints;
    cJSON *checkpoints = json_tree_object(tree, state, "checkpoints");
    json_tree_uint64(tree, checkpoints, "written", saver->written);
    json_tree_uint64(tree, checkpoints, "failed", saver->failed);
    if (saver->latest.bytes == 0) {
        json_tree_null(tree, checkpoints, "latest");
        return;
    }
    cJSON *latest = json_tree_object(tree, checkpoints, "latest");
    json_tree_time(tree, latest, "time", saver->latest.created_ns);
    json_tree_uint64(tree, latest, "series", saver->latest.series);
    json_tree_uint64(tree, latest, "bytes", saver->latest.bytes);
    json_tree_seconds(tree, latest, "took_s", (double)saver->took_ns / 1e9);
}

/* Who has sent a rejected line. */
static void add_source(JsonTree *tree, cJSON *entry, const RejectRecord *record)
{
    char address[ADDRESS_TEXT_SIZE];
    char text[ADDRESS_TEXT_SIZE + 8];
    address_format(&record->source, address);
    if (record->transport == TRANSPORT_UDP) {
        json_tree_text(tree, entry, "source", address);
        return;
    }
    if (record->transport == TRANSPORT_TCP) {
        (void)snprintf(text, sizeof text, "tcp %s", address);
        json_tree_text(tree, entry, "source", text);
        return;
    }
    json_tree_text(tree, entry, "source", "unix");
    if (record->peer.pid == 0)
        json_tree_null(tree, entry, "pid");
    else
        json_tree_uint64(tree, entry, "pid", (uint64_t)record->peer.pid);
    if (record->peer.family == 0)
        json_tree_null(tree, entry, "uid");
    else
        json_tree_uint64(tree, entry, "uid", record->peer.uid);
}

static void add_rejected(JsonTree *tree, const Pool *pool)
{
    cJSON *list = json_tree_array(tree, tree->root, "recent_rejected");
    RejectRecord *records = calloc(SERVER_REPORT_REJECTED, sizeof *records);
    if (records == NULL) {
        tree->failed = true;
        return;
    }
    size_t count = pool_recent_rejected(pool, records, SERVER_REPORT_REJECTED);
    for (size_t i = 0; i < count; i++) {
        cJSON *entry = json_tree_item(tree, list);
        json_tree_time(tree, entry, "time", records[i].time_ns);
        json_tree_text(tree, entry, "reason", reject_reason_name(records[i].reason));
        add_source(tree, entry, &records[i]);
        json_tree_text(tree, entry, "text", records[i].text);
        json_tree_text(tree, entry, "hint", reject_hint(records[i].reason, records[i].text));
    }
    free(records);
}

JsonTree server_report(const HttpSite *site)
{
    JsonTree tree = json_tree_create();
    add_service(&tree, site);
    add_ingest(&tree, site->pool);
    add_series(&tree, site->registry);
    add_http(&tree, site);
    add_memory(&tree, site);
    add_state(&tree, site->storage);
    add_rejected(&tree, site->pool);
    return tree;
}
