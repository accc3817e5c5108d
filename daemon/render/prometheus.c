#include "render/prometheus.h"

#include <errno.h>
#include <string.h>

enum {
    SERIES_A_TURN = 2048 /* of a walk, before others have a turn */
};

_Static_assert((int)PROMETHEUS_PIECE_SIZE >= (int)PROMETHEUS_FIGURES_SIZE, "the head is one piece");

void prometheus_init(Prometheus *prometheus, const PrometheusRequest *request)
{
    size_t bytes = request->batch_bytes != 0 ? request->batch_bytes : PROMETHEUS_BATCH_BYTES;
    prometheus->request = *request;
    prometheus->step = PROMETHEUS_HEAD;
    prometheus_batch_init(&prometheus->batch, bytes);
    prometheus->survey = false;
    prometheus->giant = false;
    prometheus->more = false;
    prometheus->colliding = 0;
    prometheus->mixed = 0;
    prometheus->cursor.walk = (SeriesWalk){0};
    prometheus->piece_length = 0;
    prometheus->piece_given = 0;
}

void prometheus_fini(Prometheus *prometheus)
{
    snapshot_end(&prometheus->cursor);
    prometheus_batch_fini(&prometheus->batch);
}

/* ---- the walk ---- */

static void begin_kind(Prometheus *prometheus, SeriesKind kind)
{
    static const SnapshotFilter all = {0};
    prometheus->kind = kind;
    snapshot_begin(&prometheus->cursor, prometheus->request.registry, kind, &all);
}

static void begin_walk(Prometheus *prometheus)
{
    if (!prometheus->survey)
        prometheus_batch_begin(&prometheus->batch);
    prometheus->step = PROMETHEUS_WALK;
    begin_kind(prometheus, (SeriesKind)0);
}

static int take_series(Prometheus *prometheus, const SeriesView *view)
{
    PrometheusSeries series;
    prometheus_series_init(&series, prometheus->request.format, view);
    if (!prometheus->survey)
        return prometheus_batch_add(&prometheus->batch, &series);
    prometheus_family_look(&prometheus->family, prometheus->batch.family, &series);
    return 0;
}

/* => 0: the walk is over; -EAGAIN: it is not; -ENOMEM. */
static int walk(Prometheus *prometheus)
{
    for (int i = 0; i < SERIES_A_TURN; i++) {
        SeriesView view;
        if (snapshot_next(&prometheus->cursor, &view)) {
            int error = take_series(prometheus, &view);
            if (error != 0)
                return error;
            continue;
        }
        if (prometheus->kind + 1 == SERIES_KINDS)
            return 0;
        begin_kind(prometheus, (SeriesKind)(prometheus->kind + 1));
    }
    return -EAGAIN;
}

/* ---- giants: a pass or more for each section ---- */

/* `any`: its family has a section in hand. */
static void begin_giant_section(Prometheus *prometheus, bool any)
{
    prometheus->giant = any;
    if (any)
        prometheus_batch_only(&prometheus->batch, prometheus->batch.family,
                              prometheus_family_type(&prometheus->family));
    else
        prometheus_batch_all(&prometheus->batch);
    begin_walk(prometheus);
}

static void begin_survey(Prometheus *prometheus)
{
    prometheus->survey = true;
    prometheus_family_init(&prometheus->family, prometheus->request.format);
    prometheus->batch.family = prometheus->batch.high.family;
    begin_walk(prometheus);
}

static void end_survey(Prometheus *prometheus)
{
    prometheus->survey = false;
    bool any = prometheus_family_start(&prometheus->family);
    prometheus->mixed += prometheus->family.mixed;
    begin_giant_section(prometheus, any);
}

/* ---- from walk to walk ---- */

static bool take_family(Prometheus *prometheus, uint32_t begin)
{
    prometheus->family.format = prometheus->request.format;
    bool any = prometheus_family_take(&prometheus->family, &prometheus->batch, begin);
    prometheus->mixed += prometheus->family.mixed;
    return any;
}

static void end_walk(Prometheus *prometheus)
{
    if (prometheus->survey) {
        end_survey(prometheus);
        return;
    }
    PrometheusBatchEnd end = prometheus_batch_end(&prometheus->batch);
    if (end == PROMETHEUS_BATCH_GIANT) {
        begin_survey(prometheus);
        return;
    }
    prometheus->more = end == PROMETHEUS_BATCH_MORE;
    prometheus->step = PROMETHEUS_EMIT;
    if (prometheus->giant) { /* all of the batch is of the section in hand */
        prometheus->family.unit = 0;
        prometheus->family.end = prometheus->batch.count;
    } else {
        take_family(prometheus, 0);
    }
}

/* All units of the batch are written. */
static void end_batch(Prometheus *prometheus)
{
    if (prometheus->more)
        begin_walk(prometheus);
    else if (prometheus->giant)
        begin_giant_section(prometheus, prometheus_family_next(&prometheus->family));
    else
        prometheus->step = PROMETHEUS_TAIL;
}

/* ---- what is written ---- */

static void write_tail(const Prometheus *prometheus, Buffer *out)
{
    PrometheusFormat format = prometheus->request.format;
    prometheus_figures_write_end(out, format, prometheus->colliding, prometheus->mixed);
    if (format == PROMETHEUS_OPENMETRICS)
        buffer_text(out, "# EOF\n");
}

/* => false: no room. */
static bool write_step(Prometheus *prometheus, Buffer *out)
{
    if (prometheus->step == PROMETHEUS_HEAD)
        prometheus_figures_write(out, prometheus->request.format, &prometheus->request.figures);
    else if (prometheus->step == PROMETHEUS_EMIT)
        prometheus_family_write(&prometheus->family, &prometheus->batch, out);
    else
        write_tail(prometheus, out);
    return !out->overflow;
}

/* Goes to the unit that is to be written next, through sections and families. => false: there is none
 * in this batch. */
static bool find_unit(Prometheus *prometheus)
{
    PrometheusFamily *family = &prometheus->family;
    while (!prometheus_family_find(family, &prometheus->batch)) {
        if (prometheus->giant || family->begin == family->end)
            return false;
        if (!prometheus_family_next(family) && !take_family(prometheus, family->end))
            return false;
    }
    return true;
}

/* What has been written is behind us. */
static void advance(Prometheus *prometheus)
{
    if (prometheus->step == PROMETHEUS_HEAD)
        begin_walk(prometheus);
    else if (prometheus->step == PROMETHEUS_EMIT)
        prometheus->colliding += prometheus_family_written(&prometheus->family, &prometheus->batch);
    else
        prometheus->step = PROMETHEUS_END;
}

/* Goes on until something can be written. => 0; -EAGAIN, -ENOMEM. */
static int prepare(Prometheus *prometheus)
{
    for (;;) {
        if (prometheus->step == PROMETHEUS_EMIT) {
            if (find_unit(prometheus))
                return 0;
            end_batch(prometheus);
        }
        if (prometheus->step != PROMETHEUS_WALK)
            return 0;
        int error = walk(prometheus);
        if (error != 0)
            return error;
        end_walk(prometheus);
    }
}

/* ---- the stream ---- */

static size_t give_piece(Prometheus *prometheus, char *out, size_t capacity)
{
    size_t length = prometheus->piece_length - prometheus->piece_given;
    if (length > capacity)
        length = capacity;
    memcpy(out, prometheus->piece + prometheus->piece_given, length);
    prometheus->piece_given += length;
    return length;
}

ssize_t prometheus_read(Prometheus *prometheus, char *out, size_t capacity)
{
    size_t used = give_piece(prometheus, out, capacity);
    while (used < capacity && prometheus->step != PROMETHEUS_END) {
        int error = prepare(prometheus);
        if (error == -EAGAIN && used > 0)
            break;
        if (error != 0)
            return error;
        Buffer buffer;
        buffer_init(&buffer, out + used, capacity - used);
        if (write_step(prometheus, &buffer)) {
            used += buffer.length;
        } else { /* it ends within this piece: keep the piece and give a part of it */
            buffer_init(&buffer, prometheus->piece, sizeof prometheus->piece);
            if (!write_step(prometheus, &buffer))
                return -EMSGSIZE;
            prometheus->piece_length = buffer.length;
            prometheus->piece_given = 0;
            used += give_piece(prometheus, out + used, capacity - used);
        }
        advance(prometheus);
    }
    return (ssize_t)used;
}
