#include "ingest/reject_log.h"

#include <netinet/in.h>
#include <string.h>

#include "base/utf8.h"

void reject_log_init(RejectLog *log)
{
    *log = (RejectLog){0};
    pthread_mutex_init(&log->lock, NULL);
}

void reject_log_fini(RejectLog *log)
{
    pthread_mutex_destroy(&log->lock);
}

static void keep_source(RejectRecord *record, const struct sockaddr *source)
{
    socklen_t length = 0;
    record->peer = (UnixPeer){0};
    if (source != NULL && source->sa_family == AF_UNIX)
        memcpy(&record->peer, source, sizeof record->peer);
    else if (source != NULL)
        length = source->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                               : sizeof(struct sockaddr_in);
    address_from_sockaddr(&record->source, source, length);
}

void reject_log_add(RejectLog *log, RejectReason reason, int64_t time_ns, Transport transport,
                    const struct sockaddr *source, const char *line, size_t length)
{
    if (pthread_mutex_trylock(&log->lock) != 0)
        return; /* a reader is copying: this one is counted, but not kept */
    RejectRecord *record = &log->entries[log->written % REJECT_LOG_SIZE];
    record->reason = reason;
    record->time_ns = time_ns;
    record->transport = transport;
    keep_source(record, source);
    utf8_escape(line, length, record->text, sizeof record->text);
    log->written++;
    pthread_mutex_unlock(&log->lock);
}

size_t reject_log_copy(RejectLog *log, RejectRecord *out, size_t capacity)
{
    size_t count = 0;
    pthread_mutex_lock(&log->lock);
    uint64_t oldest = log->written > REJECT_LOG_SIZE ? log->written - REJECT_LOG_SIZE : 0;
    for (uint64_t i = log->written; i > oldest && count < capacity; i--)
        out[count++] = log->entries[(i - 1) % REJECT_LOG_SIZE];
    pthread_mutex_unlock(&log->lock);
    return count;
}
