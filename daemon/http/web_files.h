/* The page's files, as they lie in daemon/http/web, embedded in the program when it is built. Constant,
 * so any thread. */
#ifndef HTTP_WEB_FILES_H
#define HTTP_WEB_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* The file that is the page itself. */
#define WEB_FILES_INDEX "index.html"

typedef struct {
    const char *name; /* in its folder */
    const char *type; /* media type, as Content-Type has it */
    const char *data;
    size_t length;
} WebFile;

/* Finds a file by its name, which need not be zero-terminated. => whether there is one: then *out is it. */
bool web_files_find(const char *name, size_t length, WebFile *out);

enum {
    WEB_FILE_TAG_SIZE = 19 /* 16 hex digits in quotes, and a zero */
};

/* The file's entity tag (RFC 9110, 8.8.3): strong, the XXH3 of its bytes. => `out`. */
const char *web_file_tag(const WebFile *file, char out[WEB_FILE_TAG_SIZE]);

#endif
