#include "metrics/arena_head.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "metrics/flag_cell.h"
#include "metrics/gauge_cell.h"
#include "metrics/intake.h"
#include "metrics/progress_cell.h"
#include "metrics/series_table.h"
#include "metrics/set_cell.h"
#include "metrics/slot.h"

#define PREFIX "arena."

uint32_t arena_layout(void)
{
    static const size_t parts[] = {
        sizeof(Slot),           offsetof(Slot, key), offsetof(Slot, next), sizeof(StatsSlot),
        sizeof(CounterSlot),    sizeof(RefSlot),     sizeof(Series),       offsetof(Series, slots),
        offsetof(Series, next), sizeof(SeriesTable), sizeof(GaugeCell),    sizeof(ProgressCell),
        sizeof(FlagCell),       sizeof(SetCell),     sizeof(SetSketch),    sizeof(IntakeCounts),
        sizeof(Redo),           sizeof(void *),
    };
    uint32_t layout = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        layout = layout * 31 + (uint32_t)parts[i]; /* it tells sizes apart, it need not be a hash */
    return layout;
}

const char *arena_name(uint64_t generation, uint32_t number, char out[static ARENA_NAME_SIZE])
{
    (void)snprintf(out, ARENA_NAME_SIZE, PREFIX "%" PRIu64 ".%" PRIu32, generation, number);
    return out;
}

bool arena_name_read(const char *name, uint64_t *generation, uint32_t *number)
{
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    char again[ARENA_NAME_SIZE];
    char *end;
    *generation = strtoull(name + sizeof PREFIX - 1, &end, 10);
    *number = *end == '.' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
    return strcmp(name, arena_name(*generation, *number, again)) == 0;
}

uint64_t arena_birth_hash(const ArenaBirth *birth)
{
    return XXH3_64bits(birth, sizeof *birth);
}

/* => the value of a hexadecimal digit; -1: it is none. */
static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int arena_boot_id(uint8_t id[static 16])
{
    char text[64];
    memset(id, 0, 16);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES ? 0 : -errno; /* a sandbox may hide it */
    size_t length = 0;
    ssize_t got = 1;
    while (got != 0 && length < sizeof text) {
        got = read(fd, text + length, sizeof text - length);
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    int error = got < 0 ? -errno : 0;
    (void)close(fd);
    unsigned digits = 0;
    for (size_t i = 0; i < length && digits < 32; i++) {
        int digit = hex(text[i]);
        if (digit < 0)
            continue; /* a dash */
        id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | digit);
        digits++;
    }
    return error;
}
