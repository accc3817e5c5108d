/* A client that speaks HTTP byte by byte, so that tests can also speak it wrong. Every wait ends
 * after 20 s with a failed assertion. */
#ifndef TESTS_UNIT_FIXTURE_HTTP_H
#define TESTS_UNIT_FIXTURE_HTTP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/address.h"

typedef struct {
    int fd;
    char *data; /* received, not yet taken */
    size_t length;
    size_t capacity;
} HttpClient;

typedef struct {
    unsigned status;
    char head[4096]; /* status line and headers */
    char *body;      /* zero-terminated */
    size_t length;
    bool complete; /* the body ended as it announced */
} HttpReply;

static inline HttpClient http_connect(const Address *address, int receive_buffer)
{
    HttpClient client = {.fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
                         .capacity = 1 << 16};
    struct timeval patience = {.tv_sec = 20};
    client.data = malloc(client.capacity);
    assert_true(client.fd >= 0 && client.data != NULL);
    if (receive_buffer != 0)
        assert_int_equal(0, setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                                       sizeof receive_buffer));
    assert_int_equal(0, setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    assert_int_equal(
        0, connect(client.fd, (const struct sockaddr *)&address->storage, address->length));
    return client;
}

static inline void http_disconnect(HttpClient *client)
{
    close(client->fd);
    free(client->data);
    *client = (HttpClient){.fd = -1};
}

static inline void http_send(HttpClient *client, const char *bytes, size_t length)
{
    assert_int_equal(length, send(client->fd, bytes, length, MSG_NOSIGNAL));
}

static inline void http_send_text(HttpClient *client, const char *text)
{
    http_send(client, text, strlen(text));
}

/* => false: the other side has closed, orderly or not. */
static inline bool http_receive(HttpClient *client)
{
    if (client->length == client->capacity) {
        client->capacity *= 2;
        client->data = realloc(client->data, client->capacity);
        assert_non_null(client->data);
    }
    ssize_t got =
        recv(client->fd, client->data + client->length, client->capacity - client->length, 0);
    assert_true(got >= 0 || errno == ECONNRESET);
    if (got <= 0)
        return false;
    client->length += (size_t)got;
    return true;
}

static inline bool http_receive_at_least(HttpClient *client, size_t length)
{
    while (client->length < length)
        if (!http_receive(client))
            return false;
    return true;
}

static inline void http_drop(HttpClient *client, size_t length)
{
    memmove(client->data, client->data + length, client->length - length);
    client->length -= length;
}

/* => bytes up to and with the end mark; 0: the connection ended before. */
static inline size_t http_receive_until(HttpClient *client, const char *mark)
{
    for (;;) {
        const char *found = memmem(client->data, client->length, mark, strlen(mark));
        if (found != NULL)
            return (size_t)(found - client->data) + strlen(mark);
        if (!http_receive(client))
            return 0;
    }
}

static inline void http_take(HttpClient *client, HttpReply *reply, size_t length)
{
    reply->body = realloc(reply->body, reply->length + length + 1);
    assert_non_null(reply->body);
    memcpy(reply->body + reply->length, client->data, length);
    reply->length += length;
    reply->body[reply->length] = '\0';
    http_drop(client, length);
}

/* => whether the last chunk came. */
static inline bool http_take_chunks(HttpClient *client, HttpReply *reply)
{
    for (;;) {
        size_t line = http_receive_until(client, "\r\n");
        if (line == 0)
            return false;
        size_t size = strtoul(client->data, NULL, 16);
        if (!http_receive_at_least(client, line + size + 2))
            return false;
        http_drop(client, line);
        http_take(client, reply, size);
        assert_memory_equal("\r\n", client->data, 2);
        http_drop(client, 2);
        if (size == 0)
            return true;
    }
}

static inline bool http_has_header(const HttpReply *reply, const char *line)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
    return strstr(reply->head, wanted) != NULL;
}

/* Reads one reply; `headless`: to a HEAD, so without a body. Free with http_reply_fini(). */
static inline HttpReply http_read_reply(HttpClient *client, bool headless)
{
    HttpReply reply = {.status = 0};
    size_t head = http_receive_until(client, "\r\n\r\n");
    if (head == 0)
        return reply;
    assert_true(head < sizeof reply.head);
    memcpy(reply.head, client->data, head);
    http_drop(client, head);
    http_take(client, &reply, 0);
    assert_memory_equal("HTTP/1.1 ", reply.head, 9);
    reply.status = (unsigned)strtoul(reply.head + 9, NULL, 10);
    const char *length = strstr(reply.head, "\r\nContent-Length: ");
    if (headless) {
        reply.complete = true;
    } else if (http_has_header(&reply, "Transfer-Encoding: chunked")) {
        reply.complete = http_take_chunks(client, &reply);
    } else if (length != NULL) {
        size_t size = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
        reply.complete = http_receive_at_least(client, size);
        http_take(client, &reply, reply.complete ? size : client->length);
    } else {
        while (http_receive(client))
            continue;
        reply.complete = true;
        http_take(client, &reply, client->length);
    }
    return reply;
}

static inline void http_reply_fini(HttpReply *reply)
{
    free(reply->body);
    *reply = (HttpReply){.status = 0};
}

static inline HttpReply http_ask(HttpClient *client, const char *method, const char *target)
{
    char *request = NULL;
    assert_true(asprintf(&request, "%s %s HTTP/1.1\r\nHost: test\r\n\r\n", method, target) > 0);
    http_send_text(client, request);
    free(request);
    return http_read_reply(client, strcmp(method, "HEAD") == 0);
}

/* One request over a connection of its own. */
static inline HttpReply http_get(const Address *address, const char *target)
{
    HttpClient client = http_connect(address, 0);
    HttpReply reply = http_ask(&client, "GET", target);
    http_disconnect(&client);
    return reply;
}

#endif
