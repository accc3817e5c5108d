/* What stands at the beginning of an arena's file, and the names of these files.
 *
 * A process that keeps its arenas in files makes a new generation of them; all that it takes up from the
 * process before it is copied over, and one store, ready, makes the new generation the one that counts.
 * Until then the old one does, whatever happens. So nothing is ever mended in place, addresses need not
 * be the same, and another number of threads is nothing special. */
#ifndef METRICS_ARENA_HEAD_H
#define METRICS_ARENA_HEAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ARENA_READY UINT32_C(0x59444552) /* "REDY", so that no flipped bit is taken for it */
#define ARENA_UNREADY \
    (~ARENA_READY) /* from birth until then, so that zeroes are not taken for it */
#define ARENA_MAGIC \
    UINT64_C(0x314e455241535441) /* "ATSAREN1" in the order of a little-endian file */

enum {
    ARENA_VERSION = 2,      /* of all that lies in arenas; another layout is another version */
    ARENA_HEAD_BYTES = 4096 /* the head has the first page */
};

typedef enum {
    ARENA_SERIES, /* the registry's: series, ids and shared cells. File 0, always */
    ARENA_SLOTS,  /* a thread's: slots, keys and its own cells */
    ARENA_HAND,   /* a thread's: the batch in hand, and its figures. Sparse (arena.h) */
    ARENA_KINDS
} ArenaKind;

/* What is said when the file is made, and never changes. */
typedef struct {
    uint64_t magic;
    uint32_t version;
    uint32_t
        layout; /* arena_layout(): of a program that has other structures, nothing is understood */
    uint32_t kind;   /* ArenaKind */
    uint32_t number; /* of the file, from 0 */
    uint64_t generation;
    uint8_t boot_id[16]; /* of the boot in which the file was made; 0: unknown */
    uint64_t base;       /* where it was mapped: what addresses in it are counted from */
} ArenaBirth;

typedef struct {
    ArenaBirth birth;
    uint64_t birth_hash; /* XXH3, 64 bits */
    _Atomic uint64_t
        root;       /* address of the first thing in it, which tells of all others; 0: none yet */
    uint32_t files; /* of the generation, as arena_number(). File 0 only */
    _Atomic uint32_t
        ready; /* ARENA_READY: this generation counts; else ARENA_UNREADY. File 0 only */
    _Atomic uint32_t
        crashes; /* while what is in hand here was recorded once more, as arena_number().
                                 ARENA_HAND only */
} ArenaHead;

_Static_assert(sizeof(ArenaHead) <= ARENA_HEAD_BYTES, "the head has a page");

/* => a number made of the sizes and places of all that lies in arenas. */
uint32_t arena_layout(void);

enum {
    ARENA_NUMBER_MAX = 1 << 16
};

/* => a number of up to ARENA_NUMBER_MAX, as it stands in a head: a multiple of an odd one, so that of 2^16 words one
 * is such a number. */
static inline uint32_t arena_number(uint32_t number)
{
    return number * UINT32_C(0x9e3779b1);
}

/* => that number; UINT32_MAX: it is none. */
static inline uint32_t arena_number_read(uint32_t word)
{
    uint32_t number = word * UINT32_C(0x0e8b2f51); /* the inverse, modulo 2^32 */
    return number <= ARENA_NUMBER_MAX ? number : UINT32_MAX;
}

enum {
    ARENA_NAME_SIZE = 40
};

/* Writes the file's name and a zero byte to `out`. => out. */
const char *arena_name(uint64_t generation, uint32_t number, char out[static ARENA_NAME_SIZE]);

/* => whether it is such a name; then *generation and *number. */
bool arena_name_read(const char *name, uint64_t *generation, uint32_t *number);

/* => the hash of a birth. */
uint64_t arena_birth_hash(const ArenaBirth *birth);

/* Reads the id of this boot; zeroes where there is none to be read. => 0; negative errno: there may be one,
 * but for want of something it cannot be read now. */
int arena_boot_id(uint8_t id[static 16]);

#endif
