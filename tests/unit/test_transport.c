#include "ingest/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const Transport all[] = {TRANSPORT_UDP, TRANSPORT_UNIX, TRANSPORT_TCP};

static void test_names(void **state)
{
    (void)state;
    assert_string_equal("udp", transport_name(TRANSPORT_UDP));
    assert_string_equal("unix", transport_name(TRANSPORT_UNIX));
    assert_string_equal("tcp", transport_name(TRANSPORT_TCP));
    assert_null(transport_name((Transport)0));
}

/* They stand in memory that may be damaged. */
static void test_no_flipped_bit_makes_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int bit = 0; bit < 31; bit++)
            assert_null(transport_name((Transport)((unsigned)all[i] ^ 1U << bit)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_flipped_bit_makes_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
