#include "app/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "app/config_value.h"
#include "base/nearest.h"

/* What getopt_long gives for each; none is a letter but the one that has a short form. */
enum {
    OPTION_CONFIG = 'c',
    OPTION_UDP = 256,
    OPTION_UNIX,
    OPTION_TCP,
    OPTION_HTTP,
    OPTION_THREADS,
    OPTION_STATE,
    OPTION_CHECK_CONFIG,
    OPTION_PRINT_CONFIG,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"udp", required_argument, NULL, OPTION_UDP},
    {"unix", required_argument, NULL, OPTION_UNIX},
    {"tcp", required_argument, NULL, OPTION_TCP},
    {"http", required_argument, NULL, OPTION_HTTP},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"state", required_argument, NULL, OPTION_STATE},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

__attribute__((format(printf, 2, 3))) static int refuse(OptionsError *error, const char *format,
                                                        ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return -EINVAL;
}

static const char *name_of(int option)
{
    const struct option *found = long_options;
    while (found->name != NULL && found->val != option)
        found++;
    return found->name;
}

/* An option whose value the configuration has too. */
static int set_value(Options *options, int option, bool *given, const char *section,
                     const char *name, OptionsError *error)
{
    ConfigReason reason;
    const ConfigKey *key = config_schema_find(section, name);
    if (config_value_set(key, optarg, &options->values, &reason) < 0)
        return refuse(error, "--%s: \"%.80s\" %s", name_of(option), optarg, reason.text);
    *given = true;
    return 0;
}

/* The path from the root on. What is too long for `out` is cut, which is still too long for a Config.
 * => 0; negative errno: the current directory is not known. */
static int absolute_path(const char *path, char out[static CONFIG_TEXT_SIZE + 1])
{
    char current[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(current, sizeof current) == NULL)
        return -errno;
    bool slash = current[0] != '\0' && strcmp(current, "/") != 0;
    (void)snprintf(out, CONFIG_TEXT_SIZE + 1, "%s%s%s", current, slash ? "/" : "", path);
    return 0;
}

/* An option whose value is a path, `what`, or no path but a name: `as_it_is`. An empty word is more likely a
 * shell variable that is not set than the wish to have none. */
static int set_path(Options *options, int option, bool *given, const ConfigKey *key,
                    const char *what, bool as_it_is, OptionsError *error)
{
    char path[CONFIG_TEXT_SIZE + 1];
    ConfigReason reason;
    if (optarg[0] == '\0')
        return refuse(error, "--%s: \"\" is not a %s", name_of(option), what);
    int status = as_it_is ? 0 : absolute_path(optarg, path);
    if (status < 0)
        return refuse(error,
                      "--%s: \"%.80s\" is relative, and the current directory is not known: %s",
                      name_of(option), optarg, strerrordesc_np(-status));
    if (config_value_set(key, as_it_is ? optarg : path, &options->values, &reason) < 0)
        return refuse(error, "--%s: \"%.80s\" %s", name_of(option), optarg, reason.text);
    *given = true;
    return 0;
}

static int set_state(Options *options, OptionsError *error)
{
    const ConfigKey *key = config_schema_find("state", "directory");
    return set_path(options, OPTION_STATE, &options->given.state, key, "directory", false, error);
}

static int set_unix(Options *options, OptionsError *error)
{
    const ConfigKey *key = config_schema_find("ingest", "unix");
    bool abstract = optarg[0] == '@';
    return set_path(options, OPTION_UNIX, &options->given.local, key, "path", abstract, error);
}

/* One that is unknown, or short for several. */
static int refuse_long(const char *word, OptionsError *error)
{
    char name[NEAREST_LENGTH + 1];
    const char *names[sizeof long_options / sizeof long_options[0]];
    size_t length = strcspn(word + 2, "=");
    size_t begun = 0;
    (void)snprintf(name, sizeof name, "%.*s", (int)length, word + 2);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        names[i] = long_options[i].name; /* the last is NULL, too */
        begun += names[i] != NULL && strncmp(names[i], word + 2, length) == 0;
    }
    if (begun > 1)
        return refuse(error, "%.100s is short for several options", word);
    const char *near = nearest_word(name, names);
    return refuse(error, "unknown option %.100s%s%s%s", word,
                  near != NULL ? "; did you mean --" : "", near != NULL ? near : "",
                  near != NULL ? "?" : "");
}

/* What getopt_long knew but could not take (optopt says which), or did not know. */
static int refuse_option(int found, const char *word, OptionsError *error)
{
    if (found == ':')
        return refuse(error, "%s needs a value", word);
    if (optopt >= OPTION_UDP)
        return refuse(error, "--%s takes no value: %.100s", name_of(optopt), word);
    if (optopt != 0)
        return refuse(error, "unknown option -%c", optopt);
    return refuse_long(word, error);
}

/* A word that is no option: there are none that mean something. */
static int refuse_argument(const char *word, OptionsError *error)
{
    static const char *const commands[] = {"send", "get", "watch", "progress"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(word, commands[i]) == 0)
            return refuse(error, "unexpected argument %s; did you mean `atomicstats %s`?", word,
                          word);
    }
    return refuse(error, "unexpected argument %.100s; a configuration is given with -c FILE", word);
}

static int take_option(Options *options, int found, const char *word, OptionsError *error)
{
    switch (found) {
    case OPTION_CONFIG:
        options->config_path = optarg;
        return 0;
    case OPTION_UDP:
        return set_value(options, found, &options->given.udp, "ingest", "udp", error);
    case OPTION_UNIX:
        return set_unix(options, error);
    case OPTION_TCP:
        return set_value(options, found, &options->given.tcp, "ingest", "tcp", error);
    case OPTION_HTTP:
        return set_value(options, found, &options->given.http, "http", "listen", error);
    case OPTION_THREADS:
        return set_value(options, found, &options->given.threads, "ingest", "threads", error);
    case OPTION_STATE:
        return set_state(options, error);
    case OPTION_CHECK_CONFIG:
        options->check_config = true;
        return 0;
    case OPTION_PRINT_CONFIG:
        options->print_config = true;
        return 0;
    case OPTION_HELP:
        options->help = true;
        return 0;
    case OPTION_VERSION:
        options->version = true;
        return 0;
    default:
        return refuse_option(found, word, error);
    }
}

int options_parse(int argc, char **argv, Options *out, OptionsError *error)
{
    Options options = {0};
    opterr = 0;
    optind = 0; /* glibc's word for: begin anew */
    for (;;) {
        int at = optind == 0 ? 1 : optind; /* the word that is read now */
        /* '+': stop at the first word that is no option; ':': tell a missing value apart */
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread at a time, as the header says */
        int found = getopt_long(argc, argv, "+:c:", long_options, NULL);
        if (found == -1)
            break;
        int status = take_option(&options, found, argv[at], error);
        if (status < 0)
            return status;
    }
    if (optind < argc)
        return refuse_argument(argv[optind], error);
    *out = options;
    return 0;
}

void options_apply(const Options *options, Config *config)
{
    const Config *values = &options->values;
    if (options->given.udp) {
        memcpy(config->ingest.udp, values->ingest.udp, sizeof config->ingest.udp);
        config->ingest.udp_count = values->ingest.udp_count;
    }
    if (options->given.tcp) {
        memcpy(config->ingest.tcp, values->ingest.tcp, sizeof config->ingest.tcp);
        config->ingest.tcp_count = values->ingest.tcp_count;
    }
    if (options->given.local)
        memcpy(config->ingest.unix_name, values->ingest.unix_name, sizeof config->ingest.unix_name);
    if (options->given.http)
        config->http.listen = values->http.listen;
    if (options->given.threads)
        config->ingest.threads = values->ingest.threads;
    if (options->given.state)
        memcpy(config->state.directory, values->state.directory, sizeof config->state.directory);
}

/* ---- help ---------------------------------------------------------------------------------- */

static void print_value_help(FILE *file, const char *option, const char *section, const char *name)
{
    const ConfigKey *key = config_schema_find(section, name);
    fprintf(file, "  %-20s %s\n  %-20s (", option, key->help, "");
    if (key->type == CONFIG_ADDRESSES)
        fprintf(file, "up to %" PRId64 " times; ", key->maximum);
    if (key->type == CONFIG_UNSIGNED)
        fprintf(file, "%" PRId64 " to %" PRId64 "; ", key->minimum, key->maximum);
    fprintf(file, "default: %s)\n", key->default_text[0] == '\0' ? "none" : key->default_text);
}

void options_print_help(FILE *file)
{
    fputs("usage: atomicstatsd [-c FILE] [--udp ADDR:PORT]... [--unix PATH] [--http ADDR:PORT]\n"
          "                    [--threads N] [--state DIR] [--check-config] [--print-config] "
          "[--help]\n"
          "                    [--version]\n"
          "\n"
          "Takes metrics over UDP and a Unix socket and tells them as JSON over HTTP. Runs in the\n"
          "foreground, logs to standard error.\n"
          "\n"
          "  -c, --config FILE    configuration to read: JSON with comments (default: none)\n",
          file);
    print_value_help(file, "--udp ADDR:PORT", "ingest", "udp");
    print_value_help(file, "--unix PATH", "ingest", "unix");
    print_value_help(file, "--tcp ADDR:PORT", "ingest", "tcp");
    print_value_help(file, "--http ADDR:PORT", "http", "listen");
    print_value_help(file, "--threads N", "ingest", "threads");
    print_value_help(file, "--state DIR", "state", "directory");
    fputs("  --check-config       only check the options and the configuration\n"
          "  --print-config       print what would be in force, as a configuration file, and exit\n"
          "  --help               print this and exit\n"
          "  --version            print the version and exit\n"
          "\n"
          "Options come before the file. IPv6: [::1]:8125. SIGHUP reloads the file; SIGTERM and "
          "SIGINT\n"
          "stop after what the kernel holds is counted. Exit status: 0 stopped as asked, 1 failed "
          "at\n"
          "run time, 2 bad arguments, 78 bad configuration.\n",
          file);
}
