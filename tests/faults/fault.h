/* Which call is to fail: what the test says, in a file that both have mapped. For shim.c.
 *
 * The test writes everything but the last three fields while `armed` is 0, or before the program
 * starts, and then sets `armed`; see faulty.py, which knows the layout. */
#ifndef ATOMICSTATSD_TESTS_FAULTS_FAULT_H
#define ATOMICSTATSD_TESTS_FAULTS_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char call[32];              /* the name that shim.c gives it */
    char thread[16];            /* only calls of threads of this name; "": of all */
    int32_t error;              /* what errno becomes; 0: the call does half of its work */
    uint32_t first;             /* of the calls since it was armed; 1 is the first */
    uint32_t count;             /* that many fail, one after the other */
    _Atomic uint32_t armed;     /* 1: calls are counted */
    _Atomic int64_t realtime_s; /* what CLOCK_REALTIME is ahead, whether armed or not */
    _Atomic int64_t boottime_s; /* and CLOCK_BOOTTIME */
    _Atomic uint32_t seen;
    _Atomic uint32_t struck; /* failed */
    char where[128];         /* who made the last call that failed */
} Fault;

/* => the file that FAULT_FILE names; NULL: none, or "". Any thread, from the program's main() on: what its
 * libraries do before that is not its own doing. */
Fault *fault_get(void);

/* Counts a call by `caller` (a return address). => whether it is to fail. errno stays. */
bool fault_strikes(const char *call, const void *caller);

/* As fault_strikes(), and then errno is what it is to be. => false also where a call is to do half of
 * its work: see fault_halves(). */
bool fault_fails(const char *call, const void *caller);

/* As fault_strikes(), for what moves `length` bytes. => 0: go on with *length, which may have become
 * smaller; -1: it fails, and errno says why. */
int fault_halves(const char *call, const void *caller, unsigned long *length);

#endif
