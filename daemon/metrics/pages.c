#include "metrics/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

void *pages_reserve(size_t bytes)
{
    /* PROT_NONE: addresses only. Unlike MAP_NORESERVE memory this is not counted against the
     * system's commit limit, however strict it is. A huge page more than asked for, so that there is
     * an aligned place in it; what is too much goes back. */
    if (bytes > SIZE_MAX - PAGES_HUGE)
        return NULL;
    char *raw = mmap(NULL, bytes + PAGES_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED)
        return NULL;
    size_t before = (PAGES_HUGE - (uintptr_t)raw % PAGES_HUGE) % PAGES_HUGE;
    if (before > 0)
        munmap(raw, before);
    munmap(raw + before + bytes, PAGES_HUGE - before);
    return raw + before;
}

int pages_commit(void *start, size_t bytes)
{
    return mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
}

int pages_map_file(void *start, size_t bytes, int fd)
{
    void *at = mmap(start, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    return at == MAP_FAILED ? -errno : 0;
}

void pages_prefer_huge(void *start, size_t bytes)
{
    (void)madvise(start, bytes, MADV_HUGEPAGE);
}

static size_t whole_pages(size_t bytes)
{
    size_t unit = bytes >= PAGES_HUGE_FROM ? PAGES_HUGE : 4096;
    return (bytes + unit - 1) & ~(unit - 1);
}

void *pages_map(size_t bytes)
{
    size_t whole = whole_pages(bytes);
    void *start = whole < bytes ? NULL : pages_reserve(whole);
    if (start == NULL)
        return NULL;
    if (pages_commit(start, whole) != 0) {
        munmap(start, whole);
        return NULL;
    }
    if (bytes >= PAGES_HUGE_FROM)
        pages_prefer_huge(start, whole);
    return start;
}

void pages_unmap(void *start, size_t bytes)
{
    if (start != NULL)
        munmap(start, whole_pages(bytes));
}
