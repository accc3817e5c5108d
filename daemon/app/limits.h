/* What the system lets the process have. */
#ifndef APP_LIMITS_H
#define APP_LIMITS_H

#include <stdint.h>

/* Raises the limit of open files as far as this process may: nothing here minds large descriptors (no select()).
 * Before there is another thread. => the limit as it is then; negative errno: it is not known. */
int64_t limits_raise_descriptors(void);

#endif
