#include "app/config_parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/config_value.h"
#include "app/jsonc.h"
#include "base/digits.h"

enum {
    QUOTE_SIZE = 64,
    NAME_LENGTH = 255, /* of a file name, in messages */
};

typedef struct {
    const char *name;
    Jsonc doc;
    Config config; /* in progress */
    ConfigError *error;
} Reader;

/* ---- messages ------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static int complain(Reader *r, JsoncPlace place,
                                                          const char *format, ...)
{
    size_t length = strlen(r->name);
    const char *name = r->name + (length > NAME_LENGTH ? length - NAME_LENGTH : 0);
    char *message = r->error->message;
    int used = snprintf(message, CONFIG_ERROR_SIZE, "%s:%zu:%zu: ", name, place.line, place.column);
    va_list args;
    va_start(args, format);
    vsnprintf(message + used, (size_t)(CONFIG_ERROR_SIZE - used), format, args);
    va_end(args);
    /* Keeps it on one line. The log escapes the rest; escaping here would double backslashes. */
    for (char *c = message; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return -EINVAL;
}

/* The value as it was written, on one line, cut if it is long. */
static const char *quote(const JsoncNode *node, char out[static QUOTE_SIZE])
{
    size_t length = node->source_length;
    bool cut = length >= QUOTE_SIZE;
    if (cut)
        length = QUOTE_SIZE - sizeof "...";
    while (cut && ((unsigned char)node->source[length] & 0xC0) == 0x80)
        length--;
    memcpy(out, node->source, length);
    for (size_t i = 0; i < length; i++)
        if (out[i] == '\n' || out[i] == '\r' || out[i] == '\t')
            out[i] = ' ';
    memcpy(out + length, cut ? "..." : "", cut ? sizeof "..." : 1);
    return out;
}

static int refuse_value(Reader *r, const ConfigKey *key, const cJSON *value, const char *reason)
{
    JsoncNode node = jsonc_locate(&r->doc, value);
    char quoted[QUOTE_SIZE];
    return complain(r, node.value, "%s.%s: %s %s", key->section, key->name, quote(&node, quoted),
                    reason);
}

static const char *type_name(const cJSON *value)
{
    if (cJSON_IsString(value))
        return "a string";
    if (cJSON_IsNumber(value))
        return "a number";
    if (cJSON_IsArray(value))
        return "a list";
    return cJSON_IsObject(value) ? "an object" : "a word";
}

/* What makes of it what is wanted, if that is plain. */
static const char *way_to_type(const ConfigKey *key, const cJSON *value)
{
    bool number = key->type == CONFIG_UNSIGNED || key->type == CONFIG_INT;
    if (cJSON_IsString(value) && key->type == CONFIG_ADDRESSES)
        return "; put it in [ ]";
    if (cJSON_IsArray(value) && !number && key->type != CONFIG_ADDRESSES)
        return "; write one, without [ ]";
    const char *text = cJSON_GetStringValue(value);
    if (text != NULL && number && digits_parse(text, INT64_MAX) >= 0)
        return "; take the quotes away";
    return "";
}

static int refuse_type(Reader *r, const ConfigKey *key, const cJSON *value, const char *wanted)
{
    char reason[2 * CONFIG_REASON_SIZE];
    snprintf(reason, sizeof reason, "is %s, not %s%s", type_name(value), wanted,
             way_to_type(key, value));
    return refuse_value(r, key, value, reason);
}

static int refuse_section(Reader *r, const char *path, const cJSON *value)
{
    JsoncNode node = jsonc_locate(&r->doc, value);
    char quoted[QUOTE_SIZE];
    return complain(r, node.value, "%s%s is %s, not an object", path, quote(&node, quoted),
                    type_name(value));
}

/* Neither a section (`section` NULL) nor a key of this section. */
static int refuse_key(Reader *r, const char *section, const cJSON *value)
{
    JsoncPlace place = jsonc_locate(&r->doc, value).key;
    char suggestion[CONFIG_PATH_SIZE];
    char names[CONFIG_LIST_SIZE];
    char help[CONFIG_LIST_SIZE + 32];
    if (config_schema_suggest(section, value->string, suggestion))
        snprintf(help, sizeof help, "did you mean \"%s\"?", suggestion);
    else
        snprintf(help, sizeof help, "%s: %s", section == NULL ? "the sections are" : "its keys are",
                 config_schema_list(section, names));
    return complain(r, place, "unknown %s \"%s%s%.200s\"; %s", section == NULL ? "section" : "key",
                    section == NULL ? "" : section, section == NULL ? "" : ".", value->string,
                    help);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int read_text(Reader *r, const ConfigKey *key, const cJSON *value, const char *text)
{
    ConfigReason reason;
    int status = config_value_set(key, text, &r->config, &reason);
    return status == 0 ? 0 : refuse_value(r, key, value, reason.text);
}

/* From the text as it was written: a double would hide digits. */
static int read_number(Reader *r, const ConfigKey *key, const cJSON *value)
{
    JsoncNode node = jsonc_locate(&r->doc, value);
    char text[QUOTE_SIZE];
    return read_text(r, key, value, quote(&node, text));
}

static int read_list(Reader *r, const ConfigKey *key, const cJSON *value, const char *wanted)
{
    if ((int64_t)cJSON_GetArraySize(value) < key->minimum) {
        char reason[CONFIG_REASON_SIZE + 8];
        snprintf(reason, sizeof reason, "is not %s", wanted);
        return refuse_value(r, key, value, reason);
    }
    config_value_clear(key, &r->config);
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (!cJSON_IsString(item))
            return refuse_type(r, key, item, "an address in a string");
        int status = read_text(r, key, item, item->valuestring);
        if (status < 0)
            return status;
    }
    return 0;
}

static int read_value(Reader *r, const ConfigKey *key, const cJSON *value)
{
    char wanted[CONFIG_REASON_SIZE];
    config_value_describe(key, wanted);
    switch (key->type) {
    case CONFIG_UNSIGNED:
    case CONFIG_INT:
        if (!cJSON_IsNumber(value))
            return refuse_type(r, key, value, wanted);
        return read_number(r, key, value);
    case CONFIG_ADDRESSES:
        if (!cJSON_IsArray(value))
            return refuse_type(r, key, value, wanted);
        return read_list(r, key, value, wanted);
    case CONFIG_SWITCH:
    case CONFIG_LEVEL:
    case CONFIG_ADDRESS:
    case CONFIG_DIRECTORY:
    case CONFIG_UNIX_NAME:
    case CONFIG_MODE:
        break;
    }
    if (!cJSON_IsString(value))
        return refuse_type(r, key, value, wanted);
    return read_text(r, key, value, value->valuestring);
}

static bool section_exists(const char *name)
{
    size_t count;
    const ConfigKey *keys = config_schema(&count);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++)
        found = strcmp(keys[i].section, name) == 0;
    return found;
}

static int read_section(Reader *r, const cJSON *section)
{
    if (!section_exists(section->string))
        return refuse_key(r, NULL, section);
    if (!cJSON_IsObject(section)) {
        char path[CONFIG_PATH_SIZE];
        snprintf(path, sizeof path, "%s: ", section->string);
        return refuse_section(r, path, section);
    }
    for (const cJSON *value = section->child; value != NULL; value = value->next) {
        const ConfigKey *key = config_schema_find(section->string, value->string);
        if (key == NULL)
            return refuse_key(r, section->string, value);
        int status = read_value(r, key, value);
        if (status < 0)
            return status;
    }
    return 0;
}

static int read_root(Reader *r)
{
    if (!cJSON_IsObject(r->doc.root))
        return refuse_section(r, "", r->doc.root);
    for (const cJSON *section = r->doc.root->child; section != NULL; section = section->next) {
        int status = read_section(r, section);
        if (status < 0)
            return status;
    }
    return 0;
}

int config_parse(const char *text, size_t length, const char *name, Config *inout,
                 ConfigError *error)
{
    Reader r = {.name = name, .config = *inout, .error = error};
    JsoncError syntax;
    int status = jsonc_parse(text, length, &r.doc, &syntax);
    if (status < 0) {
        (void)complain(&r, syntax.place, "%s", syntax.text);
        return status;
    }
    status = read_root(&r);
    if (status == 0)
        *inout = r.config;
    jsonc_free(&r.doc);
    return status;
}
