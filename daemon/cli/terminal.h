/* The terminal's size. Any thread; no state. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stddef.h>

typedef struct {
    size_t columns;
    size_t rows;
} TerminalSize;

/* => the size of the terminal at `fd`, 80 by 24 where it is not known; each at least 1, at most 1000. */
TerminalSize terminal_size(int fd);

#endif
