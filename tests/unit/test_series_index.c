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

typedef struct {
    Registry *registry;
    SeriesIndex index;
} Bench;

static Bench *fresh(uint32_t max_series)
{
    Bench *bench = malloc(sizeof *bench);
    assert_non_null(bench);
    memset(bench, 0xa5, sizeof *bench);
    assert_int_equal(0, registry_create(&bench->registry, max_series));
    assert_int_equal(0, series_index_init(&bench->index, bench->registry));
    return bench;
}

static void done(Bench *bench)
{
    series_index_fini(&bench->index);
    memset(&bench->index, 0, sizeof bench->index);
    series_index_fini(&bench->index); /* a zeroed one is accepted */
    registry_destroy(bench->registry);
    free(bench);
}

static char *copy_of(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    return memcpy(copy + 1, text, length);
}

/* On copies that end where the text does and are gone afterwards: the index must have its own. */
static int find(SeriesIndex *index, SeriesKey key, Slot **slot)
{
    char *name = copy_of(key.name, key.name_length);
    char *tags = copy_of(key.tags, key.tags_length);
    key.name = name;
    key.tags = tags;
    uint32_t hash = series_index_hash(index, &key);
    series_index_prefetch(index, hash);
    series_index_prefetch_slot(index, hash);
    int error = series_index_find(index, &key, hash, slot);
    memset(name, 'X', key.name_length);
    free(name - 1);
    free(tags - 1);
    return error;
}

static Slot *must_find(Bench *bench, SeriesKind kind, const char *name, const char *tags)
{
    Slot *slot = NULL;
    assert_int_equal(0, find(&bench->index, fixture_key(kind, name, tags), &slot));
    assert_non_null(slot);
    assert_false(slot_is_alias(slot));
    assert_int_equal(kind, slot_kind(slot));
    return slot;
}

static void test_what_makes_a_slot(void **state)
{
    (void)state;
    static const struct {
        SeriesKind kind;
        const char *name, *tags;
    } keys[] = {
        {SERIES_STATS, "a", ""},    {SERIES_STATS, "a", "b"},   {SERIES_STATS, "ab", ""},
        {SERIES_COUNTER, "a", "b"}, {SERIES_COUNTER, "ab", ""}, {SERIES_GAUGE, "a", ""},
        {SERIES_SET, "a", ""},      {SERIES_FLAG, "a", ""},     {SERIES_PROGRESS, "a", ""},
        {SERIES_STATS, "a", "b,c"}, {SERIES_STATS, "ab", "c"},  {SERIES_STATS, "abc", ""},
        {SERIES_STATS, "b", "a"},   {SERIES_STATS, "a|#b", ""}, {SERIES_STATS, "a", "b:1"},
        {SERIES_STATS, "a", "b:2"},
    };
    enum {
        KEYS = sizeof keys / sizeof *keys
    };
    Bench *bench = fresh(100);
    Slot *slots[KEYS];
    for (size_t i = 0; i < (size_t)2 * KEYS; i++) {
        Slot *slot =
            must_find(bench, keys[i % KEYS].kind, keys[i % KEYS].name, keys[i % KEYS].tags);
        for (size_t k = 0; k < i && k < KEYS; k++)
            assert_int_equal(k == i % KEYS, slots[k] == slot);
        slots[i % KEYS] = slot;
    }
    done(bench);
}

/* All orders of three tags, with and without repeats and empty items. */
static void test_every_spelling_finds_the_same_slot(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "b:2,a:1,c",  "a:1,c,b:2",  "a:1,b:2,c",     "b:2,c,a:1",
        "c,a:1,b:2",  "c,b:2,a:1",  "c,c,a:1,b:2,c", ",a:1,b:2,c",
        "a:1,b:2,c,", "a:1,,b:2,c", "a:1,a:1,b:2,c", ",,c,,b:2,,a:1,,",
    };
    Bench *bench = fresh(100);
    for (int round = 0; round < 2; round++) {
        Slot *first = must_find(bench, SERIES_STATS, "name", spellings[0]);
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
            assert_ptr_equal(first, must_find(bench, SERIES_STATS, "name", spellings[i]));
        assert_ptr_not_equal(first, must_find(bench, SERIES_COUNTER, "name", spellings[0]));
        assert_ptr_not_equal(first, must_find(bench, SERIES_STATS, "name", "a:1,b:2"));
    }
    assert_int_equal(2, registry_count(bench->registry, SERIES_STATS));
    const Series *series = fixture_nth(bench->registry, SERIES_STATS, 0);
    assert_int_equal(15, series->id_length);
    assert_memory_equal("name|#a:1,b:2,c", series->id, 15);
    /* Commas alone are no tags. */
    Slot *bare = must_find(bench, SERIES_GAUGE, "name", ",,");
    assert_ptr_equal(bare, must_find(bench, SERIES_GAUGE, "name", ""));
    assert_int_equal(4, fixture_nth(bench->registry, SERIES_GAUGE, 0)->id_length);
    done(bench);
}

/* A client makes up spellings without end: memory stops growing, the answers stay right. */
static void test_aliases_are_bounded(void **state)
{
    (void)state;
    enum {
        LIMIT = 50
    };
    Bench *bench = fresh(LIMIT);
    Slot *slot = must_find(bench, SERIES_COUNTER, "name", "a,b");
    char tags[SERIES_TAGS_MAX + 1] = "b,a";
    size_t at_limit = 0;
    for (size_t i = 1; i <= 500; i++) {
        assert_ptr_equal(slot, must_find(bench, SERIES_COUNTER, "name", tags));
        if (i == LIMIT)
            at_limit = series_index_memory_bytes(&bench->index);
        memcpy(tags + strlen(tags), ",a", 3);
    }
    assert_int_equal(LIMIT, bench->index.aliases);
    assert_true(at_limit == series_index_memory_bytes(&bench->index));
    assert_int_equal(1, registry_count(bench->registry, SERIES_COUNTER));
    /* Known ones, by their alias and without. */
    assert_ptr_equal(slot, must_find(bench, SERIES_COUNTER, "name", "b,a"));
    assert_ptr_equal(slot, must_find(bench, SERIES_COUNTER, "name", tags));
    done(bench);
}

static void test_the_limit(void **state)
{
    (void)state;
    Bench *bench = fresh(2);
    Slot *slot = must_find(bench, SERIES_STATS, "a", "x,y");
    must_find(bench, SERIES_FLAG, "a", "");
    Slot poison;
    Slot *out = &poison;
    assert_int_equal(-EDQUOT, find(&bench->index, fixture_key(SERIES_STATS, "b", ""), &out));
    assert_int_equal(-EDQUOT, find(&bench->index, fixture_key(SERIES_STATS, "b", "y,x"), &out));
    assert_ptr_equal(&poison, out);
    /* Nobody fills the memory with names that are refused: a block of each size is all that they take,
     * and the next names that are not refused get those. */
    size_t used = 0;
    char name[SERIES_NAME_MAX];
    memset(name, 'n', sizeof name);
    for (uint32_t i = 0; i < 10000; i++) {
        const SeriesKey key = {(SeriesKind)(i % 2), name, 1 + i % SERIES_NAME_MAX, "z,y", 3};
        assert_int_equal(-EDQUOT, find(&bench->index, key, &out));
        if (i < 2 * SERIES_NAME_MAX)
            used = bench->index.arena.used;
        assert_int_equal(used, bench->index.arena.used);
    }
    assert_in_range(used, 1, 8192);
    /* A new spelling of a known series is no new series. */
    assert_ptr_equal(slot, must_find(bench, SERIES_STATS, "a", "y,x"));
    registry_set_max_series(bench->registry, 3);
    must_find(bench, SERIES_STATS, "b", "y,x");
    done(bench);
}

static void test_keys_inside_and_outside_of_the_slot(void **state)
{
    (void)state;
    Bench *bench = fresh(5000);
    char name[SERIES_NAME_MAX];
    char tags[SERIES_TAGS_MAX];
    memset(name, 'n', sizeof name);
    memset(tags, 't', sizeof tags);
    enum {
        LENGTHS = 100
    };
    static const size_t more[] = {255, 256, 1000, 1023, 1024};
    Slot *slots[LENGTHS + 5];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < LENGTHS + 5; i++) {
            SeriesKey key = {SERIES_COUNTER, name, SERIES_NAME_MAX, tags, 0};
            key.name_length = i < LENGTHS ? 1 + i : SERIES_NAME_MAX;
            key.tags_length = i < LENGTHS ? i / 3 : more[i - LENGTHS];
            Slot *slot = NULL;
            assert_int_equal(0, find(&bench->index, key, &slot));
            assert_int_equal(key.name_length + key.tags_length > SLOT_KEY_INLINE,
                             (slot->shape & SLOT_KEY_OUTSIDE) != 0);
            assert_int_equal(0, (uintptr_t)slot % SLOT_ALIGNMENT);
            if (round == 0)
                slots[i] = slot;
            assert_ptr_equal(slots[i], slot);
        }
    }
    assert_int_equal(LENGTHS + 5, registry_count(bench->registry, SERIES_COUNTER));
    /* The last byte counts. */
    Slot *slot = NULL;
    tags[SERIES_TAGS_MAX - 1] = 'u';
    SeriesKey key = {SERIES_COUNTER, name, SERIES_NAME_MAX, tags, SERIES_TAGS_MAX};
    assert_int_equal(0, find(&bench->index, key, &slot));
    assert_ptr_not_equal(slots[LENGTHS + 4], slot);
    done(bench);
}

static void test_300000_series(void **state)
{
    (void)state;
    enum {
        COUNT = 300000
    };
    Bench *bench = fresh(COUNT);
    static Slot *slots[COUNT];
    size_t memory = series_index_memory_bytes(&bench->index);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            const char *prefix = i % 5 == 0 ? "a.name.of.thirty.bytes.and.more." : "";
            char name[64];
            int length = snprintf(name, sizeof name, "%s%u", prefix, i);
            SeriesKind kind = i % 2 == 0 ? SERIES_COUNTER : SERIES_STATS;
            SeriesKey key = {kind, name, (size_t)length, "e:p", 3};
            uint32_t hash = series_index_hash(&bench->index, &key);
            Slot *slot = NULL;
            assert_int_equal(0, series_index_find(&bench->index, &key, hash, &slot));
            assert_true(slot_is(slot, &key));
            if (round == 0)
                slots[i] = slot;
            assert_ptr_equal(slots[i], slot);
        }
    }
    assert_int_equal(COUNT / 2, registry_count(bench->registry, SERIES_COUNTER));
    assert_int_equal(COUNT / 2, registry_count(bench->registry, SERIES_STATS));
    size_t grown = series_index_memory_bytes(&bench->index) - memory;
    assert_in_range(grown / COUNT, 96, 256);
    done(bench);
}

/* Two threads' indexes: a slot each of one series; a shared cell is the same one. */
static void test_two_indexes_share_a_series(void **state)
{
    (void)state;
    Bench *bench = fresh(100);
    SeriesIndex other;
    assert_int_equal(0, series_index_init(&other, bench->registry));
    Slot *here = must_find(bench, SERIES_STATS, "m", "a,b");
    Slot *there = NULL;
    assert_int_equal(0, find(&other, fixture_key(SERIES_STATS, "m", "b,a"), &there));
    assert_ptr_not_equal(here, there);
    assert_int_equal(1, registry_count(bench->registry, SERIES_STATS));
    RefSlot *gauge = (RefSlot *)must_find(bench, SERIES_GAUGE, "g", "");
    assert_int_equal(0, find(&other, fixture_key(SERIES_GAUGE, "g", ""), &there));
    assert_ptr_equal(gauge->target, ((RefSlot *)there)->target);
    assert_ptr_equal(there, fixture_first_slot(fixture_nth(bench->registry, SERIES_GAUGE, 0)));
    assert_ptr_equal(gauge, there->next);
    series_index_fini(&other);
    done(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_makes_a_slot),
        cmocka_unit_test(test_every_spelling_finds_the_same_slot),
        cmocka_unit_test(test_aliases_are_bounded),
        cmocka_unit_test(test_the_limit),
        cmocka_unit_test(test_keys_inside_and_outside_of_the_slot),
        cmocka_unit_test(test_300000_series),
        cmocka_unit_test(test_two_indexes_share_a_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
