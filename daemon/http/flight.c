#include "http/flight.h"

#include <time.h>

enum {
    NS_PER_S = 1000000000
};

int flight_init(Flight *flight)
{
    pthread_condattr_t attributes;
    flight->count = 0;
    int error = pthread_condattr_init(&attributes);
    if (error != 0)
        return -error;
    /* A wait must not become longer because somebody sets the clock. */
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0)
        error = pthread_cond_init(&flight->landed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (error != 0)
        return -error;
    error = pthread_mutex_init(&flight->lock, NULL);
    if (error != 0)
        pthread_cond_destroy(&flight->landed);
    return -error;
}

void flight_fini(Flight *flight)
{
    pthread_cond_destroy(&flight->landed);
    pthread_mutex_destroy(&flight->lock);
}

void flight_begin(Flight *flight)
{
    pthread_mutex_lock(&flight->lock);
    flight->count++;
    pthread_mutex_unlock(&flight->lock);
}

void flight_end(Flight *flight)
{
    pthread_mutex_lock(&flight->lock);
    flight->count--;
    if (flight->count == 0)
        pthread_cond_broadcast(&flight->landed);
    pthread_mutex_unlock(&flight->lock);
}

static struct timespec deadline_in(int64_t timeout_ns)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ns / NS_PER_S;
    deadline.tv_nsec += timeout_ns % NS_PER_S;
    if (deadline.tv_nsec >= NS_PER_S) {
        deadline.tv_sec++;
        deadline.tv_nsec -= NS_PER_S;
    }
    return deadline;
}

bool flight_wait(Flight *flight, int64_t timeout_ns)
{
    struct timespec deadline = deadline_in(timeout_ns);
    int error = 0;
    pthread_mutex_lock(&flight->lock);
    while (flight->count > 0 && error == 0)
        error = pthread_cond_timedwait(&flight->landed, &flight->lock, &deadline);
    bool landed = flight->count == 0;
    pthread_mutex_unlock(&flight->lock);
    return landed;
}
