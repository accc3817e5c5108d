#include "cli/send.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digits.h"
#include "cli/command.h"
#include "cli/metric.h"
#include "cli/pack.h"
#include "cli/send_pipe.h"
#include "cli/udp.h"

enum {
    LEAST_BYTES = 16 /* of --max-bytes */
};

static const char help[] =
    "usage: atomicstats send NAME VALUE... [OPTION...]\n"
    "       COMMAND | atomicstats send NAME [OPTION...]\n"
    "\n"
    "Sends values to atomicstatsd over UDP; without a VALUE, one from each line of standard "
    "input.\n"
    "From a pipe it packs many values into a datagram, keeps to the pace at which the daemon "
    "takes\n"
    "them (by its own count, over HTTP), and tells at the end what was sent and what was counted.\n"
    "\n"
    "  --type TYPE        ms, h, d (stats), c (counter), g (gauge; a sign changes it by that "
    "much),\n"
    "                     s (set), f (flag: 1 0 true false), p (progress: N, +N, /TOTAL, N/TOTAL)\n"
    "                     (default: ms)\n"
    "  --rate R           each value stands for 1/R; above 0, up to 1 (default: none)\n"
    "  --tags TAGS        key:value,key,... (default: none)\n"
    "  --udp HOST:PORT    where to send (default: $ATOMICSTATS_UDP, else 127.0.0.1:8125)\n"
    "  --http HOST:PORT   where to ask (default: $ATOMICSTATS_HTTP, else the host of --udp, 8127)\n"
    "  --max-bytes N      of a datagram, 16 to 65507 (default: 1432)\n"
    "  --quiet            say nothing but errors\n"
    "  --help             print this and exit\n"
    "\n"
    "Exit status: 0 all sent (and, from a pipe, counted as far as the daemon could be asked), 1 "
    "not,\n"
    "2 bad arguments.\n";

typedef struct {
    const char *type, *rate, *tags, *max_bytes;
    CommandPlaces places;
    bool quiet;
} SendOptions;

/* ---- values from the command line ------------------------------------------------------------ */

static int send_words(Pack *pack, Udp *udp, const Arguments *words)
{
    size_t length;
    size_t values;
    for (size_t i = 1; i <= words->count; i++) {
        bool end = i == words->count;
        if (!end && pack_add(pack, words->words[i], strlen(words->words[i])) == 0)
            continue;
        const char *bytes = pack_take(pack, &length, &values);
        if (udp_send(udp, bytes, length) != 0) {
            command_say("%s", udp->error);
            return COMMAND_FAILED;
        }
        if (!end)
            (void)pack_add(pack, words->words[i], strlen(words->words[i])); /* has been checked */
    }
    return COMMAND_DONE;
}

/* All is checked before anything is sent. */
static int check_words(const Metric *metric, size_t max_bytes, const Arguments *words)
{
    MetricError error;
    for (size_t i = 1; i < words->count; i++) {
        size_t length = strlen(words->words[i]);
        if (metric_check_value(metric, words->words[i], length, &error) != 0)
            return command_misused("send", "%s", error.message);
        if (metric->head_length + length + metric->tail_length > max_bytes)
            return command_misused("send", "a value does not fit --max-bytes %zu", max_bytes);
    }
    return COMMAND_DONE;
}

static int run_words(Pack *pack, const Endpoint *to, const Arguments *words)
{
    Udp udp;
    int status = check_words(pack->metric, pack->max_bytes, words);
    if (status != COMMAND_DONE)
        return status;
    if (udp_open(&udp, to) == 0) {
        status = send_words(pack, &udp, words);
    } else {
        command_say("%s", udp.error);
        status = COMMAND_FAILED;
    }
    udp_close(&udp);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run(const SendOptions *options, const Arguments *words)
{
    CommandEndpoints where;
    MetricError error;
    int64_t max_bytes = options->max_bytes == NULL
                            ? PACK_DEFAULT_BYTES
                            : digits_parse(options->max_bytes, PACK_MAX_BYTES);
    if (words->count == 0)
        return command_misused("send", "a NAME is missing");
    if (words->command != NULL)
        return command_misused("send", "nothing may stand behind --");
    if (max_bytes < LEAST_BYTES)
        return command_misused("send", "--max-bytes: \"%.40s\" is no number from %d to %d",
                               options->max_bytes, LEAST_BYTES, PACK_MAX_BYTES);
    if (command_endpoints("send", &options->places, &where) != COMMAND_DONE)
        return COMMAND_USAGE;
    Metric metric;
    if (metric_init(&metric, words->words[0], options->type != NULL ? options->type : "ms",
                    options->rate, options->tags, &error) != 0)
        return command_misused("send", "%s", error.message);
    if (words->count == 1 && isatty(STDIN_FILENO))
        return command_misused("send", "a VALUE is missing, or a pipe to read values from");
    Pack *pack = malloc(sizeof *pack);
    if (pack == NULL) {
        command_say("no memory");
        return COMMAND_FAILED;
    }
    pack_init(pack, &metric, (size_t)max_bytes);
    int status = words->count > 1 ? run_words(pack, &where.udp, words)
                                  : send_pipe(pack, &where, options->quiet);
    free(pack);
    return status;
}

int command_send(int argc, char **argv)
{
    SendOptions options = {0};
    Arguments words;
    ArgumentsError error;
    const ArgumentOption table[] = {
        {"--type", &options.type, NULL},        {"--rate", &options.rate, NULL},
        {"--tags", &options.tags, NULL},        {"--udp", &options.places.udp, NULL},
        {"--http", &options.places.http, NULL}, {"--max-bytes", &options.max_bytes, NULL},
        {"--quiet", NULL, &options.quiet},      {"--help", NULL, &options.places.help},
        {"-h", NULL, &options.places.help},     {NULL, NULL, NULL},
    };
    if (arguments_parse(argc, argv, table, &words, &error) != 0)
        return command_misused("send", "%s", error.message);
    if (options.places.help) {
        (void)fputs(help, stdout);
        return command_end(COMMAND_DONE);
    }
    return run(&options, &words);
}
