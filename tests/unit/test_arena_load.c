#include "metrics/arena_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "fixture_damage.h"
#include "fixture_tsan.h"
#include "metrics/slot.h"

enum {
    /* The thread sanitizer has nothing to find in one thread, and takes long. */
    SHARE = FIXTURE_TSAN ? 10 : 1,
    DAMAGES = 10000 / SHARE /* of all sorts together */
};

static uint64_t first_seed = 20261123; /* or what the program is given */

static int setup_as(void **state, Transport transport)
{
    Damage *d = calloc(1, sizeof *d);
    assert_non_null(d);
    log_set_level(LOG_LEVEL_ERROR);
    damage_open(d, transport);
    damage_mend(d);
    *state = d;
    return 0;
}

static int setup(void **state)
{
    return setup_as(state, TRANSPORT_UDP);
}

static int setup_unix(void **state)
{
    return setup_as(state, TRANSPORT_UNIX);
}

static int setup_tcp(void **state)
{
    return setup_as(state, TRANSPORT_TCP);
}

static int teardown(void **state)
{
    damage_close(*state);
    free(*state);
    return 0;
}

static void test_all_is_taken_up(void **state)
{
    Damage *d = *state;
    assert_int_equal(DAMAGE_HARMLESS, damage_take_up(d));
    assert_int_equal(DAMAGE_HARMLESS, damage_take_up(d)); /* and again: it was only read */
    static const char *const parts[] = {
        "\"a\":{\"count\":7,\"sum\":22,",
        "\"users\":2",
        "\"large\":301",
        "\"hits\":19",
        "\"fresh\":2",
        "\"on\":false",
        "\"g\":3,",
        "\"datagrams\":308",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strstr(d->text, parts[i]) == NULL)
            fail_msg("no %s in %s", parts[i], d->text);
    }
}

/* ---- damage of one sort: each changes one file ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13; /* xorshift64, Marsaglia 2003 */
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* => a word's offset: of any, or, as most of a file is zeroes, of one that holds something. */
static size_t any_word(const Damage *d, uint32_t n, uint64_t *seed)
{
    uint64_t pick = next_random(seed);
    return 8 * (pick % 2 == 0 ? pick / 2 % (d->filled[n] / 8)
                              : d->written[n][pick / 2 % d->written_count[n]]);
}

static void flip_bits(const Damage *d, uint32_t n, uint64_t *seed)
{
    for (uint64_t flips = 1 + next_random(seed) % 4; flips > 0; flips--) {
        size_t at = any_word(d, n, seed) + next_random(seed) % 8;
        char byte = (char)(d->good[n][at] ^ (1 << next_random(seed) % 8));
        damage_write(d, n, at, &byte, 1);
    }
}

static void change_words(const Damage *d, uint32_t n, uint64_t *seed)
{
    static const uint64_t odd[] = {0, 1, 4096, UINT32_MAX, INT64_MAX, UINT64_MAX};
    size_t at = any_word(d, n, seed);
    uint64_t word;
    memcpy(&word, d->good[n] + at, 8);
    uint64_t pick = next_random(seed);
    word = pick % 2 == 0 ? odd[pick / 2 % 6] : word + pick / 2 % 129 - 64;
    damage_write(d, n, at, &word, 8);
}

static void cut_off(const Damage *d, uint32_t n, uint64_t *seed)
{
    char name[ARENA_NAME_SIZE];
    char path[sizeof d->folder.path + sizeof name + 1];
    (void)snprintf(path, sizeof path, "%s/%s", d->folder.path, arena_name(1, n, name));
    size_t most = next_random(seed) % 2 == 0 ? d->length[n] : 8192;
    assert_int_equal(0, truncate(path, (off_t)(next_random(seed) % most)));
}

static void swap_pieces(const Damage *d, uint32_t n, uint64_t *seed, size_t size)
{
    size_t a = any_word(d, n, seed) / size * size;
    size_t b = any_word(d, n, seed) / size * size;
    damage_write(d, n, a, d->good[n] + b, size);
    damage_write(d, n, b, d->good[n] + a, size);
}

static void swap_lines(const Damage *d, uint32_t n, uint64_t *seed)
{
    swap_pieces(d, n, seed, DAMAGE_LINE);
}

static void swap_pages(const Damage *d, uint32_t n, uint64_t *seed)
{
    swap_pieces(d, n, seed, DAMAGE_PAGE);
}

static void zero_page(const Damage *d, uint32_t n, uint64_t *seed)
{
    static const char zeroes[DAMAGE_PAGE];
    damage_write(d, n, any_word(d, n, seed) / DAMAGE_PAGE * DAMAGE_PAGE, zeroes, sizeof zeroes);
}

static void swap_files(const Damage *d, uint32_t n, uint64_t *seed)
{
    char a[ARENA_NAME_SIZE];
    char b[ARENA_NAME_SIZE];
    uint32_t other = (n + 1 + (uint32_t)(next_random(seed) % (DAMAGE_FILES - 1))) % DAMAGE_FILES;
    assert_int_equal(0, renameat(d->folder.fd, arena_name(1, n, a), d->folder.fd, "aside"));
    assert_int_equal(0, renameat(d->folder.fd, arena_name(1, other, b), d->folder.fd, a));
    assert_int_equal(0, renameat(d->folder.fd, "aside", d->folder.fd, b));
}

typedef struct {
    const char *name;
    void (*make)(const Damage *d, uint32_t n, uint64_t *seed);
    int share; /* of 100 */
} Sort;

/* Whatever it is, nobody crashes, hangs or reads where nothing is, takes arenas for none, or takes up what nobody
 * has sent. */
static void test_random_damage(void **state)
{
    Damage *d = *state;
    static const Sort sorts[] = {
        {"flipped bits", flip_bits, 40},  {"changed words", change_words, 20},
        {"truncations", cut_off, 15},     {"swapped lines", swap_lines, 10},
        {"swapped pages", swap_pages, 5}, {"zeroed pages", zero_page, 5},
        {"swapped files", swap_files, 5},
    };
    uint64_t seed = first_seed;
    for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
        int came[DAMAGE_RESULTS] = {0};
        int unnoticed[DAMAGE_FILES] = {0}; /* in each file */
        int count = DAMAGES / 100 * sorts[s].share;
        for (int i = 0; i < count; i++) {
            uint32_t file = (uint32_t)(next_random(&seed) % DAMAGE_FILES);
            sorts[s].make(d, file, &seed);
            DamageResult result = damage_take_up(d);
            came[result]++;
            unnoticed[file] += result == DAMAGE_UNNOTICED;
            damage_mend(d);
        }
        print_message("# %d %s: %d refused, %d as if there were no arenas, %d harmless, %d "
                      "unnoticed (series %d, hands %d, slots %d)\n",
                      count, sorts[s].name, came[DAMAGE_REFUSED], came[DAMAGE_OVERLOOKED],
                      came[DAMAGE_HARMLESS], came[DAMAGE_UNNOTICED], unnoticed[0],
                      unnoticed[1] + unnoticed[3], unnoticed[2] + unnoticed[4]);
        assert_int_equal(0, came[DAMAGE_OVERLOOKED]);
        assert_int_equal(0, came[DAMAGE_UNNOTICED]);
    }
    assert_int_equal(DAMAGE_HARMLESS, damage_take_up(d));
}

/* Each word that holds something, made 0 and with one bit flipped: none is one that nobody looks after. Of the
 * sketch, the most of it, some. */
static void test_each_word(void **state)
{
    Damage *d = *state;
    uint64_t seed = first_seed;
    for (uint32_t n = 0; n < DAMAGE_FILES; n++) {
        int came[DAMAGE_RESULTS] = {0};
        for (size_t i = 0; i < d->written_count[n]; i += SHARE) {
            size_t at = 8 * (size_t)d->written[n][i];
            uint64_t word;
            memcpy(&word, d->good[n] + at, sizeof word);
            for (int zero = 0; zero < 2; zero++) {
                uint64_t bent = zero != 0 ? 0 : word ^ UINT64_C(1) << next_random(&seed) % 64;
                damage_write(d, n, at, &bent, sizeof bent);
                DamageResult result = damage_take_up(d);
                came[result]++;
                if (result == DAMAGE_UNNOTICED)
                    fail_msg("%llx in place of %llx at %zx of file %u goes unnoticed",
                             (unsigned long long)bent, (unsigned long long)word, at, (unsigned)n);
                damage_mend(d);
            }
        }
        print_message("# file %u, %zu words: %d refused, %d harmless\n", (unsigned)n,
                      d->written_count[n], came[DAMAGE_REFUSED], came[DAMAGE_HARMLESS]);
        assert_int_equal(0, came[DAMAGE_OVERLOOKED]);
    }
}

/* ---- lies ---- */

/* => where in file n an address leads that stands in the arenas. */
static size_t offset_in(const Damage *d, uint32_t n, uint64_t address)
{
    const ArenaHead *head = (const void *)d->good[n];
    uint64_t offset = address - head->birth.base;
    assert_in_range(offset, ARENA_HEAD_BYTES, d->length[n] - 1);
    return (size_t)offset;
}

static uint64_t root_of(const Damage *d, uint32_t n)
{
    const ArenaHead *head = (const void *)d->good[n];
    return atomic_load_explicit(&head->root, memory_order_relaxed); /* relaxed: one thread */
}

/* => where in file 0 the first series of that kind stands. */
static size_t first_series(const Damage *d, SeriesKind kind)
{
    const SeriesTable *table = (const void *)(d->good[0] + offset_in(d, 0, root_of(d, 0)));
    uint32_t index;
    /* relaxed: one thread. */
    uint32_t place = atomic_load_explicit(&table->list[kind].first, memory_order_relaxed);
    unsigned segment = series_table_locate(place, &index);
    return offset_in(d, 0, (uintptr_t)(table->segment[segment] + index));
}

static void expect_refused(Damage *d, uint32_t n, size_t at, uint64_t value, size_t bytes)
{
    damage_write(d, n, at, &value, bytes);
    DamageResult came = damage_take_up(d);
    damage_mend(d);
    if (came != DAMAGE_REFUSED)
        fail_msg("%llx at %zx of file %u: %d", (unsigned long long)value, at, (unsigned)n, came);
}

static void test_lists_that_loop(void **state)
{
    Damage *d = *state;
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        size_t at = first_series(d, (SeriesKind)kind);
        const Series *series = (const void *)(d->good[0] + at);
        for (uint32_t place = 1; place <= 4; place++)
            if (place != atomic_load_explicit(&series->next, memory_order_relaxed))
                expect_refused(d, 0, at + offsetof(Series, next), place, 4);
    }
    /* A list of slots. */
    const Series *series = (const void *)(d->good[0] + first_series(d, SERIES_STATS));
    uint64_t slot = (uintptr_t)atomic_load_explicit(&series->slots, memory_order_relaxed);
    expect_refused(d, 2, offset_in(d, 2, slot) + offsetof(Slot, next), slot, 8);
}

static void test_addresses_that_lead_elsewhere(void **state)
{
    Damage *d = *state;
    size_t at = first_series(d, SERIES_STATS);
    const Series *series = (const void *)(d->good[0] + at);
    uint64_t slot = (uintptr_t)atomic_load_explicit(&series->slots, memory_order_relaxed);
    const ArenaHead *slots = (const void *)d->good[2];
    const uint64_t wrong[] = {
        slot + 1,
        slot + 16,
        slots->birth.base,
        slots->birth.base + d->length[2] - 64, /* it would end behind the file */
        slots->birth.base + d->length[2],
        root_of(d, 0),
        root_of(d, 1),
        32,
        UINT64_MAX - 31,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused(d, 0, at + offsetof(Series, slots), wrong[i], 8);
    expect_refused(d, 0, at + offsetof(Series, id), slots->birth.base + d->length[2], 8);
    expect_refused(d, 0, at + offsetof(Series, id), 0, 8);
    size_t gauge = first_series(d, SERIES_GAUGE);
    series = (const void *)(d->good[0] + gauge);
    slot = (uintptr_t)atomic_load_explicit(&series->slots, memory_order_relaxed);
    size_t target = offset_in(d, 2, slot) + offsetof(RefSlot, target);
    expect_refused(d, 2, target, 0, 8);
    expect_refused(d, 2, target, root_of(d, 0) + 4, 8); /* between two words */
    expect_refused(d, 0, gauge + offsetof(Series, slots), 0, 8);
    for (uint32_t n = 0; n < DAMAGE_FILES; n += n == 0 ? 1 : 2) { /* the table, and hands */
        expect_refused(d, n, offsetof(ArenaHead, root), 0, 8);
        expect_refused(d, n, offsetof(ArenaHead, root), root_of(d, n) + 8, 8);
        expect_refused(d, n, offsetof(ArenaHead, root), root_of(d, n) + d->length[n], 8);
    }
}

static void test_lengths_that_lie(void **state)
{
    Damage *d = *state;
    size_t at = first_series(d, SERIES_STATS);
    static const uint16_t lengths[] = {0, 2, 3, 256, UINT16_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        expect_refused(d, 0, at + offsetof(Series, id_length), lengths[i], 2);
    expect_refused(d, 0, at + offsetof(Series, name_length), 0, 1);
    expect_refused(d, 0, at + offsetof(Series, name_length), 2, 1);
    expect_refused(d, 0, at + offsetof(Series, kind), SERIES_COUNTER, 1);
    /* Datagrams: no longer than the longest there is. */
    size_t hand = offset_in(d, 3, root_of(d, 3)) + offsetof(Hand, batch.headers);
    size_t length = hand + offsetof(struct mmsghdr, msg_len);
    expect_refused(d, 3, length, DELIMITERS_TEXT_MAX + 1, 4);
    expect_refused(d, 3, length, RECEIVE_BUFFER_BYTES + 1, 4);
    expect_refused(d, 3, length, INT32_MAX, 4);
    expect_refused(d, 0, offsetof(ArenaHead, files), 0, 4);
    expect_refused(d, 0, offsetof(ArenaHead, files), DAMAGE_FILES + 1, 4);
    expect_refused(d, 0, offsetof(ArenaHead, files), UINT32_MAX, 4);
}

/* A head that is as it should be, but for this. */
static void expect_birth_refused(Damage *d, uint32_t n, size_t at, uint64_t value, size_t bytes)
{
    damage_write(d, n, at, &value, bytes);
    damage_sign(d, n);
    assert_int_equal(DAMAGE_REFUSED, damage_take_up(d));
    damage_mend(d);
}

static void test_heads_that_lie(void **state)
{
    Damage *d = *state;
    for (uint32_t n = 0; n < DAMAGE_FILES; n++) {
        const ArenaHead *head = (const void *)d->good[n];
        size_t base = offsetof(ArenaBirth, base);
        expect_birth_refused(d, n, base, head->birth.base + 1, 8);
        expect_birth_refused(d, n, base, head->birth.base + 64, 8);
        expect_birth_refused(d, n, offsetof(ArenaBirth, kind), ARENA_KINDS, 4);
        expect_birth_refused(d, n, offsetof(ArenaBirth, number), n + 1, 4);
        expect_birth_refused(d, n, offsetof(ArenaBirth, generation), 2, 8);
        expect_birth_refused(d, n, offsetof(ArenaBirth, version), ARENA_VERSION + 1, 4);
        expect_birth_refused(d, n, offsetof(ArenaBirth, layout), 1, 4);
    }
}

int main(int argc, char **argv)
{
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 0) | 1 : first_seed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_is_taken_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_that_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_addresses_that_lead_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths_that_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads_that_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_word, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_word, setup_unix, teardown),
        cmocka_unit_test_setup_teardown(test_random_damage, setup_unix, teardown),
        cmocka_unit_test_setup_teardown(test_each_word, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(test_random_damage, setup_tcp, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
