#include "cli/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

enum {
    ARGUMENTS_OPTIONS = 16 /* more than a command has */
};

static bool is_option(const char *word)
{
    if (word[0] != '-' || word[1] == '\0' || word[1] == '.')
        return false;
    return word[1] < '0' || word[1] > '9';
}

static const ArgumentOption *find(const ArgumentOption *options, const char *word, size_t length)
{
    for (; options->name != NULL; options++) {
        if (strlen(options->name) == length && memcmp(options->name, word, length) == 0)
            return options;
    }
    return NULL;
}

static int refuse_unknown(const ArgumentOption *options, const char *word, size_t length,
                          ArgumentsError *error)
{
    const char *names[ARGUMENTS_OPTIONS + 1];
    char name[NEAREST_LENGTH + 1];
    size_t count = 0;
    for (; options->name != NULL && count < ARGUMENTS_OPTIONS; options++) {
        if (options->name[1] == '-')
            names[count++] = options->name + 2;
    }
    names[count] = NULL;
    size_t dashes = strspn(word, "-");
    (void)snprintf(name, sizeof name, "%.*s", (int)(length - dashes), word + dashes);
    const char *near = nearest_word(name, names);
    (void)snprintf(error->message, sizeof error->message, "unknown option %.100s%s%s%s", word,
                   near != NULL ? "; did you mean --" : "", near != NULL ? near : "",
                   near != NULL ? "?" : "");
    return -EINVAL;
}

/* => how many words it took, 1 or 2; -EINVAL. `next`: the word behind it, or NULL. */
static int take_option(const char *word, const char *next, const ArgumentOption *options,
                       ArgumentsError *error)
{
    size_t length = strcspn(word, "=");
    const ArgumentOption *option = find(options, word, length);
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    if (option == NULL)
        return refuse_unknown(options, word, length, error);
    if (option->flag != NULL)
        *option->flag = true;
    if (option->value == NULL && value != NULL) {
        (void)snprintf(error->message, sizeof error->message, "%s takes no value: %.100s",
                       option->name, word);
        return -EINVAL;
    }
    if (option->value == NULL)
        return 1;
    *option->value = value != NULL ? value : next;
    if (*option->value == NULL) {
        (void)snprintf(error->message, sizeof error->message, "%s needs a value", option->name);
        return -EINVAL;
    }
    return value != NULL ? 1 : 2;
}

int arguments_parse(int argc, char **argv, const ArgumentOption *options, Arguments *out,
                    ArgumentsError *error)
{
    Arguments found = {.words = argv};
    for (int i = 0; i < argc;) {
        if (strcmp(argv[i], "--") == 0) {
            found.command = argv + i + 1;
            break;
        }
        if (!is_option(argv[i])) {
            found.words[found.count++] = argv[i++];
            continue;
        }
        int taken = take_option(argv[i], argv[i + 1], options, error);
        if (taken < 0)
            return taken;
        i += taken;
    }
    *out = found;
    return 0;
}
