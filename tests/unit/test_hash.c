#include "base/hash.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* A fixed key: what holds for it is the same in every run. */
static const HashKey key = {{UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344),
                             UINT64_C(0xa4093822299f31d0), UINT64_C(0x082efa98ec4e6c89)}};

static int compare(const void *a, const void *b)
{
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static size_t duplicates(uint64_t *hashes, size_t count)
{
    qsort(hashes, count, sizeof *hashes, compare);
    size_t found = 0;
    for (size_t i = 1; i < count; i++)
        found += hashes[i] == hashes[i - 1];
    return found;
}

static void test_random_keys(void **state)
{
    (void)state;
    HashKey a = {{1, 2, 3, 4}};
    HashKey b = {{1, 2, 3, 4}};
    assert_int_equal(hash_key_random(&a), 0);
    assert_int_equal(hash_key_random(&b), 0);
    for (int i = 0; i < 4; i++)
        if (a.secret[i] == b.secret[i])
            fail_msg("secret %d: expected different ones, got %" PRIx64 " twice", i, a.secret[i]);
    for (size_t length = 0; length < 100; length++) {
        char text[100] = {0};
        assert_true(hash_bytes(&a, text, length, 0) != hash_bytes(&b, text, length, 0));
    }
}

/* Each secret and the tweak count. */
static void test_key_and_tweak(void **state)
{
    (void)state;
    char text[120];
    memset(text, 'k', sizeof text);
    uint64_t expected = hash_bytes(&key, text, sizeof text, 7);
    assert_int_equal(hash_bytes(&key, text, sizeof text, 7), expected);
    assert_true(hash_bytes(&key, text, sizeof text, 8) != expected);
    assert_true(hash_bytes(&key, text, sizeof text - 1, 7) != expected);
    for (int i = 0; i < 4; i++) {
        HashKey other = key;
        other.secret[i] ^= UINT64_C(1) << 40;
        assert_true(hash_bytes(&other, text, sizeof text, 7) != expected);
    }
    assert_int_equal(hash_bytes(&key, NULL, 0, 7), hash_bytes(&key, text, 0, 7));
}

/* What is stored under these values must be found again by later versions. */
static void test_fixed_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } cases[] = {
        {"", UINT64_C(0x93228a4de0eec5a2)},
        {"a", UINT64_C(0xaced12527fe5bff8)},
        {"abcd", UINT64_C(0x6d9a9834037410eb)},
        {"user-1234", UINT64_C(0x2a0174da57f57fa)},
        {"0123456789abcdef", UINT64_C(0x88de385a856cfb95)},
        {"0123456789abcdef0", UINT64_C(0x6d35345a7d959e03)},
        {"the quick brown fox jumps over the lazy dog, and then some more",
         UINT64_C(0xd3ba3632231bfd)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t got = hash_fixed(cases[i].text, strlen(cases[i].text));
        if (got != cases[i].hash)
            fail_msg("\"%s\": expected %#" PRIx64 ", got %#" PRIx64, cases[i].text, cases[i].hash,
                     got);
    }
}

/* Any input bit turned over turns over each output bit in about half of all cases. */
static void test_avalanche(void **state)
{
    (void)state;
    enum {
        ROUNDS = 2000
    };
    static const size_t lengths[] = {1, 3, 4, 8, 16, 17, 30, 48, 49, 100};
    uint64_t random = 20260131;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        int turned[64] = {0};
        for (int round = 0; round < ROUNDS; round++) {
            unsigned char text[100];
            for (size_t i = 0; i < lengths[l]; i++)
                text[i] = (unsigned char)(hash_fixed(&random, sizeof random) >> 32), random++;
            uint64_t before = hash_bytes(&key, text, lengths[l], 0);
            size_t bit = (size_t)hash_fixed(&random, sizeof random) % (lengths[l] * 8);
            text[bit / 8] ^= (unsigned char)(1u << bit % 8);
            uint64_t changes = before ^ hash_bytes(&key, text, lengths[l], 0);
            for (int i = 0; i < 64; i++)
                turned[i] += (int)(changes >> i & 1);
        }
        for (int i = 0; i < 64; i++) /* 6 sigma are 134 */
            if (abs(turned[i] - ROUNDS / 2) > 134)
                fail_msg("length %zu, bit %d: expected %d +- 134 changes, got %d", lengths[l], i,
                         ROUNDS / 2, turned[i]);
    }
}

/* A million names as a fleet of hosts would send them: no collision in 64 bits, and every slice of
 * the bits fills 1,024 buckets evenly. */
static void test_a_million_names(void **state)
{
    (void)state;
    enum {
        COUNT = 1000000,
        BUCKETS = 1024
    };
    uint64_t *hashes = malloc(COUNT * sizeof *hashes);
    assert_non_null(hashes);
    static int filled[6][BUCKETS];
    for (int i = 0; i < COUNT; i++) {
        char name[64];
        int length = snprintf(name, sizeof name, "api.host%d.request%d|ms", i / 1000, i % 1000);
        hashes[i] = hash_bytes(&key, name, (size_t)length, 0);
        for (int slice = 0; slice < 6; slice++)
            filled[slice][hashes[i] >> (slice * 10 + (slice == 5) * 4) & (BUCKETS - 1)]++;
    }
    for (int slice = 0; slice < 6; slice++) {
        double chi2 = 0;
        double expected = (double)COUNT / BUCKETS;
        for (int i = 0; i < BUCKETS; i++)
            chi2 += (filled[slice][i] - expected) * (filled[slice][i] - expected) / expected;
        if (chi2 < 780 || chi2 > 1300) /* 1023 degrees of freedom: sigma 45 */
            fail_msg("slice %d: expected chi2 of 780 to 1300, got %g", slice, chi2);
    }
    assert_int_equal(duplicates(hashes, COUNT), 0);
    for (uint64_t i = 0; i < COUNT; i++) /* counters, sparse input at its sparsest */
        hashes[i] = hash_fixed(&i, sizeof i);
    assert_int_equal(duplicates(hashes, COUNT), 0);
    free(hashes);
}

/* Strings of zeros differ in nothing but their length. */
static void test_lengths(void **state)
{
    (void)state;
    static const char zeros[201];
    uint64_t hashes[201];
    for (size_t length = 0; length <= 200; length++)
        hashes[length] = hash_bytes(&key, zeros, length, 0);
    assert_int_equal(duplicates(hashes, 201), 0);
}

/* At the very end of readable memory, and at every alignment: no byte outside is read. */
static void test_page_end(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *memory = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(mprotect(memory + page, page, PROT_READ | PROT_WRITE), 0);
    unsigned char *begin = memory + page;
    unsigned char *end = begin + page;
    for (size_t length = 0; length <= 200; length++) {
        for (size_t i = 0; i < length; i++)
            begin[i] = end[(ptrdiff_t)i - (ptrdiff_t)length] = (unsigned char)(i * 37 + length);
        uint64_t expected = hash_bytes(&key, begin, length, 1);
        uint64_t got = hash_bytes(&key, end - length, length, 1);
        if (got != expected)
            fail_msg("length %zu: expected %" PRIx64 ", got %" PRIx64, length, expected, got);
        for (size_t i = 0; i < length; i++) { /* and every byte inside counts */
            begin[i] ^= 0x10;
            assert_true(hash_bytes(&key, begin, length, 1) != expected);
            begin[i] ^= 0x10;
        }
    }
    munmap(memory, 3 * page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_keys),     cmocka_unit_test(test_key_and_tweak),
        cmocka_unit_test(test_fixed_values),    cmocka_unit_test(test_avalanche),
        cmocka_unit_test(test_a_million_names), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_page_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
