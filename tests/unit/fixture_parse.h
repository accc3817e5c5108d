/* One line, parsed alone: for tests that look at lines rather than at datagrams. */
#ifndef TESTS_UNIT_FIXTURE_PARSE_H
#define TESTS_UNIT_FIXTURE_PARSE_H

#include <stdlib.h>
#include <string.h>

#include "ingest/delimiters.h"
#include "ingest/statsd_line.h"

/* Parses line[0..length), which holds no "\n", with each scanner that the CPU can run; aborts if they
 * do not give the same. The rest is as statsd_text_next() has it. */
static inline StatsdVerdict parse_alone(const char *line, size_t length, StatsdValue *values,
                                        StatsdLine *out, RejectReason *why)
{
    size_t room = DELIMITERS_ROOM - DELIMITERS_TEXT_MAX + length; /* no more than this text needs */
    uint16_t *portable = malloc(room * sizeof *portable);
    uint16_t *fast = malloc(room * sizeof *fast);
    if (portable == NULL || fast == NULL)
        abort();
    Delimiters slow = delimiters_scan_portable(line, length, portable);
    Delimiters quick = delimiters_choose(SCANNER_AUTO)(line, length, fast);
    if (slow.count != quick.count || slow.plain != quick.plain ||
        memcmp(portable, fast, slow.count * sizeof *portable) != 0)
        abort();

    StatsdText text;
    StatsdPart part;
    statsd_text_begin(&text, line, length, delimiters_scan_portable, portable);
    StatsdVerdict verdict = statsd_text_next(&text, values, &part, out, why);
    free(portable);
    free(fast);
    return verdict;
}

#endif
