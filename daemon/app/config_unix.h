/* What the configuration says of a Unix socket, from text: its name, and who may send to it. Pure; any
 * thread. */
#ifndef APP_CONFIG_UNIX_H
#define APP_CONFIG_UNIX_H

#include <stdbool.h>

enum {
    CONFIG_UNIX_NAME_SIZE = 108 /* as long as the kernel takes, with the closing zero */
};

/* => NULL: `text` may be a socket's name: an absolute path, "@" and an abstract name, or "" for none; else why
 * not, to stand behind it. */
const char *config_unix_refuse_name(const char *text);

/* Reads a mode as chmod takes it: 1 to 4 octal digits, up to 0777. => whether it is one; then in *mode. */
bool config_unix_read_mode(const char *text, unsigned *mode);

#endif
