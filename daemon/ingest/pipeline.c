#include "ingest/pipeline.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/record.h"

int pipeline_init(Pipeline *p, Registry *registry, RejectLog *rejects, bool gauge_sign_absolute)
{
    *p = (Pipeline){.rejects = rejects, .gauge_sign_absolute = gauge_sign_absolute};
    size_t values = PIPELINE_VALUES + statsd_line_max_values(PIPELINE_LONGEST);
    p->values = malloc(values * sizeof *p->values);
    if (p->values == NULL)
        return -ENOMEM;
    int error = series_index_init(&p->index, registry);
    if (error != 0)
        pipeline_fini(p);
    return error;
}

void pipeline_fini(Pipeline *p)
{
    series_index_fini(&p->index);
    free(p->values);
    p->values = NULL;
}

static socklen_t source_length(DatagramSource source)
{
    if (source == NULL)
        return 0;
    return source->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void reject(Pipeline *p, RejectReason reason, const char *text, size_t length,
                   DatagramSource source)
{
    p->counts.rejected[reason]++;
    reject_log_add(p->rejects, reason, p->now_ns, source, source_length(source), text, length);
}

/* ---- parse ---- */

static void parse_line(Pipeline *p, const char *text, size_t length, DatagramSource source)
{
    if (p->line_count == PIPELINE_LINES || p->value_count >= PIPELINE_VALUES)
        pipeline_flush(p);

    RejectReason why;
    PipelineLine *line = &p->lines[p->line_count];
    switch (statsd_line_parse(text, length, p->values + p->value_count, &line->line, &why)) {
    case STATSD_BLANK:
        return;
    case STATSD_IGNORED:
        p->counts.ignored++;
        break;
    case STATSD_REJECTED:
        reject(p, why, text, length, source);
        break;
    case STATSD_SAMPLE:
        line->text = text;
        line->text_length = (uint32_t)length;
        line->source = source;
        p->value_count += line->line.value_count;
        p->line_count++;
        break;
    }
    p->counts.lines++;
}

void pipeline_datagram(Pipeline *p, const char *bytes, size_t length, DatagramSource source)
{
    const char *end = bytes + length;
    p->counts.datagrams++;
    p->counts.bytes += length;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline != NULL ? newline : end;
        parse_line(p, bytes, (size_t)(stop - bytes), source);
        bytes = stop + 1;
    }
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

static void look_up_all(Pipeline *p)
{
    for (size_t i = 0; i < p->line_count; i++) {
        PipelineLine *line = &p->lines[i];
        if (series_index_find(&p->index, &line->line.key, line->hash, &line->slot) != 0)
            line->slot = NULL;
    }
}

static void record_all(Pipeline *p)
{
    for (size_t i = 0; i < p->line_count; i++) {
        const PipelineLine *line = &p->lines[i];
        if (line->slot != NULL && record_line(p->index.registry, line->slot, &line->line,
                                              p->gauge_sign_absolute, p->now_ns) == 0)
            p->counts.values += line->line.value_count;
        else
            reject(p, REJECT_OVER_LIMIT, line->text, line->text_length, line->source);
    }
}

void pipeline_flush(Pipeline *p)
{
    hash_all(p);
    look_up_all(p);
    record_all(p);
    p->line_count = 0;
    p->value_count = 0;
}
