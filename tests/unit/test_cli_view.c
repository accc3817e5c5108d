#include "cli/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/keys.h"
#include "cli/text.h"

static ReadingSeries before_series[] = {
    {READING_STATS, "gone", {"5", "5", "1", "1", "1", "0"}},
    {READING_STATS, "lat", {"10", "20", "2", "1", "3", "1"}},
    {READING_COUNTERS, "hits", {"100"}},
};
static ReadingSeries now_series[] = {
    {READING_STATS, "lat", {"30", "60", "2", "1", "3", "1"}},
    {READING_STATS, "new", {"1", "1", "1", "1", "1", "0"}},
    {READING_COUNTERS, "hits", {"90"}},
    {READING_FLAGS, "on", {"true"}},
    {READING_PROGRESS, "job", {"25", "100", "0.25", "5", "15"}},
};
static const Reading before = {.uptime_s = 10, .values = 100, .series = before_series, .count = 3};
static const Reading now = {
    .uptime_s = 12, .values = 300, .dropped = 4, .rejected = 5, .series = now_series, .count = 5};

/* => the frame without escape sequences and "\r"; to be freed. */
static char *plain(const View *view, TerminalSize size)
{
    char *frame = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&frame, &length);
    view_draw(file, view, size);
    (void)fclose(file);
    char *out = frame;
    for (const char *at = frame; *at != '\0'; at++) {
        if (*at == '\033') {
            at += strcspn(at, "HKmJ");
            continue;
        }
        if (*at != '\r')
            *out++ = *at;
    }
    *out = '\0';
    return frame;
}

static void assert_frame(const char *expected, const View *view, TerminalSize size)
{
    char *frame = plain(view, size);
    assert_string_equal(expected, frame);
    free(frame);
}

static void test_rates_and_bars_stand_behind_the_figures(void **state)
{
    (void)state;
    const View view = {.before = &before, .now = &now, .where = "h:1"};
    assert_frame("h:1  up 0:12  300 values, 100/s  dropped 4  refused 5\n"
                 "\n"
                 "STATS  COUNT  SUM  MEAN  MIN  MAX  STDDEV  PER SECOND\n"
                 "lat       30   60     2    1    3       1          10\n"
                 "new        1    1     1    1    1       0           -\n"
                 "\n"
                 "COUNTERS  VALUE  PER SECOND\n"
                 "hits         90          -5\n"
                 "\n"
                 "FLAGS  STATE\n"
                 "on        on\n"
                 "\n"
                 "PROGRESS  DONE  TOTAL  PART  RATE/S  LEFT                        \n"
                 "job         25    100   25%       5  0:15  [=====               ]\n"
                 "\n"
                 "q quits",
                 &view, (TerminalSize){.columns = 80, .rows = 16});
}

static void test_without_a_look_before_there_is_no_rate(void **state)
{
    (void)state;
    const Reading none = {0};
    const Reading one = {.uptime_s = 1, .series = now_series + 2, .count = 1};
    const View view = {.before = &none, .now = &one, .where = "h:1"};
    assert_frame("h:1  up 0:01  0 values, -/s  dropped 0  refused 0\n\n"
                 "COUNTERS  VALUE  PER SECOND\nhits         90           -\nq quits",
                 &view, (TerminalSize){.columns = 80, .rows = 5});
    const View nothing = {.before = &none, .now = &none, .where = "h:1", .trouble = "no answer"};
    assert_frame("h:1\nno answer\n\nq quits", &nothing, (TerminalSize){.columns = 80, .rows = 4});
}

static void test_the_list_scrolls_line_by_line(void **state)
{
    (void)state;
    const TerminalSize size = {.columns = 60, .rows = 6};
    View view = {.before = &before, .now = &now, .where = "h:1"};
    assert_int_equal(12, view_lines(&now));
    assert_int_equal(3, view_room(size));
    static const char *const expected[] = {
        "STATS |lat |new ", "lat |new |", "new ||COUNTERS", "|COUNTERS|hits", "COUNTERS|hits|",
        "hits||FLAGS",      "|FLAGS|on",  "FLAGS|on|",      "on||PROGRESS",   "|PROGRESS|job"};
    for (size_t first = 0; first < 10; first++) {
        char wanted[64];
        view.first = first;
        char *frame = plain(&view, size);
        const char *line = frame;
        (void)snprintf(wanted, sizeof wanted, "%s", expected[first]);
        for (int skip = 0; skip < 2; skip++)
            line = strchr(line, '\n') + 1;
        char *rest = wanted;
        for (char *part; (part = strsep(&rest, "|")) != NULL; line = strchr(line, '\n') + 1) {
            if (strncmp(part, line, strlen(part)) != 0 || (part[0] == '\0') != (line[0] == '\n'))
                fail_msg("at %zu: expected %s, actual %s", first, part, line);
        }
        free(frame);
    }
    assert_int_equal(9, view_clamp(&now, SIZE_MAX, size));
    assert_int_equal(0, view_clamp(&now, 7, (TerminalSize){.columns = 60, .rows = 40}));
}

static void test_every_frame_fills_the_terminal_and_no_more(void **state)
{
    (void)state;
    View view = {.before = &before, .now = &now, .where = "127.0.0.1:8127", .trouble = "no answer"};
    for (size_t rows = 1; rows < 20; rows++) {
        for (size_t columns = 1; columns < 90; columns++) {
            const TerminalSize size = {.columns = columns, .rows = rows};
            view.first = view_clamp(&now, rows * 3, size);
            char *frame = plain(&view, size);
            size_t lines = 1;
            for (const char *line = frame;; lines++) {
                const char *end = strchrnul(line, '\n');
                size_t bytes = (size_t)(end - line);
                char text[256];
                (void)snprintf(text, sizeof text, "%.*s", (int)bytes, line);
                size_t wide = text_print(NULL, text, 1000);
                if (wide > columns)
                    fail_msg("%zu columns at %zu by %zu: %s", wide, columns, rows, text);
                if (*end == '\0')
                    break;
                line = end + 1;
            }
            assert_int_equal(rows, lines);
            free(frame);
        }
    }
}

static void test_keys_are_told_apart(void **state)
{
    (void)state;
    static const char typed[] = "\033[A\033OB\033[5~\033[1;5C \033[Hq\033";
    static const Key expected[] = {KEY_UP,        KEY_DOWN, KEY_PAGE_UP, KEY_OTHER,
                                   KEY_PAGE_DOWN, KEY_HOME, KEY_QUIT,    KEY_OTHER};
    size_t at = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(expected[i], keys_next(typed, strlen(typed), &at));
    assert_int_equal(strlen(typed), at);
}

int main(void)
{
    text_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_and_bars_stand_behind_the_figures),
        cmocka_unit_test(test_without_a_look_before_there_is_no_rate),
        cmocka_unit_test(test_the_list_scrolls_line_by_line),
        cmocka_unit_test(test_every_frame_fills_the_terminal_and_no_more),
        cmocka_unit_test(test_keys_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
