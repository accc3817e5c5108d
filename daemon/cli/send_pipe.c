#include "cli/send_pipe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/flow.h"
#include "cli/lines.h"
#include "cli/meter.h"
#include "cli/metric.h"

enum {
    IDLE_MS = 100, /* so long a value waits for others to share its datagram */
    LINES_TOLD = 5 /* bad lines that are told one by one */
};

typedef struct {
    Pack *pack;
    Flow flow;
    Meter meter;
    int64_t values;
    int64_t bytes;
    int64_t bad; /* lines that were no value */
    int64_t line;
} Sender;

/* Sends what is packed. => 0 or negative errno. */
static int flush(Sender *sender)
{
    size_t length;
    size_t values;
    const char *bytes = pack_take(sender->pack, &length, &values);
    if (length == 0)
        return 0;
    int status = flow_send(&sender->flow, bytes, length);
    if (status == 0) {
        sender->values += (int64_t)values;
        sender->bytes += (int64_t)length;
    }
    meter_show(&sender->meter, sender->values, 0, "values", clock_monotonic_ns());
    return status;
}

static void tell_bad(Sender *sender, const char *why)
{
    if (sender->bad++ >= LINES_TOLD)
        return;
    meter_clear(&sender->meter);
    command_say("line %" PRId64 ": %s", sender->line, why);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* => 0 or negative errno. */
static int take_line(Sender *sender, const char *line, size_t length)
{
    MetricError error;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    /* In a set, a space is part of the value. */
    if (sender->pack->metric->value != METRIC_SET) {
        while (length > 0 && is_space(line[length - 1]))
            length--;
        for (; length > 0 && is_space(*line); length--)
            line++;
    }
    if (length == 0)
        return 0;
    if (metric_check_value(sender->pack->metric, line, length, &error) != 0) {
        tell_bad(sender, error.message);
        return 0;
    }
    int added = pack_add(sender->pack, line, length);
    if (added == -ENOBUFS) {
        int status = flush(sender);
        if (status != 0)
            return status;
        added = pack_add(sender->pack, line, length);
    }
    if (added == -EMSGSIZE)
        tell_bad(sender, "the value does not fit a datagram (--max-bytes)");
    return 0;
}

/* => 0 or negative errno, said. */
static int send_lines(Sender *sender, Lines *lines)
{
    for (bool end = false; !end;) {
        const char *line;
        size_t length;
        int status = 0;
        switch (lines_next(lines, sender->pack->values > 0 ? IDLE_MS : -1, &line, &length)) {
        case LINES_LINE:
            sender->line++;
            status = take_line(sender, line, length);
            break;
        case LINES_TOO_LONG:
            sender->line++;
            tell_bad(sender, "it is too long");
            break;
        case LINES_IDLE:
            status = flush(sender);
            break;
        case LINES_FAILED:
            status = -errno;
            command_say("cannot read standard input: %s", strerrordesc_np(errno));
            return status;
        case LINES_END:
            end = true;
            status = flush(sender);
            if (status == 0)
                status = flow_finish(&sender->flow);
            break;
        }
        if (status != 0) {
            meter_clear(&sender->meter);
            command_say("%s", sender->flow.error);
            return status;
        }
    }
    return 0;
}

/* => whether the daemon has counted all of it. */
static bool report(Sender *sender, bool quiet)
{
    const Flow *flow = &sender->flow;
    meter_clear(&sender->meter);
    if (!quiet)
        command_say("sent %" PRId64 " values in %" PRId64 " datagrams, %" PRId64 " bytes",
                    sender->values, flow->sent, sender->bytes);
    if (sender->bad > 0)
        command_say("not sent: %" PRId64 " lines that are no values", sender->bad);
    if (!flow->paced) {
        if (!quiet)
            command_say("not paced, and not known whether all were counted: %s", flow->unpaced);
        return sender->bad == 0;
    }
    if (flow->restarted)
        command_say("the daemon has started anew meanwhile: its count is not that of one run");
    int64_t values = flow->now.values - flow->first.values;
    int64_t dropped = flow->now.dropped - flow->first.dropped;
    int64_t rejected = flow->now.rejected - flow->first.rejected;
    bool lost = dropped > 0 || flow->missing > 0 || (!flow->restarted && values < sender->values);
    if (!quiet || lost)
        command_say("the daemon counted %" PRId64 " values in %" PRId64
                    " datagrams, dropped %" PRId64 " datagrams, refused %" PRId64 " lines",
                    values, flow->now.datagrams - flow->first.datagrams, dropped, rejected);
    if (rejected > 0) {
        char where[ENDPOINT_TEXT_SIZE];
        command_say("which lines it has refused, and why: http://%s/server?pretty, recent_rejected",
                    endpoint_format(&flow->fetch.from, where));
    }
    if (flow->missing > 0)
        command_say("datagrams that have not come to the daemon: %" PRId64
                    "; if another program has that port, `sudo ss -lunp 'sport = :%u'` shows it",
                    flow->missing, flow->udp.to.port);
    return sender->bad == 0 && !lost;
}

int send_pipe(Pack *pack, const CommandEndpoints *where, bool quiet)
{
    Sender sender = {.pack = pack};
    Lines *lines = malloc(sizeof *lines);
    if (lines == NULL) {
        command_say("no memory");
        return COMMAND_FAILED;
    }
    lines_init(lines, STDIN_FILENO);
    meter_init(&sender.meter, quiet ? -1 : STDERR_FILENO, clock_monotonic_ns());
    int status = flow_open(&sender.flow, &where->udp, &where->http, where->http_given);
    if (status != 0) {
        command_say("%s", sender.flow.error);
    } else {
        status = send_lines(&sender, lines);
        if (!report(&sender, quiet) && status == 0)
            status = -EIO;
    }
    flow_close(&sender.flow);
    free(lines);
    return status == 0 ? COMMAND_DONE : COMMAND_FAILED;
}
