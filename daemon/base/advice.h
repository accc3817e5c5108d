/* What to do about an error of the system: the end of a message. Each says the error in the C library's
 * words, and behind a semicolon what helps, if that is known. Any thread; no state. */
#ifndef BASE_ADVICE_H
#define BASE_ADVICE_H

#include "base/address.h"

enum {
    ADVICE_SIZE = 512
};

typedef enum {
    ADVICE_UDP,
    ADVICE_TCP
} AdviceTransport;

/* Of an address that cannot be bound. `error`: negative errno; `setting`: where another is chosen, such as
 * "--udp or ingest.udp". => out */
const char *advice_address(int error, const Address *address, AdviceTransport transport,
                           const char *setting, char out[static ADVICE_SIZE]);

/* Of a text that address_parse() refuses: what is wrong with it. => without a full stop; "": nobody knows */
const char *advice_address_text(const char *text);

/* Of a directory that is to be made or written in. `path`: absolute; the rest as above. => out */
const char *advice_directory(int error, const char *path, const char *setting,
                             char out[static ADVICE_SIZE]);

/* Of a Unix socket that is to be bound to `name`: an absolute path, or "@" and an abstract name; -ENOTSOCK: what is
 * at the path is none. The rest as above. => out */
const char *advice_unix(int error, const char *name, const char *setting,
                        char out[static ADVICE_SIZE]);

/* Of a file that is to be read. `absent`: what to do if there is none, without the C library's words before
 * it. => out */
const char *advice_file(int error, const char *absent, char out[static ADVICE_SIZE]);

#endif
