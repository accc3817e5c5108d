/* `atomicstats watch`. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

/* Runs it on the words behind "watch". => the exit status */
int command_watch(int argc, char **argv);

#endif
