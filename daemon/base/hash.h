/* 64-bit hashes of byte strings, for tables that hostile senders fill.
 *
 * Any thread; no state. The functions are inline because they stand in the hottest loop: the key of
 * one value is hashed in about the time of one missed branch.
 *
 * Construction: the folded multiply of wyhash (Wang Yi, public domain, "final version 4",
 * github.com/wangyi-fudan/wyhash): two words times each other, both halves of the 128-bit product
 * XORed. Unlike wyhash, which has its secrets in the source and only a seed to vary, ALL secrets are
 * drawn at random. Why: each step multiplies (input ^ secret) by something that depends on the seed.
 * Where a sender knows the secret, input = secret makes that factor zero, hence the product zero
 * whatever the seed and the rest of the input: as many collisions as wanted, under every seed at
 * once. With an unknown secret each try hits that with a probability of 2^-64.
 *
 * Not promised: this is no cryptographic PRF. Someone who could read hashes could work out the key.
 * So no hash made with a random key may leave the process, not even as an order of output. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t secret[4];
} HashKey;

/* Draws a key from the kernel. => 0 or negative errno (*key is then untouched). */
int hash_key_random(HashKey *key);

__extension__ typedef unsigned __int128 HashProduct;

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    HashProduct product = (HashProduct)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word); /* any alignment */
    return word;
}

static inline uint64_t hash_half_word(const unsigned char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Words that hold every byte of a string of up to 16 bytes; overlapping, but never read outside it.
 * Strings of one length differ in them; the length itself is mixed in by the caller. */
static inline void hash_short(const unsigned char *p, size_t length, uint64_t *a, uint64_t *b)
{
    if (length >= 4) {
        size_t inner = (length >> 3) << 2; /* 4 from 8 bytes on, else 0 */
        *a = hash_half_word(p) << 32 | hash_half_word(p + inner);
        *b = hash_half_word(p + length - 4) << 32 | hash_half_word(p + length - 4 - inner);
    } else {
        *a = length == 0 ? 0 : (uint64_t)p[0] << 16 | (uint64_t)p[length >> 1] << 8 | p[length - 1];
        *b = 0;
    }
}

/* The hash of data[0..length) under the key and a tweak: other tweaks give independent hashes of the
 * same bytes (one table's from another's, or a kind's). Nothing outside the string is read; data may
 * be NULL if length is 0. The value depends on the machine's byte order. */
static inline __attribute__((always_inline)) uint64_t
hash_bytes(const HashKey *key, const void *data, size_t length, uint64_t tweak)
{
    const unsigned char *p = data;
    const uint64_t *secret = key->secret;
    uint64_t seed = tweak ^ hash_mix(tweak ^ secret[0], secret[1]);
    uint64_t a;
    uint64_t b;
    if (length <= 16) {
        hash_short(p, length, &a, &b);
    } else {
        size_t left = length;
        if (left > 48) { /* three chains, so that their multiplications overlap */
            uint64_t seed1 = seed;
            uint64_t seed2 = seed;
            for (; left > 48; left -= 48, p += 48) {
                seed = hash_mix(hash_word(p) ^ secret[1], hash_word(p + 8) ^ seed);
                seed1 = hash_mix(hash_word(p + 16) ^ secret[2], hash_word(p + 24) ^ seed1);
                seed2 = hash_mix(hash_word(p + 32) ^ secret[3], hash_word(p + 40) ^ seed2);
            }
            seed ^= seed1 ^ seed2;
        }
        for (; left > 16; left -= 16, p += 16)
            seed = hash_mix(hash_word(p) ^ secret[1], hash_word(p + 8) ^ seed);
        a = hash_word(p + left - 16); /* the last 16 bytes, some of them seen before */
        b = hash_word(p + left - 8);
    }
    HashProduct product = (HashProduct)(a ^ secret[1]) * (b ^ seed);
    return hash_mix((uint64_t)product ^ secret[0] ^ length, (uint64_t)(product >> 64) ^ secret[1]);
}

/* The same under a fixed, public key: for what must hash alike in every process and after a restart
 * (the values of a set; a check of what lies in a file). A sender can look for collisions here; never index a
 * table with it. */
static inline __attribute__((always_inline)) uint64_t
hash_fixed_tweaked(const void *data, size_t length, uint64_t tweak)
{
    /* wyhash's own: odd, with 32 bits set in each and in the difference of any two. */
    static const HashKey key = {{UINT64_C(0x2d358dccaa6c78a5), UINT64_C(0x8bb84b93962eacc9),
                                 UINT64_C(0x4b33a62ed433d4a3), UINT64_C(0x4d5a2da51de1aa47)}};
    return hash_bytes(&key, data, length, tweak);
}

static inline uint64_t hash_fixed(const void *data, size_t length)
{
    return hash_fixed_tweaked(data, length, 0);
}

#endif
