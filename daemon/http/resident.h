/* The process' memory as the kernel counts it. Any thread. */
#ifndef HTTP_RESIDENT_H
#define HTTP_RESIDENT_H

#include <stdint.h>

/* => bytes of the process that are in memory; 0: unknown. */
uint64_t resident_bytes(void);

#endif
