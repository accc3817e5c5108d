#include "http/deadlines.h"

#include <stdlib.h>
#include <sys/socket.h>

struct Deadline {
    Deadline *next;
    Deadline *before; /* NULL: it is the first */
    int fd;
    bool cut;
    int64_t due_ns;
};

int deadlines_init(Deadlines *deadlines)
{
    deadlines->first = NULL;
    return -pthread_mutex_init(&deadlines->lock, NULL);
}

void deadlines_fini(Deadlines *deadlines)
{
    pthread_mutex_destroy(&deadlines->lock);
}

Deadline *deadlines_add(Deadlines *deadlines, int fd, int64_t now_ns)
{
    Deadline *made = malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    pthread_mutex_lock(&deadlines->lock);
    *made = (Deadline){.next = deadlines->first, .fd = fd, .due_ns = now_ns + DEADLINES_FIRST_NS};
    if (made->next != NULL)
        made->next->before = made;
    deadlines->first = made;
    pthread_mutex_unlock(&deadlines->lock);
    return made;
}

void deadlines_request(Deadlines *deadlines, Deadline *deadline, int64_t now_ns)
{
    if (deadline == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    deadline->due_ns = now_ns + DEADLINES_ANSWER_NS;
    pthread_mutex_unlock(&deadlines->lock);
}

void deadlines_answered(Deadlines *deadlines, Deadline *deadline, int64_t now_ns)
{
    if (deadline == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    deadline->due_ns = now_ns + DEADLINES_NEXT_NS;
    pthread_mutex_unlock(&deadlines->lock);
}

void deadlines_remove(Deadlines *deadlines, Deadline *deadline)
{
    if (deadline == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    if (deadline->next != NULL)
        deadline->next->before = deadline->before;
    if (deadline->before != NULL)
        deadline->before->next = deadline->next;
    else
        deadlines->first = deadline->next;
    pthread_mutex_unlock(&deadlines->lock);
    free(deadline);
}

unsigned deadlines_enforce(Deadlines *deadlines, int64_t now_ns)
{
    unsigned count = 0;
    pthread_mutex_lock(&deadlines->lock);
    for (Deadline *d = deadlines->first; d != NULL; d = d->next) {
        if (d->cut || d->due_ns > now_ns)
            continue;
        (void)shutdown(d->fd, SHUT_RDWR); /* the peer may have gone: then there is nothing to cut */
        d->cut = true;
        count++;
    }
    pthread_mutex_unlock(&deadlines->lock);
    return count;
}
