/* A series as the command line names it, checked by the protocol's rules before anything is sent.
 * Any thread; no state. */
#ifndef CLI_METRIC_H
#define CLI_METRIC_H

#include <stdbool.h>
#include <stddef.h>

enum {
    METRIC_NAME_MAX = 255,  /* bytes */
    METRIC_TAGS_MAX = 1024, /* bytes, all of them, as sent */
    METRIC_HEAD_SIZE = METRIC_NAME_MAX + 2,
    METRIC_TAIL_SIZE = METRIC_TAGS_MAX + 64,
    METRIC_ERROR_SIZE = 320
};

typedef enum {
    METRIC_NUMBER, /* any number */
    METRIC_SET,    /* any text but "|" and line breaks */
    METRIC_FLAG,   /* 1 0 true false */
    METRIC_PROGRESS
} MetricValue;

typedef struct {
    char head[METRIC_HEAD_SIZE]; /* "NAME:" */
    size_t head_length;
    char tail[METRIC_TAIL_SIZE]; /* "|ms|@0.5|#a:b" */
    size_t tail_length;
    MetricValue value;
    double rate; /* in (0,1] */
    bool packs;  /* a line may hold several values */
} Metric;

typedef struct {
    char message[METRIC_ERROR_SIZE]; /* for people; safe to print */
} MetricError;

/* Checks name, type ("ms", "h", "d", "c", "g", "s", "f" or "p"), rate and tags; rate and tags may be NULL.
 * => 0; -EINVAL: *error says why, *out is untouched. */
int metric_init(Metric *out, const char *name, const char *type, const char *rate, const char *tags,
                MetricError *error);

/* Checks a value of it; what overflows when divided by the rate is refused, too.
 * => 0; -EINVAL: *error says why. */
int metric_check_value(const Metric *metric, const char *value, size_t length, MetricError *error);

#endif
