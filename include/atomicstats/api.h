/* How these headers are linked.
 *
 * They stand alone: a C11 program includes them and needs nothing else (-pthread, -lm). Each
 * function is then static inline in each file that uses it. libatomicstats, for other languages,
 * is the same text compiled once with ASTATS_EXPORT. The little state that must exist once in a
 * process (which thread has which shard) is a weak definition that the linker merges, so files
 * linked together, with and without the library, may share an AtomicStats. Not merged, and so not to
 * be mixed on one AtomicStats: a program that includes these headers, and a library with its own copy
 * of them that it loads with dlopen (unless the program is linked with -rdynamic, or with
 * -Wl,--no-as-needed -latomicstats, so that the dynamic linker sees its copy). Records would be lost.
 *
 * A thread's number is given back by a destructor, so code that includes these headers must not be
 * unloaded while a thread that recorded lives: link a plugin with -Wl,-z,nodelete, as libatomicstats
 * is. */
#ifndef ATOMICSTATS_API_H
#define ATOMICSTATS_API_H

#ifdef ASTATS_EXPORT
#define ASTATS_API __attribute__((visibility("default")))
#else
#define ASTATS_API static inline
#endif

/* One object per process, in however many files this is included. */
#define ASTATS_SHARED __attribute__((weak, visibility("default")))

#endif
