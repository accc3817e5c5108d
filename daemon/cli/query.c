#include "cli/query.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"
#include "cli/command.h"

static bool is_kind(const char *word, size_t length)
{
    for (int kind = 0; kind < READING_KINDS; kind++) {
        const char *name = reading_kind_name((ReadingKind)kind);
        if (strlen(name) == length && memcmp(name, word, length) == 0)
            return true;
    }
    return false;
}

static bool are_kinds(const char *kinds)
{
    for (;; kinds++) {
        size_t length = strcspn(kinds, ",");
        if (!is_kind(kinds, length))
            return false;
        kinds += length;
        if (*kinds == '\0')
            return true;
    }
}

int query_path(const char *glob, const char *kinds, char out[static QUERY_PATH_SIZE])
{
    if (kinds != NULL && !are_kinds(kinds))
        return -EINVAL;
    char *name = fetch_encode(glob != NULL ? glob : "*");
    if (name == NULL)
        return -ENOMEM;
    int length = snprintf(out, QUERY_PATH_SIZE, "/stats?name=%s%s%s", name,
                          kinds != NULL ? "&type=" : "", kinds != NULL ? kinds : "");
    free(name);
    return length < QUERY_PATH_SIZE ? 0 : -ENAMETOOLONG;
}

/* JSON needs no control characters but these, so the body can go to a terminal as it is. */
static bool is_printable(const char *body, size_t length)
{
    while (length > 0) {
        size_t clean = strcspn(body, "\n\r\t");
        if (clean > length || !utf8_is_clean(body, clean))
            return false;
        size_t taken = clean < length ? clean + 1 : clean;
        body += taken;
        length -= taken;
    }
    return true;
}

static int refuse_kinds(const char *command, const char *kinds)
{
    const char *names[READING_KINDS + 1] = {NULL};
    for (int kind = 0; kind < READING_KINDS; kind++)
        names[kind] = reading_kind_name((ReadingKind)kind);
    const char *near = nearest_word(kinds, names);
    return command_misused(command, "--type: \"%.60s\" is not of " QUERY_KINDS "%s%s%s", kinds,
                           near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                           near != NULL ? "?" : "");
}

int query_arguments(const char *command, const Arguments *words, const char *kinds,
                    char out[static QUERY_PATH_SIZE])
{
    if (words->count > 1 || words->command != NULL)
        return command_misused(command, "one GLOB at most; quote it, or the shell takes it");
    int status = query_path(words->count == 1 ? words->words[0] : NULL, kinds, out);
    if (status == -EINVAL)
        return refuse_kinds(command, kinds);
    if (status != 0)
        return command_misused(command, "GLOB: %s", strerrordesc_np(-status));
    return COMMAND_DONE;
}

int query_read(Fetch *fetch, const char *path, Reading *out)
{
    int status = fetch_get(fetch, path);
    if (status != 0)
        return status;
    if (!is_printable(fetch->body, fetch->length) ||
        reading_parse(out, fetch->body, fetch->length) != 0) {
        char where[ENDPOINT_TEXT_SIZE];
        (void)snprintf(fetch->error, sizeof fetch->error,
                       "who answers at %s is not atomicstatsd; --http HOST:PORT says where it is",
                       endpoint_format(&fetch->from, where));
        return -EPROTO;
    }
    return 0;
}
