/* A batch that crashes the program, put aside in a file: for each datagram, or a stream's text, a line with its
 * length in bytes, then its bytes and a newline. */
#ifndef INGEST_QUARANTINE_H
#define INGEST_QUARANTINE_H

#include "ingest/hand.h"

/* Writes the first `count` texts of what is in hand to the file `name`, which is not there yet, in the directory, for
 * good. => 0; negative errno: there is no such file. */
int quarantine_write(int directory_fd, const char *name, const Hand *hand, int count);

#endif
