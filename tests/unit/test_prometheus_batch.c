/* However little memory a batch has, the exposition has the same samples, each once, and each family
 * once and in one piece. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_series.h"
#include "render/prometheus.h"

enum {
    SERIES = 3000
};

/* A document, and its lines. */
typedef struct {
    char *text;
    char **lines; /* sorted */
    size_t count;
    size_t most_bytes; /* that the batch held */
    unsigned turns;    /* in which nothing could be written */
} Document;

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void append(Document *document, size_t *length, size_t *room, const char *step, size_t size)
{
    if (*length + size >= *room) {
        *room = 2 * (*room + size);
        document->text = realloc(document->text, *room);
        assert_non_null(document->text);
    }
    memcpy(document->text + *length, step, size);
    *length += size;
    document->text[*length] = '\0';
}

static void read_text(Document *document, const PrometheusRequest *request)
{
    static char step[8192];
    Prometheus *prometheus = malloc(sizeof *prometheus);
    size_t length = 0;
    size_t room = 0;
    assert_non_null(prometheus);
    prometheus_init(prometheus, request);
    for (;;) {
        ssize_t got = prometheus_read(prometheus, step, sizeof step);
        size_t held = prometheus->batch.capacity;
        if (held > document->most_bytes)
            document->most_bytes = held;
        document->turns += got == -EAGAIN;
        if (got == -EAGAIN)
            continue;
        assert_true(got >= 0);
        if (got == 0)
            break;
        append(document, &length, &room, step, (size_t)got);
    }
    prometheus_fini(prometheus);
    free(prometheus);
}

/* Fails if a family begins twice, or a sample stands in another's. */
static void check_families(Document *document)
{
    char **names = calloc(document->count + 1, sizeof *names);
    assert_non_null(names);
    size_t families = 0;
    for (size_t i = 0; i < document->count; i++) {
        char *line = document->lines[i];
        if (strncmp(line, "# TYPE ", 7) == 0) {
            names[families] = strndup(line + 7, strcspn(line + 7, " "));
            assert_non_null(names[families++]);
        } else if (line[0] != '#') {
            const char *family = names[families - 1];
            assert_memory_equal(family, line, strlen(family));
            assert_non_null(strchr("_{ ", line[strlen(family)]));
        }
    }
    qsort(names, families, sizeof *names, compare_lines);
    for (size_t i = 0; i < families; i++) {
        if (i > 0)
            assert_string_not_equal(names[i - 1], names[i]);
    }
    for (size_t i = 0; i < families; i++)
        free(names[i]);
    free(names);
}

static Document read_document(const FixtureSeries *fixture, PrometheusFormat format,
                              size_t batch_bytes)
{
    Document document = {0};
    PrometheusRequest request = {.format = format,
                                 .figures = {.service = {.version = "1"}},
                                 .registry = fixture->registry,
                                 .batch_bytes = batch_bytes};
    read_text(&document, &request);
    size_t count = 0;
    const char *end = document.text;
    assert_non_null(end);
    for (; end != NULL && (end = strchr(end, '\n')) != NULL; end++)
        count++;
    document.lines = calloc(count + 1, sizeof *document.lines);
    assert_non_null(document.lines);
    char *rest = document.text;
    for (char *line = NULL; (line = strsep(&rest, "\n")) != NULL && *line != '\0';)
        document.lines[document.count++] = line;
    assert_int_equal(count, document.count);
    check_families(&document);
    qsort(document.lines, count, sizeof *document.lines, compare_lines);
    return document;
}

static void free_document(Document *document)
{
    free(document->lines);
    free(document->text);
}

/* The first series of a family, whose name its help has, may be another. */
static bool alike(const char *one, const char *other)
{
    return strcmp(one, other) == 0 ||
           (strncmp(one, "# HELP ", 7) == 0 && strncmp(other, "# HELP ", 7) == 0 &&
            strcspn(one + 7, " ") == strcspn(other + 7, " "));
}

static void expect_the_same_from_little_memory(const FixtureSeries *fixture)
{
    static const PrometheusFormat formats[] = {PROMETHEUS_TEXT, PROMETHEUS_OPENMETRICS};
    static const size_t limits[] = {PROMETHEUS_BATCH_MIN, 100000, 300000};
    for (size_t f = 0; f < 2; f++) {
        Document all = read_document(fixture, formats[f], 0);
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            Document document = read_document(fixture, formats[f], limits[i]);
            assert_true(document.most_bytes <= limits[i]);
            assert_int_equal(all.count, document.count);
            for (size_t line = 0; line < all.count; line++)
                if (!alike(all.lines[line], document.lines[line]))
                    assert_string_equal(all.lines[line], document.lines[line]);
            free_document(&document);
        }
        free_document(&all);
    }
}

/* ---- cases ---- */

static void test_many_families(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 2 * SERIES);
    for (int i = 0; i < SERIES; i++) {
        char name[32];
        snprintf(name, sizeof name, "name.%d", i);
        fixture_series_record(&fixture, name, "env:prod", i);
        if (i % 3 == 0)
            counter_cell_add_integer(fixture_series_counter(&fixture, name, ""), i - 10);
    }
    expect_the_same_from_little_memory(&fixture);
    fixture_series_fini(&fixture);
}

/* One name with many tags fills several batches; others stand around it. */
static void test_a_giant(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 2 * SERIES);
    for (int i = 0; i < SERIES; i++) {
        char tags[32];
        char name[32];
        snprintf(tags, sizeof tags, "host:%d", i);
        fixture_series_record(&fixture, "giant", tags, i);
        snprintf(name, sizeof name, "small.%d", i % 100);
        fixture_series_gauge(&fixture, name, i);
    }
    expect_the_same_from_little_memory(&fixture);
    fixture_series_fini(&fixture);
}

/* Of several types, and with a value that only one of the first batch's series has. */
static void test_a_giant_of_several_types(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 4 * SERIES);
    for (int i = 0; i < SERIES; i++) {
        char tags[32];
        snprintf(tags, sizeof tags, "host:%d", i);
        fixture_series_record(&fixture, "mixed", tags, i);
        fixture_series_record(&fixture, "odd", tags, i == SERIES / 2 ? -1 : i);
        counter_cell_add_integer(fixture_series_counter(&fixture, "mixed", tags), i);
    }
    fixture_series_gauge(&fixture, "mixed", 7);
    expect_the_same_from_little_memory(&fixture);
    fixture_series_fini(&fixture);
}

/* A name of which 2^12 become one. */
static void name_like_others(char name[static 16], int i)
{
    for (int bit = 0; bit < 12; bit++)
        name[bit] = (i >> bit) % 2 != 0 ? '.' : '-';
    name[12] = '\0';
}

static void expect_colliding(const FixtureSeries *fixture, int colliding)
{
    Document document = read_document(fixture, PROMETHEUS_TEXT, PROMETHEUS_BATCH_MIN);
    char expected[64];
    snprintf(expected, sizeof expected, "atomicstatsd_metrics_colliding %d", colliding);
    const char *key = expected;
    assert_non_null(
        bsearch(&key, document.lines, document.count, sizeof *document.lines, compare_lines));
    free_document(&document);
}

/* Wherever one batch ends and the next begins, also with a single unit left. */
static void test_collisions_of_every_number(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, SERIES);
    for (int i = 0; i < 1400; i++) {
        char name[16];
        name_like_others(name, i);
        counter_cell_add_integer(fixture_series_counter(&fixture, name, ""), i);
        if (i > 350)
            expect_colliding(&fixture, i + 1);
    }
    fixture_series_fini(&fixture);
}

/* Thousands of names that are one name here, with the same labels. */
static void test_a_giant_collision(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 2 * SERIES);
    for (int i = 0; i < SERIES; i++) {
        char name[16];
        name_like_others(name, i);
        counter_cell_add_integer(fixture_series_counter(&fixture, name, ""), i);
        if (i % 2 == 0)
            counter_cell_add_integer(fixture_series_counter(&fixture, name, "a:b"), i);
    }
    expect_the_same_from_little_memory(&fixture);
    expect_colliding(&fixture, SERIES + SERIES / 2);
    fixture_series_fini(&fixture);
}

/* Others have their turn while it goes over many series. */
static void test_a_walk_has_pauses(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 5 * SERIES);
    for (int i = 0; i < 5 * SERIES; i++) {
        char name[32];
        snprintf(name, sizeof name, "name.%d", i);
        fixture_series_gauge(&fixture, name, i);
    }
    Document document = read_document(&fixture, PROMETHEUS_TEXT, 0);
    assert_true(document.turns >= 4);
    free_document(&document);
    fixture_series_fini(&fixture);
}

/* A stream that nobody reads to its end leaves nothing behind. */
static void test_a_stream_may_be_left(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, SERIES);
    for (int i = 0; i < SERIES; i++) {
        char name[32];
        snprintf(name, sizeof name, "name.%d", i);
        fixture_series_gauge(&fixture, name, i);
    }
    Prometheus *prometheus = malloc(sizeof *prometheus);
    assert_non_null(prometheus);
    for (int reads = 0; reads < 12; reads++) {
        char step[4096];
        PrometheusRequest request = {.figures = {.service = {.version = "1"}},
                                     .registry = fixture.registry};
        prometheus_init(prometheus, &request);
        for (int i = 0; i < reads; i++)
            (void)prometheus_read(prometheus, step, sizeof step);
        prometheus_fini(prometheus);
    }
    free(prometheus);
    fixture_series_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_families),
        cmocka_unit_test(test_a_giant),
        cmocka_unit_test(test_a_giant_of_several_types),
        cmocka_unit_test(test_a_giant_collision),
        cmocka_unit_test(test_collisions_of_every_number),
        cmocka_unit_test(test_a_walk_has_pauses),
        cmocka_unit_test(test_a_stream_may_be_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
