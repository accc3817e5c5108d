#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "fixture_progress.h"
#include "fixture_series.h"
#include "render/json_stats.h"

#define SECOND INT64_C(1000000000)
#define NEW_YEAR (INT64_C(1767225600) * SECOND) /* 2026-01-01T00:00:00Z */

static const char head[] =
    "{\"service\":{\"name\":\"atomicstatsd\",\"version\":\"1.2.3\",\"pid\":4242,"
    "\"started_at\":\"2026-01-01T00:00:00.000Z\",\"uptime_s\":12.345},"
    "\"ingest\":{\"threads\":2,\"datagrams\":1001,\"bytes\":20480,\"lines\":1003,\"values\":1000,"
    "\"ignored\":1,\"rejected\":{\"total\":27,\"bad_name\":0,\"bad_value\":2,\"bad_type\":3,"
    "\"bad_rate\":4,\"bad_tags\":5,\"too_long\":6,\"over_limit\":7},\"dropped\":{\"kernel\":9}},";

static JsonStatsRequest request_for(const FixtureSeries *fixture)
{
    return (JsonStatsRequest){
        .service = {.name = "atomicstatsd",
                    .version = "1.2.3",
                    .pid = 4242,
                    .started_realtime_ns = NEW_YEAR,
                    .uptime_s = 12.3449},
        .threads = 2,
        .intake = {.datagrams = 1001,
                   .bytes = 20480,
                   .lines = 1003,
                   .values = 1000,
                   .ignored = 1,
                   .rejected = {0, 2, 3, 4, 5, 6, 7},
                   .dropped_kernel = 9},
        .registry = fixture->registry,
        .kinds = JSON_STATS_ALL_KINDS,
    };
}

/* Reads the whole document in steps of at most `capacity` bytes. => it, for free(). */
static char *read_all(const JsonStatsRequest *request, size_t capacity, size_t *length)
{
    JsonStats *stats = malloc(sizeof *stats);
    char *step = malloc(capacity); /* of exactly this size: the sanitizer sees a byte too many */
    size_t room = 1 << 20;
    char *text = malloc(room);
    assert_non_null(stats);
    assert_non_null(step);
    assert_non_null(text);
    json_stats_init(stats, request);
    *length = 0;
    ssize_t got;
    while ((got = json_stats_read(stats, step, capacity)) > 0) {
        assert_true((size_t)got <= capacity && *length + (size_t)got < room);
        memcpy(text + *length, step, (size_t)got);
        *length += (size_t)got;
    }
    assert_int_equal(0, got);
    assert_int_equal(0, json_stats_read(stats, step, capacity)); /* and so it stays */
    text[*length] = '\0';
    json_stats_fini(stats); /* once more does no harm: the walk has ended */
    free(step);
    free(stats);
    return text;
}

/* Every reply is JSON for another parser too. */
static void expect_valid(const char *text, size_t length)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, length + 1, &end, true);
    assert_non_null(tree);
    cJSON_Delete(tree);
    assert_int_equal('\n', text[length - 1]);
}

/* Expects this text, also when it is read byte by byte and in odd steps. */
static void expect_document(const JsonStatsRequest *request, const char *expected)
{
    static const size_t capacities[] = {1 << 16, 1, 7, 100, 1021};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        size_t length = 0;
        char *text = read_all(request, capacities[i], &length);
        assert_string_equal(expected, text);
        expect_valid(text, length);
        free(text);
    }
}

static void expect_sections(const JsonStatsRequest *request, const char *sections)
{
    char expected[8192];
    int length = snprintf(expected, sizeof expected, "%s%s}\n", head, sections);
    assert_in_range(length, 1, sizeof expected - 1);
    expect_document(request, expected);
}

static const char all_sections[] =
    "\"stats\":{\"api.latency|#env:prod,route:/x\":{\"count\":3,\"sum\":60,\"mean\":20,\"min\":10,"
    "\"max\":30,\"stddev\":8.16496580927726},\"api.latency\":{\"count\":1,\"sum\":0.1,\"mean\":0.1,"
    "\"min\":0.1,\"max\":0.1,\"stddev\":0}},"
    "\"counters\":{\"hits\":42,\"max\":9223372036854775807,\"half\":-0.5},"
    "\"gauges\":{\"temperature\":-3.5,\"hits\":7},\"sets\":{\"users\":17},"
    "\"flags\":{\"maintenance\":false,\"up\":true},"
    "\"progress\":{\"import\":{\"done\":250,\"total\":1000,\"fraction\":0.25,\"rate_per_s\":12.5,"
    "\"eta_s\":60,\"started_at\":\"2026-01-01T00:00:00.000Z\","
    "\"updated_at\":\"2026-01-01T00:00:20.000Z\"},\"open\":{\"done\":5,\"total\":null,"
    "\"fraction\":null,\"rate_per_s\":null,\"eta_s\":null,"
    "\"started_at\":\"2026-01-01T00:00:00.000Z\",\"updated_at\":\"2026-01-01T00:00:00.000Z\"}}";

static void fill(FixtureSeries *fixture)
{
    fixture_series_record(fixture, "api.latency", "route:/x,env:prod", 10);
    fixture_series_record(fixture, "api.latency", "env:prod,route:/x", 20);
    fixture_series_record(fixture, "api.latency", "env:prod,route:/x", 30);
    fixture_series_record(fixture, "api.latency", "", 0.1);
    counter_cell_add_integer(fixture_series_counter(fixture, "hits", ""), 42);
    counter_cell_add_integer(fixture_series_counter(fixture, "max", ""), INT64_MAX);
    counter_cell_add_double(fixture_series_counter(fixture, "half", ""), -0.5);
    fixture_series_gauge(fixture, "temperature", -3.5);
    fixture_series_gauge(fixture, "hits", 7);
    fixture_series_set(fixture, "users", 17);
    fixture_series_flag(fixture, "maintenance", false);
    fixture_series_flag(fixture, "up", true);
    ProgressCell *import = fixture_series_progress(fixture, "import");
    progress_set_total(import, 1000, NEW_YEAR);
    progress_set_done(import, 0, NEW_YEAR);
    progress_set_done(import, 250, NEW_YEAR + 20 * SECOND);
    progress_set_done(fixture_series_progress(fixture, "open"), 5, NEW_YEAR);
}

static void test_empty_registry_has_the_whole_shape(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    JsonStatsRequest request = request_for(&fixture);
    expect_sections(&request, "\"stats\":{},\"counters\":{},\"gauges\":{},\"sets\":{},\"flags\":{},"
                              "\"progress\":{}");
    fixture_series_fini(&fixture);
}

static void test_every_kind(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 100);
    fill(&fixture);
    JsonStatsRequest request = request_for(&fixture);
    expect_sections(&request, all_sections);
    fixture_series_fini(&fixture);
}

static void test_sections_that_are_not_asked_for_are_empty(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 100);
    fill(&fixture);
    JsonStatsRequest request = request_for(&fixture);
    request.kinds = 1U << SERIES_GAUGE | 1U << SERIES_FLAG;
    expect_sections(&request,
                    "\"stats\":{},\"counters\":{},\"gauges\":{\"temperature\":-3.5,\"hits\":7},"
                    "\"sets\":{},\"flags\":{\"maintenance\":false,\"up\":true},\"progress\":{}");
    fixture_series_fini(&fixture);
}

static void test_filters(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 100);
    fill(&fixture);
    JsonStatsRequest request = request_for(&fixture);
    request.filter = (SnapshotFilter){.exact = "hits", .exact_length = 4};
    expect_sections(&request, "\"stats\":{},\"counters\":{\"hits\":42},\"gauges\":{\"hits\":7},"
                              "\"sets\":{},\"flags\":{},\"progress\":{}");
    request.filter = (SnapshotFilter){.glob = "*m?x", .glob_length = 4};
    expect_sections(&request, "\"stats\":{},\"counters\":{\"max\":9223372036854775807},"
                              "\"gauges\":{},\"sets\":{},\"flags\":{},\"progress\":{}");
    fixture_series_fini(&fixture);
}

static void test_pretty(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_flag(&fixture, "up", true);
    fixture_series_flag(&fixture, "down", false);
    progress_set_done(fixture_series_progress(&fixture, "job"), 1, NEW_YEAR);
    JsonStatsRequest request = request_for(&fixture);
    request.intake = (IntakeCounts){.datagrams = 1};
    request.pretty = true;
    expect_document(&request, "{\n"
                              "  \"service\": {\n"
                              "    \"name\": \"atomicstatsd\",\n"
                              "    \"version\": \"1.2.3\",\n"
                              "    \"pid\": 4242,\n"
                              "    \"started_at\": \"2026-01-01T00:00:00.000Z\",\n"
                              "    \"uptime_s\": 12.345\n"
                              "  },\n"
                              "  \"ingest\": {\n"
                              "    \"threads\": 2,\n"
                              "    \"datagrams\": 1,\n"
                              "    \"bytes\": 0,\n"
                              "    \"lines\": 0,\n"
                              "    \"values\": 0,\n"
                              "    \"ignored\": 0,\n"
                              "    \"rejected\": {\n"
                              "      \"total\": 0,\n"
                              "      \"bad_name\": 0,\n"
                              "      \"bad_value\": 0,\n"
                              "      \"bad_type\": 0,\n"
                              "      \"bad_rate\": 0,\n"
                              "      \"bad_tags\": 0,\n"
                              "      \"too_long\": 0,\n"
                              "      \"over_limit\": 0\n"
                              "    },\n"
                              "    \"dropped\": {\n"
                              "      \"kernel\": 0\n"
                              "    }\n"
                              "  },\n"
                              "  \"stats\": {},\n"
                              "  \"counters\": {},\n"
                              "  \"gauges\": {},\n"
                              "  \"sets\": {},\n"
                              "  \"flags\": {\n"
                              "    \"up\": true,\n"
                              "    \"down\": false\n"
                              "  },\n"
                              "  \"progress\": {\n"
                              "    \"job\": {\n"
                              "      \"done\": 1,\n"
                              "      \"total\": null,\n"
                              "      \"fraction\": null,\n"
                              "      \"rate_per_s\": null,\n"
                              "      \"eta_s\": null,\n"
                              "      \"started_at\": \"2026-01-01T00:00:00.000Z\",\n"
                              "      \"updated_at\": \"2026-01-01T00:00:00.000Z\"\n"
                              "    }\n"
                              "  }\n"
                              "}\n");
    fixture_series_fini(&fixture);
}

static void test_hostile_names(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_flag(&fixture, "\"},\"x\":{\"", true);
    fixture_series_flag(&fixture, "\\u0000\\", true);
    fixture_series_flag(&fixture, "na\xc3\xafve \xf0\x9f\x93\x88", true);
    fixture_series_flag(&fixture, "</script>", true);
    JsonStatsRequest request = request_for(&fixture);
    expect_sections(&request, "\"stats\":{},\"counters\":{},\"gauges\":{},\"sets\":{},"
                              "\"flags\":{\"\\\"},\\\"x\\\":{\\\"\":true,\"\\\\u0000\\\\\":true,"
                              "\"na\xc3\xafve \xf0\x9f\x93\x88\":true,\"</script>\":true},"
                              "\"progress\":{}");
    fixture_series_fini(&fixture);
}

static void test_what_cannot_be_json_is_null(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_record(&fixture, "over", "", 1.7976931348623157e308);
    fixture_series_record(&fixture, "over", "", 1.7976931348623157e308);
    CounterCell *counter = fixture_series_counter(&fixture, "over", "");
    counter_cell_add_double(counter, 1.7976931348623157e308);
    counter_cell_add_double(counter, 1.7976931348623157e308);
    JsonStatsRequest request = request_for(&fixture);
    size_t length = 0;
    char *text = read_all(&request, 4096, &length);
    expect_valid(text, length);
    assert_non_null(strstr(text, "\"over\":{\"count\":2,\"sum\":null,"));
    assert_non_null(strstr(text, "\"counters\":{\"over\":null}"));
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "nan"));
    free(text);
    fixture_series_fini(&fixture);
}

/* The longest id, of bytes that double when escaped, in every step size around its own. */
static void test_longest_id(void **state)
{
    (void)state;
    char name[SERIES_NAME_MAX + 1];
    char tags[SERIES_TAGS_MAX + 1];
    memset(name, '"', SERIES_NAME_MAX);
    memset(tags, '\\', SERIES_TAGS_MAX);
    name[SERIES_NAME_MAX] = '\0';
    tags[SERIES_TAGS_MAX] = '\0';
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    fixture_series_record(&fixture, name, tags, -1.2345678901234567e-300);
    fixture_series_record(&fixture, "after", "", 1);
    JsonStatsRequest request = request_for(&fixture);
    size_t length = 0;
    char *expected = read_all(&request, 1 << 16, &length);
    expect_valid(expected, length);
    assert_true(length > (size_t)2 * SERIES_ID_MAX);
    for (size_t capacity = 1; capacity < length; capacity += 97) {
        size_t again = 0;
        char *text = read_all(&request, capacity, &again);
        assert_int_equal(length, again);
        assert_memory_equal(expected, text, length);
        free(text);
    }
    free(expected);
    fixture_series_fini(&fixture);
}

static void test_steps_are_full_until_the_end(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 100);
    fill(&fixture);
    JsonStatsRequest request = request_for(&fixture);
    JsonStats *stats = malloc(sizeof *stats);
    assert_non_null(stats);
    json_stats_init(stats, &request);
    char step[64];
    size_t left = strlen(head) + strlen(all_sections) + 2;
    while (left >= sizeof step) {
        assert_int_equal(sizeof step, json_stats_read(stats, step, sizeof step));
        left -= sizeof step;
    }
    assert_int_equal(left, json_stats_read(stats, step, sizeof step));
    assert_int_equal(0, json_stats_read(stats, step, sizeof step));
    free(stats);
    fixture_series_fini(&fixture);
}

/* A client that goes away in the middle, while what it was to be told next expires. */
static void test_a_stream_that_is_not_read_to_its_end(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 1000);
    fixture_series_record(&fixture, "stays", "", 1);
    Slot *goes[100];
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "goes.%d", i);
        fixture_series_record(&fixture, name, "", 1);
        goes[i] = fixture_series_find(&fixture, SERIES_STATS, name, "");
    }
    fixture_series_record(&fixture, "stays.too", "", 1);
    JsonStatsRequest request = request_for(&fixture);
    JsonStats *stats[2];
    char *text = malloc(1 << 16);
    assert_non_null(text);
    for (int i = 0; i < 2; i++) {
        stats[i] = malloc(sizeof *stats[i]);
        assert_non_null(stats[i]);
        json_stats_init(stats[i], &request);
    }
    /* Both stand among what goes; the text in hand may still have some of that. */
    size_t used = 1000;
    assert_int_equal(1000, json_stats_read(stats[0], text, 1000));
    assert_int_equal(1000, json_stats_read(stats[1], text, 1000));
    for (int i = 0; i < 100; i++)
        series_index_drop(&fixture.index, goes[i]);
    registry_reclaim(fixture.registry);
    json_stats_fini(stats[0]);
    free(stats[0]);
    ssize_t got;
    while ((got = json_stats_read(stats[1], text + used, 100)) > 0)
        used += (size_t)got;
    assert_int_equal(0, got);
    text[used] = '\0';
    expect_valid(text, used);
    assert_non_null(strstr(text, "\"goes.1\""));
    assert_null(strstr(text, "\"goes.99\""));
    assert_non_null(strstr(text, "\"stays.too\""));
    json_stats_fini(stats[1]);
    free(stats[1]);
    free(text);
    fixture_series_fini(&fixture);
}

static void test_a_version_beyond_all_reason_is_an_error(void **state)
{
    (void)state;
    FixtureSeries fixture;
    fixture_series_init(&fixture, 10);
    size_t size = (size_t)2 * JSON_STATS_PIECE_SIZE;
    char *version = malloc(size);
    JsonStats *stats = malloc(sizeof *stats);
    assert_non_null(version);
    assert_non_null(stats);
    memset(version, 'v', size - 1);
    version[size - 1] = '\0';
    JsonStatsRequest request = request_for(&fixture);
    request.service.version = version;
    json_stats_init(stats, &request);
    char step[64];
    assert_int_equal(-EMSGSIZE, json_stats_read(stats, step, sizeof step));
    free(version);
    free(stats);
    fixture_series_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_registry_has_the_whole_shape),
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_sections_that_are_not_asked_for_are_empty),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_what_cannot_be_json_is_null),
        cmocka_unit_test(test_longest_id),
        cmocka_unit_test(test_steps_are_full_until_the_end),
        cmocka_unit_test(test_a_stream_that_is_not_read_to_its_end),
        cmocka_unit_test(test_a_version_beyond_all_reason_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
