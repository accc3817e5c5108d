#include "app/options.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"

enum {
    MAX_WORDS = 80
};

/* `line` is split at spaces; "~" stands for an empty word. */
static int parse_line(const char *line, Options *out, OptionsError *error)
{
    char *copy = strdup(line);
    char *argv[MAX_WORDS] = {strdup("atomicstatsd")};
    int argc = 1;
    for (char *at = copy, *word; (word = strsep(&at, " ")) != NULL && argc < MAX_WORDS - 1;)
        if (word[0] != '\0')
            argv[argc++] = strcmp(word, "~") == 0 ? word + 1 : word;
    int status = options_parse(argc, argv, out, error);
    /* the path is kept for the caller, who must not look into `copy` */
    if (status == 0 && out->config_path != NULL)
        out->config_path = strcmp(out->config_path, "b.json") == 0 ? "b.json" : "another";
    free(argv[0]);
    free(copy);
    return status;
}

static void parse_well(const char *line, Options *out)
{
    OptionsError error = {"no message"};
    if (parse_line(line, out, &error) != 0)
        fail_msg("%s: %s", line, error.message);
}

static void assert_refused(const char *expected, const char *line)
{
    Options options;
    memset(&options, 0x5A, sizeof options);
    Options untouched = options;
    OptionsError error = {"no message"};
    int status = parse_line(line, &options, &error);
    if (status == 0)
        fail_msg("taken: %s", line);
    assert_string_equal(expected, error.message);
    assert_int_equal(-EINVAL, status);
    assert_memory_equal(&untouched, &options, sizeof options);
}

static void assert_udp(const Config *config, size_t index, const char *expected)
{
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(expected, address_format(&config->ingest.udp[index], text));
}

static void test_no_options(void **state)
{
    (void)state;
    Options options;
    memset(&options, 0x5A, sizeof options);
    parse_well("", &options);
    assert_null(options.config_path);
    assert_false(options.check_config);
    assert_false(options.print_config);
    assert_false(options.help);
    assert_false(options.version);
    Config defaults;
    config_defaults(&defaults);
    Config config = defaults;
    options_apply(&options, &config);
    assert_int_equal(0, config_diff(&defaults, &config, NULL, 0));
}

static void test_all_options(void **state)
{
    (void)state;
    Options options;
    parse_well("-c b.json --udp 1.2.3.4:5 --udp=[::1]:6 --tcp [::1]:7 --tcp=[::1]:8 --unix "
               "/run/x.sock --http 1.2.3.4:0 --threads 8 "
               "--state /var/lib/x --check-config --print-config --help --version",
               &options);
    assert_string_equal("b.json", options.config_path);
    assert_true(options.check_config);
    assert_true(options.print_config);
    assert_true(options.help);
    assert_true(options.version);
    Config config;
    config_defaults(&config);
    options_apply(&options, &config);
    assert_int_equal(2, config.ingest.udp_count);
    assert_udp(&config, 0, "1.2.3.4:5");
    assert_udp(&config, 1, "[::1]:6");
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal("1.2.3.4:0", address_format(&config.http.listen, text));
    assert_int_equal(8, config.ingest.threads);
    assert_string_equal("/var/lib/x", config.state.directory);
    assert_string_equal("/run/x.sock", config.ingest.unix_name);
    assert_int_equal(2, config.ingest.tcp_count);
    assert_string_equal("[::1]:8", address_format(&config.ingest.tcp[1], text));
}

static void test_the_words_for_the_file(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "-c b.json",           "-cb.json",     "--config b.json", "--config=b.json",
        "-c a.json -c b.json", "-c b.json --",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        Options options;
        parse_well(lines[i], &options);
        assert_string_equal("b.json", options.config_path);
    }
}

static void test_options_come_before_the_file(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    static const char file[] =
        "{\"ingest\":{\"udp\":[\"[::]:1\",\"[::]:2\",\"[::]:3\"],\"threads\":3},"
        "\"http\":{\"listen\":\"[::]:4\"},\"state\":{\"directory\":\"/a\",\"checkpoint_s\":5}}";
    ConfigError error;
    assert_int_equal(0, config_parse(file, strlen(file), "f", &config, &error));
    Options options;
    parse_well("--udp 127.0.0.1:9 --threads 0", &options);
    options_apply(&options, &config);
    assert_int_equal(1, config.ingest.udp_count);
    assert_udp(&config, 0, "127.0.0.1:9");
    assert_int_equal(0, config.ingest.threads);
    assert_int_equal(4, address_port(&config.http.listen));
    assert_string_equal("/a", config.state.directory);
    parse_well("--state /b", &options);
    options_apply(&options, &config);
    assert_string_equal("/b", config.state.directory);
    assert_int_equal(5, config.state.checkpoint_s);
}

static void test_the_last_one_counts(void **state)
{
    (void)state;
    Options options;
    parse_well("--threads 1 --http [::]:1 --threads 2 --http [::]:2 --state /a/b --state /c",
               &options);
    Config config;
    config_defaults(&config);
    options_apply(&options, &config);
    assert_int_equal(2, config.ingest.threads);
    assert_int_equal(2, address_port(&config.http.listen));
    assert_string_equal("/c", config.state.directory);
}

/* What a relative --state becomes, where the current directory is `where`. */
static void assert_state(const char *expected, const char *where, const char *line)
{
    char *before = getcwd(NULL, 0);
    assert_non_null(before);
    assert_int_equal(0, chdir(where));
    Options options;
    parse_well(line, &options);
    assert_int_equal(0, chdir(before));
    free(before);
    Config config;
    config_defaults(&config);
    options_apply(&options, &config);
    assert_string_equal(expected, config.state.directory);
}

static void test_a_relative_state_directory(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_options.XXXXXX";
    assert_non_null(mkdtemp(folder));
    char expected[64];
    snprintf(expected, sizeof expected, "%s/not/there", folder);
    assert_state(expected, folder, "--state not/there");
    snprintf(expected, sizeof expected, "%s/..", folder);
    assert_state(expected, folder, "--state=..");
    assert_state("/var/lib", folder, "--state /var/lib");
    assert_state("/x", "/", "--state x");

    char *before = getcwd(NULL, 0);
    assert_non_null(before);
    assert_int_equal(0, chdir(folder));
    assert_int_equal(0, rmdir(folder));
    assert_refused("--state: \"x\" is relative, and the current directory is not known: "
                   "No such file or directory",
                   "--state x");
    Options options;
    parse_well("--state /x", &options);
    assert_int_equal(0, chdir(before));
    free(before);
}

static void test_unknown_options(void **state)
{
    (void)state;
    assert_refused("unknown option --stats; did you mean --state?", "--stats /tmp");
    assert_refused("unknown option --statement; did you mean --state?",
                   "--threads 2 --statement /tmp");
    assert_refused("unknown option --statement=/tmp; did you mean --state?", "--statement=/tmp");
    assert_refused("unknown option --thraeds=4; did you mean --threads?", "--thraeds=4");
    assert_refused("unknown option --port", "--port 8125");
    assert_refused("unknown option -x", "-x");
    assert_refused("unknown option -v", "-vc b.json");
    assert_refused("unknown option --UDP", "--UDP [::1]:1");
    assert_refused("--c is short for several options",
                   "--c b.json"); /* --config or --check-config? */
    assert_refused("unexpected argument get; did you mean `atomicstats get`?", "get hits");
    assert_refused("unexpected argument b.json; a configuration is given with -c FILE", "b.json");
    assert_refused("unexpected argument start; a configuration is given with -c FILE",
                   "--threads 2 start --help");
    assert_refused("unexpected argument -; a configuration is given with -c FILE", "-");
    assert_refused("unexpected argument --help; a configuration is given with -c FILE",
                   "-- --help");
}

static void test_missing_and_superfluous_values(void **state)
{
    (void)state;
    assert_refused("-c needs a value", "-c");
    assert_refused("--config needs a value", "--help --config");
    assert_refused("--udp needs a value", "--udp");
    assert_refused("--state needs a value", "--state");
    assert_refused("--help takes no value: --help=yes", "--help=yes");
    assert_refused("--check-config takes no value: --check-config=", "--check-config=");
}

static void test_bad_values(void **state)
{
    (void)state;
    assert_refused("--threads: \"257\" is out of range (0 to 256)", "--threads 257");
    assert_refused("--threads: \"-1\" is out of range (0 to 256)", "--threads -1");
    assert_refused("--threads: \"2.5\" is not a whole number (0 to 256)", "--threads 2.5");
    assert_refused("--threads: \"\" is not a whole number (0 to 256)", "--threads ~");
    assert_refused("--threads: \"two\" is not a whole number (0 to 256)", "--threads=two");
    assert_refused(
        "--udp: \"8125\" is not ADDR:PORT, such as 127.0.0.1:8125; 127.0.0.1:PORT is for this "
        "machine alone, 0.0.0.0:PORT for all",
        "--udp 8125");
    assert_refused("--tcp: \"x:1\" is not ADDR:PORT, such as 127.0.0.1:8125; host names are not "
                   "looked up: `getent ahosts NAME` shows a name's addresses",
                   "--tcp x:1");
    assert_refused("--http: \"localhost:80\" is not ADDR:PORT, such as 127.0.0.1:8127; host "
                   "names are not looked up: `getent ahosts NAME` shows a name's addresses",
                   "--http localhost:80");
    assert_refused("--udp: \"[0::1]:5\" is there twice", "--udp [::1]:5 --udp [0::1]:5");
    char line[65 * 20];
    int used = 0;
    for (int i = 1; i <= CONFIG_MAX_ADDRESSES + 1; i++)
        used += snprintf(line + used, sizeof line - (size_t)used, "--udp=1.2.3.4:%d ", i);
    assert_refused("--udp: \"1.2.3.4:65\" is one too many for the list", line);
}

static void test_bad_state_directories(void **state)
{
    (void)state;
    assert_refused("--state: \"\" is not a directory", "--state ~");
    assert_refused("--state: \"\" is not a directory", "--state=");
    assert_refused("--state: \"/\xFF\" is not UTF-8 without control characters", "--state /\xFF");
    assert_refused("--state: \"a\x7F\" is not UTF-8 without control characters", "--state a\x7F");

    /* One that fits by itself, but not with the current directory before it. */
    char line[16 + CONFIG_TEXT_SIZE] = "--state ";
    size_t used = strlen(line);
    memset(line + used, 'd', CONFIG_TEXT_SIZE - 1);
    line[used + CONFIG_TEXT_SIZE - 1] = '\0';
    char expected[160];
    snprintf(expected, sizeof expected, "--state: \"%.80s\" is longer than 1023 bytes",
             line + used);
    assert_refused(expected, line);
    line[used] = '/';
    Options options;
    parse_well(line, &options);
    assert_string_equal(line + used, options.values.state.directory);
}

static void test_unix_sockets(void **state)
{
    (void)state;
    char current[CONFIG_TEXT_SIZE];
    char expected[CONFIG_TEXT_SIZE + 16];
    Options options;
    parse_well("--unix @a/b --unix=@name", &options);
    assert_string_equal("@name", options.values.ingest.unix_name);
    assert_int_equal(0, chdir("/tmp"));
    assert_non_null(getcwd(current, sizeof current));
    snprintf(expected, sizeof expected, "%s/x.sock", current);
    parse_well("--unix x.sock", &options);
    assert_string_equal(expected, options.values.ingest.unix_name);
    assert_refused("--unix: \"\" is not a path", "--unix=");
    assert_refused("--unix: \"@\" has no name behind the \"@\"", "--unix @");
    assert_refused("--unix: \"/tmp/\" is a directory's name: add the socket's", "--unix /tmp/");
}

/* getopt's state must not leak from one call to the next, also after an error inside a word. */
static void test_calls_are_independent(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        Options options;
        assert_refused("unknown option -x", "-xyz");
        parse_well("--udp [::1]:1", &options);
        assert_int_equal(1, options.values.ingest.udp_count);
        assert_false(options.help);
        assert_refused("unexpected argument b; a configuration is given with -c FILE", "--help b");
        parse_well("--help", &options);
        assert_false(options.given.udp);
    }
}

static void test_help_shows_what_the_table_says(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    options_print_help(file);
    fclose(file);
    static const char *const expected[] = {
        "  -c, --config FILE    ",
        "  --udp ADDR:PORT      UDP addresses to receive on; port 0 takes any free port\n"
        "                       (up to 64 times; default: 127.0.0.1:8125)\n",
        "  --http ADDR:PORT     TCP address to serve HTTP on; port 0 takes any free port\n"
        "                       (default: 127.0.0.1:8127)\n",
        "  --threads N          ingest threads; 0 for one per CPU\n"
        "                       (0 to 256; default: 0)\n",
        "  --state DIR          where values live on when the daemon ends\n"
        "                       (default: none)\n",
        "  --check-config ",
        "  --print-config ",
        "  --help ",
        "  --version ",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (strstr(text, expected[i]) == NULL)
            fail_msg("missing: %s", expected[i]);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_in_range(strcspn(line, "\n"), 0, 95);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_options),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_the_words_for_the_file),
        cmocka_unit_test(test_options_come_before_the_file),
        cmocka_unit_test(test_the_last_one_counts),
        cmocka_unit_test(test_a_relative_state_directory),
        cmocka_unit_test(test_unknown_options),
        cmocka_unit_test(test_missing_and_superfluous_values),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_bad_state_directories),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_calls_are_independent),
        cmocka_unit_test(test_help_shows_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
