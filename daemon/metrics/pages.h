/* Zeroed memory in whole pages, huge ones where it is worth it and the system has them.
 *
 * With a million names every look-up touches a bucket and a slot somewhere in hundreds of megabytes;
 * with 4 KiB pages each of these touches also misses the TLB. Small tables stay on small pages, so
 * that an idle daemon stays small. Any thread. */
#ifndef METRICS_PAGES_H
#define METRICS_PAGES_H

#include <stddef.h>

/* From this size on, huge pages are asked for. */
#define PAGES_HUGE_FROM ((size_t)8 << 20)

#define PAGES_HUGE ((size_t)2 << 20)

/* Reserves addresses only, at a multiple of PAGES_HUGE. => NULL: none left. */
void *pages_reserve(size_t bytes);

/* Makes reserved addresses usable. => 0 or negative errno. */
int pages_commit(void *start, size_t bytes);

/* Puts a file where addresses are reserved: what is written there is in the file. Only what the file has
 * may be touched. => 0 or negative errno. */
int pages_map_file(void *start, size_t bytes, int fd);

/* Asks for huge pages in a range, a wish that may be ignored. */
void pages_prefer_huge(void *start, size_t bytes);

/* => memory to be given back by pages_unmap(), or NULL: the system has none. */
void *pages_map(size_t bytes);

/* NULL is allowed. */
void pages_unmap(void *start, size_t bytes);

#endif
