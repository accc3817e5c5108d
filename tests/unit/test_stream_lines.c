#include "ingest/stream_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    ROOM = 65535 /* of one read, with what is kept */
};

/* What comes of a stream: its whole lines, one after the other, and a '\x01' for each that is too long. */
typedef struct {
    char *text;
    size_t length;
    size_t skipped; /* bytes of too long lines */
    size_t left;    /* bytes of the last line, without newline */
    bool skipping;  /* it is one that was told to be too long */
} Result;

/* Reads `length` bytes in pieces of the sizes that `next_size` gives. */
static Result run(const char *bytes, size_t length, size_t (*next_size)(void *), void *context)
{
    char *buffer = malloc(ROOM);
    Result r = {.text = malloc(length + 1)};
    size_t kept = 0;
    assert_non_null(buffer);
    assert_non_null(r.text);
    for (size_t at = 0; at < length;) {
        StreamLines s;
        const char *piece;
        size_t size;
        size_t got = next_size(context);
        got = got < ROOM - kept ? got : ROOM - kept;
        got = got < length - at ? got : length - at;
        memcpy(buffer + kept, bytes + at, got);
        at += got;
        stream_lines_begin(&s, buffer, kept, got, r.skipping);
        size_t seen = 0;
        StreamPiece kind;
        while ((kind = stream_lines_next(&s, &piece, &size)) != STREAM_END) {
            assert_true(size > 0);
            assert_ptr_equal(buffer + seen, piece); /* no byte is left out or told twice */
            seen += size;
            if (kind == STREAM_LINES) {
                assert_int_equal('\n', piece[size - 1]);
                memcpy(r.text + r.length, piece, size);
                r.length += size;
            } else {
                r.skipped += size;
                if (kind == STREAM_TOO_LONG)
                    r.text[r.length++] = '\x01';
            }
        }
        assert_ptr_equal(buffer + seen, s.at);
        assert_ptr_equal(buffer + kept + got, s.end);
        kept = (size_t)(s.end - s.at);
        assert_true(kept <= STREAM_LINE_MAX);
        assert_true(!s.skipping || kept == 0);
        assert_null(memchr(s.at, '\n', kept));
        r.skipping = s.skipping;
        memmove(buffer, s.at, kept);
    }
    r.left = kept;
    free(buffer);
    return r;
}

/* The same, line by line. */
static Result reference(const char *bytes, size_t length)
{
    Result r = {.text = malloc(length + 1)};
    assert_non_null(r.text);
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t line = newline != NULL ? (size_t)(newline - bytes) : length;
        size_t all = newline != NULL ? line + 1 : line;
        if (line > STREAM_LINE_MAX) {
            r.text[r.length++] = '\x01';
            r.skipped += all;
            r.skipping = newline == NULL;
        } else if (newline == NULL) {
            r.left = line;
        } else {
            memcpy(r.text + r.length, bytes, all);
            r.length += all;
        }
        bytes += all;
        length -= all;
    }
    return r;
}

static void expect_same(Result expected, Result actual)
{
    assert_int_equal(expected.length, actual.length);
    assert_memory_equal(expected.text, actual.text, expected.length);
    assert_int_equal(expected.skipped, actual.skipped);
    assert_int_equal(expected.left, actual.left);
    assert_int_equal(expected.skipping, actual.skipping);
    free(expected.text);
    free(actual.text);
}

static size_t same_size(void *context)
{
    return *(const size_t *)context;
}

static void expect_whatever_the_reads(const char *bytes, size_t length)
{
    static const size_t sizes[] = {1, 2, 3, 7, 64, 1000, 8191, 8192, 8193, 8194, 65535};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        expect_same(reference(bytes, length), run(bytes, length, same_size, &size));
    }
}

static void test_small_ones(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "\n", "a", "a\n", "a\nb", "a\nb\n", "\n\n\n", "a\r\nb\r\n", "\n\na\n\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_whatever_the_reads(texts[i], strlen(texts[i]));
}

/* => the text's new length, with `times` times `byte` and then `line` behind it. */
static size_t append(char *text, size_t length, char byte, size_t times, const char *line)
{
    memset(text + length, byte, times);
    memcpy(text + length + times, line, strlen(line) + 1);
    return length + times + strlen(line);
}

/* Lines about as long as a line may be, with others before, between and behind them. */
static void test_about_the_longest(void **state)
{
    (void)state;
    enum {
        TWICE = 2 * STREAM_LINE_MAX
    };
    static const size_t lengths[] = {
        STREAM_LINE_MAX - 1, STREAM_LINE_MAX, STREAM_LINE_MAX + 1, TWICE, 30000, 200000};
    enum {
        COUNT = sizeof lengths / sizeof *lengths,
        PAIRS = COUNT * COUNT
    };
    char *text = malloc(1 << 20);
    assert_non_null(text);
    for (size_t i = 0; i < PAIRS; i++) {
        size_t length = append(text, 0, 'x', 0, "a:1|c\n");
        length = append(text, length, 'x', lengths[i / COUNT], "\nb:2|c\n\n");
        length = append(text, length, 'y', lengths[i % COUNT], "\n");
        expect_whatever_the_reads(text, length - 1); /* the last line has not ended */
        expect_whatever_the_reads(text, length);
    }
    free(text);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t random_size(void *context)
{
    uint64_t *seed = context;
    uint64_t bits = next_random(seed) % 17;
    return 1 + next_random(seed) % (UINT64_C(1) << bits);
}

static void test_random_lines_and_reads(void **state)
{
    (void)state;
    enum {
        MOST = 400000
    };
    char *text = malloc(MOST);
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);
    assert_non_null(text);
    for (int round = 0; round < 300; round++) {
        size_t length = random_size(&seed) * 5;
        for (size_t at = 0; at < length;) {
            size_t line = random_size(&seed);
            for (; line > 0 && at < length; line--, at++)
                text[at] = (char)('a' + at % 26);
            if (at < length)
                text[at++] = '\n';
        }
        expect_same(reference(text, length), run(text, length, random_size, &seed));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_ones),
        cmocka_unit_test(test_about_the_longest),
        cmocka_unit_test(test_random_lines_and_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
