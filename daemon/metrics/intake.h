/* What came in, counted: the figures under "ingest" in /stats, and the reasons for which a line is
 * refused. They stand in metrics/ because ingest/ writes them and render/ prints them, and neither
 * of those two floors may see the other. */
#ifndef METRICS_INTAKE_H
#define METRICS_INTAKE_H

#include <stdint.h>

/* Why a line was refused. Each refused line is counted under exactly one. */
typedef enum {
    REJECT_BAD_NAME,
    REJECT_BAD_VALUE,
    REJECT_BAD_TYPE,
    REJECT_BAD_RATE,
    REJECT_BAD_TAGS,
    REJECT_TOO_LONG,   /* the name, the tags or the line are longer than is allowed */
    REJECT_OVER_LIMIT, /* a new series: limits.max_series are there, or no memory is */
    REJECT_REASONS
} RejectReason;

/* The reason's name on the wire ("bad_name", …). Any thread. */
const char *reject_reason_name(RejectReason reason);

/* Plain numbers, of one ingest thread or of all together. At rest:
 * lines = recorded lines + ignored + sum of rejected. */
typedef struct {
    uint64_t datagrams;
    uint64_t bytes;                    /* payload, without UDP and IP headers */
    uint64_t lines;                    /* every line that is not blank */
    uint64_t values;                   /* every value recorded: a packed line of 3 counts 3 */
    uint64_t ignored;                  /* DogStatsD events and service checks */
    uint64_t rejected[REJECT_REASONS]; /* lines, by reason */
    uint64_t dropped_kernel;           /* datagrams that found the socket buffer full */
} IntakeCounts;

/* All reasons together. */
uint64_t intake_rejected_total(const IntakeCounts *counts);

/* *total += *part, field by field. */
void intake_add(IntakeCounts *total, const IntakeCounts *part);

#endif
