#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

enum {
    NAME_SIZE = 16 /* the kernel's TASK_COMM_LEN, with the closing zero */
};

int thread_start(Thread *thread, const char *name, void *(*body)(void *), void *argument)
{
    if (thread->running)
        return -EBUSY;
    /* A thread inherits the mask of its parent: block, create, restore leaves no gap in which a
     * signal could be delivered to the child. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error)
        return -error;
    pthread_t handle;
    error = pthread_create(&handle, NULL, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return -error;
    /* For people only: failing (no /proc, or the thread has ended already) harms nothing. */
    char kept[NAME_SIZE];
    snprintf(kept, sizeof kept, "%s", name);
    pthread_setname_np(handle, kept);
    thread->handle = handle;
    thread->running = true;
    return 0;
}

int thread_join(Thread *thread)
{
    if (!thread->running)
        return 0;
    if (pthread_equal(thread->handle, pthread_self())) /* pthread_join may find it out, or hang */
        return -EDEADLK;
    int error = pthread_join(thread->handle, NULL);
    if (error)
        return -error;
    thread->running = false;
    return 0;
}

void thread_sleep_exactly(void)
{
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* cannot fail */
}
