#include "metrics/checkpoint_figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    static CheckpointFigures figures = {.intake = {1, 2, 3, 4, 5, {6, 7, 8, 9, 10, 11, 12}, 13},
                                        .booted_ns = INT64_MAX};
    static CheckpointFigures read;
    static unsigned char bytes[8192];
    for (size_t sockets = 0; sockets <= CHECKPOINT_SOCKETS; sockets += CHECKPOINT_SOCKETS / 2) {
        figures.socket_count = sockets;
        for (size_t i = 0; i < sockets; i++)
            figures.sockets[i] = (SocketDrops){i + 1, UINT64_MAX - i};
        WireWriter w = {.data = bytes, .capacity = sizeof bytes};
        checkpoint_figures_write(&figures, &w);
        assert_false(w.failed);
        WireReader r = {.data = bytes, .length = w.length};
        memset(&read, 0xa5, sizeof read);
        assert_null(checkpoint_figures_read(&r, &read));
        assert_int_equal(0, wire_left(&r));
        assert_memory_equal(&figures, &read, sizeof figures);
        for (size_t length = 0; length < w.length; length++) {
            r = (WireReader){.data = bytes, .length = length};
            assert_string_equal("figures that are cut off", checkpoint_figures_read(&r, &read));
        }
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const CheckpointFigures figures;
    static CheckpointFigures read;
    unsigned char bytes[256];
    WireWriter w = {.data = bytes, .capacity = sizeof bytes};
    checkpoint_figures_write(&figures, &w);
    WireReader r = {.data = bytes, .length = w.length};
    bytes[48] = REJECT_REASONS + 1;
    assert_string_equal("figures of other reasons than there are",
                        checkpoint_figures_read(&r, &read));
    bytes[48] = REJECT_REASONS;
    bytes[w.length - 1] = 0xff;
    r = (WireReader){.data = bytes, .length = w.length};
    assert_string_equal("more sockets than it can", checkpoint_figures_read(&r, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
