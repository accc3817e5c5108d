#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/flight.h"

#define LONG_NS INT64_C(60000000000)

static void test_an_empty_flight_does_not_wait(void **state)
{
    (void)state;
    Flight flight;
    assert_int_equal(0, flight_init(&flight));
    assert_true(flight_wait(&flight, 0));
    assert_true(flight_wait(&flight, LONG_NS));
    flight_begin(&flight);
    flight_end(&flight);
    assert_true(flight_wait(&flight, LONG_NS));
    flight_fini(&flight);
}

static void test_a_wait_ends_at_its_time(void **state)
{
    (void)state;
    Flight flight;
    assert_int_equal(0, flight_init(&flight));
    flight_begin(&flight);
    assert_false(flight_wait(&flight, 0));
    int64_t before = clock_monotonic_ns();
    assert_false(flight_wait(&flight, 20000000));
    assert_true(clock_monotonic_ns() - before >= 20000000);
    flight_end(&flight);
    flight_fini(&flight);
}

static void *land(void *context)
{
    Flight *flight = context;
    flight_end(flight);
    flight_end(flight);
    return NULL;
}

static void test_a_wait_ends_with_the_last_request(void **state)
{
    (void)state;
    for (int turn = 0; turn < 200; turn++) {
        Flight flight;
        pthread_t thread;
        assert_int_equal(0, flight_init(&flight));
        flight_begin(&flight);
        flight_begin(&flight);
        assert_int_equal(0, pthread_create(&thread, NULL, land, &flight));
        assert_true(flight_wait(&flight, LONG_NS));
        assert_int_equal(0, pthread_join(thread, NULL));
        flight_fini(&flight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_flight_does_not_wait),
        cmocka_unit_test(test_a_wait_ends_at_its_time),
        cmocka_unit_test(test_a_wait_ends_with_the_last_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
