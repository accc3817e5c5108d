/* Any damage to the arenas that a killed daemon has left, also under heads that are signed anew: taking them up
 * reads nothing outside of them, ends, and gives series or says why not, with nothing made.
 *
 * An input is a list of changes, 14 bytes each: what, which file, u32 where, u64 value; little-endian. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Says what does not hold: the fixtures are all in one function of the report. */
#define require(holds) ((holds) ? (void)0 : fail_at(#holds, __LINE__))

static void fail_at(const char *what, int line)
{
    (void)fprintf(stderr, "line %d: %s\n", line, what);
    abort();
}

/* The fixtures' assertions, without cmocka. */
#define assert_true(holds) require(holds)
#define assert_non_null(pointer) require((pointer) != NULL)
#define assert_int_equal(expected, actual) require((int64_t)(expected) == (int64_t)(actual))
#define assert_in_range(value, least, most) \
    require((int64_t)(value) >= (int64_t)(least) && (int64_t)(value) <= (int64_t)(most))
#define fail_msg(...) ((void)fprintf(stderr, __VA_ARGS__), abort())

#include "../unit/fixture_damage.h"
#include "base/log.h"

enum {
    CHANGE_BYTES = 14,
    CHANGES_MAX = 64
};

static Damage damage;

static void close_damage(void)
{
    damage_close(&damage);
}

static void open_damage(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    damage_open(&damage, TRANSPORT_UDP);
    damage_mend(&damage);
    require(atexit(close_damage) == 0);
}

/* => the number in `bytes` bytes. */
static uint64_t number(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static void cut_off(uint32_t file, size_t length)
{
    char name[ARENA_NAME_SIZE];
    int fd = openat(damage.folder.fd, arena_name(1, file, name), O_WRONLY | O_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, (off_t)length) == 0);
    close(fd);
}

/* Copies `size` bytes from one piece of a file to another. */
static void copy_piece(uint32_t file, size_t to, uint64_t from, size_t size)
{
    size_t pieces = damage.filled[file] / size + 1;
    damage_write(&damage, file, to / size % pieces * size,
                 damage.good[file] + (size_t)(from % pieces) * size, size);
}

/* => whether the heads are to be signed anew. */
static bool change(const uint8_t *bytes)
{
    static const char zeroes[DAMAGE_PAGE];
    uint32_t file = bytes[1] % DAMAGE_FILES;
    size_t at = number(bytes + 2, 4) % damage.filled[file];
    uint64_t value = number(bytes + 6, 8);
    switch (bytes[0] % 9) {
    case 0:
    case 1:
    case 2:
    case 3:
        damage_write(&damage, file, at, &value, (size_t)1 << bytes[0] % 9);
        break;
    case 4: { /* an address in another file */
        uint32_t other = (uint32_t)(value >> 32) % DAMAGE_FILES;
        const ArenaHead *head = (const void *)damage.good[other];
        uint64_t address = head->birth.base + (uint32_t)value % damage.length[other];
        damage_write(&damage, file, at & ~(size_t)7, &address, 8);
        break;
    }
    case 5:
        copy_piece(file, at, value, DAMAGE_LINE);
        break;
    case 6:
        copy_piece(file, at, value, DAMAGE_PAGE);
        break;
    case 7:
        damage_write(&damage, file, at & ~(size_t)(DAMAGE_PAGE - 1), zeroes, sizeof zeroes);
        break;
    default:
        cut_off(file, value % damage.length[file]);
        break;
    }
    return bytes[0] >= 128;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool sign = false;
    if (damage.text == NULL)
        open_damage();
    for (size_t i = 0; (i + 1) * CHANGE_BYTES <= size && i < CHANGES_MAX; i++)
        sign = change(data + i * CHANGE_BYTES) || sign;
    for (uint32_t file = 0; file < DAMAGE_FILES && sign; file++)
        damage_sign(&damage, file);
    (void)damage_take_up(&damage);
    damage_mend(&damage);
    return 0;
}
