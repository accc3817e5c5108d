/* To be preloaded: every call by which the daemon, or a library on its behalf, asks for memory, a
 * descriptor, a thread or the kernel's work can be told to fail (fault.h). What fails has done
 * nothing, as in the kernel; but close(), which closes all the same. What the C library does on its
 * own account (a thread's stack, stdio) does not come by here. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

/* The macros make functions, and the C library's names for parameters are reserved.
 * NOLINTBEGIN(bugprone-macro-parentheses,readability-inconsistent-declaration-parameter-name) */

#define CALLER __builtin_return_address(0)

/* The same function of the next library that has it. It is looked up once or, by threads that come
 * together, some times with the same result; relaxed, as there is nothing but the address. */
#define NEXT(name)                                                        \
    __extension__({                                                       \
        static _Atomic(void *) found = NULL;                              \
        void *there = atomic_load_explicit(&found, memory_order_relaxed); \
        if (there == NULL) {                                              \
            there = dlsym(RTLD_NEXT, #name);                              \
            atomic_store_explicit(&found, there, memory_order_relaxed);   \
        }                                                                 \
        __typeof__(&name) function;                                       \
        memcpy(&function, &there, sizeof function);                       \
        function;                                                         \
    })

/* A function that fails with -1 and errno. */
#define WRAP(call, name, parameters, arguments)                       \
    int name parameters                                               \
    {                                                                 \
        return fault_fails(call, CALLER) ? -1 : NEXT(name) arguments; \
    }

/* One that returns its error. */
#define WRAP_POSIX(call, name, parameters, arguments)                    \
    int name parameters                                                  \
    {                                                                    \
        return fault_fails(call, CALLER) ? errno : NEXT(name) arguments; \
    }

/* One that moves `length` bytes. */
#define WRAP_BYTES(call, name, parameters, arguments)                                \
    ssize_t name parameters                                                          \
    {                                                                                \
        return fault_halves(call, CALLER, &length) != 0 ? -1 : NEXT(name) arguments; \
    }

/* One that returns memory. */
#define WRAP_MEMORY(name, parameters, arguments)                           \
    void *name parameters                                                  \
    {                                                                      \
        return fault_fails("alloc", CALLER) ? NULL : NEXT(name) arguments; \
    }

/* ---- memory ---- */

WRAP_MEMORY(malloc, (size_t size), (size))
WRAP_MEMORY(calloc, (size_t count, size_t size), (count, size))
WRAP_MEMORY(realloc, (void *old, size_t size), (old, size))
WRAP_MEMORY(aligned_alloc, (size_t alignment, size_t size), (alignment, size))
WRAP_POSIX("alloc", posix_memalign, (void **out, size_t alignment, size_t size),
           (out, alignment, size))

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return fault_fails("mmap", CALLER) ? MAP_FAILED
                                       : NEXT(mmap)(at, length, protection, flags, fd, offset);
}

WRAP("mprotect", mprotect, (void *at, size_t length, int protection), (at, length, protection))
WRAP("munmap", munmap, (void *at, size_t length), (at, length))
WRAP("madvise", madvise, (void *at, size_t length, int advice), (at, length, advice))
WRAP("mlock", mlock, (const void *at, size_t length), (at, length))
WRAP("msync", msync, (void *at, size_t length, int flags), (at, length, flags))

/* ---- files ---- */

/* The mode, which is there only if a file may be made. */
#define MODE_OF(flags)                                \
    __extension__({                                   \
        mode_t mode = 0;                              \
        if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
            va_list more;                             \
            va_start(more, flags);                    \
            mode = va_arg(more, mode_t);              \
            va_end(more);                             \
        }                                             \
        mode;                                         \
    })

#define WRAP_OPEN(name)                                                                    \
    int name(const char *path, int flags, ...)                                             \
    {                                                                                      \
        return fault_fails("open", CALLER) ? -1 : NEXT(name)(path, flags, MODE_OF(flags)); \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_OPENAT(name)                                                                      \
    int name(int at, const char *path, int flags, ...)                                         \
    {                                                                                          \
        return fault_fails("open", CALLER) ? -1 : NEXT(name)(at, path, flags, MODE_OF(flags)); \
    }
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

static const char *by_kind(int fd, const char *file, const char *log, const char *other)
{
    struct stat info;
    if (fd == STDERR_FILENO)
        return log;
    return NEXT(fstat)(fd, &info) == 0 && S_ISREG(info.st_mode) ? file : other;
}

#define READ_OF(fd) by_kind(fd, "read file", "read", "read")
#define WRITE_OF(fd) by_kind(fd, "write file", "write log", "write")

WRAP_BYTES(READ_OF(fd), read, (int fd, void *to, size_t length), (fd, to, length))
WRAP_BYTES(READ_OF(fd), pread, (int fd, void *to, size_t length, off_t at), (fd, to, length, at))
WRAP_BYTES(READ_OF(fd), pread64, (int fd, void *to, size_t length, off64_t at),
           (fd, to, length, at))
WRAP_BYTES(WRITE_OF(fd), write, (int fd, const void *from, size_t length), (fd, from, length))
WRAP_BYTES(WRITE_OF(fd), pwrite, (int fd, const void *from, size_t length, off_t at),
           (fd, from, length, at))
WRAP_BYTES(WRITE_OF(fd), pwrite64, (int fd, const void *from, size_t length, off64_t at),
           (fd, from, length, at))

int close(int fd)
{
    bool fails = fault_fails("close", CALLER);
    int error = errno;
    int status = NEXT(close)(fd);
    if (fails)
        errno = error;
    return fails ? -1 : status;
}

WRAP("fsync", fsync, (int fd), (fd))
WRAP("fsync", fdatasync, (int fd), (fd))
WRAP("fstat", fstat, (int fd, struct stat *out), (fd, out))
WRAP("flock", flock, (int fd, int operation), (fd, operation))
WRAP("ftruncate", ftruncate, (int fd, off_t length), (fd, length))
WRAP("fallocate", fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length))
WRAP_POSIX("fallocate", posix_fallocate, (int fd, off_t at, off_t length), (fd, at, length))
WRAP("rename", renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP("unlink", unlinkat, (int at, const char *path, int flags), (at, path, flags))
WRAP("mkdir", mkdir, (const char *path, mode_t mode), (path, mode))

struct dirent *readdir(DIR *directory)
{
    return fault_fails("readdir", CALLER) ? NULL : NEXT(readdir)(directory);
}

int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *); /* there or not: the registers hold something */
    va_end(more);
    return fault_fails("fcntl", CALLER) ? -1 : NEXT(fcntl)(fd, command, argument);
}

int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd, unsigned long request, ...)
{
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    return fault_fails("ioctl", CALLER) ? -1 : NEXT(ioctl)(fd, request, argument);
}

/* ---- sockets ---- */

WRAP("socket", socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP("bind", bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size))
WRAP("listen", listen, (int fd, int backlog), (fd, backlog))
WRAP("setsockopt", setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP("getsockopt", getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))
WRAP("getsockname", getsockname, (int fd, __SOCKADDR_ARG address, socklen_t *size),
     (fd, address, size))
WRAP("accept", accept4, (int fd, __SOCKADDR_ARG address, socklen_t *size, int flags),
     (fd, address, size, flags))
WRAP("shutdown", shutdown, (int fd, int how), (fd, how))
WRAP("recvmmsg", recvmmsg,
     (int fd, struct mmsghdr *to, unsigned count, int flags, struct timespec *wait),
     (fd, to, count, flags, wait))
WRAP_BYTES("recv", recv, (int fd, void *to, size_t length, int flags), (fd, to, length, flags))
WRAP_BYTES("send", send, (int fd, const void *from, size_t length, int flags),
           (fd, from, length, flags))
WRAP_BYTES("sendto", sendto,
           (int fd, const void *from, size_t length, int flags, __CONST_SOCKADDR_ARG to,
            socklen_t size),
           (fd, from, length, flags, to, size))

ssize_t sendmsg(int fd, const struct msghdr *from, int flags)
{
    return fault_fails("send", CALLER) ? -1 : NEXT(sendmsg)(fd, from, flags);
}

/* ---- events, threads, time ---- */

WRAP("epoll_create", epoll_create1, (int flags), (flags))
/* To change or to take away what is there needs nothing, and does not fail. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return operation == EPOLL_CTL_ADD && fault_fails("epoll_add", CALLER)
               ? -1
               : NEXT(epoll_ctl)(epoll, operation, fd, event);
}

WRAP("epoll_wait", epoll_wait, (int epoll, struct epoll_event *out, int count, int wait_ms),
     (epoll, out, count, wait_ms))
WRAP("epoll_wait", epoll_pwait,
     (int epoll, struct epoll_event *out, int count, int wait_ms, const sigset_t *mask),
     (epoll, out, count, wait_ms, mask))
WRAP("eventfd", eventfd, (unsigned initial, int flags), (initial, flags))
WRAP("signalfd", signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
WRAP("pipe", pipe2, (int ends[2], int flags), (ends, flags))
WRAP_POSIX("pthread_create", pthread_create,
           (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *),
            void *argument),
           (thread, attributes, body, argument))
WRAP_POSIX("mutex_init", pthread_mutex_init,
           (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes), (mutex, attributes))
WRAP_POSIX("cond_init", pthread_cond_init,
           (pthread_cond_t * condition, const pthread_condattr_t *attributes),
           (condition, attributes))
WRAP_POSIX("setname", pthread_setname_np, (pthread_t thread, const char *name), (thread, name))
WRAP_POSIX("clock_nanosleep", clock_nanosleep,
           (clockid_t id, int flags, const struct timespec *time, struct timespec *left),
           (id, flags, time, left))
WRAP_BYTES("getrandom", getrandom, (void *to, size_t length, unsigned flags), (to, length, flags))

int clock_gettime(clockid_t id, struct timespec *out)
{
    int status = NEXT(clock_gettime)(id, out);
    Fault *fault = fault_get();
    /* relaxed: a number of its own. */
    if (fault != NULL && status == 0 && id == CLOCK_REALTIME)
        out->tv_sec += atomic_load_explicit(&fault->realtime_s, memory_order_relaxed);
    if (fault != NULL && status == 0 && id == CLOCK_BOOTTIME)
        out->tv_sec += atomic_load_explicit(&fault->boottime_s, memory_order_relaxed);
    return status;
}

/* NOLINTEND(bugprone-macro-parentheses,readability-inconsistent-declaration-parameter-name) */
