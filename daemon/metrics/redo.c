#include "metrics/redo.h"

/* relaxed, all: its process has ended. */

/* => whether the word stands for a number; then *number. */
static bool read_begun(uint64_t word, uint64_t *number)
{
    *number = word / REDO_FACTOR - REDO_NONE;
    return word % REDO_FACTOR == 0 && *number < REDO_MAX; /* less than nothing is a huge number */
}

bool redo_read(const Redo *redo, RedoState *out)
{
    uint64_t number;
    uint64_t before_it;
    if (!read_begun(atomic_load_explicit(&redo->begun, memory_order_relaxed), &number))
        return false;
    const RedoStep *step = &redo->step[number & 1];
    uint64_t tie = atomic_load_explicit(&step->tie, memory_order_relaxed);
    *out = (RedoState){.begun = number >> 1,
                       .word = atomic_load_explicit(&step->word, memory_order_relaxed),
                       .before = atomic_load_explicit(&step->before, memory_order_relaxed)};
    out->in = out->begun;
    if (out->word == 0)
        return tie == 0 && (number & 1) == 0;
    /* The tie leaves out the highest bit of a word, which is 0 in an address. */
    if (out->word >> 63 != 0 ||
        !read_begun(tie - redo_tie_(0, out->word, out->before), &before_it) ||
        before_it >> 1 >= out->begun || (before_it & 1) == (number & 1))
        return false;
    out->in = before_it >> 1;
    return true;
}
