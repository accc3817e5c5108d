/* Takes a request's target apart, byte by byte and with lengths: libmicrohttpd's own decoding ends
 * at a NUL and lets broken escapes pass, so it is switched off.
 *
 * Thread rule: nothing is kept; any thread. */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

/* A run of bytes within somebody else's text; not zero-terminated. */
typedef struct {
    const char *data;
    size_t length;
} UriPart;

/* Splits "/path?query", or "http://host/path?query" as a proxy would send it. Both parts are still
 * encoded; a target without '?' has an empty query. A '#' is a byte like any other: clients keep the
 * fragment to themselves, and a tag list that was pasted unencoded still finds its series. */
void uri_split(const char *target, size_t length, UriPart *path, UriPart *query);

/* Replaces each %XX by its byte; every other byte, '+' too, stays as it is. The result may be any
 * bytes but NUL, and is not zero-terminated. `out` may be `in`.
 * => 0; -EINVAL: a broken escape, or a NUL, encoded or not; -ENOSPC: longer than `capacity`. On
 * failure *out_length is untouched. */
int uri_decode(const char *in, size_t length, char *out, size_t capacity, size_t *out_length);

/* Like uri_decode(), and '+' is a space: for the values of a query, as browsers' forms send them. */
int uri_decode_query(const char *in, size_t length, char *out, size_t capacity, size_t *out_length);

/* Cuts the next "key=value" off *query; without '=' the value is empty. Both are still encoded.
 * Empty ones ("a&&b") are passed over. => false: there is none left. */
bool uri_next_parameter(UriPart *query, UriPart *key, UriPart *value);

/* => whether the part is exactly this text. */
bool uri_part_is(const UriPart *part, const char *text);

#endif
