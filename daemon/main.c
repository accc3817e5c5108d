/* atomicstatsd: options, configuration, environment; then app.c runs the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "app/app.h"
#include "app/give_up.h"
#include "app/systemd.h"
#include "base/log.h"

enum {
    MAX_KEYS = 32 /* more than there are */
};

/* => the exit status after what was asked for has been printed. */
static int end_of_output(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return APP_EXIT_STOPPED;
    log_error("app", "cannot write to stdout: %s", strerrordesc_np(errno));
    return APP_EXIT_FAILED;
}

/* => an exit status; -1: go on. */
static int print_and_leave(const Options *options, const Config *config)
{
    if (options->print_config) {
        char *text = config_print(config);
        if (text == NULL) {
            log_error("app", "cannot print the configuration: %s", uv_strerror(UV_ENOMEM));
            return APP_EXIT_FAILED;
        }
        (void)fputs(text, stdout);
        free(text);
    } else if (options->check_config) {
        (void)printf("%s: ok\n", options->config_path != NULL ? options->config_path : "defaults");
    } else {
        return -1;
    }
    return end_of_output();
}

/* Reads what the service manager says, and takes it out of the environment: it is for this process
 * alone. => 0 or negative errno, logged. */
static int read_environment(AppEnvironment *out)
{
    /* getenv and unsetenv: there is one thread yet. NOLINTBEGIN(concurrency-mt-unsafe) */
    const ListenFdsEnvironment listen = {.pid = getenv("LISTEN_PID"),
                                         .count = getenv("LISTEN_FDS"),
                                         .names = getenv("LISTEN_FDNAMES")};
    ListenFdsError why;
    int error = listen_fds_take(&listen, getpid(), LISTEN_FDS_FIRST, &out->sockets, &why);
    if (error != 0) {
        log_error("app",
                  "the sockets handed over are not usable: %s; each .socket unit says of what kind "
                  "its own are (FileDescriptorName=)",
                  why.message);
        return error;
    }
    out->watchdog_ns =
        systemd_watchdog_ns(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), getpid());
    if (out->watchdog_ns < 0) {
        log_warning("systemd", "WATCHDOG_USEC or WATCHDOG_PID is not a number: no watchdog");
        out->watchdog_ns = 0;
    }
    (void)systemd_runtime_directory(getenv("RUNTIME_DIRECTORY"), out->runtime_directory,
                                    sizeof out->runtime_directory);
    /* The path stays valid: unsetenv does not free it. */
    out->notify = (SystemdNotify){.path = getenv("NOTIFY_SOCKET"), .fd = out->sockets.notify};
    static const char *const names[] = {"LISTEN_PID",    "LISTEN_FDS",   "LISTEN_FDNAMES",
                                        "WATCHDOG_USEC", "WATCHDOG_PID", "NOTIFY_SOCKET"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    /* NOLINTEND(concurrency-mt-unsafe) */
    return 0;
}

/* => what the service manager has handed over in the place of this key's, as its unit calls it; NULL: nothing. */
static const char *replacement(const ConfigKey *key, const ListenFds *sockets)
{
    const struct {
        const char *section;
        const char *name;
        const char *unit;
        bool handed_over;
    } places[] = {
        {"ingest", "udp", "udp", sockets->udp_count > 0},
        {"ingest", "unix", "unix", sockets->local_count > 0},
        {"ingest", "tcp", "tcp", sockets->tcp_count > 0},
        {"http", "listen", "http", sockets->http >= 0},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].handed_over && strcmp(key->section, places[i].section) == 0 &&
            strcmp(key->name, places[i].name) == 0)
            return places[i].unit;
    return NULL;
}

/* Addresses that somebody has set and that are not bound must not go unnoticed. */
static void tell_unused(const Config *config, const ListenFds *sockets)
{
    Config defaults;
    const ConfigKey *set[MAX_KEYS];
    config_defaults(&defaults);
    size_t count = config_diff(&defaults, config, set, MAX_KEYS);
    for (size_t i = 0; i < count && i < MAX_KEYS; i++) {
        const char *unit = replacement(set[i], sockets);
        if (unit != NULL)
            log_warning("app",
                        "%s.%s is not used: the service manager has handed over the sockets; "
                        "`systemctl edit atomicstatsd-%s.socket` sets their addresses",
                        set[i]->section, set[i]->name, unit);
    }
}

/* A configuration that cannot be had for want of something else is not a wrong one: the next try may
 * succeed, so a service manager must not give up. */
static int status_of_config(int error)
{
    bool passing = error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EIO;
    return passing ? APP_EXIT_FAILED : APP_EXIT_CONFIG;
}

static int run(const Options *options)
{
    Config config;
    ConfigError why;
    config_defaults(&config);
    int error = options->config_path == NULL ? 0 : config_load(options->config_path, &config, &why);
    if (error != 0) {
        log_error("config", "%s", why.message);
        return status_of_config(error);
    }
    options_apply(options, &config);
    int status = print_and_leave(options, &config);
    if (status >= 0)
        return status;

    AppEnvironment environment;
    log_set_level(config.log.level);
    if (read_environment(&environment) != 0)
        return APP_EXIT_FAILED;
    tell_unused(&config, &environment.sockets);
    return app_run(&config, options, &environment);
}

/* Descriptors 0 to 2 must be taken, or the first sockets become them, and a stray message goes to a
 * client. */
static void fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    app_block_signals();
    (void)signal(SIGPIPE, SIG_IGN);
    log_init();
    give_up_with_reason();

    Options options;
    OptionsError why;
    if (options_parse(argc, argv, &options, &why) != 0) {
        log_error("app", "%s (atomicstatsd --help lists the options)", why.message);
        return APP_EXIT_USAGE;
    }
    if (options.help) {
        options_print_help(stdout);
        return end_of_output();
    }
    if (options.version) {
        (void)printf("atomicstatsd %s\n", ATOMICSTATSD_VERSION);
        return end_of_output();
    }
    return run(&options);
}
