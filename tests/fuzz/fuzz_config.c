/* Any bytes as a configuration: never a read outside them, a refusal says why and changes nothing, and
 * what is taken prints as text that reads back to the same configuration. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_print(const Config *config)
{
    char *text = config_print(config);
    require(text != NULL);
    Config again;
    ConfigError error;
    config_defaults(&again);
    require(config_parse(text, strlen(text), "printed", &again, &error) == 0);
    require(config_diff(config, &again, NULL, 0) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size); /* exact, so that ASan sees a byte too many */
    require(text != NULL || size == 0);
    if (size > 0)
        memcpy(text, data, size);
    Config config;
    config_defaults(&config);
    Config before = config;
    ConfigError error = {""};
    if (config_parse(text, size, "fuzz", &config, &error) == 0) {
        check_print(&config);
    } else {
        require(strncmp(error.message, "fuzz:", 5) == 0);
        require(strchr(error.message, '\n') == NULL);
        require(config_diff(&before, &config, NULL, 0) == 0);
    }
    free(text);
    return 0;
}
