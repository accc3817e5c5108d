/* NH (Black, Halevi, Krawczyk, Krovetz and Rogaway, "UMAC: Fast and Secure Message Authentication", CRYPTO
 * 1999), as XXH3 does it: each 64-bit word with a key over it, its halves times each other, all of that added up.
 * A CPU can do so with four words at once, and one stripe of four does not wait for the stripe before. Each
 * stripe has keys of its own, so that stripes that change places are noticed. */
#include "base/checksum.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_AVX2_CHECKSUM 1
#endif

enum {
    LANES = 4,
    STRIPE = LANES * 8 /* bytes */
};

/* Numbers without a pattern: the fraction of pi, as in Blowfish's P-array. */
static const uint64_t first_keys[LANES] = {
    UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344), UINT64_C(0xa4093822299f31d0),
    UINT64_C(0x082efa98ec4e6c89)};
#define KEY_STEP UINT64_C(0x9e3779b97f4a7c15) /* from one stripe's key to the next one's */

static uint64_t join(const uint64_t sums[LANES], size_t length, uint64_t tweak)
{
    uint64_t seed = hash_mix(tweak ^ first_keys[0], length ^ first_keys[1]);
    return hash_mix(sums[0] ^ seed, sums[1] ^ first_keys[2]) ^
           hash_mix(sums[2] ^ first_keys[3], sums[3] ^ ~seed);
}

static void add_stripe(const unsigned char *p, uint64_t keys[LANES], uint64_t sums[LANES])
{
    for (size_t i = 0; i < LANES; i++) {
        uint64_t word = hash_word(p + 8 * i) ^ keys[i];
        sums[i] += (word & UINT32_MAX) * (word >> 32);
        keys[i] += KEY_STEP;
    }
}

uint64_t checksum_long_portable(const void *data, size_t length, uint64_t tweak)
{
    const unsigned char *p = data;
    uint64_t sums[LANES] = {0};
    uint64_t keys[LANES];
    memcpy(keys, first_keys, sizeof keys);
    for (size_t at = 0; at + STRIPE < length; at += STRIPE)
        add_stripe(p + at, keys, sums);
    add_stripe(p + length - STRIPE, keys, sums); /* some of it for the second time */
    return join(sums, length, tweak);
}

#ifdef HAVE_AVX2_CHECKSUM

#define AVX2_FUNCTION __attribute__((target("avx2")))

AVX2_FUNCTION static inline __m256i stripe_of(const unsigned char *p, __m256i keys)
{
    __m256i words = _mm256_xor_si256(_mm256_loadu_si256((const __m256i_u *)p), keys);
    return _mm256_mul_epu32(words, _mm256_srli_epi64(words, 32));
}

AVX2_FUNCTION uint64_t checksum_long_avx2(const void *data, size_t length, uint64_t tweak)
{
    const unsigned char *p = data;
    __m256i step = _mm256_set1_epi64x((long long)KEY_STEP);
    __m256i keys = _mm256_loadu_si256((const __m256i_u *)first_keys);
    __m256i sum = _mm256_setzero_si256();
    for (size_t at = 0; at + STRIPE < length; at += STRIPE) {
        sum = _mm256_add_epi64(sum, stripe_of(p + at, keys));
        keys = _mm256_add_epi64(keys, step);
    }
    sum = _mm256_add_epi64(sum, stripe_of(p + length - STRIPE, keys));
    uint64_t sums[LANES];
    _mm256_storeu_si256((__m256i_u *)sums, sum);
    return join(sums, length, tweak);
}

static bool cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

#else

uint64_t checksum_long_avx2(const void *data, size_t length, uint64_t tweak)
{
    return checksum_long_portable(data, length, tweak);
}

static bool cpu_has_avx2(void)
{
    return false;
}

#endif

uint64_t checksum_long(const void *data, size_t length, uint64_t tweak)
{
    return cpu_has_avx2() ? checksum_long_avx2(data, length, tweak)
                          : checksum_long_portable(data, length, tweak);
}
