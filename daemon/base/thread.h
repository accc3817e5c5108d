/* Threads as this daemon has them: born with every signal blocked, named, ended by being asked and
 * joined; never cancelled, never detached. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* A zeroed one is valid: no thread. Belongs to one thread at a time, the one that starts and joins. */
typedef struct {
    pthread_t handle;
    bool running; /* started and not joined yet */
} Thread;

/* Runs body(argument) in a new thread in which all signals are blocked from its first instruction
 * on, so that they stay with the thread that waits for them. `name` shows in ps -L and in debuggers;
 * its first 15 bytes are kept. What body returns is dropped.
 * => 0; -EBUSY: it runs already; -EAGAIN: no resources. On an error nothing has changed. */
int thread_start(Thread *thread, const char *name, void *(*body)(void *), void *argument);

/* Waits until body has returned. => 0, also if there is none; -EDEADLK: called from the thread
 * itself. */
int thread_join(Thread *thread);

/* Sleeps of the calling thread end when they should. Without it the kernel lets them take up to 50 us
 * more, to wake a CPU once for several of them. */
void thread_sleep_exactly(void);

#endif
