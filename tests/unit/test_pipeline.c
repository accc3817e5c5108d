#include "ingest/pipeline.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fixture_pipeline.h"

static void expect_counts(const FixturePipeline *f, const IntakeCounts *expected)
{
    const IntakeCounts *got = &f->pipeline.counts;
    assert_int_equal(expected->datagrams, got->datagrams);
    assert_int_equal(expected->bytes, got->bytes);
    assert_int_equal(expected->lines, got->lines);
    assert_int_equal(expected->values, got->values);
    assert_int_equal(expected->ignored, got->ignored);
    for (int i = 0; i < REJECT_REASONS; i++)
        if (expected->rejected[i] != got->rejected[i])
            fail_msg("%s: expected %llu, got %llu", reject_reason_name((RejectReason)i),
                     (unsigned long long)expected->rejected[i],
                     (unsigned long long)got->rejected[i]);
}

/* Without the closing zero. */
static void put_text(char *out, const char *text)
{
    for (; *text != '\0'; text++)
        *out++ = *text;
}

static void test_every_line_is_counted_once(void **state)
{
    (void)state;
    FixturePipeline *f = fixture_pipeline_create(10, false);
    static const char text[] = "a:1|c\n"
                               "\n\r\n"
                               "a:2:3|c\r\n"
                               "_e{1,1}:t|x\n"
                               "_sc|n|0\n"
                               ":1\n"
                               "a:x\n"
                               "a:1|zz\n"
                               "a:1|c|@0\n"
                               "a:1|c|#\x01\n"
                               "b:7|g";
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    put_text(long_name + 296, ":1|c");
    fixture_pipeline_text(f, text);
    fixture_pipeline_take(f, long_name, sizeof long_name);
    fixture_pipeline_take(f, "", 0);
    fixture_pipeline_take(f, "\n", 1);
    IntakeCounts expected = {.datagrams = 4,
                             .bytes = sizeof text - 1 + sizeof long_name + 1,
                             .lines = 11,
                             .values = 4,
                             .ignored = 2,
                             .rejected = {1, 1, 1, 1, 1, 1, 0}};
    expect_counts(f, &expected);
    assert_int_equal(6, fixture_pipeline_counter(f, "a"));
    assert_true(fixture_pipeline_gauge(f, "b") == 7);
    fixture_pipeline_destroy(f);
}

static void test_nothing_is_recorded_before_the_flush_and_all_after(void **state)
{
    (void)state;
    FixturePipeline *f = fixture_pipeline_create(10, false);
    static const char line[] = "a:1|c";
    for (int i = 1; i <= PIPELINE_LINES; i++)
        pipeline_datagram(&f->pipeline, line, 5, NULL);
    assert_int_equal(PIPELINE_LINES, f->pipeline.line_count);
    assert_int_equal(0, f->pipeline.counts.values);
    pipeline_datagram(&f->pipeline, line, 5, NULL); /* one too many: the others go first */
    assert_int_equal(PIPELINE_LINES, f->pipeline.counts.values);
    assert_int_equal(1, f->pipeline.line_count);
    pipeline_flush(&f->pipeline);
    assert_int_equal(PIPELINE_LINES + 1, f->pipeline.counts.values);
    pipeline_flush(&f->pipeline); /* nothing twice */
    assert_int_equal(PIPELINE_LINES + 1, f->pipeline.counts.values);
    assert_int_equal(PIPELINE_LINES + 1, fixture_pipeline_counter(f, "a"));
    fixture_pipeline_destroy(f);
}

/* As many lines as one datagram can hold: 16,384 of 4 bytes with the line break. */
static void test_a_datagram_full_of_lines(void **state)
{
    (void)state;
    enum {
        LINES = 16384,
        HALF = LINES / 2
    };
    static char datagram[4 * LINES];
    for (size_t i = 0; i < LINES; i++)
        put_text(datagram + 4 * i, i % 2 == 0 ? "a:7\n" : "b:3\n");
    FixturePipeline *f = fixture_pipeline_create(10, false);
    fixture_pipeline_take(f, datagram, sizeof datagram);
    IntakeCounts expected = {
        .datagrams = 1, .bytes = sizeof datagram, .lines = LINES, .values = LINES};
    expect_counts(f, &expected);
    AtomicStatsSummary a = fixture_pipeline_view(f, SERIES_STATS, "a").value.stats;
    AtomicStatsSummary b = fixture_pipeline_view(f, SERIES_STATS, "b").value.stats;
    assert_true(a.count == HALF && a.sum == 7 * HALF && a.min == 7 && a.max == 7);
    assert_true(b.count == HALF && b.sum == 3 * HALF && b.min == 3 && b.max == 3);
    fixture_pipeline_destroy(f);
}

/* As many values as one line can hold, on top of as many as may be in hand before it. */
static void test_lines_full_of_values(void **state)
{
    (void)state;
    enum {
        LONG = 32767,
        BEFORE = PIPELINE_VALUES - 1,
        SUM = BEFORE + BEFORE / 2 + 2 * (LONG + LONG / 2) /* of 1, 2, 1, 2, … */
    };
    static char datagram[PIPELINE_LONGEST];
    FixturePipeline *f = fixture_pipeline_create(10, false);
    datagram[0] = 'a';
    for (size_t i = 0; i < LONG; i++)
        put_text(datagram + 1 + 2 * i, i % 2 == 0 ? ":1" : ":2");
    pipeline_datagram(&f->pipeline, datagram, 1 + 2 * BEFORE, NULL);
    assert_int_equal(BEFORE, f->pipeline.value_count);
    pipeline_datagram(&f->pipeline, datagram, 1 + 2 * LONG, NULL);
    assert_int_equal(BEFORE + LONG, f->pipeline.value_count);
    pipeline_datagram(&f->pipeline, datagram, 1 + 2 * LONG, NULL);
    assert_int_equal(LONG, f->pipeline.value_count);
    pipeline_flush(&f->pipeline);
    AtomicStatsSummary a = fixture_pipeline_view(f, SERIES_STATS, "a").value.stats;
    assert_true(a.count == BEFORE + 2 * LONG);
    assert_true(a.sum == SUM);
    IntakeCounts expected = {.datagrams = 3,
                             .bytes = 3 + 2 * (BEFORE + 2 * LONG),
                             .lines = 3,
                             .values = BEFORE + 2 * LONG};
    expect_counts(f, &expected);
    fixture_pipeline_destroy(f);
}

static void test_the_order_is_kept(void **state)
{
    (void)state;
    FixturePipeline *f = fixture_pipeline_create(1000, false);
    fixture_pipeline_text(f, "g:5|g\ng:+1|g\nx:1\ng:10|g\ng:-4|g\n");
    assert_true(fixture_pipeline_gauge(f, "g") == 6);
    /* In one batch after the other, and with a series that is new in between. */
    char text[64];
    for (int i = 0; i < 1000; i++) {
        int length = snprintf(text, sizeof text, "g:%d|g\nn%d:1|c\n", i, i % 500);
        fixture_pipeline_take(f, text, (size_t)length);
        assert_true(fixture_pipeline_gauge(f, "g") == i);
    }
    static char all[20 * 2000];
    size_t length = 0;
    for (int i = 1; i <= 2000; i++)
        length += (size_t)snprintf(all + length, 20, i % 3 ? "g:+1|g\n" : "g:%d|g\n", i);
    fixture_pipeline_take(f, all, length);
    assert_true(fixture_pipeline_gauge(f, "g") == 2000); /* 1998, and two more */
    fixture_pipeline_destroy(f);
}

static void test_gauge_signs(void **state)
{
    (void)state;
    FixturePipeline *relative = fixture_pipeline_create(10, false);
    FixturePipeline *absolute = fixture_pipeline_create(10, true);
    fixture_pipeline_text(relative, "g:5|g\ng:-2|g");
    fixture_pipeline_text(absolute, "g:5|g\ng:-2|g");
    assert_true(fixture_pipeline_gauge(relative, "g") == 3);
    assert_true(fixture_pipeline_gauge(absolute, "g") == -2);
    fixture_pipeline_destroy(relative);
    fixture_pipeline_destroy(absolute);
}

static void test_over_the_limit(void **state)
{
    (void)state;
    FixturePipeline *f = fixture_pipeline_create(2, false);
    RejectRecord records[REJECT_LOG_SIZE];
    char address[ADDRESS_TEXT_SIZE];
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = htons(4711)};
    source.sin_addr.s_addr = htonl(0xc0000207); /* 192.0.2.7 */
    static const char text[] = "a:1|c\nb:1|c\nc:1:2|c\na:2|c\nb:1|g|#x\r\nb:5|c";
    pipeline_datagram(&f->pipeline, text, sizeof text - 1, (const struct sockaddr *)&source);
    pipeline_flush(&f->pipeline);
    IntakeCounts expected = {.datagrams = 1,
                             .bytes = sizeof text - 1,
                             .lines = 6,
                             .values = 4,
                             .rejected = {[REJECT_OVER_LIMIT] = 2}};
    expect_counts(f, &expected);
    assert_int_equal(3, fixture_pipeline_counter(f, "a"));
    assert_int_equal(6, fixture_pipeline_counter(f, "b"));
    assert_int_equal(2, reject_log_copy(&f->rejects, records, REJECT_LOG_SIZE));
    assert_int_equal(REJECT_OVER_LIMIT, records[1].reason);
    assert_string_equal("c:1:2|c", records[1].text);
    assert_string_equal("192.0.2.7:4711", address_format(&records[1].source, address));
    assert_int_equal(f->pipeline.context.now_ns, records[1].time_ns);
    assert_string_equal("b:1|g|#x", records[0].text); /* the "\\r" is no part of a line */

    /* More room, by a reload: the same lines are welcome. */
    registry_set_max_series(f->registry, 4);
    fixture_pipeline_text(f, "c:1:2|c\nb:1|g|#x");
    assert_int_equal(3, fixture_pipeline_counter(f, "c"));
    assert_true(fixture_pipeline_gauge(f, "b|#x") == 1);
    assert_int_equal(2, f->pipeline.counts.rejected[REJECT_OVER_LIMIT]);
    fixture_pipeline_destroy(f);
}

static void test_rejected_lines_say_where_from(void **state)
{
    (void)state;
    FixturePipeline *f = fixture_pipeline_create(2, false);
    RejectRecord records[REJECT_LOG_SIZE];
    char address[ADDRESS_TEXT_SIZE];
    struct sockaddr_in6 source = {.sin6_family = AF_INET6, .sin6_port = htons(99)};
    source.sin6_addr.s6_addr[15] = 1;
    pipeline_datagram(&f->pipeline, "x", 1, (const struct sockaddr *)&source);
    fixture_pipeline_text(f, "y");
    assert_int_equal(2, reject_log_copy(&f->rejects, records, REJECT_LOG_SIZE));
    assert_string_equal("[::1]:99", address_format(&records[1].source, address));
    assert_string_equal("x", records[1].text);
    assert_int_equal(0, records[0].source.length);
    assert_string_equal("y", records[0].text);
    fixture_pipeline_destroy(f);
}

/* However the tags are spelt, it is one series; past max_series spellings, too. */
static void test_spellings_of_tags(void **state)
{
    (void)state;
    FixturePipeline *f = fixture_pipeline_create(3, false);
    for (int round = 0; round < 3; round++)
        fixture_pipeline_text(f, "a:1|c|#x,y,z\na:1|c|#z,y,x\na:1|c|#y,x,z,x\na:1|c|#,z,,x,y,\n"
                                 "a:1|c|#y,z,x\na:1|c|#x,z,y\na:1|c|#z,x,y|@1\n"
                                 "a:1|c|#\na:1|c|#,,\na:1|c\n");
    assert_int_equal(21, fixture_pipeline_counter(f, "a|#x,y,z"));
    assert_int_equal(9, fixture_pipeline_counter(f, "a"));
    assert_int_equal(2, registry_count(f->registry, SERIES_COUNTER));
    assert_int_equal(30, f->pipeline.counts.values);
    fixture_pipeline_destroy(f);
}

/* Many names, so that the index grows in the midst of batches. */
static void test_many_series(void **state)
{
    (void)state;
    enum {
        NAMES = 20000,
        ROUNDS = 3
    };
    FixturePipeline *f = fixture_pipeline_create(NAMES, false);
    static char text[64 * 1000];
    for (int i = 0; i < NAMES * ROUNDS; i += 1000) {
        size_t length = 0;
        for (int k = i; k < i + 1000; k++)
            length +=
                (size_t)snprintf(text + length, 64, "service.latency.%d:%d|c\n", k % NAMES, k);
        fixture_pipeline_take(f, text, length);
    }
    assert_int_equal(NAMES * ROUNDS, f->pipeline.counts.values);
    assert_int_equal(NAMES, registry_count(f->registry, SERIES_COUNTER));
    SnapshotFilter all = {.glob = NULL};
    SnapshotCursor cursor;
    SeriesView view;
    snapshot_begin(&cursor, f->registry, SERIES_COUNTER, &all);
    for (int i = 0; i < NAMES; i++) {
        assert_true(snapshot_next(&cursor, &view)); /* in the order of their first lines */
        assert_int_equal(ROUNDS * i + NAMES * (ROUNDS * (ROUNDS - 1) / 2),
                         view.value.counter.integer);
    }
    assert_false(snapshot_next(&cursor, &view));
    fixture_pipeline_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_line_is_counted_once),
        cmocka_unit_test(test_nothing_is_recorded_before_the_flush_and_all_after),
        cmocka_unit_test(test_a_datagram_full_of_lines),
        cmocka_unit_test(test_lines_full_of_values),
        cmocka_unit_test(test_the_order_is_kept),
        cmocka_unit_test(test_gauge_signs),
        cmocka_unit_test(test_over_the_limit),
        cmocka_unit_test(test_rejected_lines_say_where_from),
        cmocka_unit_test(test_spellings_of_tags),
        cmocka_unit_test(test_many_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
