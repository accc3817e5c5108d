/* Whatever can take the members of a JSON object: a stream of text (json_writer.h), or a tree. So
 * what a part of a document holds is said once, and who holds the document says how it is written.
 *
 * Thread rule: that of what is behind it. */
#ifndef RENDER_JSON_SINK_H
#define RENDER_JSON_SINK_H

#include <stdint.h>

enum {
    JSON_SINK_DEPTH = 4 /* objects that may be open within the one that it begins with */
};

/* `to` goes to each function. Texts are valid UTF-8, or are made so. */
typedef struct {
    void *to;
    void (*open)(void *to, const char *key); /* a member that is an object; the next go into it */
    void (*close)(void *to);
    void (*text)(void *to, const char *key, const char *text);
    void (*uint64)(void *to, const char *key, uint64_t value);
    void (*number)(void *to, const char *key, double value); /* not finite: null */
} JsonSink;

#endif
