/* libatomicstats: the headers' functions with external linkage, for other languages. There is no
 * code of its own here; <atomicstats/api.h> says how the two forms go together. */
#define ASTATS_EXPORT

#include <atomicstats/counter.h>
#include <atomicstats/flag.h>
#include <atomicstats/progress.h>
#include <atomicstats/stats.h>
