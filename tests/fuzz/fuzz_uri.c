/* Any bytes as a request's target: nothing beyond the input is read, what is decoded is never longer
 * than it was and holds no NUL, and encoding it again leads back to it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

/* Encodes every byte, decodes that, and expects the same. */
static void check_round_trip(const char *plain, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = malloc(3 * length + 1);
    require(encoded != NULL);
    for (size_t i = 0; i < length; i++) {
        encoded[3 * i] = '%';
        encoded[3 * i + 1] = digits[(unsigned char)plain[i] / 16];
        encoded[3 * i + 2] = digits[(unsigned char)plain[i] % 16];
    }
    size_t again = 0;
    require(uri_decode(encoded, 3 * length, encoded, length, &again) == 0);
    require(again == length && memcmp(encoded, plain, length) == 0);
    free(encoded);
}

static void check_part(const UriPart *part)
{
    char *out = malloc(part->length + 1);
    require(out != NULL);
    size_t length = SIZE_MAX;
    if (uri_decode_query(part->data, part->length, out, part->length, &length) == 0)
        require(length <= part->length && memchr(out, '\0', length) == NULL);
    else
        require(length == SIZE_MAX);
    if (uri_decode(part->data, part->length, out, part->length, &length) == 0) {
        require(length <= part->length && memchr(out, '\0', length) == NULL);
        check_round_trip(out, length);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size > 0 ? size : 1);
    require(exact != NULL);
    memcpy(exact, data, size);
    UriPart path;
    UriPart query;
    uri_split(exact, size, &path, &query);
    require(path.length + query.length <= size);
    check_part(&path);
    UriPart key;
    UriPart value;
    size_t left = query.length;
    while (uri_next_parameter(&query, &key, &value)) {
        require(query.length < left);
        left = query.length;
        check_part(&key);
        check_part(&value);
    }
    require(query.length == 0);
    free(exact);
    return 0;
}
