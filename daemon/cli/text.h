/* Text from elsewhere, made fit for a terminal. Any thread, once text_begin() has been called. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Lets wcwidth() know UTF-8, whatever the environment says; numbers stay as they are. Once, at the start. */
void text_begin(void);

/* Writes `text` to `file` (NULL: only counts): a backslash as two, bytes of control characters, of what is
 * no UTF-8 and of characters that reorder or hide others as \xNN. More than `columns` columns are cut, with
 * "…" in the last one. => the columns that it takes. */
size_t text_print(FILE *file, const char *text, size_t columns);

#endif
