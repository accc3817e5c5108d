#include "app/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/advice.h"
#include "base/number.h"
#include "base/utf8.h"

/* ---- where a value lies -------------------------------------------------------------------- */

static void *place_of(const ConfigKey *key, Config *config)
{
    return (char *)config + key->offset;
}

static const void *value_of(const ConfigKey *key, const Config *config)
{
    return (const char *)config + key->offset;
}

static size_t list_count(const ConfigKey *key, const Config *config)
{
    size_t count;
    memcpy(&count, (const char *)config + key->count_offset, sizeof count);
    return count;
}

static void set_list_count(const ConfigKey *key, size_t count, Config *config)
{
    memcpy((char *)config + key->count_offset, &count, sizeof count);
}

void config_value_clear(const ConfigKey *key, Config *config)
{
    if (key->type == CONFIG_ADDRESSES)
        set_list_count(key, 0, config);
}

static int64_t number_of(const ConfigKey *key, const Config *config)
{
    const void *value = value_of(key, config);
    if (key->type == CONFIG_INT)
        return *(const int *)value;
    return *(const unsigned *)value;
}

/* ---- from text ----------------------------------------------------------------------------- */

/* Of an address. */
static const char *example_of(const ConfigKey *key)
{
    return key->default_text[0] != '\0' ? key->default_text : "127.0.0.1:8125";
}

const char *config_value_describe(const ConfigKey *key, char out[static CONFIG_REASON_SIZE])
{
    switch (key->type) {
    case CONFIG_UNSIGNED:
    case CONFIG_INT:
        snprintf(out, CONFIG_REASON_SIZE, "a whole number (%" PRId64 " to %" PRId64 ")",
                 key->minimum, key->maximum);
        break;
    case CONFIG_SWITCH:
        snprintf(out, CONFIG_REASON_SIZE, "\"%s\" or \"%s\"", key->words[0], key->words[1]);
        break;
    case CONFIG_LEVEL: {
        int used = snprintf(out, CONFIG_REASON_SIZE, "one of");
        for (LogLevel level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
            used += snprintf(out + used, (size_t)(CONFIG_REASON_SIZE - used), "%s \"%s\"",
                             level == LOG_LEVEL_ERROR ? "" : ",", log_level_name(level));
        break;
    }
    case CONFIG_ADDRESS:
        snprintf(out, CONFIG_REASON_SIZE, "ADDR:PORT, such as %s", example_of(key));
        break;
    case CONFIG_ADDRESSES:
        snprintf(out, CONFIG_REASON_SIZE, "a list of %" PRId64 " to %" PRId64 " addresses",
                 key->minimum, key->maximum);
        break;
    case CONFIG_DIRECTORY:
        snprintf(out, CONFIG_REASON_SIZE, "an absolute path, such as /var/lib/atomicstatsd");
        break;
    case CONFIG_UNIX_NAME:
        snprintf(out, CONFIG_REASON_SIZE, "a socket's path, or \"@\" and an abstract name");
        break;
    case CONFIG_MODE:
        snprintf(out, CONFIG_REASON_SIZE, "a mode in octal digits (\"0\" to \"0777\")");
        break;
    }
    return out;
}

static int refuse(ConfigReason *reason, const char *text)
{
    snprintf(reason->text, sizeof reason->text, "%s", text);
    return -EINVAL;
}

static int refuse_kind(const ConfigKey *key, ConfigReason *reason)
{
    char kind[CONFIG_REASON_SIZE];
    config_value_describe(key, kind);
    snprintf(reason->text, sizeof reason->text, "is not %.150s", kind);
    return -EINVAL;
}

static int set_number(const ConfigKey *key, const char *text, Config *config, ConfigReason *reason)
{
    Number number;
    int status = number_parse(text, strlen(text), &number);
    /* A whole number too large for int64_t is out of range, not of the wrong kind. */
    bool whole = status == 0 && (number.is_integer || fabs(number.value) >= 0x1p63);
    if (status != -ERANGE && !whole)
        return refuse_kind(key, reason);
    if (status == -ERANGE || !number.is_integer || number.integer < key->minimum ||
        number.integer > key->maximum) {
        snprintf(reason->text, sizeof reason->text,
                 "is out of range (%" PRId64 " to %" PRId64 "%s%s)", key->minimum, key->maximum,
                 key->unit == NULL ? "" : " ", key->unit == NULL ? "" : key->unit);
        return -EINVAL;
    }
    if (key->type == CONFIG_INT)
        *(int *)place_of(key, config) = (int)number.integer;
    else
        *(unsigned *)place_of(key, config) = (unsigned)number.integer;
    return 0;
}

static int set_switch(const ConfigKey *key, const char *text, Config *config, ConfigReason *reason)
{
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(text, key->words[i]) == 0) {
            *(bool *)place_of(key, config) = i == 1;
            return 0;
        }
    }
    return refuse_kind(key, reason);
}

static bool same_address(const Address *a, const Address *b)
{
    char text_a[ADDRESS_TEXT_SIZE];
    char text_b[ADDRESS_TEXT_SIZE];
    return strcmp(address_format(a, text_a), address_format(b, text_b)) == 0;
}

static int add_address(const ConfigKey *key, const Address *address, Config *config,
                       ConfigReason *reason)
{
    Address *list = place_of(key, config);
    size_t count = list_count(key, config);
    /* Port 0 stands for another port each time. */
    for (size_t i = 0; i < count && address_port(address) != 0; i++)
        if (same_address(&list[i], address))
            return refuse(reason, "is there twice");
    if ((int64_t)count >= key->maximum)
        return refuse(reason, "is one too many for the list");
    list[count++] = *address;
    set_list_count(key, count, config);
    return 0;
}

static int refuse_address(const ConfigKey *key, const char *text, ConfigReason *reason)
{
    const char *advice = advice_address_text(text);
    snprintf(reason->text, sizeof reason->text, "is not ADDR:PORT, such as %s%s%s", example_of(key),
             advice[0] != '\0' ? "; " : "", advice);
    return -EINVAL;
}

static int set_address(const ConfigKey *key, const char *text, Config *config, ConfigReason *reason)
{
    Address address;
    if (address_parse(text, &address) < 0)
        return refuse_address(key, text, reason);
    if (key->type == CONFIG_ADDRESSES)
        return add_address(key, &address, config, reason);
    *(Address *)place_of(key, config) = address;
    return 0;
}

/* Absolute, because what a daemon's working directory is depends on who starts it. Clean, because it
 * stands in log lines and in JSON. */
static int set_directory(const ConfigKey *key, const char *text, Config *config,
                         ConfigReason *reason)
{
    size_t length = strlen(text);
    if (length >= CONFIG_TEXT_SIZE) {
        snprintf(reason->text, sizeof reason->text, "is longer than %d bytes",
                 CONFIG_TEXT_SIZE - 1);
        return -EINVAL;
    }
    if (length > 0 && text[0] != '/')
        return refuse_kind(key, reason);
    if (!utf8_is_clean(text, length))
        return refuse(reason, "is not UTF-8 without control characters");
    memcpy(place_of(key, config), text, length + 1);
    return 0;
}

static int set_unix_name(const ConfigKey *key, const char *text, Config *config,
                         ConfigReason *reason)
{
    const char *why = config_unix_refuse_name(text);
    if (why != NULL)
        return refuse(reason, why);
    memcpy(place_of(key, config), text, strlen(text) + 1);
    return 0;
}

int config_value_set(const ConfigKey *key, const char *text, Config *config, ConfigReason *reason)
{
    switch (key->type) {
    case CONFIG_UNSIGNED:
    case CONFIG_INT:
        return set_number(key, text, config, reason);
    case CONFIG_SWITCH:
        return set_switch(key, text, config, reason);
    case CONFIG_LEVEL:
        if (log_level_parse(text, place_of(key, config)) == 0)
            return 0;
        return refuse_kind(key, reason);
    case CONFIG_DIRECTORY:
        return set_directory(key, text, config, reason);
    case CONFIG_UNIX_NAME:
        return set_unix_name(key, text, config, reason);
    case CONFIG_MODE:
        return config_unix_read_mode(text, place_of(key, config)) ? 0 : refuse_kind(key, reason);
    case CONFIG_ADDRESS:
    case CONFIG_ADDRESSES:
        break;
    }
    return set_address(key, text, config, reason);
}

/* ---- to JSON, and comparing ---------------------------------------------------------------- */

static cJSON *address_value(const Address *address)
{
    char text[ADDRESS_TEXT_SIZE];
    return cJSON_CreateString(address_format(address, text));
}

static cJSON *list_value(const Address *list, size_t count)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; array != NULL && i < count; i++) {
        cJSON *item = address_value(&list[i]);
        if (!cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            cJSON_Delete(array);
            return NULL;
        }
    }
    return array;
}

static cJSON *number_value(int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    return cJSON_CreateRaw(text); /* cJSON's own number printing loses digits */
}

static cJSON *mode_value(unsigned mode)
{
    char text[16];
    snprintf(text, sizeof text, "%04o", mode);
    return cJSON_CreateString(text);
}

cJSON *config_value_json(const ConfigKey *key, const Config *config)
{
    const void *value = value_of(key, config);
    switch (key->type) {
    case CONFIG_UNSIGNED:
    case CONFIG_INT:
        return number_value(number_of(key, config));
    case CONFIG_SWITCH:
        return cJSON_CreateString(key->words[*(const bool *)value]);
    case CONFIG_LEVEL:
        return cJSON_CreateString(log_level_name(*(const LogLevel *)value));
    case CONFIG_ADDRESS:
        return address_value(value);
    case CONFIG_DIRECTORY:
    case CONFIG_UNIX_NAME:
        return cJSON_CreateString(value);
    case CONFIG_MODE:
        return mode_value(*(const unsigned *)value);
    case CONFIG_ADDRESSES:
        break;
    }
    return list_value(value, list_count(key, config));
}

bool config_value_equal(const ConfigKey *key, const Config *a, const Config *b)
{
    const void *value_a = value_of(key, a);
    const void *value_b = value_of(key, b);
    switch (key->type) {
    case CONFIG_UNSIGNED:
    case CONFIG_INT:
    case CONFIG_MODE:
        return number_of(key, a) == number_of(key, b);
    case CONFIG_SWITCH:
        return *(const bool *)value_a == *(const bool *)value_b;
    case CONFIG_LEVEL:
        return *(const LogLevel *)value_a == *(const LogLevel *)value_b;
    case CONFIG_ADDRESS:
        return same_address(value_a, value_b);
    case CONFIG_DIRECTORY:
    case CONFIG_UNIX_NAME:
        return strcmp(value_a, value_b) == 0;
    case CONFIG_ADDRESSES:
        break;
    }
    const Address *list_a = value_a;
    const Address *list_b = value_b;
    size_t count = list_count(key, a);
    bool equal = count == list_count(key, b);
    for (size_t i = 0; equal && i < count; i++)
        equal = same_address(&list_a[i], &list_b[i]);
    return equal;
}
