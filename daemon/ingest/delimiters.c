#include "ingest/delimiters.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_AVX2_SCANNER 1
#endif

/* ---- portable: eight bytes in a word ---- */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define LOW_SEVEN EACH_BYTE(0x7F)
#define HIGH_BITS EACH_BYTE(0x80)

/* => the high bit of each byte that is 0, exactly (Hacker's Delight, 6-1). */
static uint64_t zero_bytes(uint64_t word)
{
    return ~(((word & LOW_SEVEN) + LOW_SEVEN) | word | LOW_SEVEN);
}

static uint64_t equal_bytes(uint64_t word, unsigned char byte)
{
    return zero_bytes(word ^ EACH_BYTE(byte));
}

/* => the high bit of each byte that is neither "\n" nor in 0x20 to 0x7E. */
static uint64_t odd_bytes(uint64_t word, uint64_t newlines)
{
    /* A byte below 0x20 has none of the bits 0x60; adding 0x60 to the low seven would carry. */
    uint64_t controls = ~((word & LOW_SEVEN) + EACH_BYTE(0x60)) & HIGH_BITS;
    return (controls & ~newlines) | (word & HIGH_BITS) | equal_bytes(word, 0x7F);
}

/* Appends the positions of the marked bytes of the word at `base`, and notes odd ones. */
static size_t scan_word(uint64_t word, size_t base, uint16_t *positions, uint64_t *odd)
{
    size_t count = 0;
    uint64_t newlines = equal_bytes(word, '\n');
    uint64_t marks = newlines | equal_bytes(word, ':') | equal_bytes(word, '|');
    *odd |= odd_bytes(word, newlines);
    while (marks != 0) {
        positions[count++] = (uint16_t)(base + (size_t)__builtin_ctzll(marks) / 8);
        marks &= marks - 1;
    }
    return count;
}

/* The first byte in memory becomes the lowest of the word, on every machine. */
static uint64_t load_word(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

Delimiters delimiters_scan_portable(const char *text, size_t length, uint16_t *positions)
{
    size_t count = 0;
    size_t i = 0;
    uint64_t odd = 0;
    for (; i + 8 <= length; i += 8)
        count += scan_word(load_word(text + i), i, positions + count, &odd);
    if (i < length) {
        char rest[8] = "        ";
        memcpy(rest, text + i, length - i);
        count += scan_word(load_word(rest), i, positions + count, &odd);
    }
    return (Delimiters){count, odd == 0};
}

/* ---- AVX2: 32 bytes in a register ---- */

#ifdef HAVE_AVX2_SCANNER

#define AVX2_FUNCTION __attribute__((target("avx2,popcnt,bmi")))

/* Writes the position of the lowest set bit. => the others. The empty statement keeps gcc from
 * gathering the stores of several calls into one, for twice the instructions. */
AVX2_FUNCTION static inline uint32_t append_lowest(uint32_t bits, size_t base, uint16_t *position)
{
    *position = (uint16_t)(base + _tzcnt_u32(bits));
    __asm__("" : : : "memory");
    return _blsr_u32(bits);
}

/* Appends the positions of the set bits. The first four are written whether they are there or not
 * (tzcnt of 0 is 32): a block of 32 bytes seldom has more, and a loop that ends here and there costs
 * a misprediction. */
AVX2_FUNCTION static inline size_t append_bits(uint32_t bits, size_t base, uint16_t *positions)
{
    size_t count = (size_t)__builtin_popcount(bits);
    bits = append_lowest(bits, base, positions);
    bits = append_lowest(bits, base, positions + 1);
    bits = append_lowest(bits, base, positions + 2);
    bits = append_lowest(bits, base, positions + 3);
    for (size_t i = 4; i < count; i++)
        bits = append_lowest(bits, base, positions + i);
    return count;
}

/* => a bit for each delimiter of the block; what is not plain goes to *odd. */
AVX2_FUNCTION static inline uint32_t scan_block(__m256i block, __m256i *odd)
{
    __m256i newlines = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\n'));
    __m256i colons = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(':'));
    __m256i bars = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('|'));
    /* 0x20 to 0x7E become the lowest signed numbers, the others are above them. */
    __m256i shifted = _mm256_add_epi8(block, _mm256_set1_epi8(0x80 - 0x20));
    __m256i others = _mm256_cmpgt_epi8(shifted, _mm256_set1_epi8(0x7E - 0x20 - 0x80));
    *odd = _mm256_or_si256(*odd, _mm256_andnot_si256(newlines, others));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(newlines, _mm256_or_si256(colons, bars)));
}

/* 16 to 31 bytes: the first 16 and the last 16, some of them twice. */
AVX2_FUNCTION static Delimiters scan_short(const char *text, size_t length, uint16_t *positions)
{
    __m128i first = _mm_loadu_si128((const __m128i_u *)text);
    __m128i last = _mm_loadu_si128((const __m128i_u *)(text + length - 16));
    __m256i odd = _mm256_setzero_si256();
    uint32_t bits = scan_block(_mm256_set_m128i(last, first), &odd);
    bits = (bits & 0xFFFF) | bits >> 16 << (length - 16);
    size_t count = append_bits(bits, 0, positions);
    return (Delimiters){count, _mm256_testz_si256(odd, odd) != 0};
}

AVX2_FUNCTION Delimiters delimiters_scan_avx2(const char *text, size_t length, uint16_t *positions)
{
    if (length < 16)
        return delimiters_scan_portable(text, length, positions);
    if (length < 32)
        return scan_short(text, length, positions);
    size_t count = 0;
    size_t i = 0;
    __m256i odd = _mm256_setzero_si256();
    for (; i + 32 <= length; i += 32) {
        __m256i block = _mm256_loadu_si256((const __m256i_u *)(text + i));
        count += append_bits(scan_block(block, &odd), i, positions + count);
    }
    if (i < length) {
        /* The last 32 bytes, some of them for the second time. */
        __m256i block = _mm256_loadu_si256((const __m256i_u *)(text + length - 32));
        uint32_t bits = scan_block(block, &odd) >> (32 - (length - i));
        count += append_bits(bits, i, positions + count);
    }
    return (Delimiters){count, _mm256_testz_si256(odd, odd) != 0};
}

#else

Delimiters delimiters_scan_avx2(const char *text, size_t length, uint16_t *positions)
{
    return delimiters_scan_portable(text, length, positions);
}

#endif

static bool cpu_has_avx2(void)
{
#ifdef HAVE_AVX2_SCANNER
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("bmi");
#else
    return false;
#endif
}

DelimiterScanner delimiters_choose(ScannerChoice choice)
{
    bool avx2 = choice != SCANNER_PORTABLE && cpu_has_avx2();
    if (choice == SCANNER_AVX2 && !avx2)
        return NULL;
    return avx2 ? delimiters_scan_avx2 : delimiters_scan_portable;
}

const char *delimiters_name(DelimiterScanner scan)
{
    return scan == delimiters_scan_avx2 ? "avx2" : "portable";
}
