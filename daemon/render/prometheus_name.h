/* StatsD names and tags as Prometheus has them. Pure; any thread.
 *
 * A metric's name is [a-zA-Z_:][a-zA-Z0-9_:]*, a label's [a-zA-Z_][a-zA-Z0-9_]*. Each character that is
 * not allowed becomes one `_` (a character, not a byte), and a leading digit gets a `_` before it. So
 * `a.b` and `a_b` are one name here: prometheus_batch.h says what comes of that. */
#ifndef RENDER_PROMETHEUS_NAME_H
#define RENDER_PROMETHEUS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "metrics/series.h"

enum {
    PROMETHEUS_NAME_MAX = SERIES_NAME_MAX + 8, /* bytes of a mapped name */
    /* Bytes of a series' labels. The worst tag is one character: `é,` makes `_="true",`, or with what
     * goes before a name that is taken, `tag_` and another `_`, 14 bytes for 2. */
    PROMETHEUS_LABELS_MAX = 7 * (SERIES_TAGS_MAX + 1)
};

/* The label that keeps series apart which would be one here. */
#define PROMETHEUS_SERIES_LABEL "statsd_series"

/* Maps a series' name (1 to SERIES_NAME_MAX bytes of UTF-8). Names that the daemon itself or every
 * scrape has, `atomicstatsd_…`, `scrape_…` and `up`, get `statsd_` before them. => its length. */
size_t prometheus_name(const char *name, size_t length, char out[static PROMETHEUS_NAME_MAX]);

/* => whether the name ends as only counters' and summaries' samples may: `_total`, `_sum`, `_count`,
 * `_bucket`, `_created`. */
bool prometheus_name_is_taken(const char *name, size_t length);

/* Writes canonical tags (tags.h) as labels, in the order of their names, without braces:
 * `env="prod",route="/x"`. Equal texts are equal sets of labels.
 *
 *   key:value   the key is the label's name, all behind the first `:` its value
 *   key         value "true": an empty one would be as good as no label
 *   key:        no label, likewise
 *
 * Several tags with one label's name (`a:1,a:2`; `a.b:1,a_b:2`) make one label with the values in the
 * order of the tags, joined with commas, which no value has. `le` and `quantile`, which mean something
 * to parsers, statsd_series, which we use ourselves, and names that begin with `__`, which Prometheus
 * keeps for itself, get `tag_` before them (`tag` before `__`). */
void prometheus_labels(Buffer *out, const char *tags, size_t length);

/* A label's value without its quotes: `\`, `"` and the line feed are escaped. */
void prometheus_escape(Buffer *out, const char *text, size_t length);

#endif
