/* The whole terminal, taken and given back as it was. One thread. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

typedef struct {
    int output;   /* a terminal */
    int keyboard; /* -1: there is none */
    bool taken;
    struct termios before; /* the keyboard's, when it was taken */
} Screen;

/* Switches to the alternate screen, hides the cursor, and lets keys come one by one without an echo. */
void screen_take(Screen *screen);

/* Gives it all back. Allowed when it is not taken. */
void screen_release(Screen *screen);

/* Writes a frame at once. */
void screen_write(const Screen *screen, const char *bytes, size_t length);

#endif
