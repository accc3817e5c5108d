/* What becomes of the process when a library gives up.
 *
 * libuv calls abort(), without a word, where it cannot enlarge its table of descriptors, make its first
 * pipe or put a socket into an epoll set; libmicrohttpd in like cases. Whoever runs the daemon would
 * see nothing but a signal. */
#ifndef APP_GIVE_UP_H
#define APP_GIVE_UP_H

/* From now on an abort() for want of memory or descriptors, as errno tells, logs that and ends the
 * process with APP_EXIT_FAILED. Every other one, and a SIGABRT from outside, does what it always does.
 *
 * For the process; to be called once, before there is any other thread. */
void give_up_with_reason(void);

#endif
