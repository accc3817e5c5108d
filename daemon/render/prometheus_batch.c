#include "render/prometheus_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES = 255, /* of keys, for their median */
    FIRST_BYTES = 16 * 1024,
    FIRST_INDEX = 128
};

void prometheus_batch_init(PrometheusBatch *batch, size_t limit)
{
    *batch = (PrometheusBatch){.limit = limit};
}

void prometheus_batch_fini(PrometheusBatch *batch)
{
    free(batch->units);
    free(batch->index);
    *batch = (PrometheusBatch){.limit = batch->limit};
}

void prometheus_batch_begin(PrometheusBatch *batch)
{
    batch->used = 0;
    batch->count = 0;
    if (batch->to) {
        batch->low = batch->high;
        batch->from = true;
    }
    batch->to = false;
}

/* Everything above this family's predecessor. */
static void begin_at(PrometheusBatch *batch, uint64_t family)
{
    batch->low = (PrometheusKey){family - 1, UINT64_MAX, UINT64_MAX};
    batch->from = family > 0;
    batch->to = false;
}

void prometheus_batch_only(PrometheusBatch *batch, uint64_t family, PrometheusType type)
{
    begin_at(batch, family);
    batch->only = true;
    batch->family = family;
    batch->type = type;
}

void prometheus_batch_all(PrometheusBatch *batch)
{
    batch->low = (PrometheusKey){batch->family, UINT64_MAX, UINT64_MAX};
    batch->from = true;
    batch->to = false;
    batch->only = false;
}

static PrometheusUnit *unit_at(const PrometheusBatch *batch, uint32_t i)
{
    return (PrometheusUnit *)(void *)(batch->units + batch->index[i]);
}

const PrometheusUnit *prometheus_batch_at(const PrometheusBatch *batch, uint32_t i)
{
    return unit_at(batch, i);
}

/* ---- room ---- */

static int compare_keys(const void *left, const void *right)
{
    return prometheus_key_compare(left, right);
}

/* Keeps the units up to `high`, or below it. */
static void keep(PrometheusBatch *batch, bool inclusive)
{
    size_t used = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++) { /* they lie in the order of the index */
        const PrometheusUnit *unit = unit_at(batch, i);
        size_t size = prometheus_unit_size(unit->family_length, unit->id_length);
        int order = prometheus_key_compare(&unit->key, &batch->high);
        if (inclusive ? order > 0 : order >= 0)
            continue;
        memmove(batch->units + used, unit, size);
        batch->index[count++] = (uint32_t)used;
        used += size;
    }
    batch->used = used;
    batch->count = count;
}

/* Lets go of the upper half, more or less: a full batch has some 37 units at least, of which the median
 * of the samples leaves 19 and takes 18, as keys differ. */
static void halve(PrometheusBatch *batch)
{
    PrometheusKey keys[SAMPLES];
    uint32_t samples = batch->count < SAMPLES ? batch->count : SAMPLES;
    if (samples == 0)
        return;
    for (uint32_t i = 0; i < samples; i++) {
        uint64_t place = (uint64_t)i * batch->count / samples;
        keys[i] = unit_at(batch, (uint32_t)place)->key;
    }
    qsort(keys, samples, sizeof *keys, compare_keys);
    batch->high = keys[(samples - 1) / 2];
    batch->to = true;
    keep(batch, true);
}

static size_t held(const PrometheusBatch *batch)
{
    return batch->used + batch->count * sizeof *batch->index;
}

static int grow_units(PrometheusBatch *batch, size_t size)
{
    size_t capacity = batch->capacity;
    while (capacity < batch->used + size)
        capacity = capacity == 0 ? FIRST_BYTES : 2 * capacity;
    if (capacity > batch->limit)
        capacity = batch->limit;
    if (capacity == batch->capacity)
        return 0;
    char *units = realloc(batch->units, capacity);
    if (units == NULL)
        return -ENOMEM;
    batch->units = units;
    batch->capacity = capacity;
    return 0;
}

static int grow_index(PrometheusBatch *batch)
{
    if (batch->count < batch->index_capacity)
        return 0;
    uint32_t capacity = batch->index_capacity == 0 ? FIRST_INDEX : 2 * batch->index_capacity;
    uint32_t *index = realloc(batch->index, capacity * sizeof *index);
    if (index == NULL)
        return -ENOMEM;
    batch->index = index;
    batch->index_capacity = capacity;
    return 0;
}

/* => whether the pass takes units of this key. */
static bool wanted(const PrometheusBatch *batch, const PrometheusKey *key)
{
    return (!batch->from || prometheus_key_compare(key, &batch->low) > 0) &&
           (!batch->to || prometheus_key_compare(key, &batch->high) <= 0);
}

/* => the room for a unit, at the end; NULL: no memory, or a full batch of one and the same key, which
 * takes many 64-bit collisions. */
static PrometheusUnit *make_room(PrometheusBatch *batch, size_t size)
{
    while (held(batch) + size + sizeof *batch->index > batch->limit) {
        uint32_t before = batch->count;
        halve(batch);
        if (batch->count == before)
            return NULL;
    }
    if (grow_units(batch, size) != 0 || grow_index(batch) != 0)
        return NULL;
    batch->index[batch->count++] = (uint32_t)batch->used;
    batch->used += size;
    return unit_at(batch, batch->count - 1);
}

/* The unit that was put in last goes again. */
static void take_back(PrometheusBatch *batch)
{
    batch->used = batch->index[--batch->count];
}

/* ---- a pass ---- */

/* Whether a unit of this family, with any labels, may be let in. */
static bool family_wanted(const PrometheusBatch *batch, uint64_t family)
{
    return (!batch->only || family == batch->family) &&
           (!batch->from || family >= batch->low.family) &&
           (!batch->to || family <= batch->high.family);
}

int prometheus_batch_add(PrometheusBatch *batch, const PrometheusSeries *series)
{
    PrometheusKey key = {0};
    bool hashed = false;
    for (unsigned i = 0; i < series->count; i++) {
        char family[PROMETHEUS_FAMILY_MAX];
        size_t length = prometheus_series_family(series, i, family, &key.family);
        if (!family_wanted(batch, key.family))
            continue;
        if (batch->only && prometheus_series_type(series, i) != batch->type)
            continue;
        if (!hashed)
            prometheus_series_hash(series, &key.labels, &key.series);
        hashed = true;
        if (!wanted(batch, &key))
            continue;
        PrometheusUnit *unit =
            make_room(batch, prometheus_unit_size(length, series->view->id_length));
        if (unit == NULL)
            return -ENOMEM;
        prometheus_series_unit(series, i, &key, family, length, unit);
        if (!wanted(batch, &key)) /* room was made below it */
            take_back(batch);
    }
    return 0;
}

static int compare_families(const PrometheusUnit *a, const PrometheusUnit *b)
{
    size_t shorter = a->family_length < b->family_length ? a->family_length : b->family_length;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0
               ? order
               : (a->family_length > b->family_length) - (a->family_length < b->family_length);
}

static int compare_units(const void *left, const void *right, void *units)
{
    const PrometheusUnit *a =
        (const PrometheusUnit *)(const void *)((const char *)units + *(const uint32_t *)left);
    const PrometheusUnit *b =
        (const PrometheusUnit *)(const void *)((const char *)units + *(const uint32_t *)right);
    int order = compare_families(a, b);
    if (order != 0)
        return order;
    PrometheusType type = prometheus_unit_type(a);
    PrometheusType other = prometheus_unit_type(b);
    return type != other ? (int)type - (int)other : prometheus_key_compare(&a->key, &b->key);
}

/* Cuts off the family, or in a giant the labels, that may go on in the next pass.
 * => false: then nothing would be left. */
static bool cut(PrometheusBatch *batch)
{
    PrometheusKey end = batch->high;
    PrometheusKey begin = {end.family, batch->only ? end.labels : 0, 0};
    uint32_t below = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        below += prometheus_key_compare(&unit_at(batch, i)->key, &begin) < 0;
    if (below == 0)
        return false;
    batch->high = begin;
    keep(batch, false);
    /* The next pass begins right here. */
    if (batch->only)
        batch->high = (PrometheusKey){begin.family, begin.labels - 1, UINT64_MAX};
    else
        batch->high = (PrometheusKey){begin.family - 1, UINT64_MAX, UINT64_MAX};
    return true;
}

PrometheusBatchEnd prometheus_batch_end(PrometheusBatch *batch)
{
    bool more = batch->to;
    /* In a giant, if nothing can be cut off, all have the same labels: some are here, the others come in
     * the next pass. On either side there is more than one (halve()), so each has a neighbour that
     * shows that it collides. */
    if (more && !cut(batch) && !batch->only) {
        batch->count = 0;
        return PROMETHEUS_BATCH_GIANT;
    }
    if (batch->count > 0)
        qsort_r(batch->index, batch->count, sizeof *batch->index, compare_units, batch->units);
    return more ? PROMETHEUS_BATCH_MORE : PROMETHEUS_BATCH_LAST;
}

uint32_t prometheus_batch_family(const PrometheusBatch *batch, uint32_t i)
{
    uint32_t end = i + 1;
    while (end < batch->count && compare_families(unit_at(batch, i), unit_at(batch, end)) == 0)
        end++;
    return end - i;
}

static bool same_samples(const PrometheusUnit *a, const PrometheusUnit *b)
{
    return a->key.labels == b->key.labels && prometheus_unit_type(a) == prometheus_unit_type(b) &&
           compare_families(a, b) == 0;
}

bool prometheus_batch_collides(const PrometheusBatch *batch, uint32_t i)
{
    const PrometheusUnit *unit = unit_at(batch, i);
    return (i > 0 && same_samples(unit, unit_at(batch, i - 1))) ||
           (i + 1 < batch->count && same_samples(unit, unit_at(batch, i + 1)));
}
