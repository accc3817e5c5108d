#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Set by one thread, before the program's main(). */
static Fault *fault = NULL;
static int (*program_main)(int, char **, char **) = NULL;

Fault *fault_get(void)
{
    return fault;
}

/* Where the C library asks on its own account, what it does about a failure is its own. */
static bool is_c_library(const void *caller)
{
    Dl_info own;
    Dl_info its;
    const char *slash;
    if (dladdr(caller, &its) == 0 || its.dli_fname == NULL)
        return false;
    slash = strrchr(its.dli_fname, '/');
    return (dladdr((const void *)dlsym(RTLD_NEXT, "abort"), &own) != 0 &&
            own.dli_fbase == its.dli_fbase) ||
           strncmp(slash != NULL ? slash + 1 : its.dli_fname, "ld-", 3) == 0;
}

static bool is_thread(const char *wanted)
{
    char name[16] = "";
    return wanted[0] == '\0' ||
           (prctl(PR_GET_NAME, name, 0L, 0L, 0L) == 0 && strcmp(name, wanted) == 0);
}

static void note(const void *caller)
{
    Dl_info info = {.dli_fname = "?"};
    if (dladdr(caller, &info) == 0 || info.dli_fname == NULL)
        info.dli_fname = "?";
    const char *slash = strrchr(info.dli_fname, '/');
    (void)snprintf(fault->where, sizeof fault->where, "%s+0x%tx (after %s)",
                   slash != NULL ? slash + 1 : info.dli_fname,
                   (const char *)caller - (const char *)info.dli_fbase,
                   info.dli_sname != NULL ? info.dli_sname : "?");
}

bool fault_strikes(const char *call, const void *caller)
{
    /* acquire: pairs with the test's store, which comes after all that it has written. */
    if (fault == NULL || atomic_load_explicit(&fault->armed, memory_order_acquire) == 0 ||
        strcmp(fault->call, call) != 0)
        return false;
    int saved = errno;
    bool strikes = false;
    if (is_thread(fault->thread) && !is_c_library(caller)) {
        /* relaxed: a count; that each call has its own number is enough. */
        uint32_t seen = atomic_fetch_add_explicit(&fault->seen, 1, memory_order_relaxed) + 1;
        strikes = seen >= fault->first && seen - fault->first < fault->count;
    }
    if (strikes) {
        note(caller);
        /* release: whoever sees it sees where; pairs with the test's load. */
        atomic_fetch_add_explicit(&fault->struck, 1, memory_order_release);
    }
    errno = saved;
    return strikes;
}

bool fault_fails(const char *call, const void *caller)
{
    if (!fault_strikes(call, caller) || fault->error == 0)
        return false;
    errno = fault->error;
    return true;
}

int fault_halves(const char *call, const void *caller, unsigned long *length)
{
    if (!fault_strikes(call, caller))
        return 0;
    if (fault->error == 0) {
        *length = (*length + 1) / 2;
        return 0;
    }
    errno = fault->error;
    return -1;
}

/* ---- before main() ---- */

static Fault *map_file(const char *path)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *at = MAP_FAILED;
    if (fd >= 0) {
        at = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void)close(fd);
    }
    if (at != MAP_FAILED)
        return at;
    (void)fprintf(stderr, "faults: cannot map %s\n", path);
    abort();
}

#define SYSCALL(name, action) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, action)

/* From here on the kernel kills the process with SIGSYS if it tries to become two, or another
 * program, by whatever way. The C library does without clone3, whose flags a filter cannot see. */
static void forbid_fork(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef __NR_fork
        SYSCALL(fork, SECCOMP_RET_KILL_PROCESS),
        SYSCALL(vfork, SECCOMP_RET_KILL_PROCESS),
#endif
        SYSCALL(execve, SECCOMP_RET_KILL_PROCESS),
        SYSCALL(execveat, SECCOMP_RET_KILL_PROCESS),
        SYSCALL(clone3, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 &&
        prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0L, 0L) == 0)
        return;
    (void)fprintf(stderr, "faults: no filter for system calls: %s\n", strerrordesc_np(errno));
    abort();
}

static int begin(int argc, char **argv, char **environment)
{
    const char *path = getenv("FAULT_FILE");
    if (getenv("FAULT_FORBID_FORK") != NULL)
        forbid_fork();
    if (path != NULL && path[0] != '\0')
        fault = map_file(path);
    return program_main(argc, argv, environment);
}

/* Every program's start calls this one with its main(). */
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*linker_fini)(void), void *stack_end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*linker_fini)(void), void *stack_end)
{
    __typeof__(&__libc_start_main) next;
    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    program_main = main;
    return next(begin, argc, argv, init, fini, linker_fini, stack_end);
}
