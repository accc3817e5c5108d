#include "metrics/registry.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "fixture_progress.h"
#include "fixture_registry.h"
#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/progress_cell.h"
#include "metrics/set_cell.h"
#include "metrics/snapshot.h"

typedef FixtureRegistry Bench;

static void *target(const Slot *slot)
{
    return ((const RefSlot *)slot)->target;
}

static CounterSlot *counter(Bench *bench, int who, const char *name, const char *tags, int64_t add)
{
    CounterSlot *slot = (CounterSlot *)fixture_join(bench, who, SERIES_COUNTER, name, tags);
    counter_cell_add_integer(&slot->cell, add);
    return slot;
}

static void leave(Bench *bench, const void *slot)
{
    registry_leave(bench->registry, slot);
}

/* Frees what expired series leave behind. => slots that came back. */
static uint32_t reclaim(Bench *bench)
{
    registry_reclaim(bench->registry);
    return fixture_free_returned(&bench->owner[0]) + fixture_free_returned(&bench->owner[1]);
}

/* Goes on with a walk over counters: these, as "id=value id=value"; nothing else comes. */
static void expect_rest(SnapshotCursor *cursor, const char *expected)
{
    char shown[512] = "";
    size_t length = 0;
    SeriesView view;
    while (snapshot_next(cursor, &view)) {
        length += (size_t)snprintf(shown + length, sizeof shown - length, "%s%.*s=%lld",
                                   length > 0 ? " " : "", (int)view.id_length, view.id,
                                   (long long)view.value.counter.integer);
        assert_true(length < sizeof shown);
    }
    assert_string_equal(expected, shown);
    snapshot_end(cursor);
}

static void expect_counters(Bench *bench, const char *expected)
{
    SnapshotCursor cursor;
    const SnapshotFilter all = {0};
    snapshot_begin(&cursor, bench->registry, SERIES_COUNTER, &all);
    expect_rest(&cursor, expected);
}

static void expect_figures(Bench *bench, uint32_t counters, uint64_t expired)
{
    assert_int_equal(counters, registry_count(bench->registry, SERIES_COUNTER));
    assert_int_equal(counters, fixture_count_all(bench->registry));
    assert_int_equal(expired, registry_expired(bench->registry));
}

static void test_who_comes_back_gets_the_old_slot(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(10);
    CounterSlot *here = counter(bench, 0, "a", "t", 3);
    CounterSlot *there = counter(bench, 1, "a", "t", 40);
    for (int round = 0; round < 3; round++) {
        leave(bench, round % 2 == 0 ? here : there);
        expect_figures(bench, 1, 0);
        expect_counters(bench, round == 0 ? "a|#t=43" : round == 1 ? "a|#t=44" : "a|#t=45");
        assert_int_equal(0, reclaim(bench));
        if (round % 2 == 0)
            assert_ptr_equal(here, counter(bench, 0, "a", "t", 1));
        else
            assert_ptr_equal(there, counter(bench, 1, "a", "t", 1));
    }
    expect_counters(bench, "a|#t=46");
    /* Each slot is in the series once. */
    const Slot *slot = fixture_first_slot(fixture_nth(bench->registry, SERIES_COUNTER, 0));
    assert_ptr_equal(there, slot);
    assert_ptr_equal(here, slot->next);
    assert_null(slot->next->next);
    fixture_registry_fini(bench);
}

static void test_shared_cells_stay_as_long_as_anybody_does(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(10);
    Slot *here = fixture_join(bench, 0, SERIES_GAUGE, "g", "");
    Slot *there = fixture_join(bench, 1, SERIES_GAUGE, "g", "");
    GaugeCell *cell = target(here);
    gauge_cell_set(cell, 2.5, NULL);
    leave(bench, here);
    leave(bench, (here = fixture_join(bench, 0, SERIES_GAUGE, "g", "")));
    assert_int_equal(0, reclaim(bench));
    assert_ptr_equal(cell, target(there));
    assert_true(gauge_cell_get(cell) == 2.5);
    assert_ptr_equal(here, fixture_join(bench, 0, SERIES_GAUGE, "g", ""));
    assert_ptr_equal(cell, target(here));
    leave(bench, here);
    leave(bench, there);
    here = fixture_join(bench, 0, SERIES_GAUGE, "g", "");
    assert_ptr_not_equal(cell, target(here)); /* not yet reclaimed */
    assert_true(isnan(gauge_cell_get(target(here))));
    fixture_registry_fini(bench);
}

static void test_a_series_expires_when_the_last_one_leaves(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        Bench *bench = fixture_registry_init(10);
        CounterSlot *slots[2] = {counter(bench, 0, "a", "", 3), counter(bench, 1, "a", "", 40)};
        (void)counter(bench, 0, "b", "", 5);
        expect_figures(bench, 2, 0);
        leave(bench, slots[first]);
        expect_figures(bench, 2, 0);
        expect_counters(bench, "a=43 b=5");
        leave(bench, slots[1 - first]);
        expect_figures(bench, 1, 1);
        expect_counters(bench, "b=5");
        assert_int_equal(2, reclaim(bench));
        expect_figures(bench, 1, 1);
        expect_counters(bench, "b=5");
        assert_int_equal(0, reclaim(bench));
        fixture_registry_fini(bench);
    }
}

/* Before its memory is reclaimed, and after: another slot, nothing in it, the last in the order. */
static void test_the_name_begins_anew(void **state)
{
    (void)state;
    for (int reclaimed = 0; reclaimed < 2; reclaimed++) {
        Bench *bench = fixture_registry_init(10);
        CounterSlot *old = counter(bench, 0, "a", "t", 3);
        (void)counter(bench, 1, "b", "", 5);
        leave(bench, old);
        if (reclaimed != 0)
            assert_int_equal(1, reclaim(bench));
        CounterSlot *there = counter(bench, 1, "a", "t", 100);
        expect_counters(bench, "b=5 a|#t=100");
        CounterSlot *fresh = counter(bench, 0, "a", "t", 1);
        assert_int_equal(reclaimed != 0, fresh == old);
        expect_figures(bench, 2, 1);
        expect_counters(bench, "b=5 a|#t=101");
        assert_int_equal(1 - reclaimed, reclaim(bench));
        leave(bench, there);
        expect_counters(bench, "b=5 a|#t=101");
        leave(bench, fresh);
        expect_counters(bench, "b=5");
        expect_figures(bench, 1, 2);
        assert_int_equal(2, reclaim(bench));
        fixture_registry_fini(bench);
    }
}

static void test_there_is_room_again(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(2);
    CounterSlot *first = counter(bench, 0, "a", "", 1);
    CounterSlot *second = counter(bench, 0, "b", "", 1);
    const SeriesKey key = fixture_key(SERIES_COUNTER, "c", "");
    Slot *joined = NULL;
    assert_int_equal(-EDQUOT, fixture_try_join(bench, 1, &key, &joined));
    leave(bench, first);
    assert_int_equal(0, fixture_try_join(bench, 1, &key, &joined));
    const SeriesKey again = fixture_key(SERIES_COUNTER, "a", "");
    assert_int_equal(-EDQUOT, fixture_try_join(bench, 0, &again, &joined));
    leave(bench, second);
    assert_int_equal(2, reclaim(bench));
    assert_int_equal(0, fixture_try_join(bench, 0, &again, &joined));
    assert_int_equal(-EDQUOT,
                     fixture_try_join(bench, 1, &(SeriesKey){SERIES_FLAG, "c", 1, "", 0}, &joined));
    expect_figures(bench, 2, 2);
    fixture_registry_fini(bench);
}

/* What expires while a walk is under way is left out, the memory may be used again at once, and the
 * walk shows all others. */
static void test_open_walks(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (unsigned gone = 0; gone < 64; gone++) {
        Bench *bench = fixture_registry_init(20);
        CounterSlot *slots[6];
        char rest[64] = "";
        for (unsigned i = 0; i < 6; i++) {
            slots[i] = counter(bench, 0, names[i], "t", i + 1);
            if (i >= 2 && (gone & 1U << i) == 0)
                (void)snprintf(rest + strlen(rest), sizeof rest - strlen(rest), "%s%s|#t=%u",
                               rest[0] != '\0' ? " " : "", names[i], i + 1);
        }
        SnapshotCursor started;
        SnapshotCursor at_two;
        SeriesView view;
        const SnapshotFilter all = {0};
        snapshot_begin(&started, bench->registry, SERIES_COUNTER, &all);
        snapshot_begin(&at_two, bench->registry, SERIES_COUNTER, &all);
        assert_true(snapshot_next(&at_two, &view) && snapshot_next(&at_two, &view));
        for (unsigned i = 0; i < 6; i++) {
            if ((gone & 1U << i) != 0)
                leave(bench, slots[i]);
        }
        assert_int_equal(__builtin_popcount(gone), reclaim(bench));
        for (unsigned i = 0; i < 6; i++)
            (void)counter(bench, 1, names[i], "new", 100); /* into their memory */
        assert_memory_equal("b|#t", view.id, view.id_length);
        expect_rest(&at_two, rest);
        char expected[96];
        (void)snprintf(expected, sizeof expected, "%s%s%s", (gone & 1) == 0 ? "a|#t=1 " : "",
                       (gone & 2) == 0 ? "b|#t=2 " : "", rest);
        size_t length = strlen(expected);
        if (length > 0 && expected[length - 1] == ' ')
            expected[length - 1] = '\0';
        expect_rest(&started, expected);
        fixture_registry_fini(bench);
    }
}

/* Many at once, of both owners: each slot goes to who made it, and the places are used again. */
static void test_reclaiming_many(void **state)
{
    (void)state;
    enum {
        COUNT = 1000
    };
    Bench *bench = fixture_registry_init(COUNT);
    char name[16];
    size_t memory = 0;
    for (int round = 0; round < 4; round++) {
        static Slot *slots[2][COUNT];
        for (uint32_t i = 0; i < COUNT; i++) {
            (void)snprintf(name, sizeof name, "n%u", i);
            for (int who = 0; who < 2; who++)
                slots[who][i] = fixture_join(bench, who, SERIES_STATS, name, "a,b");
        }
        assert_int_equal(COUNT, registry_count(bench->registry, SERIES_STATS));
        for (int who = 0; who < 2; who++) {
            for (uint32_t i = 0; i < COUNT; i++)
                leave(bench, slots[who][i]);
        }
        assert_int_equal(0, registry_count(bench->registry, SERIES_STATS));
        assert_int_equal((round + 1) * COUNT, registry_expired(bench->registry));
        registry_reclaim(bench->registry);
        assert_null(fixture_nth(bench->registry, SERIES_STATS, 0));
        for (int who = 0; who < 2; who++)
            assert_int_equal(COUNT, fixture_free_returned(&bench->owner[who]));
        if (round == 0)
            memory = registry_memory_bytes(bench->registry);
    }
    assert_int_equal(memory, registry_memory_bytes(bench->registry));
    fixture_registry_fini(bench);
}

/* ---- new names without end ---- */

enum {
    ROUNDS = 1000,
    NAMES = 500
};

/* Name, tags and kind number i of a round: each round has the lengths of the others. */
static SeriesKey key_of(char text[static 1280], uint32_t round, uint32_t i)
{
    size_t name = (size_t)snprintf(text, 1280, "round.%04u.name.%04u.", round, i);
    if (i % 7 == 0) {
        memset(text + name, 'n', SERIES_NAME_MAX - name);
        name = SERIES_NAME_MAX;
    }
    size_t tags = 0;
    if (i % 3 == 0)
        tags = (size_t)snprintf(text + name, 1280 - name, "env:prod,host:%04u", i);
    if (i % 33 == 0) {
        memset(text + name + tags, 't', SERIES_TAGS_MAX - i - tags);
        tags = SERIES_TAGS_MAX - i;
    }
    return (SeriesKey){(SeriesKind)(i % SERIES_KINDS), text, name, text + name, tags};
}

/* Shared cells hold nothing of a series that had them before; then something is recorded. */
static void use(Bench *bench, Slot *slot, uint32_t i)
{
    bool flag;
    ProgressValue progress;
    switch (slot_kind(slot)) {
    case SERIES_GAUGE:
        assert_true(isnan(gauge_cell_get(target(slot))));
        gauge_cell_set(target(slot), i, NULL);
        break;
    case SERIES_SET:
        assert_true(set_cell_count(target(slot)) == 0);
        for (uint64_t value = 0; value < i % 64; value++) {
            uint64_t hash = hash_fixed(&value, sizeof value);
            if (set_cell_add(target(slot), hash))
                continue;
            assert_int_equal(0, registry_grow_set(bench->registry, target(slot)));
            assert_true(set_cell_add(target(slot), hash));
        }
        assert_true(set_cell_count(target(slot)) == i % 64);
        break;
    case SERIES_FLAG:
        assert_false(flag_cell_get(target(slot), &flag));
        flag_cell_set(target(slot), true);
        break;
    case SERIES_PROGRESS:
        assert_false(progress_cell_read(target(slot), &progress));
        progress_set_done(target(slot), i, 1);
        break;
    default:
        break;
    }
}

/* Each round's series stay until the next one's are there. Every other one has two owners, of which
 * sometimes one leaves and comes back. */
static void test_new_names_without_end_take_no_more_memory(void **state)
{
    (void)state;
    Bench *bench = fixture_registry_init(2 * NAMES);
    static Slot *slots[2][2][NAMES];
    size_t memory[3] = {0};
    char text[1280];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        Slot *(*now)[NAMES] = slots[round % 2];
        Slot *(*before)[NAMES] = slots[1 - round % 2];
        for (uint32_t i = 0; i < NAMES; i++) {
            SeriesKey key = key_of(text, round, i);
            int who = (int)((round + i) % 4 / 2);
            assert_int_equal(0, fixture_try_join(bench, who, &key, &now[who][i]));
            use(bench, now[who][i], i);
            if (i % 2 == 0) {
                assert_int_equal(0, fixture_try_join(bench, 1 - who, &key, &now[1 - who][i]));
                leave(bench, now[who][i]);
                Slot *again = NULL;
                assert_int_equal(0, fixture_try_join(bench, who, &key, &again));
                assert_ptr_equal(now[who][i], again);
            }
        }
        assert_int_equal(round == 0 ? NAMES : 2 * NAMES, fixture_count_all(bench->registry));
        for (uint32_t i = 0; i < NAMES; i++) {
            for (int who = 0; who < 2; who++) {
                if (before[who][i] != NULL)
                    leave(bench, before[who][i]);
                before[who][i] = NULL;
            }
        }
        assert_int_equal(round == 0 ? 0 : NAMES * 3 / 2, reclaim(bench));
        size_t used[3] = {registry_memory_bytes(bench->registry), bench->owner[0].arena.used,
                          bench->owner[1].arena.used};
        if (round <= 8)
            memcpy(memory, used, sizeof memory);
        assert_memory_equal(memory, used, sizeof memory);
    }
    assert_int_equal((uint64_t)(ROUNDS - 1) * NAMES, registry_expired(bench->registry));
    print_message("# the registry held %zu bytes, its owners %zu and %zu\n", memory[0], memory[1],
                  memory[2]);
    fixture_registry_fini(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_back_gets_the_old_slot),
        cmocka_unit_test(test_shared_cells_stay_as_long_as_anybody_does),
        cmocka_unit_test(test_a_series_expires_when_the_last_one_leaves),
        cmocka_unit_test(test_the_name_begins_anew),
        cmocka_unit_test(test_there_is_room_again),
        cmocka_unit_test(test_open_walks),
        cmocka_unit_test(test_reclaiming_many),
        cmocka_unit_test(test_new_names_without_end_take_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
