/* A command that writes into a pipe of ours, and the signals that are meant for it. One thread. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include <sys/types.h>

typedef struct {
    pid_t pid;
    int output;  /* reads what it writes to its standard output */
    int signals; /* becomes readable when a signal has come that job_pass_signal() is to look at */
} Job;

/* Starts command[0], found as a shell finds it, with command[] as its arguments. From now on SIGINT,
 * SIGQUIT, SIGTERM and SIGHUP do not end this process.
 * => 0; negative errno: -ENOENT, -EACCES, … */
int job_start(Job *job, char **command);

/* Takes one signal. What somebody has sent to this process alone, the command gets; what a terminal sends
 * has gone to both already. */
void job_pass_signal(const Job *job);

/* Closes its output and waits for it. => its exit status, 128 and its signal's number if one ended it */
int job_finish(Job *job);

#endif
