/* What the system lets the process have. */
#ifndef APP_LIMITS_H
#define APP_LIMITS_H

#include "app/config_schema.h"

/* Raises the limit of open files as far as this process may, for ingest.tcp_max_connections connections on top of
 * what else it needs with so many threads: nothing here minds large descriptors (no select()). Tells the
 * log if it is too low even then. Before there is another thread. => whether it is enough, or not known. */
bool limits_make_room(const Config *config, unsigned threads);

#endif
