#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Exact-size copies, so that ASan sees a read beyond the length. */
static char *copy_of(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy + 1, text, length);
    return copy;
}

static bool is_clean(const char *text, size_t length)
{
    char *copy = copy_of(text, length);
    bool result = utf8_is_clean(copy + 1, length);
    free(copy);
    return result;
}

static size_t sequence_length(const char *text, size_t length)
{
    char *copy = copy_of(text, length);
    size_t result = utf8_sequence_length(copy + 1, length);
    free(copy);
    return result;
}

/* What the encoding of a code point should be, written down from RFC 3629 section 3. */
static size_t encode(uint32_t point, char out[static 4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(0xf00 >> length | point);
    return length;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10ffff + 0x1000; point++) {
        char text[4];
        size_t length = encode(point, text);
        bool valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
        size_t got = utf8_sequence_length(text, length);
        if (got != (valid ? length : 0))
            fail_msg("U+%04X: expected length %zu, got %zu", point, valid ? length : 0, got);
        if (utf8_is_clean(text, length) != (valid && !control))
            fail_msg("U+%04X: expected clean %d, got %d", point, valid && !control,
                     valid == control);
        for (size_t cut = 1; cut < length; cut++)
            assert_int_equal(utf8_sequence_length(text, cut), 0);
    }
}

/* All pairs of bytes against a decoder that goes the other way round: what encodes to them. */
static void test_every_pair_of_bytes(void **state)
{
    (void)state;
    static bool two_byte[256][256];
    for (uint32_t point = 0x80; point < 0x800; point++) {
        char text[4];
        encode(point, text);
        two_byte[(unsigned char)text[0]][(unsigned char)text[1]] = true;
    }
    for (unsigned a = 0x80; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            size_t expected = two_byte[a][b] ? 2 : 0;
            size_t got = sequence_length((char[]){(char)a, (char)b}, 2);
            if (got != expected)
                fail_msg("%02x %02x: expected %zu, got %zu", a, b, expected, got);
        }
}

static void test_bad_sequences(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80",
        "\xff",
        "\xfe",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xe2\x28\xa1",
        "\xe2\x82\x28",
        "\xf0\x28\x8c\xbc",
        "\xf0\x90\x28\xbc",
        "\xf0\x90\x8c\x28",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sequence_length(bad[i], strlen(bad[i])), 0);
        assert_false(is_clean(bad[i], strlen(bad[i])));
    }
    assert_int_equal(sequence_length("", 0), 0);
}

/* One odd byte or character at every place of texts of every length up to five words. */
static void test_every_place(void **state)
{
    (void)state;
    static const struct {
        const char *piece;
        size_t length;
        bool clean;
    } pieces[] = {
        {"\0", 1, false},       {"\x1f", 1, false},    {"\n", 1, false},
        {"\x7f", 1, false},     {"\x80", 1, false},    {"\xff", 1, false},
        {"\xc2\x85", 2, false}, {"\xc2", 1, false},    {" ", 1, true},
        {"~", 1, true},         {"\xc2\xa0", 2, true}, {"\xe2\x82\xac", 3, true},
        {"@", 1, true},         {"\\", 1, true},       {"\xf0\x9f\x98\x80", 4, true},
    };
    static const char fillings[] = {'a', ' ', '~'};
    for (size_t length = 0; length <= 40; length++)
        for (size_t at = 0; at < length; at++)
            for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
                for (size_t f = 0; f < sizeof fillings; f++) {
                    char text[40];
                    memset(text, fillings[f], sizeof text);
                    if (at + pieces[i].length > length)
                        continue;
                    memcpy(text + at, pieces[i].piece, pieces[i].length);
                    bool got = is_clean(text, length);
                    if (got != pieces[i].clean)
                        fail_msg("piece %zu at %zu of %zu: expected %d, got %d", i, at, length,
                                 pieces[i].clean, got);
                }
    assert_true(is_clean("", 0));
    static const char mixed[] = "Größe\xe3\x80\x81\xf0\x9f\x98\x80.größe";
    assert_true(is_clean(mixed, sizeof mixed - 1));
}

static void expect_escape(const char *bytes, size_t length, size_t capacity, const char *expected)
{
    char *copy = copy_of(bytes, length);
    char *out = malloc(capacity + 1);
    assert_non_null(out);
    memset(out, 'X', capacity + 1);
    size_t got = utf8_escape(copy + 1, length, out, capacity);
    assert_string_equal(expected, out);
    assert_int_equal(strlen(expected), got);
    assert_int_equal('X', out[capacity]);
    free(copy);
    free(out);
}

static void test_escape(void **state)
{
    (void)state;
    expect_escape("", 0, 8, "");
    expect_escape("plain text", 10, 80, "plain text");
    expect_escape("a\nb\0c\x7f", 6, 80, "a\\x0ab\\x00c\\x7f");
    expect_escape("\\", 1, 80, "\\\\");
    expect_escape("Gr\xc3\xb6\xc3\x9f"
                  "e",
                  7, 80,
                  "Gr\xc3\xb6\xc3\x9f"
                  "e");
    expect_escape("\xc2\x85\xc2\xa0", 4, 80, "\\xc2\\x85\xc2\xa0");
    expect_escape("\xed\xa0\x80|\xff", 5, 80, "\\xed\\xa0\\x80|\\xff");
    expect_escape("\xe2\x82", 2, 80, "\\xe2\\x82");
    /* Cut between pieces, at every capacity: "a" "\xff" "\\\\" "ö" is 1 + 4 + 2 + 2 bytes. */
    static const char *const cut[] = {
        "",       "a",      "a",          "a",          "a",
        "a\\xff", "a\\xff", "a\\xff\\\\", "a\\xff\\\\", "a\\xff\\\\\xc3\xb6",
    };
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
        expect_escape("a\xff\\\xc3\xb6", 5, i + 1, cut[i]);
    char untouched = 'X';
    assert_int_equal(utf8_escape("abc", 3, &untouched, 0), 0);
    assert_int_equal(untouched, 'X');
}

/* Whatever the bytes, the result is clean, and no backslash in it is ambiguous. */
static void test_escape_is_clean(void **state)
{
    (void)state;
    uint64_t random = 20260131;
    for (int i = 0; i < 100000; i++) {
        char bytes[24];
        char out[100];
        for (size_t k = 0; k < sizeof bytes; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[k] = (char)(random >> 56);
        }
        size_t capacity = 1 + (size_t)(random >> 40) % sizeof out;
        size_t length = utf8_escape(bytes, sizeof bytes, out, capacity);
        assert_true(length < capacity);
        assert_int_equal(strlen(out), length);
        assert_true(utf8_is_clean(out, length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_every_pair_of_bytes),
        cmocka_unit_test(test_bad_sequences),    cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_escape),           cmocka_unit_test(test_escape_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
