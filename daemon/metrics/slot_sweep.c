#include "metrics/slot_sweep.h"

enum {
    ROUNDS = 8,       /* in the time after which a series expires */
    SLACK_S = 1,      /* a mark may be that much older than the value */
    LOOK_AHEAD = 8,   /* slots fetched before they are looked at */
    GROWTH_STEPS = 64 /* of 64 buckets each: about as much as a piece */
};

static bool is_idle(const SlotSweep *sweep, const Slot *slot)
{
    /* Marks of after `began_s` make the difference negative: not idle. */
    int32_t idle = (int32_t)(sweep->began_s - slot->touched);
    return idle > 0 && (uint32_t)idle > sweep->expire_after_s + SLACK_S;
}

/* => whether the time is another one than the latest round's. */
static bool is_changed(const SlotSweep *sweep, uint32_t expire_after)
{
    return sweep->expire_after_s != expire_after;
}

static void begin(SlotSweep *sweep, SeriesIndex *index, uint32_t expire_after)
{
    sweep->under_way = true;
    sweep->began_s = index->now_s;
    sweep->expire_after_s = expire_after;
    sweep->alias = &index->first_alias;
    sweep->bucket = 0;
    sweep->next_round_s = index->now_s + (expire_after / ROUNDS > 0 ? expire_after / ROUNDS : 1);
}

static void sweep_aliases(SlotSweep *sweep, SeriesIndex *index)
{
    for (int i = 0; i < SLOT_SWEEP_PIECE && *sweep->alias != NULL; i++) {
        if (is_idle(sweep, *sweep->alias))
            series_index_drop_alias(index, sweep->alias);
        else
            sweep->alias = &(*sweep->alias)->next;
    }
    if (*sweep->alias == NULL)
        sweep->alias = NULL;
}

static Slot *slot_in(const SeriesIndex *index, uint32_t bucket)
{
    uint32_t number = bucket_table_at(&index->table, bucket);
    return number != 0 ? series_index_slot_(index->arena.base, number) : NULL;
}

/* Ends the growth of the table, in which what is not carried over yet is not met. */
static void finish_growth(SeriesIndex *index)
{
    for (int i = 0; i < GROWTH_STEPS && index->table.old != NULL; i++)
        (void)bucket_table_reserve(&index->table);
}

/* Taking one out may move another one into its bucket, so that bucket is looked at again. */
static void sweep_slots(SlotSweep *sweep, SeriesIndex *index)
{
    if (index->table.old != NULL) {
        finish_growth(index);
        return;
    }
    uint32_t end = sweep->bucket + SLOT_SWEEP_PIECE;
    if (end > index->table.count)
        end = index->table.count;
    while (sweep->bucket < end) {
        if (sweep->bucket + LOOK_AHEAD < end)
            __builtin_prefetch(slot_in(index, sweep->bucket + LOOK_AHEAD));
        Slot *slot = slot_in(index, sweep->bucket);
        if (slot != NULL && !slot_is_alias(slot) && is_idle(sweep, slot))
            series_index_drop(index, slot);
        else
            sweep->bucket++;
    }
    if (sweep->bucket == index->table.count)
        sweep->under_way = false;
}

/* => pieces that each second has to do so that a round is over in its time. */
static uint32_t steps_a_second(const SlotSweep *sweep, const SeriesIndex *index)
{
    uint32_t pieces = (index->aliases + index->table.count) / SLOT_SWEEP_PIECE + 2;
    uint32_t seconds = sweep->expire_after_s / ROUNDS;
    return seconds > 0 ? pieces / seconds + 1 : pieces;
}

bool slot_sweep_step(SlotSweep *sweep, SeriesIndex *index)
{
    uint32_t expire_after = registry_expire_after(index->registry);
    if (!sweep->under_way || is_changed(sweep, expire_after)) {
        bool early = (int32_t)(index->now_s - sweep->next_round_s) < 0;
        sweep->under_way = false;
        if (expire_after == 0 || (early && !is_changed(sweep, expire_after)))
            return false;
        begin(sweep, index, expire_after);
    }
    if (sweep->step_s != index->now_s) {
        sweep->step_s = index->now_s;
        sweep->steps = 0;
    }
    if (sweep->alias != NULL)
        sweep_aliases(sweep, index);
    else
        sweep_slots(sweep, index);
    return sweep->under_way && ++sweep->steps < steps_a_second(sweep, index);
}
