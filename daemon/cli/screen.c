#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Alternate screen, no cursor, no wrapping at the right edge; and back. */
static const char take[] = "\033[?1049h\033[?25l\033[?7l\033[2J";
static const char release[] = "\033[?7h\033[?25h\033[?1049l";

void screen_write(const Screen *screen, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(screen->output, bytes, length);
        struct pollfd room = {.fd = screen->output, .events = POLLOUT};
        if (written < 0 && errno == EAGAIN)
            (void)poll(&room, 1, 100);
        else if (written < 0 && errno != EINTR)
            return; /* the terminal has gone, and SIGHUP is on its way */
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
}

void screen_take(Screen *screen)
{
    if (screen->keyboard >= 0 && tcgetattr(screen->keyboard, &screen->before) == 0) {
        struct termios raw = screen->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(screen->keyboard, TCSADRAIN, &raw);
    }
    screen_write(screen, take, strlen(take));
    screen->taken = true;
}

void screen_release(Screen *screen)
{
    if (!screen->taken)
        return;
    screen_write(screen, release, strlen(release));
    /* FLUSH: what was typed for us is not for the shell. */
    if (screen->keyboard >= 0)
        (void)tcsetattr(screen->keyboard, TCSAFLUSH, &screen->before);
    screen->taken = false;
}
