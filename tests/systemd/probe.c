/* Tries from inside of the service's sandbox what the daemon must not be able to do, and writes one line
 * "WHAT: RESULT" for each into its state directory. test_machine.py knows what is to be expected.
 *
 *     probe ADDRESS        a numeric IPv4 address of this machine that is not its loopback's
 *
 * RESULT is "done" or the error's name; where many things are tried, those that were done, or "none". */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static FILE *report;
static const char *state;

static void say(const char *what, long result)
{
    (void)fprintf(report, "%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
}

/* ---- sockets ---- */

static void try_sockets(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
    bool any = false;
    (void)fputs("sockets opened:", report);
    for (int domain = 0; domain < 64; domain++) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            int fd = socket(domain, types[i], 0);
            if (fd < 0)
                continue;
            any = true;
            (void)fprintf(report, " %d/%d", domain, types[i]);
            close(fd);
        }
    }
    (void)fputs(any ? "\n" : " none\n", report);
    int pair[2];
    say("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

/* The sockets that were handed over. */
static void try_inherited(const char *outside)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    (void)inet_pton(AF_INET, outside, &address.sin_addr);
    const char *count = getenv("LISTEN_FDS");
    for (int fd = 3; count != NULL && fd < 3 + atoi(count); fd++) {
        int type = 0;
        int domain = 0;
        socklen_t size = sizeof type;
        (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
        (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
        if (domain != AF_INET || type != SOCK_DGRAM)
            continue;
        say("send out of an inherited socket",
            sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof address));
        say("connect an inherited socket",
            connect(fd, (struct sockaddr *)&address, sizeof address));
        return;
    }
}

/* ---- files ---- */

typedef struct {
    FILE *writable;
    FILE *executable;
} Found;

/* Notes the paths from `path` on that can be written to or executed; without following links. Sockets, pipes
 * and devices are no place to keep anything; what lies in a folder that can be written to is not listed. */
static void walk(const char *path, const Found *found)
{
    struct stat status;
    if (lstat(path, &status) != 0 || (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)))
        return;
    if (S_ISREG(status.st_mode) && access(path, X_OK) == 0)
        (void)fprintf(found->executable, " %s", path);
    if (access(path, W_OK) == 0) {
        (void)fprintf(found->writable, " %s", path);
        return;
    }
    DIR *entries = S_ISDIR(status.st_mode) && strcmp(path, "/proc") != 0 ? opendir(path) : NULL;
    if (entries == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        char inner[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(inner, sizeof inner, "%s/%s", strcmp(path, "/") == 0 ? "" : path,
                       entry->d_name);
        walk(inner, found);
    }
    closedir(entries);
}

static void try_files(void)
{
    char *writable;
    char *executable;
    size_t size;
    const Found found = {open_memstream(&writable, &size), open_memstream(&executable, &size)};
    walk("/", &found);
    say("make a folder in /run", mkdir("/run/probe", 0700));
    say("make a folder in /etc", mkdir("/etc/probe", 0700));
    say("make a folder in /usr", mkdir("/usr/probe", 0700));
    (void)fclose(found.writable);
    (void)fclose(found.executable);
    (void)fprintf(report, "writable:%s\nexecutable:%s\n", writable, executable);
    free(writable);
    free(executable);
}

static int write_file(const char *folder, const char *name, char path[static 256])
{
    (void)snprintf(path, 256, "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    char part[65536];
    ssize_t length = 0;
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && self >= 0 && (length = read(self, part, sizeof part)) > 0)
        if (write(fd, part, (size_t)length) != length)
            return -1;
    close(self);
    return length == 0 ? fd : -1;
}

/* ---- programs ---- */

/* In a child, so that this program goes on if it works. => 0 if it did, else -1 and errno. */
static int try_exec(const char *path, char *const arguments[])
{
    int pipe_ends[2];
    char *const environment[] = {NULL};
    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        return -1;
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        (void)execve(path, arguments, environment);
        int error = errno;
        (void)!write(pipe_ends[1], &error, sizeof error);
        _exit(1);
    }
    close(pipe_ends[1]);
    int error = 0;
    ssize_t got = read(pipe_ends[0], &error, sizeof error); /* nothing: it was closed on exec */
    close(pipe_ends[0]);
    errno = error;
    return got > 0 ? -1 : 0;
}

static void try_programs(void)
{
    char copy[256];
    int fd = write_file(state, "copy", copy);
    say("write a program into the state directory", fd);
    if (fd >= 0)
        say("map a written file as a program",
            mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    close(fd);
    say("execute what it has written", try_exec(copy, (char *[]){copy, "x", NULL}));
    say("execute /bin/true", try_exec("/bin/true", (char *[]){"true", NULL}));
    say("execute /bin/sh", try_exec("/bin/sh", (char *[]){"sh", "-c", ":", NULL}));
    say("execute python3", try_exec("/usr/bin/python3", (char *[]){"python3", "-V", NULL}));
    int memory = (int)syscall(SYS_memfd_create, "x", 0);
    say("memfd_create", memory);
    say("execveat",
        syscall(SYS_execveat, AT_FDCWD, "/bin/true", (char *[]){"true", NULL}, NULL, 0));
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("map memory writable and executable", page == MAP_FAILED ? -1 : 0);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("make memory executable", mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

/* ---- the rest of the kernel ---- */

static void try_system(void)
{
    say("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
    say("unshare", unshare(CLONE_NEWUSER));
    say("setns", setns(0, 0));
    say("mount", mount("none", "/", NULL, MS_REMOUNT, NULL));
    say("chroot", chroot("/"));
    say("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    say("process_vm_readv", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
    say("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0));
    say("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    say("userfaultfd", syscall(SYS_userfaultfd, 0));
    say("keyctl", syscall(SYS_keyctl, 0, 0));
    say("init_module", syscall(SYS_init_module, NULL, 0, ""));
    say("reboot", reboot(RB_ENABLE_CAD));
    say("kill another process", kill(1, 0));
    say("setuid", setuid(0));
    say("set the clock", clock_settime(CLOCK_REALTIME, &(struct timespec){0}));
    say("sethostname", sethostname("x", 1));
    say("open /proc/sys", open("/proc/sys/kernel/hostname", O_RDONLY));
    say("open /proc/1", open("/proc/1/status", O_RDONLY));
}

int main(int argc, char **argv)
{
    char path[256];
    state = getenv("STATE_DIRECTORY");
    if (argc != 2 || state == NULL)
        return 2;
    (void)snprintf(path, sizeof path, "%s/report", state);
    report = fopen(path, "we");
    if (report == NULL)
        return 1;
    (void)setvbuf(report, NULL, _IOLBF, BUFSIZ);
    try_sockets();
    try_inherited(argv[1]);
    try_programs();
    try_system();
    try_files();
    return fclose(report) == 0 ? 0 : 1;
}
