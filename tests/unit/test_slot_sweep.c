#include "metrics/slot_sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    A_FEW = 4, /* seconds by which a series may go later than a quarter too late */
    MANY = 3000
};

typedef struct {
    Registry *registry;
    SeriesIndex index[2];
    SlotSweep sweep[2];
    uint32_t now;
} Bench;

static Bench *fresh(uint32_t expire_after, uint32_t now)
{
    Bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    assert_int_equal(0, registry_create(&bench->registry, 100000));
    registry_set_expire_after(bench->registry, expire_after);
    bench->now = now;
    for (int who = 0; who < 2; who++) {
        assert_int_equal(0, series_index_init(&bench->index[who], bench->registry));
        series_index_tick(&bench->index[who], now);
    }
    return bench;
}

static void done(Bench *bench)
{
    for (int who = 0; who < 2; who++)
        series_index_fini(&bench->index[who]);
    registry_destroy(bench->registry);
    free(bench);
}

static SeriesKey key_of(SeriesKind kind, const char *name, const char *tags)
{
    return (SeriesKey){kind, name, strlen(name), tags, strlen(tags)};
}

/* A value comes now. */
static Slot *value(Bench *bench, int who, const char *name, const char *tags)
{
    Slot *slot = NULL;
    const SeriesKey key = key_of(SERIES_COUNTER, name, tags);
    uint32_t hash = series_index_hash(&bench->index[who], &key);
    assert_int_equal(0, series_index_find(&bench->index[who], &key, hash, &slot));
    return slot;
}

static void values(Bench *bench, uint32_t from, uint32_t end, const char *tags)
{
    char name[16];
    for (uint32_t i = from; i < end; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        (void)value(bench, 0, name, tags);
    }
}

/* => whether the thread knows the series, whose tags are canonical. */
static bool knows(Bench *bench, int who, const char *name, const char *tags)
{
    const SeriesKey key = key_of(SERIES_COUNTER, name, tags);
    uint32_t hash = series_index_hash(&bench->index[who], &key);
    return series_index_lookup(&bench->index[who], &key, hash) != NULL;
}

static uint32_t count(const Bench *bench)
{
    return registry_count(bench->registry, SERIES_COUNTER);
}

static void set_time(Bench *bench, uint32_t now)
{
    bench->now = now;
    for (int who = 0; who < 2; who++)
        series_index_tick(&bench->index[who], now);
}

/* All pieces of this second. => how many. */
static uint32_t sweep(Bench *bench, int who)
{
    uint32_t pieces = 1;
    while (slot_sweep_step(&bench->sweep[who], &bench->index[who]))
        pieces++;
    return pieces;
}

/* Both threads look for idle ones, second by second. */
static void pass(Bench *bench, uint32_t seconds)
{
    for (uint32_t s = 0; s < seconds; s++) {
        set_time(bench, bench->now + 1);
        (void)sweep(bench, 0);
        (void)sweep(bench, 1);
    }
}

static uint32_t latest(uint32_t expire_after)
{
    return expire_after + expire_after / 4 + A_FEW;
}

static void test_never(void **state)
{
    (void)state;
    Bench *bench = fresh(0, 1000);
    (void)value(bench, 0, "a", "");
    for (int i = 0; i < 100; i++) {
        set_time(bench, bench->now + 1000000);
        assert_false(slot_sweep_step(&bench->sweep[0], &bench->index[0]));
    }
    assert_true(knows(bench, 0, "a", ""));
    done(bench);
}

/* Idle for so long when a round begins. A mark may be a second older than the value. */
static void test_the_second_from_which_on_it_goes(void **state)
{
    (void)state;
    static const uint32_t times[] = {1, 2, 7, 8, 9, 60, 3600, 31536000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        for (uint32_t more = 0; more < 4; more++) {
            Bench *bench = fresh(times[i], 5000);
            (void)value(bench, 0, "a", "");
            set_time(bench, 5000 + times[i] + more);
            for (int piece = 0; piece < 2; piece++) /* aliases, slots */
                (void)slot_sweep_step(&bench->sweep[0], &bench->index[0]);
            assert_false(bench->sweep[0].under_way);
            assert_int_equal(more < 2, knows(bench, 0, "a", ""));
            assert_int_equal(more < 2, count(bench));
            done(bench);
        }
    }
}

/* Wherever in a round the value came. */
static void test_when_it_goes_at_the_latest(void **state)
{
    (void)state;
    static const uint32_t times[] = {1, 2, 5, 8, 15, 16, 60, 100, 1000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        Bench *bench = fresh(times[i], 5000);
        for (uint32_t phase = 0; phase < times[i] / 4 + 3; phase++) {
            (void)value(bench, 0, "a", "");
            pass(bench, times[i] + 1);
            assert_true(knows(bench, 0, "a", ""));
            pass(bench, latest(times[i]) - times[i] - 1);
            assert_false(knows(bench, 0, "a", ""));
            assert_int_equal(phase + 1, registry_expired(bench->registry));
            pass(bench, 1);
        }
        done(bench);
    }
}

static void test_whoever_is_active_stays(void **state)
{
    (void)state;
    enum {
        TIME = 30
    };
    Bench *bench = fresh(TIME, 1);
    for (uint32_t second = 0; second < 20 * TIME; second++) {
        (void)value(bench, 0, "always", "");
        if (second % TIME == 0)
            (void)value(bench, 0, "just.enough", "");
        if (second == 0)
            (void)value(bench, 0, "once", "");
        pass(bench, 1);
        assert_true(knows(bench, 0, "always", ""));
        assert_true(knows(bench, 0, "just.enough", ""));
    }
    assert_false(knows(bench, 0, "once", ""));
    assert_int_equal(1, registry_expired(bench->registry));
    done(bench);
}

static void test_all_kinds(void **state)
{
    (void)state;
    Bench *bench = fresh(10, 1);
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        for (int who = 0; who < 2; who++) {
            Slot *slot = NULL;
            const SeriesKey key = key_of((SeriesKind)kind, "a", who == 0 ? "x,y" : "y,x");
            uint32_t hash = series_index_hash(&bench->index[who], &key);
            assert_int_equal(0, series_index_find(&bench->index[who], &key, hash, &slot));
        }
        assert_int_equal(1, registry_count(bench->registry, (SeriesKind)kind));
    }
    pass(bench, latest(10));
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        assert_int_equal(0, registry_count(bench->registry, (SeriesKind)kind));
    assert_int_equal(SERIES_KINDS, registry_expired(bench->registry));
    assert_int_equal(0, bench->index[0].table.used + bench->index[1].table.used);
    done(bench);
}

/* One thread gets values, the other one no more: only that one forgets the series, and when it comes
 * back it goes on in the slot that it had. */
static void test_two_threads(void **state)
{
    (void)state;
    Bench *bench = fresh(10, 1);
    Slot *here = value(bench, 0, "a", "");
    Slot *there = value(bench, 1, "a", "");
    for (uint32_t second = 0; second < latest(10); second++) {
        (void)value(bench, 1, "a", "");
        pass(bench, 1);
    }
    assert_false(knows(bench, 0, "a", ""));
    assert_true(knows(bench, 1, "a", ""));
    assert_int_equal(1, count(bench));
    registry_reclaim(bench->registry);
    assert_ptr_equal(here, value(bench, 0, "a", ""));
    assert_ptr_equal(there, value(bench, 1, "a", ""));
    pass(bench, latest(10));
    assert_int_equal(0, count(bench));
    assert_int_equal(1, registry_expired(bench->registry));
    done(bench);
}

/* ---- aliases ---- */

static void test_aliases_go_with_their_slots_or_before(void **state)
{
    (void)state;
    enum {
        TIME = 40
    };
    /* Bits: values go on coming by the canonical spelling, by the first alias, by the second. */
    for (unsigned used = 0; used < 8; used++) {
        Bench *bench = fresh(TIME, 1);
        const Slot *slot = value(bench, 0, "a", "x,y");
        for (uint32_t second = 0; second <= latest(TIME); second++) {
            if (second == 0 || (used & 1) != 0)
                assert_ptr_equal(slot, value(bench, 0, "a", "x,y"));
            if (second == 0 || (used & 2) != 0)
                assert_ptr_equal(slot, value(bench, 0, "a", "y,x"));
            if (second == 0 || (used & 4) != 0)
                assert_ptr_equal(slot, value(bench, 0, "a", "y,y,x"));
            pass(bench, 1);
        }
        assert_int_equal(used != 0, knows(bench, 0, "a", "x,y"));
        assert_int_equal(__builtin_popcount(used & 6), bench->index[0].aliases);
        assert_int_equal(bench->index[0].aliases + (used != 0), bench->index[0].table.used);
        (void)value(bench, 0, "a", "y,x");
        assert_int_equal(used != 0 ? 0 : 1, registry_expired(bench->registry));
        assert_int_equal(1, count(bench));
        done(bench);
    }
}

/* ---- pieces ---- */

/* What gets a value while the round is under way stays, if it has not been looked at yet; what has been
 * looked at was not idle. All others go, and the steps are spread over the round's time. */
static void test_a_value_between_two_pieces(void **state)
{
    (void)state;
    for (int by_alias = 0; by_alias < 2; by_alias++) {
        Bench *bench = fresh(80, 1000);
        values(bench, 0, MANY, "x,y");
        values(bench, 0, MANY, "y,x");
        set_time(bench, 2000);
        bool kept[MANY] = {false};
        uint32_t pieces = 0;
        char name[16];
        for (uint32_t i = 0; pieces == 0 || bench->sweep[0].under_way; i = (i + 77) % MANY) {
            (void)snprintf(name, sizeof name, "n%u", i);
            if (knows(bench, 0, name, "x,y")) {
                kept[i] = true;
                (void)value(bench, 0, name, by_alias != 0 ? "y,x" : "x,y");
            }
            (void)slot_sweep_step(&bench->sweep[0], &bench->index[0]);
            pieces++;
        }
        uint32_t of_all = 2 + bench->index[0].table.count / SLOT_SWEEP_PIECE;
        assert_in_range(pieces, 4, of_all);
        for (uint32_t i = 0; i < MANY; i++) {
            (void)snprintf(name, sizeof name, "n%u", i);
            assert_int_equal(kept[i], knows(bench, 0, name, "x,y"));
        }
        assert_in_range(count(bench), 1, pieces);
        done(bench);
    }
}

static void test_the_work_is_spread_over_the_time(void **state)
{
    (void)state;
    Bench *bench = fresh(800, 1000); /* a round has 100 s */
    values(bench, 0, 50000, "");
    uint32_t all = bench->index[0].table.count / SLOT_SWEEP_PIECE;
    assert_true(all > 20);
    set_time(bench, 5000);
    uint32_t most = 0;
    while (count(bench) > 0) {
        uint32_t pieces = sweep(bench, 0);
        most = pieces > most ? pieces : most;
        assert_in_range(bench->now, 5000, 5100);
        set_time(bench, bench->now + 1);
    }
    assert_in_range(most, 1, all / 10);
    done(bench);
}

/* Half of the names come no more, and the table grows several times while rounds are under way. */
static void test_while_the_table_grows(void **state)
{
    (void)state;
    enum {
        TIME = 40
    };
    Bench *bench = fresh(TIME, 1);
    values(bench, 0, 2 * MANY, "");
    for (uint32_t second = 0; second < latest(TIME); second++) {
        values(bench, MANY, 2 * MANY + second * 1000, "");
        pass(bench, 1);
    }
    char name[16];
    for (uint32_t i = 0; i < 2 * MANY + (latest(TIME) - 1) * 1000; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(i >= MANY, knows(bench, 0, name, ""));
    }
    assert_int_equal(MANY, registry_expired(bench->registry));
    done(bench);
}

/* The names that make the table grow are the last ones for a long time. */
static void test_after_the_table_has_begun_to_grow(void **state)
{
    (void)state;
    Bench *bench = fresh(40, 1);
    uint32_t names = 0;
    for (; bench->index[0].table.old == NULL; names++)
        values(bench, names, names + 1, "");
    pass(bench, latest(40));
    assert_int_equal(0, count(bench));
    assert_int_equal(names, registry_expired(bench->registry));
    done(bench);
}

/* Other spellings, a hundred of each series, that become idle all at once. */
static void test_many_aliases(void **state)
{
    (void)state;
    enum {
        TIME = 800,
        SERIES = 2000,
        SPELLINGS = 100
    };
    Bench *bench = fresh(TIME, 1);
    char tags[SPELLINGS * 2 + 8] = "b,a";
    registry_set_max_series(bench->registry, SERIES * SPELLINGS);
    for (int i = 0; i < SPELLINGS; i++) {
        values(bench, 0, SERIES, tags);
        memcpy(tags + strlen(tags), ",a", 3);
    }
    assert_int_equal(SERIES * SPELLINGS, bench->index[0].aliases);
    pass(bench, latest(TIME));
    assert_int_equal(0, count(bench));
    assert_int_equal(0, bench->index[0].table.used);
    done(bench);
}

/* ---- changes of the time ---- */

static void test_a_shorter_time_is_in_force_at_once(void **state)
{
    (void)state;
    static const uint32_t before[] = {0, 100, 3600, 31536000};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        Bench *bench = fresh(before[i], 1000);
        (void)value(bench, 0, "a", "");
        pass(bench, 3); /* a round, and the wait for the next one */
        registry_set_expire_after(bench->registry, 0);
        pass(bench, 1);
        registry_set_expire_after(bench->registry, 20);
        (void)value(bench, 0, "a", "");
        pass(bench, 20);
        assert_true(knows(bench, 0, "a", ""));
        pass(bench, latest(20) - 20);
        assert_false(knows(bench, 0, "a", ""));
        done(bench);
    }
}

static void test_a_longer_time_is_in_force_at_once(void **state)
{
    (void)state;
    static const uint32_t after[] = {0, 3600};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        Bench *bench = fresh(80, 1000);
        values(bench, 0, MANY, "");
        set_time(bench, 2000);
        for (int pieces = 0; pieces < 2; pieces++) /* aliases, then the first slots */
            (void)slot_sweep_step(&bench->sweep[0], &bench->index[0]);
        uint32_t left = count(bench);
        assert_in_range(left, 1, MANY - 1);
        registry_set_expire_after(bench->registry, after[i]);
        pass(bench, 100);
        assert_int_equal(left, count(bench));
        done(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_the_second_from_which_on_it_goes),
        cmocka_unit_test(test_when_it_goes_at_the_latest),
        cmocka_unit_test(test_whoever_is_active_stays),
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_aliases_go_with_their_slots_or_before),
        cmocka_unit_test(test_a_value_between_two_pieces),
        cmocka_unit_test(test_the_work_is_spread_over_the_time),
        cmocka_unit_test(test_while_the_table_grows),
        cmocka_unit_test(test_after_the_table_has_begun_to_grow),
        cmocka_unit_test(test_many_aliases),
        cmocka_unit_test(test_a_shorter_time_is_in_force_at_once),
        cmocka_unit_test(test_a_longer_time_is_in_force_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
