#include "ingest/intake_counters.h"

#include <stddef.h>

/* release: what was recorded before is seen by whoever reads the figure; pairs with get(). */
static void put(_Atomic uint64_t *field, uint64_t value)
{
    atomic_store_explicit(field, value, memory_order_release);
}

/* acquire: pairs with put(). */
static uint64_t get(const _Atomic uint64_t *field)
{
    return atomic_load_explicit(field, memory_order_acquire);
}

void intake_counters_publish(IntakeCounters *counters, const IntakeCounts *own)
{
    put(&counters->datagrams, own->datagrams);
    put(&counters->bytes, own->bytes);
    put(&counters->values, own->values);
    put(&counters->ignored, own->ignored);
    for (size_t i = 0; i < REJECT_REASONS; i++)
        put(&counters->rejected[i], own->rejected[i]);
    /* Last here and first below: a reader never sees lines whose fate it does not see. */
    put(&counters->lines, own->lines);
}

void intake_counters_read(const IntakeCounters *counters, IntakeCounts *out)
{
    *out = (IntakeCounts){.lines = get(&counters->lines)};
    out->datagrams = get(&counters->datagrams);
    out->bytes = get(&counters->bytes);
    out->values = get(&counters->values);
    out->ignored = get(&counters->ignored);
    for (size_t i = 0; i < REJECT_REASONS; i++)
        out->rejected[i] = get(&counters->rejected[i]);
}
