#include "cli/job.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STATUS_OF_SIGNAL = 128 /* as shells have it */
};

static int spawn(pid_t *pid, char **command, int output, const sigset_t *mask)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE); /* which this process ignores */
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void)posix_spawnattr_setsigmask(&attributes, mask);
        (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (error == 0)
            error = posix_spawnp(pid, command[0], &actions, &attributes, command, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return -error;
}

int job_start(Job *job, char **command)
{
    int pipes[2];
    sigset_t ours;
    sigset_t before;
    static const int numbers[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return -errno;
    (void)sigemptyset(&ours);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&ours, numbers[i]);
    (void)pthread_sigmask(SIG_BLOCK, &ours, &before);
    *job = (Job){.output = pipes[0], .signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK)};
    int status = job->signals < 0 ? -errno : spawn(&job->pid, command, pipes[1], &before);
    (void)close(pipes[1]);
    if (status != 0) {
        (void)close(pipes[0]);
        if (job->signals >= 0)
            (void)close(job->signals);
    }
    return status;
}

void job_pass_signal(const Job *job)
{
    struct signalfd_siginfo info;
    if (read(job->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_code <= 0) /* by a process, not by the kernel */
        (void)kill(job->pid, (int)info.ssi_signo);
}

int job_finish(Job *job)
{
    int status = 0;
    (void)close(job->output);
    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)close(job->signals);
    return WIFSIGNALED(status) ? STATUS_OF_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}
