/* What one HTTP server did, counted.
 *
 * Written by the server's thread, read by any. Every figure is independent: a reader may see a
 * request counted whose response is not yet. */
#ifndef HTTP_COUNTS_H
#define HTTP_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    HTTP_STATUS_CLASSES = 5
}; /* 1xx to 5xx */

typedef struct {
    _Atomic uint64_t connections; /* open now */
    _Atomic uint64_t accepted;
    _Atomic uint64_t requests;
    _Atomic uint64_t responses[HTTP_STATUS_CLASSES];
    _Atomic uint64_t cut_late;
    _Atomic uint64_t cut_crowded_out;
    _Atomic uint64_t strangers;
} HttpCounts;

/* Plain numbers. */
typedef struct {
    uint64_t connections;
    uint64_t accepted;
    uint64_t requests;
    uint64_t responses[HTTP_STATUS_CLASSES]; /* [0]: 1xx */
    uint64_t cut_late;                       /* connections, as in connections.h */
    uint64_t cut_crowded_out;
    uint64_t strangers; /* connections on which no HTTP was spoken */
} HttpFigures;

void http_counts_connected(HttpCounts *counts);
void http_counts_disconnected(HttpCounts *counts);
void http_counts_request(HttpCounts *counts);
void http_counts_response(HttpCounts *counts, unsigned status);                /* 100 to 599 */
void http_counts_cut(HttpCounts *counts, unsigned late, unsigned crowded_out); /* any thread */

void http_counts_stranger(HttpCounts *counts);

void http_counts_read(const HttpCounts *counts, HttpFigures *out);

#endif
