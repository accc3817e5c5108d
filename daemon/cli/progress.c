#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digits.h"
#include "cli/command.h"
#include "cli/job.h"
#include "cli/meter.h"
#include "cli/metric.h"
#include "cli/udp.h"

static const char help[] =
    "usage: atomicstats progress NAME [OPTION...] -- COMMAND [ARGUMENT...]\n"
    "       COMMAND | atomicstats progress NAME --lines [OPTION...]\n"
    "\n"
    "Tells atomicstatsd how far a job is: one more done for each line that it writes to its "
    "standard\n"
    "output, which is passed on as it is. A daemon that is not there is no reason for the job to "
    "fail.\n"
    "\n"
    "  --total N          how many lines there will be (default: not known)\n"
    "  --lines            read the lines from standard input\n"
    "  --tags TAGS        key:value,key,... (default: none)\n"
    "  --udp HOST:PORT    where to send (default: $ATOMICSTATS_UDP, else 127.0.0.1:8125)\n"
    "  --help             print this and exit\n"
    "\n"
    "Exit status: that of COMMAND, 128 and more if a signal ended it, 126 or 127 if it cannot be\n"
    "started; with --lines 0, or 1 if the lines could not be passed on; 2 bad arguments.\n";

enum {
    BLOCK = 1 << 16,
    STATUS_NOT_EXECUTABLE = 126, /* as shells have it */
    STATUS_NOT_FOUND = 127
};

static const int64_t update_ns = 100000000;

typedef struct {
    Metric metric;
    Udp udp;
    Meter meter;
    int64_t total; /* 0: unknown */
    int64_t done;
    int64_t told;    /* what the daemon has been told; -1: nothing */
    int64_t told_ns; /* when */
    bool in_line;    /* the latest line is not over */
    bool complained;
} Progress;

static void tell(Progress *progress, int64_t now_ns)
{
    char line[METRIC_HEAD_SIZE + METRIC_TAIL_SIZE + 64];
    char total[32] = "";
    if (progress->total > 0)
        (void)snprintf(total, sizeof total, "/%" PRId64, progress->total);
    int length = snprintf(line, sizeof line, "%s%" PRId64 "%s%s", progress->metric.head,
                          progress->done, total, progress->metric.tail);
    progress->told = progress->done;
    progress->told_ns = now_ns;
    if (progress->udp.fd >= 0 && udp_send(&progress->udp, line, (size_t)length) == 0)
        return;
    if (!progress->complained) {
        meter_clear(&progress->meter);
        command_say("%s", progress->udp.error);
    }
    progress->complained = true;
}

static int write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

static void count(Progress *progress, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        progress->done++;
    progress->in_line = bytes[length - 1] != '\n';
}

/* => how long poll() may wait, in ms: until the daemon is to be told what it does not know yet. */
static int patience(const Progress *progress, int64_t now_ns)
{
    if (progress->told == progress->done)
        return -1;
    int64_t left = progress->told_ns + update_ns - now_ns;
    return left <= 0 ? 0 : (int)(left / 1000000) + 1;
}

/* `job`: NULL if the lines are not those of a command. => 0: all has been passed on; negative errno */
static int pass_on(Progress *progress, int input, const Job *job)
{
    char block[BLOCK];
    struct pollfd waited[2] = {{.fd = input, .events = POLLIN},
                               {.fd = job != NULL ? job->signals : -1, .events = POLLIN}};
    tell(progress, clock_monotonic_ns());
    for (;;) {
        int ready = poll(waited, 2, patience(progress, clock_monotonic_ns()));
        if (ready > 0 && waited[1].revents != 0)
            job_pass_signal(job);
        if (ready > 0 && waited[0].revents != 0) {
            ssize_t got = read(input, block, sizeof block);
            if (got == 0)
                return 0;
            if (got < 0 && errno != EINTR)
                return -errno;
            int status = got > 0 ? write_all(block, (size_t)got) : 0;
            if (status != 0)
                return status;
            if (got > 0)
                count(progress, block, (size_t)got);
        }
        int64_t now_ns = clock_monotonic_ns();
        meter_show(&progress->meter, progress->done, progress->total, "lines", now_ns);
        if (patience(progress, now_ns) == 0)
            tell(progress, now_ns);
    }
}

/* => 0 or negative errno, said unless who reads our output has simply had enough. */
static int follow(Progress *progress, int input, const Job *job)
{
    int status = pass_on(progress, input, job);
    progress->done += progress->in_line;
    meter_clear(&progress->meter);
    if (progress->told != progress->done)
        tell(progress, clock_monotonic_ns());
    if (status != 0 && status != -EPIPE)
        command_say("cannot pass the lines on: %s", strerrordesc_np(-status));
    return status;
}

static int run(Progress *progress, char **command)
{
    if (command == NULL)
        return follow(progress, STDIN_FILENO, NULL) == 0 ? COMMAND_DONE : COMMAND_FAILED;
    Job job;
    int error = job_start(&job, command);
    if (error != 0) {
        command_say("cannot start %.200s: %s%s", command[0], strerrordesc_np(-error),
                    error == -ENOENT ? "; what only a shell knows needs sh -c '...'" : "");
        return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
    }
    (void)follow(progress, job.output, &job);
    return job_finish(&job);
}

static int check(const Arguments *words, bool lines)
{
    if (words->count != 1)
        return command_misused("progress", words->count == 0
                                               ? "a NAME is missing"
                                               : "one NAME; the command stands behind --");
    if (words->command != NULL && words->command[0] == NULL)
        return command_misused("progress", "there is no command behind --");
    if (lines == (words->command != NULL))
        return command_misused(
            "progress",
            "either --lines, or -- and a command, as in `atomicstats progress NAME -- make`");
    return COMMAND_DONE;
}

int command_progress(int argc, char **argv)
{
    const char *total = NULL;
    const char *tags = NULL;
    bool lines = false;
    CommandPlaces places = {0};
    CommandEndpoints where;
    Arguments words;
    ArgumentsError wrong;
    MetricError error;
    Progress progress = {.told = -1};
    const ArgumentOption table[] = {
        {"--total", &total, NULL},    {"--lines", NULL, &lines},      {"--tags", &tags, NULL},
        {"--udp", &places.udp, NULL}, {"--help", NULL, &places.help}, {"-h", NULL, &places.help},
        {NULL, NULL, NULL},
    };
    if (arguments_parse(argc, argv, table, &words, &wrong) != 0)
        return command_misused("progress", "%s", wrong.message);
    if (places.help) {
        (void)fputs(help, stdout);
        return command_end(COMMAND_DONE);
    }
    if (check(&words, lines) != COMMAND_DONE ||
        command_endpoints("progress", &places, &where) != COMMAND_DONE)
        return COMMAND_USAGE;
    progress.total = total == NULL ? 0 : digits_parse(total, INT64_MAX);
    if (total != NULL && progress.total < 1)
        return command_misused("progress", "--total: \"%.40s\" is no whole number above 0", total);
    if (metric_init(&progress.metric, words.words[0], "p", NULL, tags, &error) != 0)
        return command_misused("progress", "%s", error.message);
    (void)udp_open(&progress.udp, &where.udp); /* the job comes first; tell() says what is wrong */
    meter_init(&progress.meter, isatty(STDOUT_FILENO) ? -1 : STDERR_FILENO, clock_monotonic_ns());
    int status = run(&progress, words.command);
    udp_close(&progress.udp);
    return status;
}
