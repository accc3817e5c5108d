#include "base/wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    unsigned char memory[64];
    WireWriter w = {.data = memory, .capacity = sizeof memory};
    wire_write_u8(&w, 0xfe);
    wire_write_u16(&w, 0xfedc);
    wire_write_u32(&w, 0xfedcba98);
    wire_write_u64(&w, UINT64_C(0xfedcba9876543210));
    wire_write_i64(&w, INT64_MIN);
    wire_write_double(&w, -0.0);
    wire_write_double(&w, 0x1.fffffffffffffp1023);
    wire_write_bytes(&w, "text", 4);
    wire_write_bytes(&w, NULL, 0);
    assert_false(w.failed);
    assert_int_equal(43, w.length);

    WireReader r = {.data = memory, .length = w.length};
    assert_int_equal(0xfe, wire_read_u8(&r));
    assert_int_equal(0xfedc, wire_read_u16(&r));
    assert_true(0xfedcba98 == wire_read_u32(&r));
    assert_true(UINT64_C(0xfedcba9876543210) == wire_read_u64(&r));
    assert_true(INT64_MIN == wire_read_i64(&r));
    double zero = wire_read_double(&r);
    assert_true(zero == 0 && signbit(zero));
    assert_true(0x1.fffffffffffffp1023 == wire_read_double(&r));
    assert_memory_equal("text", wire_read_bytes(&r, 4), 4);
    assert_int_equal(0, wire_left(&r));
    assert_false(r.failed);
}

/* The bytes are the file's form: the same on every machine. */
static void test_little_endian(void **state)
{
    (void)state;
    unsigned char memory[22];
    WireWriter w = {.data = memory, .capacity = sizeof memory};
    wire_write_u16(&w, 0x0102);
    wire_write_u32(&w, 0x01020304);
    wire_write_i64(&w, -2);
    wire_write_double(&w, 1);
    static const unsigned char expected[] = {2,    1,    4,    3,    2,    1,    0xfe, 0xff,
                                             0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,
                                             0,    0,    0,    0,    0xf0, 0x3f};
    assert_int_equal(sizeof expected, w.length);
    assert_memory_equal(expected, memory, sizeof expected);
}

static void test_no_room(void **state)
{
    (void)state;
    unsigned char memory[5] = "abcd";
    WireWriter w = {.data = memory, .capacity = 4};
    wire_write_u16(&w, 0);
    wire_write_u32(&w, 0xffffffff);
    assert_true(w.failed);
    wire_write_u8(&w, 0xff); /* would fit, but there are no holes */
    assert_int_equal(2, w.length);
    assert_memory_equal("\0\0cd", memory, 5);
}

static void test_cut_off(void **state)
{
    (void)state;
    static const unsigned char memory[3] = {1, 2, 3};
    WireReader r = {.data = memory, .length = sizeof memory};
    assert_int_equal(1, wire_read_u8(&r));
    assert_int_equal(0, wire_read_u32(&r));
    assert_true(r.failed);
    assert_int_equal(0, wire_read_u8(&r)); /* nothing more, once it has failed */
    assert_null(wire_read_bytes(&r, 1));
    assert_int_equal(2, wire_left(&r));
    r = (WireReader){.data = memory, .length = sizeof memory};
    assert_null(wire_read_bytes(&r, SIZE_MAX));
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_little_endian),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
