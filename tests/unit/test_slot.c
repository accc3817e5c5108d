#include "metrics/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Copies that end where the text does, so that a byte read too many is noticed. */
typedef struct {
    SeriesKey key;
    char *name;
    char *tags;
} Copy;

static char *copy_of(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy + 1, text, length);
    return copy;
}

static Copy copy_key(SeriesKey key)
{
    Copy copy = {key, copy_of(key.name, key.name_length), copy_of(key.tags, key.tags_length)};
    copy.key.name = copy.name + 1;
    copy.key.tags = copy.tags + 1;
    return copy;
}

static void free_copy(Copy copy)
{
    free(copy.name);
    free(copy.tags);
}

static SeriesKey key_of(SeriesKind kind, const char *name, const char *tags)
{
    return (SeriesKey){kind, name, strlen(name), tags, strlen(tags)};
}

/* A slot's key, wherever it belongs; `outside` has room for the longest. */
static Slot make(const SeriesKey *key, char *outside, uint32_t flags)
{
    Slot slot = {.shape = slot_shape(key) | flags, .touched = UINT32_MAX};
    char *bytes = slot.key.inside;
    if (key->name_length + key->tags_length > SLOT_KEY_INLINE) {
        slot.shape |= SLOT_KEY_OUTSIDE;
        bytes = slot.key.outside = outside;
    }
    memcpy(bytes, key->name, key->name_length);
    memcpy(bytes + key->name_length, key->tags, key->tags_length);
    return slot;
}

/* Every key that there can be has a shape of its own, from which its parts can be read. */
static void test_all_shapes(void **state)
{
    (void)state;
    static unsigned char seen[SLOT_ALIAS / 8];
    memset(seen, 0, sizeof seen);
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        for (size_t name = 1; name <= SERIES_NAME_MAX; name++) {
            for (size_t tags = 0; tags <= SERIES_TAGS_MAX; tags++) {
                const SeriesKey key = {(SeriesKind)kind, NULL, name, NULL, tags};
                uint32_t shape = slot_shape(&key);
                const Slot slot = {.shape = shape};
                if (shape >= SLOT_ALIAS || (seen[shape / 8] & 1 << shape % 8) != 0 ||
                    slot_kind(&slot) != (SeriesKind)kind || slot_name_length(&slot) != name ||
                    slot_key_length(&slot) != name + tags || slot_is_alias(&slot))
                    fail_msg("kind %d, name %zu, tags %zu: shape 0x%x", kind, name, tags, shape);
                seen[shape / 8] |= (unsigned char)(1 << shape % 8);
            }
        }
    }
}

static void test_the_flags_disturb_nothing(void **state)
{
    (void)state;
    static const size_t lengths[][2] = {{1, 0},  {255, 0}, {1, 1024}, {255, 1024}, {31, 1},
                                        {32, 0}, {32, 1},  {1, 31},   {255, 1},    {127, 128}};
    static char text[SERIES_NAME_MAX + SERIES_TAGS_MAX];
    static char outside[SERIES_NAME_MAX + SERIES_TAGS_MAX];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            const SeriesKey key = {(SeriesKind)kind, text, lengths[i][0], text + lengths[i][0],
                                   lengths[i][1]};
            Copy copy = copy_key(key);
            for (int alias = 0; alias < 2; alias++) {
                Slot slot = make(&key, outside, alias != 0 ? SLOT_ALIAS : 0);
                SeriesKey read = slot_key(&slot);
                assert_int_equal(alias, slot_is_alias(&slot));
                assert_int_equal(kind, slot_kind(&slot));
                assert_int_equal(kind, read.kind);
                assert_int_equal(key.name_length, read.name_length);
                assert_int_equal(key.tags_length, read.tags_length);
                assert_memory_equal(key.name, read.name, key.name_length);
                assert_memory_equal(key.tags, read.tags, key.tags_length);
                bool in_the_slot = slot_key_bytes(&slot) == slot.key.inside;
                assert_int_equal(key.name_length + key.tags_length <= SLOT_KEY_INLINE, in_the_slot);
                assert_true(slot_is(&slot, &key));
                assert_true(slot_is(&slot, &copy.key));
            }
            free_copy(copy);
        }
    }
}

/* Which one from the end a slot is, and nothing else of it, changes with the link. */
static void test_a_list_knows_its_length(void **state)
{
    (void)state;
    static char outside[40];
    memset(outside, 'a', sizeof outside);
    const SeriesKey key = {SERIES_COUNTER, outside, 40, outside, 0};
    static Slot slots[300];
    for (unsigned i = 0; i < 300; i++) {
        slots[i] = make(&key, outside, 0);
        assert_int_equal(0, slot_depth(&slots[i]));
        slot_link(&slots[i], i > 0 ? &slots[i - 1] : NULL);
        assert_ptr_equal(i > 0 ? &slots[i - 1] : NULL, slots[i].next);
        assert_int_equal(i % 255 + 1, slot_depth(&slots[i]));
        assert_int_equal(slot_depth(&slots[i]),
                         slot_depth_before(i > 0 ? slot_depth(&slots[i - 1]) : 0));
        assert_true(slot_is(&slots[i], &key));
        assert_int_equal(40, slot_key_length(&slots[i]));
        assert_ptr_equal(outside, slot_key_bytes(&slots[i]));
    }
    slot_link(&slots[7], NULL); /* once more, somewhere else */
    assert_int_equal(1, slot_depth(&slots[7]));
}

static void test_another_key_is_another_slot(void **state)
{
    (void)state;
    static const struct {
        SeriesKind kind;
        const char *name, *tags;
    } keys[] = {
        {SERIES_STATS, "ab", ""},   {SERIES_COUNTER, "ab", ""}, {SERIES_PROGRESS, "ab", ""},
        {SERIES_STATS, "a", "b"},   {SERIES_STATS, "ac", ""},   {SERIES_STATS, "bb", ""},
        {SERIES_STATS, "abc", ""},  {SERIES_STATS, "a", "bc"},  {SERIES_STATS, "ab", "c"},
        {SERIES_STATS, "a", ""},    {SERIES_STATS, "a", "c"},   {SERIES_STATS, "b", "b"},
        {SERIES_STATS, "a", "b,c"}, {SERIES_STATS, "a", "c,b"}, {SERIES_STATS, "A", "b"},
    };
    enum {
        KEYS = sizeof keys / sizeof *keys
    };
    for (size_t i = 0; i < KEYS; i++) {
        const SeriesKey own = key_of(keys[i].kind, keys[i].name, keys[i].tags);
        Slot slot = make(&own, NULL, 0);
        for (size_t k = 0; k < KEYS; k++) {
            Copy other = copy_key(key_of(keys[k].kind, keys[k].name, keys[k].tags));
            assert_int_equal(i == k, slot_is(&slot, &other.key));
            free_copy(other);
        }
    }
}

/* Each byte of a key counts, wherever it lies. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    static const size_t lengths[][2] = {{20, 12}, {32, 0}, {21, 12}, {255, 1024}};
    static char outside[SERIES_NAME_MAX + SERIES_TAGS_MAX];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char text[SERIES_NAME_MAX + SERIES_TAGS_MAX];
        memset(text, 'x', sizeof text);
        SeriesKey key = {SERIES_SET, text, lengths[i][0], text + lengths[i][0], lengths[i][1]};
        Slot slot = make(&key, outside, 0);
        for (size_t at = 0; at < lengths[i][0] + lengths[i][1]; at++) {
            text[at] ^= 0x40;
            assert_false(slot_is(&slot, &key));
            text[at] ^= 0x40;
        }
        assert_true(slot_is(&slot, &key));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_shapes),
        cmocka_unit_test(test_the_flags_disturb_nothing),
        cmocka_unit_test(test_a_list_knows_its_length),
        cmocka_unit_test(test_another_key_is_another_slot),
        cmocka_unit_test(test_every_byte_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
