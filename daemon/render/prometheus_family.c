#include "render/prometheus_family.h"

static const struct {
    PrometheusType type;
    bool whole; /* only in a family that is not split */
    bool split; /* only in one that is; `ending` is then part of the family's name */
    const char *ending;
} sections[] = {
    {PROMETHEUS_SUMMARY, true, false, "_sum"},   {PROMETHEUS_SUMMARY, false, true, "_sum"},
    {PROMETHEUS_SUMMARY, false, true, "_count"}, {PROMETHEUS_COUNTER, true, false, "_total"},
    {PROMETHEUS_COUNTER, false, true, "_total"}, {PROMETHEUS_GAUGE, false, false, ""},
    {PROMETHEUS_UNKNOWN, false, false, ""},
};

enum {
    SECTIONS = sizeof sections / sizeof sections[0],
    SECTION_COUNT = 2 /* of a split summary */
};

void prometheus_family_init(PrometheusFamily *family, PrometheusFormat format)
{
    *family = (PrometheusFamily){.format = format};
}

/* ---- sections ---- */

/* => the next section that the family has, from `section` on; SECTIONS: none. */
static unsigned section_from(const PrometheusFamily *family, unsigned section)
{
    for (; section < SECTIONS; section++) {
        bool fits = family->split ? !sections[section].whole : !sections[section].split;
        if (fits && (family->types & (1U << sections[section].type)) != 0)
            break;
    }
    return section;
}

static bool begin_section(PrometheusFamily *family, unsigned section)
{
    family->section = section_from(family, section);
    family->told = false;
    family->unit = family->begin;
    return family->section < SECTIONS;
}

bool prometheus_family_start(PrometheusFamily *family)
{
    family->mixed = (family->types & (family->types - 1)) != 0;
    family->split = family->mixed || (family->odd && family->format == PROMETHEUS_OPENMETRICS);
    return begin_section(family, 0);
}

bool prometheus_family_next(PrometheusFamily *family)
{
    return begin_section(family, family->section + 1);
}

PrometheusType prometheus_family_type(const PrometheusFamily *family)
{
    return sections[family->section].type;
}

/* ---- what it has ---- */

void prometheus_family_look(PrometheusFamily *family, uint64_t hash, const PrometheusSeries *series)
{
    for (unsigned i = 0; i < series->count; i++) {
        char name[PROMETHEUS_FAMILY_MAX];
        uint64_t own;
        (void)prometheus_series_family(series, i, name, &own);
        if (own != hash)
            continue;
        family->types |= 1U << prometheus_series_type(series, i);
        family->odd |= prometheus_series_is_odd(series, i);
    }
}

bool prometheus_family_take(PrometheusFamily *family, const PrometheusBatch *batch, uint32_t begin)
{
    prometheus_family_init(family, family->format);
    family->begin = begin;
    family->end = begin;
    if (begin == batch->count)
        return false;
    family->end = begin + prometheus_batch_family(batch, begin);
    for (uint32_t i = begin; i < family->end; i++) {
        const PrometheusUnit *unit = prometheus_batch_at(batch, i);
        family->types |= 1U << prometheus_unit_type(unit);
        family->odd |= unit->odd;
    }
    return prometheus_family_start(family);
}

bool prometheus_family_find(PrometheusFamily *family, const PrometheusBatch *batch)
{
    for (; family->unit < family->end; family->unit++) {
        const PrometheusUnit *unit = prometheus_batch_at(batch, family->unit);
        if (prometheus_unit_type(unit) == prometheus_family_type(family))
            return true;
    }
    return false;
}

/* ---- what is written ---- */

static void write_lines_before(const PrometheusFamily *family, const PrometheusUnit *unit,
                               Buffer *out)
{
    char name[PROMETHEUS_FAMILY_MAX + 8];
    Buffer text;
    bool apart = sections[family->section].split;
    buffer_init(&text, name, sizeof name);
    buffer_bytes(&text, unit->text, unit->family_length);
    if (apart)
        buffer_text(&text, sections[family->section].ending);
    prometheus_text_family(out, family->format,
                           apart ? PROMETHEUS_UNKNOWN : prometheus_unit_type(unit), name,
                           text.length, prometheus_unit_help(unit),
                           unit->text + unit->family_length, unit->name_length);
}

void prometheus_family_write(const PrometheusFamily *family, const PrometheusBatch *batch,
                             Buffer *out)
{
    const PrometheusUnit *unit = prometheus_batch_at(batch, family->unit);
    bool collides = prometheus_batch_collides(batch, family->unit);
    PrometheusType type = prometheus_family_type(family);
    const char *ending = sections[family->section].ending;
    if (!family->told)
        write_lines_before(family, unit, out);
    if (type == PROMETHEUS_COUNTER && family->format == PROMETHEUS_TEXT)
        ending = ""; /* the family's name has it */
    prometheus_unit_sample(out, unit, ending, family->section == SECTION_COUNT, collides);
    if (type == PROMETHEUS_SUMMARY && !family->split)
        prometheus_unit_sample(out, unit, "_count", true, collides);
}

unsigned prometheus_family_written(PrometheusFamily *family, const PrometheusBatch *batch)
{
    bool collides = prometheus_batch_collides(batch, family->unit);
    family->told = true;
    family->unit++;
    /* A split summary's sum has been counted. */
    return collides && family->section != SECTION_COUNT;
}
