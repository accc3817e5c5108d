/* A small number for each running thread, used again when the thread has ended.
 *
 * Who      each thread asks for its number at its first record; a thread-exit destructor gives it
 *          back. The numbers in use are a bitmap, searched from its start for a free one, so numbers
 *          stay close to the highest count of threads that ever ran at once (its 64-bit words are read
 *          one after the other: a number that is given back meanwhile may be passed over).
 * Key      a number belongs to at most one thread at a time, and what its last owner wrote is seen
 * invariant by the next one: giving back releases, taking acquires, on the same word. That is what
 *          lets a new thread go on with a dead thread's single-writer cell.
 * Bounds   more than ASTATS_THREADS_MAX at once, or no memory for the destructor: no number (the
 *          caller then shares a cell under a lock). A thread that records again in a destructor that
 *          runs after ours gets a number anew; after PTHREAD_DESTRUCTOR_ITERATIONS rounds of that it
 *          keeps it: the number is lost, what was recorded is not. */
#ifndef ATOMICSTATS_THREAD_NUMBER_H
#define ATOMICSTATS_THREAD_NUMBER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <atomicstats/api.h>

enum {
    ASTATS_THREADS_MAX = 65536,
    ASTATS_THREAD_WORDS_ = ASTATS_THREADS_MAX / 64
};

typedef struct {
    pthread_once_t once;
    pthread_key_t key; /* its destructor gives the number back */
    bool key_made;     /* written under `once` */
    _Atomic uint64_t used[ASTATS_THREAD_WORDS_];
} AstatsThreads;

ASTATS_SHARED AstatsThreads astats_threads_ = {.once = PTHREAD_ONCE_INIT};

/* This thread's number plus 1; 0: it has none yet. initial-exec: one load, no call, also from a
 * shared library; it takes 4 bytes of the room that libc keeps for that. */
ASTATS_SHARED __attribute__((tls_model("initial-exec"))) _Thread_local uint32_t astats_thread_;

/* Gives a number back. */
static inline void astats_thread_release_(uint32_t number)
{
    /* release: pairs with the acquire in astats_thread_claim_(). */
    atomic_fetch_and_explicit(&astats_threads_.used[number / 64], ~(UINT64_C(1) << (number % 64)),
                              memory_order_release);
}

static inline void astats_thread_exit_(void *number_plus_1)
{
    astats_thread_ = 0;
    astats_thread_release_((uint32_t)(uintptr_t)number_plus_1 - 1);
}

static inline void astats_thread_once_(void)
{
    astats_threads_.key_made = pthread_key_create(&astats_threads_.key, astats_thread_exit_) == 0;
}

/* => the lowest free number plus 1, taken; 0: all are in use. */
static inline uint32_t astats_thread_claim_(void)
{
    for (uint32_t word = 0; word < ASTATS_THREAD_WORDS_; word++) {
        _Atomic uint64_t *used = &astats_threads_.used[word];
        /* relaxed: a hint, the fetch_or below decides. */
        uint64_t seen = atomic_load_explicit(used, memory_order_relaxed);
        while (seen != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~seen);
            uint64_t mask = UINT64_C(1) << bit;
            /* acquire: pairs with the release in astats_thread_release_(). */
            seen = atomic_fetch_or_explicit(used, mask, memory_order_acquire);
            if ((seen & mask) == 0)
                return word * 64 + bit + 1;
        }
    }
    return 0;
}

/* The slow path: once in a thread's life. => its number plus 1, or 0. */
static inline uint32_t astats_thread_first_(void)
{
    pthread_once(&astats_threads_.once, astats_thread_once_);
    if (!astats_threads_.key_made)
        return 0;
    uint32_t mine = astats_thread_claim_();
    /* A number in a pointer's clothes: the destructor gets nothing else. */
    void *value = (void *)(uintptr_t)mine; /* NOLINT(performance-no-int-to-ptr) */
    if (mine != 0 && pthread_setspecific(astats_threads_.key, value) != 0) {
        astats_thread_release_(mine - 1);
        return 0;
    }
    astats_thread_ = mine;
    return mine;
}

/* => this thread's number plus 1, from 1 to ASTATS_THREADS_MAX; 0: it could not get one. */
static inline uint32_t astats_thread_number_plus_1_(void)
{
    return astats_thread_ != 0 ? astats_thread_ : astats_thread_first_();
}

#endif
