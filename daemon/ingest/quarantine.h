/* A batch of datagrams that crashes the program, put aside in a file: for each datagram a line with its
 * length in bytes, then its bytes and a newline. */
#ifndef INGEST_QUARANTINE_H
#define INGEST_QUARANTINE_H

#include "ingest/receive_batch.h"

/* Writes the first `count` datagrams to the file `name`, which is not there yet, in the directory, for
 * good. => 0; negative errno: there is no such file. */
int quarantine_write(int directory_fd, const char *name, const ReceiveBatch *batch, int count);

#endif
