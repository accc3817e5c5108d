#include "app/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config_value.h"
#include "base/advice.h"

enum {
    PATH_LENGTH = 512 /* in messages */
};

void config_defaults(Config *config)
{
    memset(config, 0, sizeof *config);
    size_t count;
    const ConfigKey *keys = config_schema(&count);
    ConfigReason reason; /* the table's defaults are valid: the tests see to it */
    for (size_t i = 0; i < count; i++)
        if (keys[i].default_text[0] != '\0')
            (void)config_value_set(&keys[i], keys[i].default_text, config, &reason);
}

/* Reads all there is, but at most `size` bytes. => their number; negative errno. */
static ssize_t read_up_to(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    size_t length = 0;
    ssize_t got = 1;
    while (length < size && got != 0) {
        got = read(fd, buffer + length, size - length);
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    ssize_t result = got < 0 ? -errno : (ssize_t)length;
    close(fd);
    return result;
}

static void refuse_file(int status, const char *path, ConfigError *error)
{
    char why[ADVICE_SIZE] = "larger than 1 MiB: is it the right one?";
    const char *absent = path[0] == '/'
                             ? "`atomicstatsd --print-config` prints one with the defaults"
                             : "what does not begin with / is looked for in the current directory";
    if (status != -EFBIG)
        (void)advice_file(status, absent, why);
    snprintf(error->message, sizeof error->message, "%.*s: %s", PATH_LENGTH, path, why);
}

int config_load(const char *path, Config *inout, ConfigError *error)
{
    char *text = malloc(CONFIG_MAX_FILE_SIZE + 1);
    ssize_t length = text == NULL ? -ENOMEM : read_up_to(path, text, CONFIG_MAX_FILE_SIZE + 1);
    if (length > CONFIG_MAX_FILE_SIZE)
        length = -EFBIG;
    int status = (int)length;
    if (length < 0)
        refuse_file((int)length, path, error);
    else
        status = config_parse(text, (size_t)length, path, inout, error);
    free(text);
    return status;
}

/* ---- printing and comparing ---------------------------------------------------------------- */

char *config_print(const Config *config)
{
    size_t count;
    const ConfigKey *keys = config_schema(&count);
    cJSON *root = cJSON_CreateObject();
    cJSON *section = NULL;
    bool complete = root != NULL;
    for (size_t i = 0; complete && i < count; i++) {
        if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0)
            section = cJSON_AddObjectToObject(root, keys[i].section);
        cJSON *value = config_value_json(&keys[i], config);
        complete = section != NULL && cJSON_AddItemToObject(section, keys[i].name, value);
        if (!complete)
            cJSON_Delete(value);
    }
    char *text = complete ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    size_t length = text == NULL ? 0 : strlen(text);
    char *line = text == NULL ? NULL : realloc(text, length + 2);
    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + length, "\n", 2);
    return line;
}

size_t config_diff(const Config *old, const Config *new, const ConfigKey **changed, size_t max)
{
    size_t count;
    const ConfigKey *keys = config_schema(&count);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (config_value_equal(&keys[i], old, new))
            continue;
        if (found < max)
            changed[found] = &keys[i];
        found++;
    }
    return found;
}
