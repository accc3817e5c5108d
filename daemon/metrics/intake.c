#include "metrics/intake.h"

#include <stddef.h>

const char *reject_reason_name(RejectReason reason)
{
    static const char *const names[REJECT_REASONS] = {
        [REJECT_BAD_NAME] = "bad_name",     [REJECT_BAD_VALUE] = "bad_value",
        [REJECT_BAD_TYPE] = "bad_type",     [REJECT_BAD_RATE] = "bad_rate",
        [REJECT_BAD_TAGS] = "bad_tags",     [REJECT_TOO_LONG] = "too_long",
        [REJECT_OVER_LIMIT] = "over_limit",
    };
    return names[reason];
}

uint64_t intake_rejected_total(const IntakeCounts *counts)
{
    uint64_t total = 0;
    for (size_t i = 0; i < REJECT_REASONS; i++)
        total += counts->rejected[i];
    return total;
}

void intake_add(IntakeCounts *total, const IntakeCounts *part)
{
    total->datagrams += part->datagrams;
    total->bytes += part->bytes;
    total->lines += part->lines;
    total->values += part->values;
    total->ignored += part->ignored;
    for (size_t i = 0; i < REJECT_REASONS; i++)
        total->rejected[i] += part->rejected[i];
    total->dropped_kernel += part->dropped_kernel;
}
