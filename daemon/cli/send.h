/* `atomicstats send`. */
#ifndef CLI_SEND_H
#define CLI_SEND_H

/* Runs it on the words behind "send". => the exit status */
int command_send(int argc, char **argv);

#endif
