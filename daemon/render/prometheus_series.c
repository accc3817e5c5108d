#include "render/prometheus_series.h"

#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "render/prometheus_part.h"

static const char total_ending[] = "_total";

static void add_part(PrometheusSeries *series, PrometheusPart part)
{
    series->part[series->count++] = (uint8_t)part;
}

static void take_off_total(PrometheusSeries *series)
{
    size_t size = sizeof total_ending - 1;
    while (series->base_length > size &&
           memcmp(series->base + series->base_length - size, total_ending, size) == 0)
        series->base_length -= size;
}

static void add_progress(PrometheusSeries *series, const ProgressValue *progress)
{
    add_part(series, PROMETHEUS_PART_DONE);
    if (progress->total != 0)
        add_part(series, PROMETHEUS_PART_TARGET);
    if (!isnan(progress->eta_s))
        add_part(series, PROMETHEUS_PART_ETA);
    add_part(series, PROMETHEUS_PART_STARTED);
    add_part(series, PROMETHEUS_PART_UPDATED);
}

static void add_parts(PrometheusSeries *series, bool taken)
{
    switch (series->view->kind) {
    case SERIES_STATS:
        add_part(series, PROMETHEUS_PART_SUMMARY);
        add_part(series, PROMETHEUS_PART_MIN);
        add_part(series, PROMETHEUS_PART_MAX);
        add_part(series, PROMETHEUS_PART_STDDEV);
        break;
    case SERIES_COUNTER:
        if (series->format == PROMETHEUS_TEXT)
            add_part(series, PROMETHEUS_PART_TOTAL_TEXT);
        else
            add_part(series, taken ? PROMETHEUS_PART_TOTAL_PLAIN : PROMETHEUS_PART_TOTAL);
        break;
    case SERIES_GAUGE:
        add_part(series, PROMETHEUS_PART_GAUGE);
        break;
    case SERIES_SET:
        add_part(series, PROMETHEUS_PART_SET);
        break;
    case SERIES_FLAG:
        add_part(series, PROMETHEUS_PART_FLAG);
        break;
    case SERIES_PROGRESS:
        add_progress(series, &series->view->value.progress);
        break;
    case SERIES_KINDS:
        break;
    }
}

void prometheus_series_init(PrometheusSeries *series, PrometheusFormat format,
                            const SeriesView *view)
{
    static const char ending[] = "_value";
    series->format = format;
    series->view = view;
    series->count = 0;
    series->base_length = prometheus_name(view->id, view->name_length, series->base);
    if (view->kind == SERIES_COUNTER)
        take_off_total(series);
    bool taken = prometheus_name_is_taken(series->base, series->base_length);
    if (taken && view->kind != SERIES_COUNTER) {
        memcpy(series->base + series->base_length, ending, sizeof ending - 1);
        series->base_length += sizeof ending - 1;
    }
    add_parts(series, taken);
}

static const PrometheusPartInfo *part_of(const PrometheusSeries *series, unsigned i)
{
    return prometheus_part_info((PrometheusPart)series->part[i]);
}

size_t prometheus_series_family(const PrometheusSeries *series, unsigned i,
                                char out[static PROMETHEUS_FAMILY_MAX], uint64_t *hash)
{
    Buffer text;
    buffer_init(&text, out, PROMETHEUS_FAMILY_MAX);
    buffer_bytes(&text, series->base, series->base_length);
    buffer_text(&text, part_of(series, i)->suffix);
    *hash = XXH3_64bits(out, text.length);
    return text.length;
}

PrometheusType prometheus_series_type(const PrometheusSeries *series, unsigned i)
{
    return part_of(series, i)->type;
}

bool prometheus_series_is_odd(const PrometheusSeries *series, unsigned i)
{
    const AtomicStatsSummary *stats = &series->view->value.stats;
    switch (prometheus_series_type(series, i)) {
    case PROMETHEUS_SUMMARY:
        return !(stats->sum >= 0) || stats->count != floor(stats->count);
    case PROMETHEUS_COUNTER:
        return !(series->view->value.counter.value >= 0);
    case PROMETHEUS_GAUGE:
    case PROMETHEUS_UNKNOWN:
    case PROMETHEUS_TYPES:
        break;
    }
    return false;
}

void prometheus_series_hash(const PrometheusSeries *series, uint64_t *labels, uint64_t *id)
{
    const SeriesView *view = series->view;
    *id = XXH3_64bits_withSeed(view->id, view->id_length, (XXH64_hash_t)view->kind);
    *labels = 0;
    if (view->id_length > view->name_length) {
        char text[PROMETHEUS_LABELS_MAX];
        Buffer buffer;
        size_t skipped = view->name_length + 2; /* "|#" */
        buffer_init(&buffer, text, sizeof text);
        prometheus_labels(&buffer, view->id + skipped, view->id_length - skipped);
        *labels = buffer.length > 0 ? XXH3_64bits(text, buffer.length) : 0;
    }
}

static void take_value(PrometheusUnit *unit, const SeriesView *view)
{
    const AtomicStatsSummary *stats = &view->value.stats;
    const ProgressValue *progress = &view->value.progress;
    switch ((PrometheusPart)unit->part) {
    case PROMETHEUS_PART_SUMMARY:
        unit->value.summary.sum = stats->sum;
        unit->value.summary.count = stats->count;
        break;
    case PROMETHEUS_PART_MIN:
        unit->value.number = stats->min;
        break;
    case PROMETHEUS_PART_MAX:
        unit->value.number = stats->max;
        break;
    case PROMETHEUS_PART_STDDEV:
        unit->value.number = stats->stddev;
        break;
    case PROMETHEUS_PART_TOTAL:
    case PROMETHEUS_PART_TOTAL_TEXT:
    case PROMETHEUS_PART_TOTAL_PLAIN:
        unit->is_integer = view->value.counter.is_integer;
        if (unit->is_integer)
            unit->value.integer = view->value.counter.integer;
        else
            unit->value.number = view->value.counter.value;
        break;
    case PROMETHEUS_PART_GAUGE:
        unit->value.number = view->value.gauge;
        break;
    case PROMETHEUS_PART_SET:
        unit->value.number = round(view->value.set);
        break;
    case PROMETHEUS_PART_FLAG:
        unit->value.number = view->value.flag ? 1 : 0;
        break;
    case PROMETHEUS_PART_DONE:
        unit->is_integer = true;
        unit->value.integer = progress->done;
        break;
    case PROMETHEUS_PART_TARGET:
        unit->is_integer = true;
        unit->value.integer = progress->total;
        break;
    case PROMETHEUS_PART_ETA:
        unit->value.number = progress->eta_s;
        break;
    case PROMETHEUS_PART_STARTED:
        unit->value.number = (double)progress->started_ns / 1e9;
        break;
    case PROMETHEUS_PART_UPDATED:
        unit->value.number = (double)progress->updated_ns / 1e9;
        break;
    }
}

void prometheus_series_unit(const PrometheusSeries *series, unsigned i, const PrometheusKey *key,
                            const char *family, size_t family_length, PrometheusUnit *unit)
{
    const SeriesView *view = series->view;
    unit->key = *key;
    unit->family_length = (uint16_t)family_length;
    unit->id_length = (uint16_t)view->id_length;
    unit->name_length = (uint8_t)view->name_length;
    unit->kind = (uint8_t)view->kind;
    unit->part = series->part[i];
    unit->is_integer = false;
    unit->odd = prometheus_series_is_odd(series, i);
    memcpy(unit->text, family, family_length);
    memcpy(unit->text + family_length, view->id, view->id_length);
    take_value(unit, view);
}
