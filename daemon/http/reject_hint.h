/* What the sender of a refused line can do about it, in a few words. Any thread; no state. */
#ifndef HTTP_REJECT_HINT_H
#define HTTP_REJECT_HINT_H

#include "metrics/intake.h"

/* `text`: the line as a RejectRecord has it, escaped and cut; what it looks like tells more than the reason
 * alone, but is a guess. => never NULL, without a full stop */
const char *reject_hint(RejectReason reason, const char *text);

#endif
