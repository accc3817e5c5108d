#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/meter.h"
#include "cli/text.h"

static void assert_text(const char *expected, const char *text, size_t columns, size_t wide)
{
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    size_t used = text_print(file, text, columns);
    (void)fclose(file);
    assert_string_equal(expected, out);
    assert_int_equal(wide, used);
    assert_int_equal(wide, text_print(NULL, text, columns));
    free(out);
}

static void test_nothing_reaches_the_terminal_that_is_no_text(void **state)
{
    (void)state;
    assert_text("a\\x1b[1m\\x07", "a\033[1m\a", 100, 12);
    assert_text("\\xc2\\x9b", "\xc2\x9b", 100, 8); /* CSI in one character */
    assert_text("\\xff\\xe2\\x82", "\xff\xe2\x82", 100, 12);
    static const char right_to_left[] = {(char)0xe2, (char)0x80, (char)0xae, 'a', 'b', 'c', '\0'};
    assert_text("\\xe2\\x80\\xaeabc", right_to_left, 100, 15);
    assert_text("a\\\\x1b", "a\\x1b", 100, 6);
}

static void test_wide_characters_take_two_columns(void **state)
{
    (void)state;
    assert_text("größe", "größe", 100, 5);
    assert_text("温度", "温度", 4, 4);
    assert_text("温…", "温度", 3, 3);
    assert_text("…", "温度", 2, 1);
    assert_text("abc…", "abcde", 4, 4);
    assert_text("abcde", "abcde", 5, 5);
    assert_text("…", "abcde", 1, 1);
    assert_text("", "", 0, 0);
}

static void assert_number(const char *expected, const char *text)
{
    char out[TABLE_CELL_SIZE];
    assert_string_equal(expected, table_number(text, out));
}

static void test_whole_numbers_keep_their_digits(void **state)
{
    (void)state;
    assert_number("9223372036854775807", "9223372036854775807");
    assert_number("-9223372036854775808", "-9223372036854775808");
    assert_number("8.16497", "8.16496580927726");
    assert_number("0.1", "0.1");
    assert_number("1.5e+300", "1.5e+300");
    assert_number("-", NULL);
    assert_number("-", "\033[1m");
}

static void assert_rows(const char *expected, size_t columns)
{
    const ReadingSeries series[] = {
        {READING_STATS, "api.latency", {"3", "60", "20", "10", "30", "8.16496580927726"}},
        {READING_STATS, "b", {"1000000", "0.5", "5e-7", NULL, NULL, "0"}},
    };
    TableWidths widths = {0};
    TableCells cells;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    table_head(READING_STATS, &cells);
    table_fit(&widths, "STATS", &cells);
    for (size_t i = 0; i < 2; i++) {
        table_cells(&series[i], &cells);
        table_fit(&widths, series[i].id, &cells);
    }
    table_limit(&widths, columns);
    table_head(READING_STATS, &cells);
    table_row(file, &widths, "STATS", &cells);
    for (size_t i = 0; i < 2; i++) {
        table_cells(&series[i], &cells);
        (void)putc('\n', file);
        table_row(file, &widths, series[i].id, &cells);
    }
    (void)fclose(file);
    assert_string_equal(expected, out);
    free(out);
}

static void test_rows_are_aligned_and_no_wider_than_the_terminal(void **state)
{
    (void)state;
    assert_rows("STATS          COUNT  SUM  MEAN  MIN  MAX   STDDEV\n"
                "api.latency        3   60    20   10   30  8.16497\n"
                "b            1000000  0.5  5e-7    -    -        0",
                TABLE_ANY_WIDTH);
    assert_rows("STATS          COUNT  SUM  MEAN  MIN  MAX\n"
                "api.latency        3   60    20   10   30\n"
                "b            1000000  0.5  5e-7    -    -",
                49);
    assert_rows("STATS          COUNT\napi.latency        3\nb            1000000", 20);
    assert_rows("STATS\napi.l…\nb", 6);
}

static void test_progress_shows_its_part_and_what_is_left(void **state)
{
    (void)state;
    TableCells cells;
    const ReadingSeries run = {READING_PROGRESS, "p", {"250", "1000", "0.25", "12.5", "60"}};
    table_cells(&run, &cells);
    assert_int_equal(5, cells.count);
    assert_string_equal("25%", cells.text[2]);
    assert_string_equal("12.5", cells.text[3]);
    assert_string_equal("1:00", cells.text[4]);
    const ReadingSeries unknown = {READING_PROGRESS, "p", {"250", NULL, NULL, NULL, NULL}};
    table_cells(&unknown, &cells);
    assert_string_equal("-", cells.text[2]);
    assert_string_equal("-", cells.text[4]);
}

static void test_the_meter_s_line_fits_and_is_right(void **state)
{
    (void)state;
    char out[METER_TEXT_SIZE];
    assert_string_equal("500 lines, 250/s", meter_format(out, 500, 0, "lines", 2, 80));
    assert_string_equal("[============            ]  50% 500/1000 lines, 250/s, 0:02 left",
                        meter_format(out, 500, 1000, "lines", 2, 80));
    assert_string_equal("[========================] 100% 1001/1000 lines, 1001/s, - left",
                        meter_format(out, 1001, 1000, "lines", 1, 80));
    assert_string_equal("[=====", meter_format(out, 500, 1000, "lines", 2, 6));
    assert_string_equal("0 lines, 0/s", meter_format(out, 0, 0, "lines", 0, 80));
    assert_string_equal("3:02:11", meter_time(out, sizeof out, 10930.5));
    assert_string_equal("4 d 03 h", meter_time(out, sizeof out, 99.0 * 3600));
}

int main(void)
{
    text_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_reaches_the_terminal_that_is_no_text),
        cmocka_unit_test(test_wide_characters_take_two_columns),
        cmocka_unit_test(test_whole_numbers_keep_their_digits),
        cmocka_unit_test(test_rows_are_aligned_and_no_wider_than_the_terminal),
        cmocka_unit_test(test_progress_shows_its_part_and_what_is_left),
        cmocka_unit_test(test_the_meter_s_line_fits_and_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
