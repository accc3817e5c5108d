/* What load.c sends: its options, and the text of the datagrams. For the benches only. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOAD_NAME_DIGITS = 7,
    LOAD_VALUE_DIGITS = 4,
    LOAD_VALUES_MAX = 1000, /* in a datagram */
    LOAD_PAIR_SUM = 10999   /* 1000 + 9999: so each of a pair has four digits */
};

#define LOAD_PREFIX "bench.service.latency."

typedef struct {
    unsigned port, values, names, first, ports;
    bool packed, once;
    const char *type;
    double rate, seconds; /* 0: flat out; no limit */
    uint64_t datagrams;   /* 0: no limit */
} LoadOptions;

typedef struct {
    unsigned values, names, next;
    bool packed, once;
    const char *type;
    size_t length; /* of each datagram */
    uint64_t rng;
} LoadText;

static inline uint64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- options ---- */

static inline bool load_option(LoadOptions *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        unsigned *to;
    } numbers[] = {{"--port", &o->port},
                   {"--values", &o->values},
                   {"--names", &o->names},
                   {"--first", &o->first},
                   {"--ports", &o->ports}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].to = (unsigned)strtoul(value, NULL, 10);
            return true;
        }
    }
    if (strcmp(name, "--type") == 0)
        o->type = value;
    else if (strcmp(name, "--rate") == 0)
        o->rate = strtod(value, NULL);
    else if (strcmp(name, "--seconds") == 0)
        o->seconds = strtod(value, NULL);
    else if (strcmp(name, "--datagrams") == 0)
        o->datagrams = strtoull(value, NULL, 10);
    else
        return false;
    return true;
}

/* => whether they were understood, and the run comes to an end. */
static inline bool load_options_parse(int argc, char **argv, LoadOptions *o)
{
    *o = (LoadOptions){.values = 1, .names = 1000, .ports = 1, .type = "ms"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--packed") == 0)
            o->packed = true;
        else if (strcmp(argv[i], "--once") == 0)
            o->once = true;
        else if (i + 1 == argc || !load_option(o, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    if (o->values == 0 || o->values > LOAD_VALUES_MAX || o->names == 0 || o->ports == 0)
        return false;
    if (o->once)
        o->datagrams = o->names / (o->packed ? 1 : o->values);
    return o->port > 0 && (o->seconds > 0 || o->datagrams > 0);
}

/* ---- text ---- */

static inline void load_text_init(LoadText *t, const LoadOptions *o)
{
    *t = (LoadText){.values = o->values,
                    .names = o->names,
                    .next = o->first,
                    .packed = o->packed,
                    .once = o->once,
                    .type = o->type,
                    .rng = 20260131 + o->first};
    size_t name = strlen(LOAD_PREFIX) + LOAD_NAME_DIGITS, value = 1 + LOAD_VALUE_DIGITS;
    size_t end = 1 + strlen(o->type);
    t->length =
        o->packed ? name + o->values * value + end : o->values * (name + value + end + 1) - 1;
}

static inline uint32_t load_random_below(LoadText *t, uint32_t end)
{
    t->rng ^= t->rng << 13, t->rng ^= t->rng >> 7, t->rng ^= t->rng << 17;
    return (uint32_t)((t->rng >> 32) * end >> 32);
}

static inline char *load_put(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static inline char *load_put_digits(char *at, uint32_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + digits;
}

static inline char *load_put_name(LoadText *t, char *at)
{
    uint32_t name = t->once ? t->next++ : load_random_below(t, t->names);
    return load_put_digits(load_put(at, LOAD_PREFIX), name, LOAD_NAME_DIGITS);
}

/* Writes t->length bytes, not terminated. => the sum of the values. */
static inline uint64_t load_text_make(LoadText *t, char *at)
{
    uint64_t sum = 0;
    uint32_t value = 0;
    for (unsigned i = 0; i < t->values; i++) {
        if (i > 0 && !t->packed)
            *at++ = '\n';
        if (i == 0 || !t->packed)
            at = load_put_name(t, at);
        value = i % 2 == 0 ? 1000 + load_random_below(t, 9000) : LOAD_PAIR_SUM - value;
        sum += value;
        *at++ = ':';
        at = load_put_digits(at, value, LOAD_VALUE_DIGITS);
        if (!t->packed || i + 1 == t->values) {
            *at++ = '|';
            at = load_put(at, t->type);
        }
    }
    return sum;
}

/* => the sum of any datagram's values; 0 if they differ. */
static inline uint64_t load_text_sum_each(const LoadText *t)
{
    return t->values % 2 == 0 ? (uint64_t)t->values / 2 * LOAD_PAIR_SUM : 0;
}

#endif
