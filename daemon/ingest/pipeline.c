#include "ingest/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MEMORY_ERROR_NS (INT64_C(60) * 1000000000)

int pipeline_init(Pipeline *p, Registry *registry, RejectLog *rejects, bool gauge_sign_absolute)
{
    *p = (Pipeline){.rejects = rejects,
                    .context = {.registry = registry,
                                .gauge_sign_absolute = gauge_sign_absolute,
                                .checked = registry_store(registry) != NULL},
                    .transport = TRANSPORT_UDP,
                    .scan = delimiters_choose(SCANNER_AUTO)};
    pipeline_set_ledger(p, &p->own);
    size_t values = PIPELINE_VALUES + statsd_line_max_values(PIPELINE_LONGEST);
    p->values = malloc(values * sizeof *p->values);
    p->positions = malloc(DELIMITERS_ROOM * sizeof *p->positions);
    int error = -ENOMEM;
    if (p->values != NULL && p->positions != NULL)
        error = series_index_init(&p->index, registry);
    if (error != 0)
        pipeline_fini(p);
    return error;
}

void pipeline_fini(Pipeline *p)
{
    series_index_fini(&p->index);
    free(p->values);
    free(p->positions);
    p->values = NULL;
    p->positions = NULL;
}

void pipeline_set_ledger(Pipeline *p, Ledger *ledger)
{
    p->ledger = ledger;
    p->context.redo = &ledger->redo;
    /* relaxed: for who comes after this process; this thread, before the first batch. */
    atomic_store_explicit(&ledger->gauge_sign, p->context.gauge_sign_absolute,
                          memory_order_relaxed);
}

void pipeline_set_time(Pipeline *p, int64_t now_ns)
{
    p->context.now_ns = now_ns;
    /* relaxed: as above; a time from the batch before would do. */
    atomic_store_explicit(&p->ledger->now_ns, now_ns, memory_order_relaxed);
}

static void reject(Pipeline *p, RejectReason reason, StatsdPart line, DatagramSource source)
{
    p->counts.rejected[reason]++;
    reject_log_add(p->rejects, reason, p->context.now_ns, p->transport, source, line.text,
                   line.length);
}

void pipeline_set_transport(Pipeline *p, Transport transport)
{
    p->transport = transport;
}

/* ---- parse ---- */

static void take_line(Pipeline *p, StatsdText *text, DatagramSource source)
{
    if (p->line_count == PIPELINE_LINES || p->value_count >= PIPELINE_VALUES)
        pipeline_flush(p);

    RejectReason why;
    PipelineLine *line = &p->lines[p->line_count];
    /* The part is written where it stays: to copy it would be to read at once what was written in two
     * pieces just before, for which a CPU waits (1.3 ns a line). */
    switch (statsd_text_next(text, p->values + p->value_count, &line->part, &line->line, &why)) {
    case STATSD_BLANK:
        return;
    case STATSD_IGNORED:
        p->counts.ignored++;
        break;
    case STATSD_REJECTED:
        reject(p, why, line->part, source);
        break;
    case STATSD_SAMPLE:
        line->source = source;
        p->value_count += line->line.value_count;
        p->line_count++;
        break;
    }
    p->counts.lines++;
}

void pipeline_datagram(Pipeline *p, const char *bytes, size_t length, DatagramSource source)
{
    p->counts.datagrams++;
    pipeline_text(p, bytes, length, source);
}

void pipeline_text(Pipeline *p, const char *bytes, size_t length, DatagramSource source)
{
    StatsdText text;
    p->counts.bytes += length;
    statsd_text_begin(&text, bytes, length, p->scan, p->positions);
    while (statsd_text_more(&text))
        take_line(p, &text, source);
}

void pipeline_reject(Pipeline *p, RejectReason reason, const char *bytes, size_t length,
                     DatagramSource source)
{
    p->counts.bytes += length;
    p->counts.lines++;
    reject(p, reason, (StatsdPart){bytes, length}, source);
}

/* ---- hash, look up, record ---- */

static void hash_all(Pipeline *p)
{
    for (size_t i = 0; i < p->line_count; i++) {
        p->lines[i].hash = series_index_hash(&p->index, &p->lines[i].line.key);
        series_index_prefetch(&p->index, p->lines[i].hash);
    }
    for (size_t i = 0; i < p->line_count; i++)
        series_index_prefetch_slot(&p->index, p->lines[i].hash);
}

/* A line found no memory. Whoever may send can repeat it at will. */
__attribute__((cold)) static void tell_of_no_memory(Pipeline *p)
{
    uint64_t before;
    if (log_limiter_pass(&p->memory_limiter, clock_monotonic_ns(), MEMORY_ERROR_NS, &before))
        log_error("ingest",
                  "no memory for what a line would add: it is counted as over_limit (%" PRIu64
                  " similar messages suppressed)",
                  before);
}

static void look_up_all(Pipeline *p)
{
    uint64_t skip = p->skip;
    for (size_t i = 0; i < p->line_count; i++) {
        PipelineLine *line = &p->lines[i];
        if (__builtin_expect(skip >= line->line.value_count, 0)) {
            skip -= line->line.value_count; /* it is in, or was refused: it makes no series now */
            line->slot = NULL;
            continue;
        }
        skip = 0;
        int error = series_index_find(&p->index, &line->line.key, line->hash, &line->slot);
        if (error == 0)
            continue;
        line->slot = NULL;
        if (error == -ENOMEM)
            tell_of_no_memory(p);
    }
}

/* => whether its values are in. `checked`: as of record_line(). */
static inline __attribute__((always_inline)) bool record_one(Pipeline *p, const PipelineLine *line,
                                                             bool checked)
{
    if (line->slot == NULL)
        return false;
    if (record_line(&p->context, line->slot, &line->line, checked) == 0)
        return true;
    tell_of_no_memory(p);
    return false;
}

static void refuse(Pipeline *p, const PipelineLine *line)
{
    ledger_refuse(p->ledger, line->line.value_count);
    reject(p, REJECT_OVER_LIMIT, line->part, line->source);
}

/* A line of a batch that was in hand when a process was killed: leaves out what is in. */
__attribute__((cold)) static void record_rest(Pipeline *p, PipelineLine *line)
{
    size_t all = line->line.value_count;
    size_t in = p->skip < all ? (size_t)p->skip : all;
    p->skip -= in;
    line->line.values += in;
    line->line.value_count = all - in;
    bool is_in = in == all; /* whether a line that is in was refused, the ledger knows */
    if (!is_in)
        is_in = p->context.checked ? record_one(p, line, true) : record_one(p, line, false);
    if (is_in)
        p->counts.values += all;
    else
        refuse(p, line);
}

/* One loop for each way to record, and nothing of the other way in it. */
static inline __attribute__((always_inline)) void record_each(Pipeline *p, size_t from,
                                                              bool checked)
{
    for (size_t i = from; i < p->line_count; i++) {
        PipelineLine *line = &p->lines[i];
        if (record_one(p, line, checked))
            p->counts.values += line->line.value_count;
        else
            refuse(p, line);
    }
}

static void record_all(Pipeline *p)
{
    size_t i = 0;
    for (; __builtin_expect(p->skip != 0, 0) && i < p->line_count; i++)
        record_rest(p, &p->lines[i]);
    if (p->context.checked)
        record_each(p, i, true);
    else
        record_each(p, i, false);
}

void pipeline_flush(Pipeline *p)
{
    hash_all(p);
    look_up_all(p);
    record_all(p);
    p->line_count = 0;
    p->value_count = 0;
}
