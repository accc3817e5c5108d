/* `atomicstats progress`. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

/* Runs it on the words behind "progress". => the exit status */
int command_progress(int argc, char **argv);

#endif
