/* How long a new name keeps an ingest thread from receiving while its tables grow.
 *
 *     table     an insertion into a bucket table, as the index has it
 *     arena     a slot, taken and touched: its longest is what one huge page costs
 *     series    a name's first sight: both, and the registry
 *
 * Printed, as the median of the turns, least and most: ns on average; the longest single one; and how
 * far a thread would get behind if a new name came every 10 us, which tells several long ones in a
 * row from several far apart. All in CPU time of the thread, which what else runs on this machine does
 * not lengthen; the kernel's part, that is faulting in and zeroing pages, is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metrics/series_index.h"

enum {
    TURNS = 5,
    SLOT_BYTES = 160,
    NAME_NS = 10000 /* 100,000 names a second */
};

typedef struct {
    Registry *registry;
    SeriesIndex index; /* of which "table" and "arena" use only these */
} Bench;

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bench_growth: %s\n", what);
        abort();
    }
}

/* ---- what is done for the i-th name, from 1 on ---- */

static void insert(Bench *b, uint32_t i)
{
    BucketTable *table = &b->index.table;
    require(bucket_table_reserve(table) == 0, "no memory");
    bucket_table_insert(table, i * UINT32_C(2654435769), i); /* Fibonacci hashing */
}

static void take_slot(Bench *b, uint32_t i)
{
    uint32_t *slot = arena_alloc(&b->index.arena, SLOT_BYTES, SLOT_ALIGNMENT);
    require(slot != NULL, "no memory");
    *slot = i;
}

static void find_series(Bench *b, uint32_t i)
{
    char name[] = "bench.service.latency.0000000";
    for (char *digit = name + sizeof name - 2; i > 0; i /= 10)
        *digit-- = (char)('0' + i % 10);
    SeriesKey key = {.kind = SERIES_STATS, .name = name, .name_length = sizeof name - 1};
    Slot *slot;
    uint32_t hash = series_index_hash(&b->index, &key);
    require(series_index_find(&b->index, &key, hash, &slot) == 0, "no memory");
}

typedef struct {
    const char *label;
    void (*step)(Bench *b, uint32_t i);
} Part;

static const Part parts[] = {{"table", insert}, {"arena", take_slot}, {"series", find_series}};

/* ---- runs ---- */

typedef enum {
    AVERAGE_NS,
    LONGEST_MS,
    BEHIND_MS,
    FIGURES
} Figure;

static const char *const figure_name[FIGURES] = {"average, ns", "longest, ms", "behind, ms"};
static const char *const figure_key[FIGURES] = {"average_ns", "longest_ms", "behind_ms"};

static int64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Grows from nothing to that many names. */
static void run(const Part *part, uint32_t names, double figures[FIGURES])
{
    static Bench b;
    require(registry_create(&b.registry, names) == 0, "no registry");
    require(series_index_init(&b.index, b.registry) == 0, "no index");
    int64_t longest = 0, behind = 0, most_behind = 0;
    int64_t began = thread_cpu_ns(), before = began;
    for (uint32_t i = 1; i <= names; i++) {
        part->step(&b, i);
        int64_t now = thread_cpu_ns(), took = now - before;
        longest = took > longest ? took : longest;
        behind = behind + took > NAME_NS ? behind + took - NAME_NS : 0;
        most_behind = behind > most_behind ? behind : most_behind;
        before = now;
    }
    figures[AVERAGE_NS] = (double)(before - began) / names;
    figures[LONGEST_MS] = (double)longest / 1e6;
    figures[BEHIND_MS] = (double)most_behind / 1e6;
    series_index_fini(&b.index);
    registry_destroy(b.registry);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const Part *part, uint32_t names, FILE *json)
{
    double turns[TURNS][FIGURES];
    for (int turn = 0; turn < TURNS; turn++)
        run(part, names, turns[turn]);
    for (int figure = 0; figure < FIGURES; figure++) {
        double sorted[TURNS];
        for (int turn = 0; turn < TURNS; turn++)
            sorted[turn] = turns[turn][figure];
        qsort(sorted, TURNS, sizeof sorted[0], ascending);
        printf("%-8s %-12s %9.3f  %9.3f - %.3f\n", part->label, figure_name[figure],
               sorted[TURNS / 2], sorted[0], sorted[TURNS - 1]);
        if (json != NULL)
            fprintf(json,
                    "{\"bench\":\"growth\",\"part\":\"%s\",\"names\":%u,\"runs\":%d,"
                    "\"%s\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f}}\n",
                    part->label, names, TURNS, figure_key[figure], sorted[TURNS / 2], sorted[0],
                    sorted[TURNS - 1]);
    }
}

int main(int argc, char **argv)
{
    uint32_t names = 4000000;
    FILE *json = NULL;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--names") == 0)
            names = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--json") == 0 && json == NULL)
            json = fopen(argv[i + 1], "we");
        else
            names = 0;
    }
    if (names == 0 || names >= 10000000) {
        fprintf(stderr, "usage: bench_growth [--names NAMES, at most 9999999] [--json FILE]\n");
        return 2;
    }
    printf("growth to %u names: median of %d turns\n"
           "what     figure          median        min - max\n",
           names, TURNS);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        measure(&parts[i], names, json);
    return json == NULL || fclose(json) == 0 ? 0 : 1;
}
