#include "render/prometheus_unit.h"

#include <string.h>

#include "render/prometheus_name.h"
#include "render/prometheus_part.h"

int prometheus_key_compare(const PrometheusKey *a, const PrometheusKey *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->labels != b->labels)
        return a->labels < b->labels ? -1 : 1;
    return (a->series > b->series) - (a->series < b->series);
}

size_t prometheus_unit_size(size_t family_length, size_t id_length)
{
    size_t align = _Alignof(PrometheusUnit);
    return (sizeof(PrometheusUnit) + family_length + id_length + align - 1) / align * align;
}

PrometheusType prometheus_unit_type(const PrometheusUnit *unit)
{
    return prometheus_part_info((PrometheusPart)unit->part)->type;
}

const char *prometheus_unit_help(const PrometheusUnit *unit)
{
    return prometheus_part_info((PrometheusPart)unit->part)->help;
}

/* What tells apart two series that are one here: `NAME|TYPE|#TAGS`, as it could have been sent. */
static void write_series_label(Buffer *out, const PrometheusUnit *unit)
{
    static const char types[SERIES_KINDS][4] = {"|ms", "|c", "|g", "|s", "|f", "|p"};
    const char *id = unit->text + unit->family_length;
    buffer_text(out, PROMETHEUS_SERIES_LABEL "=\"");
    prometheus_escape(out, id, unit->name_length);
    buffer_text(out, types[unit->kind]);
    prometheus_escape(out, id + unit->name_length, (size_t)unit->id_length - unit->name_length);
    buffer_char(out, '"');
}

static void write_labels(Buffer *out, const PrometheusUnit *unit, bool collides)
{
    const char *id = unit->text + unit->family_length;
    if (unit->id_length == unit->name_length && !collides)
        return;
    size_t begin = out->length;
    buffer_char(out, '{');
    if (unit->id_length > unit->name_length)
        prometheus_labels(out, id + unit->name_length + 2,
                          (size_t)unit->id_length - unit->name_length - 2);
    if (collides) {
        if (out->length > begin + 1)
            buffer_char(out, ',');
        write_series_label(out, unit);
    }
    if (out->length == begin + 1 && !out->overflow)
        out->length = begin; /* tags of which none is a label */
    else
        buffer_char(out, '}');
}

void prometheus_unit_sample(Buffer *out, const PrometheusUnit *unit, const char *ending, bool count,
                            bool collides)
{
    buffer_bytes(out, unit->text, unit->family_length);
    buffer_text(out, ending);
    write_labels(out, unit, collides);
    buffer_char(out, ' ');
    if (prometheus_unit_type(unit) == PROMETHEUS_SUMMARY)
        prometheus_text_number(out, count ? unit->value.summary.count : unit->value.summary.sum);
    else if (unit->is_integer)
        buffer_int64(out, unit->value.integer);
    else
        prometheus_text_number(out, unit->value.number);
    buffer_char(out, '\n');
}
