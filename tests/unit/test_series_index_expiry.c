#include "metrics/series_index.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_registry.h"
#include "fixture_series.h"

/* What happens over time: marks, what is forgotten, memory that is used again, and none left. */

typedef FixtureSeries Bench;

static Bench *fresh(uint32_t max_series)
{
    Bench *bench = malloc(sizeof *bench);
    assert_non_null(bench);
    fixture_series_init(bench, max_series);
    return bench;
}

static void done(Bench *bench)
{
    fixture_series_fini(bench);
    free(bench);
}

static int find(SeriesIndex *index, SeriesKey key, Slot **slot)
{
    return series_index_find(index, &key, series_index_hash(index, &key), slot);
}

/* => the alias with this spelling. */
static Slot **link_of(Bench *bench, const SeriesKey *spelling)
{
    Slot **link = &bench->index.first_alias;
    while (*link != NULL && !slot_is(*link, spelling))
        link = &(*link)->next;
    assert_true(*link != NULL && slot_is_alias(*link));
    return link;
}

static void test_values_mark_their_slots(void **state)
{
    (void)state;
    Bench *bench = fresh(10);
    const SeriesKey other = fixture_key(SERIES_SET, "s", "b,a");
    series_index_tick(&bench->index, 100);
    Slot *slot = fixture_series_find(bench, SERIES_SET, "s", "a,b");
    assert_int_equal(100, slot->touched);
    series_index_tick(&bench->index, 101);
    assert_int_equal(100, slot->touched);
    (void)fixture_series_find(bench, SERIES_SET, "s", "b,a"); /* makes an alias */
    Slot *alias = *link_of(bench, &other);
    assert_int_equal(101, slot->touched);
    assert_int_equal(101, alias->touched);
    series_index_tick(&bench->index, 102);
    (void)fixture_series_find(bench, SERIES_SET, "s", "a,b");
    assert_int_equal(102, slot->touched);
    assert_int_equal(101, alias->touched); /* by this name came nothing */
    series_index_tick(&bench->index, 103);
    (void)fixture_series_find(bench, SERIES_SET, "s", "b,a");
    assert_int_equal(103, slot->touched);
    assert_int_equal(103, alias->touched);
    /* By an alias that there is no room for: the slot is marked as well. */
    registry_set_max_series(bench->registry, 1);
    series_index_tick(&bench->index, 104);
    (void)fixture_series_find(bench, SERIES_SET, "s", "b,b,a");
    assert_int_equal(1, bench->index.aliases);
    assert_int_equal(104, slot->touched);
    done(bench);
}

static void test_an_alias_is_forgotten(void **state)
{
    (void)state;
    static const char *const spellings[] = {"b,a", "b,b,a", "a,b,"};
    for (int gone = 0; gone < 3; gone++) {
        Bench *bench = fresh(10);
        Slot *slot = fixture_series_find(bench, SERIES_STATS, "m", "a,b");
        for (int i = 0; i < 3; i++)
            assert_ptr_equal(slot, fixture_series_find(bench, SERIES_STATS, "m", spellings[i]));
        size_t used = bench->index.arena.used;
        const SeriesKey spelling = fixture_key(SERIES_STATS, "m", spellings[gone]);
        series_index_drop_alias(&bench->index, link_of(bench, &spelling));
        assert_int_equal(2, bench->index.aliases);
        uint32_t hash = series_index_hash(&bench->index, &spelling);
        assert_null(series_index_lookup(&bench->index, &spelling, hash));
        for (int i = 0; i < 3; i++) /* comes back, in the memory that it had */
            assert_ptr_equal(slot, fixture_series_find(bench, SERIES_STATS, "m", spellings[i]));
        assert_int_equal(3, bench->index.aliases);
        assert_int_equal(used, bench->index.arena.used);
        done(bench);
    }
}

static void test_a_slot_is_forgotten(void **state)
{
    (void)state;
    Bench *bench = fresh(10);
    SeriesIndex other;
    Slot *there = NULL;
    assert_int_equal(0, series_index_init(&other, bench->registry));
    const SeriesKey key = fixture_key(SERIES_GAUGE, "g", "b,a");
    Slot *here = fixture_series_find(bench, SERIES_GAUGE, "g", "a,b");
    assert_int_equal(0, find(&other, key, &there));
    series_index_tick(&bench->index, 7);
    series_index_drop(&bench->index, here);
    assert_int_equal(1, registry_count(bench->registry, SERIES_GAUGE));
    const SeriesKey canonical = fixture_key(SERIES_GAUGE, "g", "a,b");
    uint32_t hash = series_index_hash(&bench->index, &canonical);
    assert_null(series_index_lookup(&bench->index, &canonical, hash));
    size_t used = bench->index.arena.used;
    assert_ptr_equal(here, fixture_series_find(bench, SERIES_GAUGE, "g", "a,b"));
    assert_int_equal(7, here->touched);
    assert_ptr_equal(((RefSlot *)there)->target, ((RefSlot *)here)->target);

    /* By the other spelling: the old slot, and an alias for it. */
    series_index_drop(&bench->index, here);
    assert_ptr_equal(here, fixture_series_find(bench, SERIES_GAUGE, "g", "b,a"));
    assert_int_equal(1, bench->index.aliases);
    assert_in_range(bench->index.arena.used, used, used + 2 * sizeof(RefSlot));
    series_index_fini(&other);
    done(bench);
}

/* Two indexes meet new names in each round, by two spellings, and forget them: what one of them has
 * made comes back to it, and neither grows. A slot that is not yet given back is not used. */
static void test_memory_is_used_again(void **state)
{
    (void)state;
    enum {
        NAMES = 300,
        ROUNDS = 200
    };
    Bench *bench = fresh(NAMES);
    SeriesIndex other;
    assert_int_equal(0, series_index_init(&other, bench->registry));
    SeriesIndex *both[2] = {&bench->index, &other};
    size_t used[2] = {0};
    size_t bytes[2] = {0};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        static Slot *slots[2][NAMES];
        for (uint32_t i = 0; i < 2 * 2 * NAMES; i++) {
            int who = (int)(i % 2);
            char name[64];
            uint32_t number = i / 4;
            (void)snprintf(name, sizeof name, "%s%05u.%03u",
                           number % 5 == 0 ? "a.name.of.thirty.bytes.and.more." : "", round,
                           number);
            SeriesKey key =
                fixture_key((SeriesKind)(number % SERIES_KINDS), name, i & 2 ? "b,a" : "a,b");
            assert_int_equal(0, find(both[who], key, &slots[who][number]));
            if (slot_kind(slots[who][number]) == SERIES_COUNTER && (i & 2) == 0) {
                CounterSum sum = {0};
                CounterCell *cell = &((CounterSlot *)slots[who][number])->cell;
                counter_cell_read(cell, &sum);
                assert_false(sum.any);
                counter_cell_add_integer(cell, 1);
            }
        }
        for (int who = 0; who < 2; who++) {
            assert_int_equal(NAMES, both[who]->aliases);
            while (both[who]->first_alias != NULL)
                series_index_drop_alias(both[who], &both[who]->first_alias);
            assert_int_equal(NAMES, both[who]->table.used);
            for (uint32_t i = 0; i < NAMES; i++)
                series_index_drop(both[who], slots[who][i]);
            assert_int_equal(0, both[who]->table.used);
            if (round <= 2) {
                used[who] = both[who]->arena.used;
                bytes[who] = series_index_memory_bytes(both[who]);
            }
            assert_int_equal(used[who], both[who]->arena.used);
            assert_int_equal(bytes[who], series_index_memory_bytes(both[who]));
        }
        registry_reclaim(bench->registry);
    }
    assert_int_equal((uint64_t)NAMES * ROUNDS, registry_expired(bench->registry));
    series_index_fini(&other);
    done(bench);
}

/* Waves of as many names as there may be, each wave a little longer than the one before: the memory of
 * all lengths together stays a small multiple of the memory of the longest. */
static void test_longer_and_longer_names(void **state)
{
    (void)state;
    enum {
        NAMES = 1000
    };
    Bench *bench = fresh(NAMES);
    char name[SERIES_NAME_MAX];
    char tags[SERIES_TAGS_MAX];
    memset(name, 'n', sizeof name);
    memset(tags, 't', sizeof tags);
    for (size_t length = 8; length <= sizeof name + sizeof tags; length += 8) {
        static Slot *slots[NAMES];
        for (uint32_t i = 0; i < NAMES; i++) {
            size_t name_length = length < sizeof name ? length : sizeof name;
            memcpy(name, &i, sizeof i);
            const SeriesKey key = {SERIES_COUNTER, name, name_length, tags, length - name_length};
            assert_int_equal(0, find(&bench->index, key, &slots[i]));
        }
        for (uint32_t i = 0; i < NAMES; i++)
            series_index_drop(&bench->index, slots[i]);
        registry_reclaim(bench->registry);
    }
    const size_t longest = SERIES_ID_MAX + sizeof(CounterSlot);
    assert_in_range(bench->index.arena.used, NAMES * longest, NAMES * longest * 8);
    assert_in_range(registry_memory_bytes(bench->registry), NAMES * longest, NAMES * longest * 8);
    done(bench);
}

static void test_no_memory(void **state)
{
    (void)state;
    Bench *bench = fresh(100000);
    char name[16];
    uint32_t count = 0;
    int error = 0;
    Slot *known = fixture_series_find(bench, SERIES_STATS, "known", "a,b");
    fixture_no_memory = true;
    for (; error == 0 && count < 100000; count += error == 0) {
        Slot *slot = NULL;
        (void)snprintf(name, sizeof name, "n%u", count);
        error = find(&bench->index, fixture_key(SERIES_STATS, name, ""), &slot);
    }
    size_t used = bench->index.arena.used;
    for (int i = 0; i < 100; i++) {
        Slot *slot = NULL;
        assert_int_equal(-ENOMEM,
                         find(&bench->index, fixture_key(SERIES_STATS, "x", "b,a"), &slot));
        assert_null(slot);
    }
    /* No alias either; the series is found all the same. */
    Slot *by_alias = fixture_series_find(bench, SERIES_STATS, "known", "b,a");
    Slot *by_name = fixture_series_find(bench, SERIES_STATS, "known", "a,b");
    fixture_no_memory = false;
    assert_int_equal(-ENOMEM, error);
    assert_in_range(count, 100, 99999);
    assert_int_equal(used, bench->index.arena.used);
    assert_ptr_equal(known, by_alias);
    assert_ptr_equal(known, by_name);
    assert_int_equal(0, bench->index.aliases);
    assert_int_equal(count + 1, registry_count(bench->registry, SERIES_STATS));
    (void)fixture_series_find(bench, SERIES_STATS, name, "");
    (void)fixture_series_find(bench, SERIES_STATS, "known", "b,a");
    assert_int_equal(1, bench->index.aliases);
    assert_int_equal(count + 2, registry_count(bench->registry, SERIES_STATS));
    done(bench);
}

/* The registry has memory where the index has none: for slots, and for keys outside of them. */
static void test_a_full_arena(void **state)
{
    (void)state;
    Bench *bench = fresh(100);
    Slot *slot = fixture_series_find(bench, SERIES_COUNTER, "c", "");
    size_t reserved = bench->index.arena.reserved;
    size_t room[] = {0, sizeof(CounterSlot), 100}; /* for nothing; the slot; not all of its key */
    char name[100];
    memset(name, 'n', sizeof name);
    const SeriesKey key = {SERIES_COUNTER, name, sizeof name, "", 0};
    for (size_t i = 0; i < sizeof room / sizeof *room; i++) {
        bench->index.arena.reserved = bench->index.arena.used + room[i];
        for (int again = 0; again < 3; again++)
            assert_int_equal(-ENOMEM, find(&bench->index, key, &slot));
    }
    assert_int_equal(1, registry_count(bench->registry, SERIES_COUNTER));
    assert_ptr_equal(slot, fixture_series_find(bench, SERIES_COUNTER, "c", ""));
    bench->index.arena.reserved = reserved;
    size_t used = bench->index.arena.used;
    assert_int_equal(0, find(&bench->index, key, &slot));
    /* For the key alone: the slot was given back. */
    assert_in_range(bench->index.arena.used - used, sizeof name, sizeof name + 31);
    assert_int_equal(2, registry_count(bench->registry, SERIES_COUNTER));
    done(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_mark_their_slots),
        cmocka_unit_test(test_an_alias_is_forgotten),
        cmocka_unit_test(test_a_slot_is_forgotten),
        cmocka_unit_test(test_memory_is_used_again),
        cmocka_unit_test(test_longer_and_longer_names),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_a_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
