#include "app/give_up.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/log.h"

static bool is_shortage(int error)
{
    return error == ENOMEM || error == ENOSPC || error == EMFILE || error == ENFILE;
}

/* SI_TKILL and our own number: abort() of one of our threads, which stands in a call of a library and
 * not in the log. Anything else does what it does by default, when this returns. */
static void on_abort(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == SI_TKILL && info->si_pid == getpid() && is_shortage(errno)) {
        log_error("app", "a library cannot go on: %s", strerrordesc_np(errno));
        _exit(APP_EXIT_FAILED);
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void give_up_with_reason(void)
{
    struct sigaction action = {.sa_sigaction = on_abort, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGABRT, &action, NULL); /* cannot fail: the signal and the pointers are good */
}
