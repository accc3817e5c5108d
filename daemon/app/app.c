#include "app/app.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <uv.h>

#include "app/limits.h"
#include "app/reload.h"
#include "app/status.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "ingest/pool.h"
#include "ingest/state.h"
#include "metrics/registry.h"

#define SECOND_NS INT64_C(1000000000)

/* How long requests in flight may take at the end. */
#define STOP_GRACE_NS (5 * SECOND_NS)

enum {
    TICK_MS = 1000, /* nothing wakes an idle daemon more often, but for a short watchdog */
};

typedef struct {
    Config config;
    const Options *options;
    AppEnvironment environment;
    uv_loop_t loop;
    int signal_fd; /* -1: none */
    uv_poll_t signals;
    uv_timer_t tick;
    Registry *registry;
    Pool *pool;
    State *state; /* NULL: values are not kept */
    HttpServer *http;
    uint64_t dropped_told; /* to the service manager */
} App;

/* A notification that could not be sent is worth a line, never more. */
static void told(int error)
{
    if (error != 0)
        log_warning("systemd", "cannot notify the service manager: %s", uv_strerror(error));
}

/* ---- floors: opened upwards, closed downwards ---- */

static unsigned thread_count(const Config *config)
{
    if (config->ingest.threads > 0)
        return config->ingest.threads;
    unsigned cpus = uv_available_parallelism();
    return cpus < POOL_MAX_THREADS ? cpus : POOL_MAX_THREADS;
}

static int open_pool(App *app)
{
    const PoolOptions options = {
        .threads = thread_count(&app->config),
        .udp = app->config.ingest.udp,
        .udp_count = app->config.ingest.udp_count,
        .inherited = app->environment.sockets.udp,
        .inherited_count = app->environment.sockets.udp_count,
        .unix_name = app->config.ingest.unix_name,
        .unix_mode = app->config.ingest.unix_mode,
        .inherited_unix = app->environment.sockets.local,
        .inherited_unix_count = app->environment.sockets.local_count,
        .tcp = app->config.ingest.tcp,
        .tcp_count = app->config.ingest.tcp_count,
        .inherited_tcp = app->environment.sockets.tcp,
        .inherited_tcp_count = app->environment.sockets.tcp_count,
        .tcp_max_connections = app->config.ingest.tcp_max_connections,
        .receive_buffer_bytes = app->config.ingest.receive_buffer_bytes,
        .gauge_sign_absolute = app->config.ingest.gauge_sign_absolute,
        .scanner = app->config.ingest.portable_scanner ? SCANNER_PORTABLE : SCANNER_AUTO,
    };
    return pool_open(&app->pool, &options, app->registry);
}

static int open_state(App *app)
{
    const char *directory = app->config.state.directory;
    const char *arenas = app->config.state.arenas;
    if (directory[0] == '\0')
        return 0;
    if (arenas[0] == '\0')
        arenas = app->environment.runtime_directory;
    return state_open(&app->state, directory, arenas[0] != '\0' ? arenas : directory);
}

static int open_registry(App *app)
{
    ArenaStore *store = app->state != NULL ? state_store(app->state) : NULL;
    int error = registry_create_in(&app->registry, app->config.limits.max_series, store);
    if (error != 0)
        log_error("app", "cannot make the registry: %s", uv_strerror(error));
    else
        registry_set_expire_after(app->registry, app->config.limits.expire_after_s);
    return error;
}

static int open_http(App *app)
{
    const HttpOptions options = {
        .listen = &app->config.http.listen,
        .inherited_fd = app->environment.sockets.http,
        .max_connections = app->config.http.max_connections,
        .registry = app->registry,
        .pool = app->pool,
        .storage = app->state,
        .version = ATOMICSTATSD_VERSION,
        .started_realtime_ns = clock_realtime_ns(),
        .started_monotonic_ns = clock_monotonic_ns(),
    };
    return http_server_open(&app->http, &options);
}

static int open_floors(App *app)
{
    if (app->config.ingest.tcp_count > 0 || app->environment.sockets.tcp_count > 0)
        (void)limits_make_room(&app->config, thread_count(&app->config));
    int error = open_state(app);
    if (error == 0)
        error = open_registry(app);
    if (error == 0)
        error = open_pool(app);
    if (error == 0 && app->state != NULL)
        error = state_take_up(app->state, app->registry, app->pool);
    if (error == 0)
        error = open_http(app);
    if (error == 0)
        error = pool_start(app->pool);
    if (error == 0 && app->state != NULL)
        error = state_start(app->state, app->config.state.checkpoint_s);
    return error;
}

/* The registry's readers go first (http, state), then the cells (pool), then the registry. Each accepts
 * what was never opened. */
static void close_floors(App *app)
{
    http_server_close(app->http);
    state_close(app->state);
    pool_close(app->pool);
    registry_destroy(app->registry);
}

/* ---- saying what is served ---- */

static void announce(App *app)
{
    char status[STATUS_SIZE];
    status_describe(app->pool, http_server_address(app->http), 0, status);
    http_server_set_state(app->http, HTTP_READY);
    log_notice("app", "atomicstatsd %s %s", ATOMICSTATSD_VERSION, status);
    pool_report_buffers(app->pool);
    if (app->state != NULL)
        state_report(app->state);
    told(systemd_ready(&app->environment.notify, status));
}

/* Drops belong where people look first. */
static void tell_drops(App *app)
{
    IntakeCounts counts;
    if (app->environment.notify.path == NULL)
        return;
    pool_counts(app->pool, &counts);
    if (counts.dropped_kernel == app->dropped_told)
        return;
    char status[STATUS_SIZE];
    app->dropped_told = counts.dropped_kernel;
    told(systemd_status(
        &app->environment.notify,
        status_describe(app->pool, http_server_address(app->http), counts.dropped_kernel, status)));
}

/* ---- events ---- */

static void on_tick(uv_timer_t *timer)
{
    App *app = timer->data;
    /* A thread that has not answered since the last tick gets no ping on its behalf, and in the end
     * the service manager restarts what hangs. */
    if (app->environment.watchdog_ns > 0 && pool_stuck_ns(app->pool) == 0)
        told(systemd_watchdog(&app->environment.notify));
    pool_ping(app->pool);
    registry_reclaim(app->registry);
    http_server_tick(app->http);
    tell_drops(app);
}

static void reload(App *app)
{
    told(systemd_reloading(&app->environment.notify, clock_monotonic_ns()));
    reload_config(&app->config, app->options, app->registry);
    if (app->state != NULL)
        state_set_interval(app->state, app->config.state.checkpoint_s);
    told(systemd_ready(&app->environment.notify, NULL));
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
    App *app = poll->data;
    struct signalfd_siginfo info;
    (void)status;
    (void)events;
    if (read(app->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        reload(app);
    } else {
        log_notice("app", "stopping: %s", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        uv_stop(&app->loop);
    }
}

/* A quarter of the watchdog's time, at most TICK_MS. */
static uint64_t tick_ms(const App *app)
{
    uint64_t quarter = (uint64_t)(app->environment.watchdog_ns / 4000000);
    return quarter == 0 || quarter > TICK_MS ? TICK_MS : quarter;
}

static void fill_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
}

void app_block_signals(void)
{
    sigset_t signals;
    fill_signals(&signals);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int open_signals(App *app)
{
    sigset_t signals;
    fill_signals(&signals);
    app->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (app->signal_fd < 0)
        return -errno;
    int error = uv_poll_init(&app->loop, &app->signals, app->signal_fd);
    app->signals.data = app;
    return error != 0 ? error : uv_poll_start(&app->signals, UV_READABLE, on_signal);
}

static int open_tick(App *app)
{
    int error = uv_timer_init(&app->loop, &app->tick);
    app->tick.data = app;
    return error != 0 ? error : uv_timer_start(&app->tick, on_tick, tick_ms(app), tick_ms(app));
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_loop(App *app)
{
    uv_walk(&app->loop, close_handle, NULL);
    (void)uv_run(&app->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&app->loop);
    if (app->signal_fd >= 0)
        close(app->signal_fd);
}

static int open_loop(App *app)
{
    int error = uv_loop_init(&app->loop);
    if (error != 0)
        return error;
    error = open_signals(app);
    if (error == 0)
        error = open_tick(app);
    if (error != 0)
        close_loop(app);
    return error;
}

/* ---- the end ---- */

/* => 0; negative errno: not all could be saved. */
static int stop(App *app)
{
    IntakeCounts counts;
    http_server_set_state(app->http, HTTP_STOPPING);
    told(systemd_stopping(&app->environment.notify));
    pool_stop(app->pool);
    pool_counts(app->pool, &counts);
    int error = state_stop(app->state);
    http_server_stop(app->http, STOP_GRACE_NS);
    log_notice("app",
               "stopped: %llu datagrams, %llu values, %llu lines rejected, %llu datagrams dropped "
               "by the kernel",
               (unsigned long long)counts.datagrams, (unsigned long long)counts.values,
               (unsigned long long)intake_rejected_total(&counts),
               (unsigned long long)counts.dropped_kernel);
    return error;
}

/* What is in the state directory will be there at the next start, too: it is for somebody to see to. */
static int exit_status(int error)
{
    if (error == -EPROTONOSUPPORT || error == -EBUSY)
        return APP_EXIT_CONFIG;
    return error == 0 ? APP_EXIT_STOPPED : APP_EXIT_FAILED;
}

int app_run(const Config *config, const Options *options, const AppEnvironment *environment)
{
    App app = {.config = *config, .options = options, .environment = *environment, .signal_fd = -1};
    int error = open_loop(&app);
    if (error != 0) {
        log_error("app", "cannot make the event loop: %s", uv_strerror(error));
        return APP_EXIT_FAILED;
    }
    error = open_floors(&app);
    if (error == 0) {
        announce(&app);
        (void)uv_run(&app.loop, UV_RUN_DEFAULT);
        error = stop(&app);
    }
    close_floors(&app);
    close_loop(&app);
    if (app.environment.notify.fd >= 0)
        close(app.environment.notify.fd);
    return exit_status(error);
}
