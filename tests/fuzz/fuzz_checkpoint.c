/* Any bytes as a checkpoint's payload, under checksums that fit: nothing outside of them is read, and what
 * is taken up can be written and read again, with the same names in the same order. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/checkpoint_figures.h"
#include "metrics/series_record.h"

enum {
    SERIES_MAX = 200 /* taken up of one input: a registry is not free */
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool same_key(const SeriesKey *a, const SeriesKey *b)
{
    return a->kind == b->kind && a->name_length == b->name_length &&
           a->tags_length == b->tags_length && memcmp(a->name, b->name, a->name_length) == 0 &&
           memcmp(a->tags, b->tags, a->tags_length) == 0;
}

/* Writes each series of a kind, and reads it back. */
static uint32_t check_kind(Registry *registry, SeriesKind kind, unsigned char *room)
{
    SeriesWalk walk;
    const Series *series;
    uint32_t written = 0;
    registry_walk(registry, kind, &walk);
    while ((series = series_walk_next(&walk)) != NULL) {
        WireWriter w = {.data = room, .capacity = SERIES_RECORD_MAX};
        SeriesContent content;
        series_read(series, &content);
        require(series_record_write(&content, &w) && !w.failed);
        WireReader r = {.data = room, .length = w.length};
        SeriesRecord record;
        require(series_record_read(&r, &record) == NULL && wire_left(&r) == 0);
        const SeriesKey key = slot_key(atomic_load_explicit(&series->slots, memory_order_acquire));
        require(same_key(&record.key, &key));
        written++;
    }
    series_walk_end(&walk);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size + 1); /* of this size: the sanitizer sees a byte too many */
    unsigned char *room = malloc(SERIES_RECORD_MAX);
    CheckpointFigures *figures = malloc(sizeof *figures);
    Registry *registry;
    SeriesIndex index;
    require(bytes != NULL && room != NULL && figures != NULL);
    require(registry_create(&registry, SERIES_MAX) == 0);
    require(series_index_init(&index, registry) == 0);
    memcpy(bytes, data, size);

    WireReader r = {.data = bytes, .length = size};
    SeriesRecord record;
    uint32_t made = 0;
    if (checkpoint_figures_read(&r, figures) == NULL) {
        while (wire_left(&r) > 0 && made < SERIES_MAX && series_record_read(&r, &record) == NULL)
            made += series_record_restore(&record, &index) == 0;
    }
    uint32_t written = 0;
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++)
        written += check_kind(registry, (SeriesKind)kind, room);
    require(written == made);

    series_index_fini(&index);
    registry_destroy(registry);
    free(figures);
    free(room);
    free(bytes);
    return 0;
}
