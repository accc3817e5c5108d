#include "app/reload.h"

#include "base/log.h"

enum {
    MAX_CHANGED = 32 /* more keys than there are */
};

/* Tells of every key that differs, and which of them wait for a restart. */
static size_t report_changes(const Config *old, const Config *new)
{
    const ConfigKey *changed[MAX_CHANGED];
    size_t count = config_diff(old, new, changed, MAX_CHANGED);
    for (size_t i = 0; i < count && i < MAX_CHANGED; i++) {
        if (changed[i]->reloadable)
            log_notice("reload", "%s.%s is changed", changed[i]->section, changed[i]->name);
        else
            log_warning("reload", "%s.%s is changed in the configuration, but needs a restart",
                        changed[i]->section, changed[i]->name);
    }
    return count;
}

void reload_config(Config *config, const Options *options, Registry *registry)
{
    Config fresh;
    ConfigError error;
    config_defaults(&fresh);
    if (options->config_path != NULL && config_load(options->config_path, &fresh, &error) != 0) {
        log_error("reload", "%s; the old configuration stays", error.message);
        return;
    }
    options_apply(options, &fresh);

    size_t changes = report_changes(config, &fresh);
    /* Only what is applied here is taken over: what waits for a restart is told again next time. */
    config->log = fresh.log;
    config->limits = fresh.limits;
    config->state.checkpoint_s = fresh.state.checkpoint_s;
    log_set_level(config->log.level);
    registry_set_max_series(registry, config->limits.max_series);
    registry_set_expire_after(registry, config->limits.expire_after_s);
    log_notice("reload", changes > 0 ? "configuration reloaded" : "nothing has changed");
}
