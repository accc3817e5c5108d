#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/keys.h"
#include "cli/query.h"
#include "cli/screen.h"
#include "cli/view.h"

static const char help[] =
    "usage: atomicstats watch [GLOB] [OPTION...]\n"
    "\n"
    "Shows what atomicstatsd holds, live: figures, rates since the look before, progress bars. "
    "GLOB\n"
    "(* and ?) picks series by name or whole id.\n"
    "\n"
    "  --type KINDS       of stats,counters,gauges,sets,flags,progress (default: all)\n"
    "  --interval S       seconds between two looks, 0.1 to 3600 (default: 1)\n"
    "  --http HOST:PORT   where to ask (default: $ATOMICSTATS_HTTP, else 127.0.0.1:8127)\n"
    "  --help             print this and exit\n"
    "\n"
    "Keys: q or Ctrl-C leaves; arrows, PgUp, PgDn, Home and End scroll.\n"
    "Exit status: 0 left by a key, 1 there is no terminal, 2 bad arguments.\n";

typedef struct {
    Screen screen;
    Fetch fetch;
    Reading before, now;
    const char *path;
    char where[ENDPOINT_TEXT_SIZE];
    bool trouble; /* the latest look failed; fetch.error says why */
    size_t first;
    int signals; /* signalfd */
    bool leaving;
    int leave_by; /* the signal to end by; 0: none */
} Watch;

/* ---- drawing --------------------------------------------------------------------------------- */

static void draw(Watch *watch)
{
    char *frame = NULL;
    size_t length = 0;
    TerminalSize size = terminal_size(watch->screen.output);
    FILE *file = open_memstream(&frame, &length);
    if (file == NULL)
        return; /* the next one may find memory */
    watch->first = view_clamp(&watch->now, watch->first, size);
    const View view = {.before = &watch->before,
                       .now = &watch->now,
                       .where = watch->where,
                       .trouble = watch->trouble ? watch->fetch.error : NULL,
                       .first = watch->first};
    view_draw(file, &view, size);
    if (fclose(file) == 0)
        screen_write(&watch->screen, frame, length);
    free(frame);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Somebody wants something of us: the daemon can be asked later. */
static bool is_interrupted(void *context)
{
    const Watch *watch = context;
    struct pollfd waited[2] = {{.fd = watch->screen.keyboard, .events = POLLIN},
                               {.fd = watch->signals, .events = POLLIN}};
    return poll(waited, 2, 0) > 0;
}

/* => whether the look is over, well or not. */
static bool look(Watch *watch)
{
    Reading reading = {0};
    int status = query_read(&watch->fetch, watch->path, &reading);
    if (status == -ECANCELED)
        return false;
    watch->trouble = status != 0;
    if (status == 0) {
        reading_free(&watch->before);
        watch->before = watch->now;
        watch->now = reading;
    }
    return true;
}

/* ---- keys and signals ------------------------------------------------------------------------ */

static void scroll(Watch *watch, Key key)
{
    size_t page = view_room(terminal_size(watch->screen.output));
    size_t up = key == KEY_UP ? 1 : key == KEY_PAGE_UP ? page : key == KEY_HOME ? SIZE_MAX : 0;
    size_t down = key == KEY_DOWN ? 1 : key == KEY_PAGE_DOWN ? page : 0;
    watch->first = watch->first > up ? watch->first - up : 0;
    watch->first = key == KEY_END ? SIZE_MAX : watch->first + down; /* draw() sets the limit */
}

static void take_keys(Watch *watch)
{
    char bytes[64];
    ssize_t got = read(watch->screen.keyboard, bytes, sizeof bytes);
    if (got <= 0) {
        watch->screen.keyboard = got == 0 ? -1 : watch->screen.keyboard;
        return;
    }
    for (size_t at = 0; at < (size_t)got;) {
        Key key = keys_next(bytes, (size_t)got, &at);
        if (key == KEY_QUIT)
            watch->leaving = true;
        scroll(watch, key);
    }
}

static void take_signal(Watch *watch)
{
    struct signalfd_siginfo info;
    if (read(watch->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    switch (info.ssi_signo) {
    case SIGWINCH:
        break; /* draw() asks for the size */
    case SIGTSTP:
        screen_release(&watch->screen);
        (void)raise(SIGSTOP);
        screen_take(&watch->screen);
        break;
    case SIGINT:
        watch->leaving = true;
        break;
    default:
        watch->leaving = true;
        watch->leave_by = (int)info.ssi_signo;
        break;
    }
}

/* Waits for a key, a signal or the time. */
static void wait_until(Watch *watch, int64_t then_ns)
{
    struct pollfd waited[2] = {{.fd = watch->screen.keyboard, .events = POLLIN},
                               {.fd = watch->signals, .events = POLLIN}};
    int64_t left = (then_ns - clock_monotonic_ns()) / 1000000 + 1;
    if (poll(waited, 2, left > 0 ? (int)left : 0) <= 0)
        return;
    if (waited[0].revents != 0)
        take_keys(watch);
    if (waited[1].revents != 0)
        take_signal(watch);
}

static void run(Watch *watch, int64_t interval_ns)
{
    screen_take(&watch->screen);
    draw(watch);
    for (int64_t next = 0; !watch->leaving;) {
        if (clock_monotonic_ns() >= next && look(watch))
            next = clock_monotonic_ns() + interval_ns;
        draw(watch);
        wait_until(watch, next);
    }
    screen_release(&watch->screen);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int open_signals(void)
{
    sigset_t set;
    static const int numbers[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&set, numbers[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Ends by the signal that asked for it, so that who started us knows. */
static void end_by(int number)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, number);
    (void)raise(number);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int start(const CommandEndpoints *where, const char *path, int64_t interval_ns)
{
    Watch watch = {.screen.output = STDOUT_FILENO,
                   .screen.keyboard = isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
                   .path = path};
    if (!isatty(STDOUT_FILENO)) {
        command_say("watch needs a terminal; `atomicstats get` does not");
        return COMMAND_FAILED;
    }
    watch.signals = open_signals();
    if (watch.signals < 0 || fetch_open(&watch.fetch, &where->http) != 0) {
        command_say("cannot start: %s", watch.signals < 0 ? strerrordesc_np(errno) : "no memory");
        fetch_close(&watch.fetch);
        return COMMAND_FAILED;
    }
    watch.fetch.stop = is_interrupted;
    watch.fetch.context = &watch;
    endpoint_format(&where->http, watch.where);
    run(&watch, interval_ns);
    reading_free(&watch.before);
    reading_free(&watch.now);
    fetch_close(&watch.fetch);
    (void)close(watch.signals);
    if (watch.leave_by != 0)
        end_by(watch.leave_by);
    return COMMAND_DONE;
}

int command_watch(int argc, char **argv)
{
    const char *kinds = NULL;
    const char *interval = NULL;
    CommandPlaces places = {0};
    CommandEndpoints where;
    Arguments words;
    ArgumentsError error;
    char path[QUERY_PATH_SIZE];
    const ArgumentOption table[] = {
        {"--type", &kinds, NULL},       {"--interval", &interval, NULL},
        {"--http", &places.http, NULL}, {"--help", NULL, &places.help},
        {"-h", NULL, &places.help},     {NULL, NULL, NULL},
    };
    if (arguments_parse(argc, argv, table, &words, &error) != 0)
        return command_misused("watch", "%s", error.message);
    if (places.help) {
        (void)fputs(help, stdout);
        return command_end(COMMAND_DONE);
    }
    double seconds = interval != NULL ? reading_number(interval) : 1;
    if (!(seconds >= 0.1 && seconds <= 3600))
        return command_misused("watch", "--interval: \"%.40s\" is no number from 0.1 to 3600",
                               interval);
    if (query_arguments("watch", &words, kinds, path) != COMMAND_DONE ||
        command_endpoints("watch", &places, &where) != COMMAND_DONE)
        return COMMAND_USAGE;
    return start(&where, path, (int64_t)(seconds * 1e9));
}
