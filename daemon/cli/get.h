/* `atomicstats get`. */
#ifndef CLI_GET_H
#define CLI_GET_H

/* Runs it on the words behind "get". => the exit status */
int command_get(int argc, char **argv);

#endif
