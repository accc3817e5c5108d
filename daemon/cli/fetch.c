#include "cli/fetch.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum {
    CONNECT_TIMEOUT_S = 5,
    STALL_TIMEOUT_S = 10, /* without a byte */
    PATH_SIZE = 4096
};

__attribute__((format(printf, 3, 4))) static int fail(Fetch *fetch, int error, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fetch->error, sizeof fetch->error, format, args);
    va_end(args);
    return error;
}

static size_t take(const char *bytes, size_t one, size_t count, void *context)
{
    Fetch *fetch = context;
    size_t length = one * count;
    size_t wanted = fetch->length + length + 1;
    if (wanted >
        fetch->capacity) { /* doubled, so that a large answer is not copied again and again */
        char *grown = realloc(fetch->body, 2 * wanted);
        if (grown == NULL)
            return 0;
        fetch->body = grown;
        fetch->capacity = 2 * wanted;
    }
    memcpy(fetch->body + fetch->length, bytes, length);
    fetch->length += length;
    fetch->body[fetch->length] = '\0';
    return length;
}

static int progressed(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                      curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    const Fetch *fetch = context;
    return fetch->stop != NULL && fetch->stop(fetch->context) ? 1 : 0;
}

int fetch_open(Fetch *fetch, const Endpoint *from)
{
    *fetch = (Fetch){.from = *from};
    CURL *curl = curl_easy_init();
    fetch->curl = curl;
    if (curl == NULL)
        return fail(fetch, -ENOMEM, "libcurl does not start");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* the daemon is near */
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "atomicstats/" ATOMICSTATSD_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progressed);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
    return 0;
}

/* What the daemon says in {"error":{"message":…}}, else only the status. */
static int fail_with_status(Fetch *fetch, const char *where)
{
    char said[200] = "";
    cJSON *tree = cJSON_ParseWithLength(fetch->body, fetch->length);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    if (text != NULL)
        (void)utf8_escape(text, strlen(text), said, sizeof said);
    cJSON_Delete(tree);
    return fail(fetch, -EPROTO, "%s answers with status %ld%s%s", where, fetch->status,
                text != NULL ? ": " : "; is that atomicstatsd's HTTP port?", said);
}

/* Nobody listens there, or the way there is barred. */
static int fail_to_connect(Fetch *fetch, const char *where)
{
    long error = 0;
    (void)curl_easy_getinfo(fetch->curl, CURLINFO_OS_ERRNO, &error);
    if (error != 0 && error != ECONNREFUSED)
        return fail(fetch, (int)-error, "cannot reach %s: %s; --http HOST:PORT says where it is",
                    where, strerrordesc_np((int)error));
    if (fetch->from.port == ENDPOINT_UDP_PORT)
        return fail(fetch, -ECONNREFUSED,
                    "cannot reach %s: connection refused; %d is the port for values, HTTP is at %d",
                    where, ENDPOINT_UDP_PORT, ENDPOINT_HTTP_PORT);
    return fail(fetch, -ECONNREFUSED,
                "cannot reach %s: connection refused; is atomicstatsd running there? "
                "`systemctl start atomicstatsd` or `atomicstatsd` starts it, --http HOST:PORT says "
                "where it is",
                where);
}

static int fail_with_code(Fetch *fetch, CURLcode code, const char *where)
{
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return fail(fetch, -ECANCELED, "stopped");
    case CURLE_COULDNT_CONNECT:
        return fail_to_connect(fetch, where);
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(fetch, -EHOSTUNREACH,
                    "there is no host %s; --http HOST:PORT says where atomicstatsd is",
                    fetch->from.host);
    case CURLE_OPERATION_TIMEDOUT:
        return fail(fetch, -ETIMEDOUT, "%s does not answer; is that atomicstatsd's HTTP port?",
                    where);
    default:
        return fail(fetch, -EIO, "%s: %s; is that atomicstatsd's HTTP port?", where,
                    curl_easy_strerror(code));
    }
}

int fetch_get(Fetch *fetch, const char *path)
{
    char where[ENDPOINT_TEXT_SIZE];
    char url[ENDPOINT_TEXT_SIZE + PATH_SIZE + 8];
    endpoint_format(&fetch->from, where);
    if (strlen(path) >= PATH_SIZE)
        return fail(fetch, -ENAMETOOLONG, "the name is too long to ask for");
    (void)snprintf(url, sizeof url, "http://%s%s", where, path);
    fetch->length = 0;
    (void)curl_easy_setopt(fetch->curl, CURLOPT_URL, url);
    CURLcode code = curl_easy_perform(fetch->curl);
    if (code != CURLE_OK)
        return fail_with_code(fetch, code, where);
    (void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &fetch->status);
    return fetch->status == 200 ? 0 : fail_with_status(fetch, where);
}

char *fetch_encode(const char *text)
{
    char *encoded = curl_easy_escape(NULL, text, (int)strlen(text));
    char *copy = encoded != NULL ? strdup(encoded) : NULL;
    curl_free(encoded);
    return copy;
}

void fetch_close(Fetch *fetch)
{
    if (fetch->curl != NULL)
        curl_easy_cleanup(fetch->curl);
    free(fetch->body);
    fetch->curl = NULL;
    fetch->body = NULL;
}
