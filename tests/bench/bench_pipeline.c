/* What one value costs from the datagram's bytes to the cell, without the kernel's part.
 *
 * A batch: 64 datagrams in the receive buffers that the daemon uses, made anew from random names
 * before each batch, so that they are as warm as after the kernel's copy; making them is not timed.
 * All names are known before the clock starts.
 *
 *     parse       splitting and parsing the lines
 *     + look up   and hashing, prefetching and finding their slots
 *     all         pipeline_datagram() and pipeline_flush(), as the daemon calls them
 *     one by one  the same with a flush after each line: what the stages are for
 *
 * The ways take turns. Printed: the median of the turns, least and most, in ns per value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/pipeline.h"
#include "ingest/receive_batch.h"

#include "options.h"

enum {
    TURNS = 7,
    NAME_DIGITS = 7
};

typedef enum {
    PARSE,
    LOOK_UP,
    ALL,
    ONE_BY_ONE,
    WAYS
} Way;

static const char *const way_name[WAYS] = {"parse", "+ look up", "all", "one by one"};

/* What the values look like. */
typedef enum {
    FOUR_DIGITS,
    FRACTIONS, /* 123.45 */
    MIXED      /* 1 to 5 digits, half of them with a point and two more */
} Numbers;

typedef struct {
    const char *label;
    const char *suffix;
    unsigned lines;  /* in a datagram */
    unsigned values; /* in a line */
    Numbers numbers;
    bool kept; /* as with a state directory: cells that outlive the process, each with its check */
} Shape;

static const Shape shapes[] = {
    {"1 line, ms", "|ms", 1, 1, FOUR_DIGITS, false},
    {"1 line, ms, kept", "|ms", 1, 1, FOUR_DIGITS, true},
    {"20 lines, ms", "|ms", 20, 1, FOUR_DIGITS, false},
    {"20 lines, ms, kept", "|ms", 20, 1, FOUR_DIGITS, true},
    {"20 lines, ms, 123.45", "|ms", 20, 1, FRACTIONS, false},
    {"20 lines, ms, mixed", "|ms", 20, 1, MIXED, false},
    {"20 lines, c", "|c", 20, 1, FOUR_DIGITS, false},
    {"20 lines, ms, 3 tags", "|ms|#env:prod,host:a12,route:/x", 20, 1, FOUR_DIGITS, false},
    {"20 lines, rate, 2 tags", "|ms|@0.1|#env:prod,host:a12", 20, 1, FRACTIONS, false},
    {"20 lines of 3, ms", "|ms", 20, 3, FOUR_DIGITS, false},
    {"1 line of 20, ms", "|ms", 1, 20, FOUR_DIGITS, false},
};

typedef struct {
    const Shape *shape;
    unsigned names;
    uint64_t rng;
    Registry *registry;
    RejectLog rejects;
    ReceiveBatch *batch;
    size_t length[RECEIVE_BATCH_SIZE];
    Pipeline pipeline;
} Bench;

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bench_pipeline: %s\n", what);
        abort();
    }
}

/* ---- datagrams ---- */

static uint32_t random_below(Bench *b, uint32_t end)
{
    b->rng ^= b->rng << 13, b->rng ^= b->rng >> 7, b->rng ^= b->rng << 17;
    return (uint32_t)((b->rng >> 32) * end >> 32);
}

static char *put_digits(char *at, uint32_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + digits;
}

static char *put_number(Bench *b, char *at)
{
    Numbers numbers = b->shape->numbers;
    if (numbers == FOUR_DIGITS)
        return put_digits(at, 1000 + random_below(b, 9000), 4);
    int digits = numbers == FRACTIONS ? 3 : 1 + (int)random_below(b, 5);
    at = put_digits(at, random_below(b, 100000), digits);
    if (numbers == FRACTIONS || random_below(b, 2) == 0) {
        *at++ = '.';
        at = put_digits(at, random_below(b, 100), 2);
    }
    return at;
}

static char *put_line(Bench *b, char *at, uint32_t name)
{
    at = stpcpy(at, "bench.service.latency.");
    at = put_digits(at, name, NAME_DIGITS);
    for (unsigned i = 0; i < b->shape->values; i++) {
        *at++ = ':';
        at = put_number(b, at);
    }
    return stpcpy(at, b->shape->suffix);
}

static char *bytes_of(const Bench *b, int i)
{
    return b->batch->vectors[i].iov_base;
}

static void make_batch(Bench *b)
{
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++) {
        char *at = bytes_of(b, i);
        for (unsigned line = 0; line < b->shape->lines; line++) {
            if (line > 0)
                *at++ = '\n';
            at = put_line(b, at, random_below(b, b->names));
        }
        b->length[i] = (size_t)(at - bytes_of(b, i));
    }
}

/* ---- ways ---- */

static void look_up_all(Pipeline *p)
{
    for (size_t i = 0; i < p->line_count; i++) {
        p->lines[i].hash = series_index_hash(&p->index, &p->lines[i].line.key);
        series_index_prefetch(&p->index, p->lines[i].hash);
    }
    for (size_t i = 0; i < p->line_count; i++)
        series_index_prefetch_slot(&p->index, p->lines[i].hash);
    for (size_t i = 0; i < p->line_count; i++)
        require(series_index_find(&p->index, &p->lines[i].line.key, p->lines[i].hash,
                                  &p->lines[i].slot) == 0,
                "a series is not there");
}

static void finish(Pipeline *p, bool look_up)
{
    if (look_up)
        look_up_all(p);
    p->line_count = 0;
    p->value_count = 0;
}

/* The pipeline's first stages, and no more. */
static void parse_datagram(Pipeline *p, const char *bytes, size_t length, bool look_up)
{
    StatsdText text;
    statsd_text_begin(&text, bytes, length, p->scan, p->positions);
    while (statsd_text_more(&text)) {
        if (p->line_count == PIPELINE_LINES || p->value_count >= PIPELINE_VALUES)
            finish(p, look_up);
        PipelineLine *line = &p->lines[p->line_count++];
        RejectReason why;
        require(statsd_text_next(&text, p->values + p->value_count, &line->part, &line->line,
                                 &why) == STATSD_SAMPLE,
                "a line is rejected");
        p->value_count += line->line.value_count;
    }
}

static void one_by_one(Pipeline *p, const char *at, const char *end)
{
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        pipeline_datagram(p, at, (size_t)(stop - at), NULL);
        pipeline_flush(p);
        at = stop + 1;
    }
}

static void take_batch(Bench *b, Way way)
{
    Pipeline *p = &b->pipeline;
    ledger_begin(p->ledger);
    for (int i = 0; i < RECEIVE_BATCH_SIZE; i++) {
        if (way == ALL)
            pipeline_datagram(p, bytes_of(b, i), b->length[i], NULL);
        else if (way == ONE_BY_ONE)
            one_by_one(p, bytes_of(b, i), bytes_of(b, i) + b->length[i]);
        else
            parse_datagram(p, bytes_of(b, i), b->length[i], way == LOOK_UP);
    }
    if (way == ALL)
        pipeline_flush(p);
    else if (way != ONE_BY_ONE)
        finish(p, way == LOOK_UP);
    ledger_end(p->ledger, &p->counts);
}

/* ---- runs ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, ascending);
    return numbers[count / 2];
}

/* => ns per value, the median of that many batches: on a busy machine some of them are interrupted. */
static double run(Bench *b, Way way, unsigned batches)
{
    double values = (double)RECEIVE_BATCH_SIZE * b->shape->lines * b->shape->values;
    uint64_t before = b->pipeline.counts.values;
    double *ns = malloc(batches * sizeof *ns);
    require(ns != NULL, "no memory");
    for (unsigned i = 0; i < batches; i++) {
        make_batch(b);
        int64_t begin = clock_monotonic_ns();
        take_batch(b, way);
        ns[i] = (double)(clock_monotonic_ns() - begin);
    }
    double recorded = (double)(b->pipeline.counts.values - before);
    require(recorded == (way == ALL || way == ONE_BY_ONE ? values * batches : 0),
            "values are missing");
    double typical = median(ns, batches);
    free(ns);
    return typical / values;
}

static void bench_init(Bench *b, const Shape *shape, unsigned names)
{
    char line[256];
    *b = (Bench){.shape = shape, .names = names, .rng = 20260131};
    require(registry_create(&b->registry, names) == 0, "no registry");
    reject_log_init(&b->rejects);
    b->batch = calloc(1, sizeof *b->batch);
    require(b->batch != NULL, "no buffers");
    receive_batch_init(b->batch);
    require(pipeline_init(&b->pipeline, b->registry, &b->rejects, false) == 0, "no pipeline");
    b->pipeline.context.checked = shape->kept;
    for (unsigned name = 0; name < names; name++) {
        pipeline_datagram(&b->pipeline, line, (size_t)(put_line(b, line, name) - line), NULL);
        pipeline_flush(&b->pipeline);
    }
    require(b->pipeline.counts.values == (uint64_t)names * shape->values, "names are missing");
}

static void bench_fini(Bench *b)
{
    pipeline_fini(&b->pipeline);
    free(b->batch);
    reject_log_fini(&b->rejects);
    registry_destroy(b->registry);
}

static void report(const Bench *b, double ns[WAYS][TURNS], FILE *json)
{
    for (int way = 0; way < WAYS; way++) {
        double typical = median(ns[way], TURNS);
        printf("%-22s %8u  %-10s %8.1f  %7.1f - %.1f\n", b->shape->label, b->names, way_name[way],
               typical, ns[way][0], ns[way][TURNS - 1]);
        if (json != NULL)
            fprintf(
                json,
                "{\"bench\":\"pipeline\",\"shape\":\"%s\",\"names\":%u,\"way\":\"%s\",\"runs\":%d,"
                "\"ns_per_value\":{\"median\":%.3f,\"min\":%.3f,\"max\":%.3f}}\n",
                b->shape->label, b->names, way_name[way], TURNS, typical, ns[way][0],
                ns[way][TURNS - 1]);
    }
}

static void measure(const Shape *shape, uint32_t names, double seconds_per_run, FILE *json)
{
    static Bench b; /* too large for the stack */
    static double ns[WAYS][TURNS];
    unsigned batches[WAYS];
    double values = (double)RECEIVE_BATCH_SIZE * shape->lines * shape->values;
    bench_init(&b, shape, names);
    for (int way = 0; way < WAYS; way++) {
        double each = run(&b, (Way)way, 20) * values;
        batches[way] = 1 + (unsigned)(seconds_per_run * 1e9 / each);
    }
    for (int turn = 0; turn < TURNS; turn++)
        for (int way = 0; way < WAYS; way++)
            ns[way][turn] = run(&b, (Way)way, batches[way]);
    report(&b, ns, json);
    bench_fini(&b);
}

int main(int argc, char **argv)
{
    static const unsigned names[] = {1000, 1000000};
    double seconds_per_run = 0.05;
    FILE *json = NULL;
    if (!parse_options(argc, argv, &seconds_per_run, &json)) {
        fprintf(stderr, "usage: bench_pipeline [--seconds-per-run SECONDS] [--json FILE]\n");
        return 2;
    }
    printf("pipeline: ns per value on one thread, median of %d runs of %g s\n"
           "datagram of               names  way          median      min - max\n",
           TURNS, seconds_per_run);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            measure(&shapes[i], names[n], seconds_per_run, json);
    return json == NULL || fclose(json) == 0 ? 0 : 1;
}
