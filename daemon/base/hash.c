#include "base/hash.h"

#include <errno.h>
#include <sys/random.h>

int hash_key_random(HashKey *key)
{
    HashKey drawn;
    ssize_t got;
    /* Up to 256 bytes come whole or not at all; a signal may interrupt the wait for entropy. */
    do
        got = getrandom(&drawn, sizeof drawn, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof drawn)
        return got < 0 ? -errno : -EIO;
    *key = drawn;
    return 0;
}
