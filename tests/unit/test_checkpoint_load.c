#include "metrics/checkpoint_load.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <xxhash.h>

#include "fixture_checkpoint.h"

typedef struct {
    FixtureDirectory directory;
    unsigned char *good; /* a checkpoint of all kinds */
    size_t length;
    char *text; /* what it holds */
    char *nothing;
    FixtureSeries taken_up; /* empty between tests: what is not taken up makes nothing */
} Bench;

static int setup(void **state)
{
    Bench *b = calloc(1, sizeof *b);
    FixtureSeries f;
    assert_non_null(b);
    fixture_directory_init(&b->directory);
    fixture_series_init(&f, 1000);
    b->nothing = fixture_checkpoint_text(&f);
    fixture_checkpoint_fill(&f);
    (void)fixture_checkpoint_write(&b->directory, &f);
    b->text = fixture_checkpoint_text(&f);
    b->good = fixture_directory_read(&b->directory, CHECKPOINT_NAME, &b->length);
    fixture_series_fini(&f);
    fixture_series_init(&b->taken_up, 1000);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    Bench *b = *state;
    fixture_series_fini(&b->taken_up);
    fixture_directory_fini(&b->directory);
    free(b->good);
    free(b->text);
    free(b->nothing);
    free(b);
    return 0;
}

/* Loads what is in the directory. => the result; if it is an error, nothing was made. */
static int load_file(Bench *b, CheckpointReason *reason)
{
    CheckpointFigures figures;
    strcpy(reason->text, "no reason");
    int error = fixture_checkpoint_load(&b->directory, &b->taken_up, &figures, reason);
    if (error == 0)
        return 0;
    char *text = fixture_checkpoint_text(&b->taken_up);
    assert_string_equal(b->nothing, text);
    assert_string_not_equal("no reason", reason->text);
    free(text);
    return error;
}

static void begin_anew(Bench *b)
{
    fixture_series_fini(&b->taken_up);
    fixture_series_init(&b->taken_up, 1000);
}

/* Loads these bytes. => the result; what then is there is the good state, or nothing at all. */
static int load(Bench *b, const unsigned char *bytes, size_t length, CheckpointReason *reason)
{
    fixture_directory_write(&b->directory, CHECKPOINT_NAME, bytes, length);
    int error = load_file(b, reason);
    if (error == 0) {
        char *text = fixture_checkpoint_text(&b->taken_up);
        assert_string_equal(b->text, text);
        free(text);
        begin_anew(b);
    }
    return error;
}

static void test_there_is_none(void **state)
{
    Bench *b = *state;
    FixtureSeries f;
    CheckpointFigures figures;
    CheckpointReason reason;
    assert_int_equal(0, unlinkat(b->directory.fd, CHECKPOINT_NAME, 0));
    fixture_series_init(&f, 10);
    assert_int_equal(-ENOENT, fixture_checkpoint_load(&b->directory, &f, &figures, &reason));
    assert_int_equal(0, mkfifoat(b->directory.fd, CHECKPOINT_NAME, 0600));
    assert_int_equal(-EBADMSG, fixture_checkpoint_load(&b->directory, &f, &figures, &reason));
    assert_non_null(strstr(reason.text, "it is no file"));
    assert_int_equal(0, unlinkat(b->directory.fd, CHECKPOINT_NAME, 0));
    assert_int_equal(0, symlinkat("elsewhere", b->directory.fd, CHECKPOINT_NAME));
    assert_int_equal(-ELOOP, fixture_checkpoint_load(&b->directory, &f, &figures, &reason));
    fixture_series_fini(&f);
}

static void test_every_truncation_is_noticed(void **state)
{
    Bench *b = *state;
    CheckpointReason reason;
    assert_int_equal(0, load(b, b->good, b->length, &reason));
    for (size_t length = 0; length < b->length; length += length < 200 ? 1 : 997)
        assert_int_equal(-EBADMSG, load(b, b->good, length, &reason));
    assert_int_equal(-EBADMSG, load(b, b->good, b->length - 1, &reason));
    unsigned char *longer = calloc(1, b->length + 1);
    assert_non_null(longer);
    memcpy(longer, b->good, b->length);
    assert_int_equal(-EBADMSG, load(b, longer, b->length + 1, &reason));
    free(longer);
}

static uint64_t next_random(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return *rng;
}

/* Flips bits, swaps blocks, overwrites, cuts off. */
static size_t damage(unsigned char *bytes, size_t length, uint64_t *rng)
{
    size_t a = next_random(rng) % length;
    size_t b = next_random(rng) % length;
    size_t run = 1 + next_random(rng) % 512;
    if (run > length - (a > b ? a : b))
        run = length - (a > b ? a : b);
    unsigned char kept[512];
    switch (next_random(rng) % 4) {
    case 0:
        bytes[a] ^= (unsigned char)(1U << (next_random(rng) % 8));
        return length;
    case 1:
        memcpy(kept, bytes + a, run);
        memmove(bytes + a, bytes + b, run);
        memcpy(bytes + b, kept, run);
        return length;
    case 2:
        memset(bytes + a, (int)(next_random(rng) % 3) * 0x7f, run);
        return length;
    default:
        return a;
    }
}

static void test_ten_thousand_corruptions(void **state)
{
    Bench *b = *state;
    uint64_t rng = 20261123;
    unsigned char *bytes = malloc(b->length);
    assert_non_null(bytes);
    unsigned damaged = 0;
    for (int i = 0; i < 10000; i++) {
        CheckpointReason reason;
        memcpy(bytes, b->good, b->length);
        size_t length = damage(bytes, b->length, &rng);
        bool same = length == b->length && memcmp(bytes, b->good, length) == 0;
        assert_int_equal(same ? 0 : -EBADMSG, load(b, bytes, length, &reason));
        damaged += !same;
    }
    assert_in_range(damaged, 9000, 10000);
    free(bytes);
}

/* Puts the right checksums on whatever the payload and the head now are. */
static void seal(unsigned char *bytes, size_t length)
{
    uint64_t hash = XXH3_64bits(bytes + CHECKPOINT_HEAD_BYTES, length - CHECKPOINT_HEAD_BYTES);
    uint64_t payload = length - CHECKPOINT_HEAD_BYTES;
    memcpy(bytes + 32, &payload, 8);
    memcpy(bytes + 40, &hash, 8);
    hash = XXH3_64bits(bytes, 56);
    memcpy(bytes + 56, &hash, 8);
}

/* A checksum that fits does not make a payload sound: nothing is made of one that is not. */
static void test_sealed_nonsense_is_refused(void **state)
{
    Bench *b = *state;
    uint64_t rng = 7;
    unsigned char *bytes = malloc(b->length);
    assert_non_null(bytes);
    unsigned refused = 0;
    for (int i = 0; i < 1000; i++) {
        CheckpointReason reason;
        memcpy(bytes, b->good, b->length);
        size_t at = CHECKPOINT_HEAD_BYTES + next_random(&rng) % 1200; /* the names and numbers */
        bytes[at] = (unsigned char)next_random(&rng);
        seal(bytes, b->length);
        fixture_directory_write(&b->directory, CHECKPOINT_NAME, bytes, b->length);
        int error = load_file(b, &reason);
        if (error != 0) {
            assert_int_equal(-EBADMSG, error);
            assert_non_null(strstr(reason.text, "it holds "));
            refused++;
        } else {
            begin_anew(b);
        }
    }
    assert_in_range(refused, 100, 999);
    free(bytes);
}

static void test_another_format_is_left_alone(void **state)
{
    Bench *b = *state;
    CheckpointReason reason;
    unsigned char *bytes = malloc(b->length);
    assert_non_null(bytes);
    memcpy(bytes, b->good, b->length);
    bytes[8] = CHECKPOINT_VERSION + 1;
    seal(bytes, b->length);
    assert_int_equal(-EPROTONOSUPPORT, load(b, bytes, b->length, &reason));
    assert_string_equal("it has format 2, this is 1", reason.text);
    free(bytes);
}

/* What an earlier build of this format has written is read by all later ones. */
static void test_a_checkpoint_of_version_1(void **state)
{
    Bench *b = *state;
    FILE *file = fopen("tests/unit/data/checkpoint-1", "re");
    assert_non_null(file);
    unsigned char *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    size_t length = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    CheckpointReason reason;
    if (load(b, bytes, length, &reason) != 0)
        fail_msg("%s", reason.text);
    free(bytes);
}

/* Only the limit of the moment counts, and nothing is half there unsaid. */
static void test_past_the_limit(void **state)
{
    Bench *b = *state;
    FixtureSeries f;
    CheckpointFigures figures;
    CheckpointReason reason;
    fixture_series_init(&f, 5);
    assert_int_equal(-EDQUOT, fixture_checkpoint_load(&b->directory, &f, &figures, &reason));
    assert_non_null(strstr(reason.text, "cannot take it up"));
    fixture_series_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ten_thousand_corruptions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sealed_nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_format_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_checkpoint_of_version_1, setup, teardown),
        cmocka_unit_test_setup_teardown(test_past_the_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
