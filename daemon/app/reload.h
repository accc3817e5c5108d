/* SIGHUP: the configuration read again. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "app/config.h"
#include "app/options.h"
#include "metrics/registry.h"

/* Reads the file and the command line again and applies what can change while running (log.level,
 * limits.*, state.checkpoint_s) to *config, the registry and the log; state.checkpoint_s is only put
 * into *config, where the caller finds it. Says for each other key that differs that it needs a
 * restart. A file that is wrong changes nothing, and the log says what is wrong. */
void reload_config(Config *config, const Options *options, Registry *registry);

#endif
