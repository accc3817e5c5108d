#include "cli/terminal.h"

#include <sys/ioctl.h>

static size_t within(size_t number, size_t otherwise)
{
    if (number == 0)
        return otherwise;
    return number < 1000 ? number : 1000;
}

TerminalSize terminal_size(int fd)
{
    struct winsize size = {0};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0)
        size = (struct winsize){0};
    return (TerminalSize){.columns = within(size.ws_col, 80), .rows = within(size.ws_row, 24)};
}
