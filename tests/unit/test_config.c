#include "app/config.h"

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

#include "app/config_value.h"

#define SAMPLE "config/atomicstatsd.json" /* tests run in the project's folder */

/* Every key with another value than its default. */
static const char other_text[] =
    "{\"ingest\":{\"udp\":[\"[::1]:1\",\"10.0.0.1:2\"],\"threads\":3,\"receive_buffer_bytes\":4,"
    "\"gauge_sign\":\"absolute\",\"scanner\":\"portable\",\"unix\":\"@a\",\"unix_mode\":\"600\","
    "\"tcp\":[\"1.2.3.4:5\"],\"tcp_max_connections\":10},"
    "\"http\":{\"listen\":\"[::]:80\",\"max_connections\":9},"
    "\"limits\":{\"max_series\":7,\"expire_after_s\":600},"
    "\"state\":{\"directory\":\"/var/lib/\\u00e4 \\\"x\\\"\",\"arenas\":\"/run/a\","
    "\"checkpoint_s\":5},"
    "\"log\":{\"level\":\"debug\"}}";

static int parse(const char *text, Config *inout, ConfigError *error)
{
    return config_parse(text, strlen(text), "f.json", inout, error);
}

static void parse_well(const char *text, Config *inout)
{
    ConfigError error = {"no message"};
    if (parse(text, inout, &error) != 0)
        fail_msg("%s: %s", text, error.message);
}

static void assert_refused(const char *expected, const char *text)
{
    Config config;
    Config untouched;
    memset(&config, 0x5A, sizeof config);
    config_defaults(&config);
    memcpy(&untouched, &config, sizeof config);
    ConfigError error = {"no message"};
    int status = parse(text, &config, &error);
    if (status == 0)
        fail_msg("taken: %s", text);
    assert_string_equal(expected, error.message);
    assert_int_equal(-EINVAL, status);
    assert_memory_equal(&untouched, &config, sizeof config);
}

static void assert_same(const Config *expected, const Config *actual)
{
    const ConfigKey *changed[1] = {NULL};
    if (config_diff(expected, actual, changed, 1) != 0)
        fail_msg("%s.%s differs", changed[0]->section, changed[0]->name);
}

/* ---- the table ----------------------------------------------------------------------------- */

static void test_the_table_is_sound(void **state)
{
    (void)state;
    size_t count;
    const ConfigKey *keys = config_schema(&count);
    assert_int_equal(17, count);
    for (size_t i = 0; i < count; i++) {
        Config config = {0};
        ConfigReason reason = {"no reason"};
        bool is_empty = keys[i].default_text[0] == '\0' && keys[i].minimum == 0;
        if (!is_empty && config_value_set(&keys[i], keys[i].default_text, &config, &reason) != 0)
            fail_msg("%s.%s: default %s", keys[i].section, keys[i].name, reason.text);
        assert_ptr_equal(&keys[i], config_schema_find(keys[i].section, keys[i].name));
        assert_non_null(keys[i].help);
        assert_true(keys[i].minimum <= keys[i].maximum);
        assert_true(strlen(keys[i].section) + strlen(keys[i].name) + 2 <= CONFIG_PATH_SIZE);
    }
    assert_null(config_schema_find("ingest", "UDP"));
    assert_null(config_schema_find("http", "udp"));
}

static void test_defaults(void **state)
{
    (void)state;
    Config config;
    memset(&config, 0x5A, sizeof config);
    config_defaults(&config);
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(1, config.ingest.udp_count);
    assert_string_equal("127.0.0.1:8125", address_format(&config.ingest.udp[0], text));
    assert_int_equal(0, config.ingest.threads);
    assert_int_equal(8388608, config.ingest.receive_buffer_bytes);
    assert_false(config.ingest.gauge_sign_absolute);
    assert_string_equal("", config.ingest.unix_name);
    assert_int_equal(0666, config.ingest.unix_mode);
    assert_int_equal(0, config.ingest.tcp_count);
    assert_int_equal(4096, config.ingest.tcp_max_connections);
    assert_string_equal("127.0.0.1:8127", address_format(&config.http.listen, text));
    assert_int_equal(256, config.http.max_connections);
    assert_int_equal(1000000, config.limits.max_series);
    assert_int_equal(0, config.limits.expire_after_s);
    assert_string_equal("", config.state.directory);
    assert_string_equal("", config.state.arenas);
    assert_int_equal(10, config.state.checkpoint_s);
    assert_int_equal(LOG_LEVEL_INFO, config.log.level);
}

/* ---- the sample ---------------------------------------------------------------------------- */

static void test_the_sample_holds_every_key_at_its_default(void **state)
{
    (void)state;
    Config defaults;
    config_defaults(&defaults);
    Config config = defaults;
    parse_well(other_text, &config);
    size_t count;
    config_schema(&count);
    assert_int_equal(count, config_diff(&defaults, &config, NULL, 0));
    ConfigError error = {"no message"};
    if (config_load(SAMPLE, &config, &error) != 0)
        fail_msg("%s", error.message);
    assert_same(&defaults, &config);
}

static char *read_sample(void)
{
    FILE *file = fopen(SAMPLE, "re");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_in_range(fread(text, 1, 65535, file), 1, 65534);
    fclose(file);
    return text;
}

/* The comment above each key tells its range, and whether SIGHUP changes it. */
static void test_the_sample_tells_ranges_and_reloads(void **state)
{
    (void)state;
    char *text = read_sample();
    size_t count;
    const ConfigKey *keys = config_schema(&count);
    char *from = strchr(text, '{');
    for (size_t i = 0; i < count; i++) {
        char line[80];
        snprintf(line, sizeof line, "\n        \"%s\": ", keys[i].name);
        char *at = strstr(from, line);
        if (at == NULL) {
            fail_msg("%s.%s is not there in its place", keys[i].section, keys[i].name);
            return;
        }
        *at = '\0';
        assert_int_equal(keys[i].reloadable, strstr(from, "SIGHUP") != NULL);
        snprintf(line, sizeof line, "%" PRId64 " to %" PRId64, keys[i].minimum, keys[i].maximum);
        if (keys[i].maximum > 0 && strstr(from, line) == NULL)
            fail_msg("%s.%s: its comment does not say %s", keys[i].section, keys[i].name, line);
        from = at + 1;
    }
    free(text);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void test_all_keys_are_read(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    parse_well(other_text, &config);
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(2, config.ingest.udp_count);
    assert_string_equal("[::1]:1", address_format(&config.ingest.udp[0], text));
    assert_string_equal("10.0.0.1:2", address_format(&config.ingest.udp[1], text));
    assert_int_equal(3, config.ingest.threads);
    assert_int_equal(4, config.ingest.receive_buffer_bytes);
    assert_true(config.ingest.gauge_sign_absolute);
    assert_true(config.ingest.portable_scanner);
    assert_string_equal("@a", config.ingest.unix_name);
    assert_int_equal(0600, config.ingest.unix_mode);
    assert_int_equal(1, config.ingest.tcp_count);
    assert_string_equal("1.2.3.4:5", address_format(&config.ingest.tcp[0], text));
    assert_int_equal(10, config.ingest.tcp_max_connections);
    assert_string_equal("[::]:80", address_format(&config.http.listen, text));
    assert_int_equal(9, config.http.max_connections);
    assert_int_equal(7, config.limits.max_series);
    assert_int_equal(600, config.limits.expire_after_s);
    assert_string_equal("/var/lib/\xC3\xA4 \"x\"", config.state.directory);
    assert_string_equal("/run/a", config.state.arenas);
    assert_int_equal(5, config.state.checkpoint_s);
    assert_int_equal(LOG_LEVEL_DEBUG, config.log.level);
}

static void test_missing_keys_keep_what_was_there(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    parse_well(other_text, &config);
    Config before = config;
    parse_well("{}", &config);
    parse_well("// nothing\n{ \"ingest\": {} }\n", &config);
    assert_same(&before, &config);
    parse_well("{\"ingest\": {\"threads\": 8}}", &config);
    const ConfigKey *changed[4];
    assert_int_equal(1, config_diff(&before, &config, changed, 4));
    assert_string_equal("threads", changed[0]->name);
}

static void test_limits_of_numbers(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    parse_well("{\"ingest\":{\"threads\":256,\"receive_buffer_bytes\":1073741824}}", &config);
    assert_int_equal(256, config.ingest.threads);
    assert_int_equal(1073741824, config.ingest.receive_buffer_bytes);
    parse_well("{\"limits\":{\"max_series\":5e7},\"ingest\":{\"threads\":4.0}}", &config);
    assert_int_equal(50000000, config.limits.max_series);
    assert_int_equal(4, config.ingest.threads);
    assert_refused("f.json:1:22: ingest.threads: 257 is out of range (0 to 256)",
                   "{\"ingest\":{\"threads\":257}}");
    assert_refused("f.json:1:22: ingest.threads: -1 is out of range (0 to 256)",
                   "{\"ingest\":{\"threads\":-1}}");
    assert_refused("f.json:1:22: ingest.threads: 4294967296 is out of range (0 to 256)",
                   "{\"ingest\":{\"threads\":4294967296}}");
    assert_refused("f.json:1:22: ingest.threads: 1e300 is out of range (0 to 256)",
                   "{\"ingest\":{\"threads\":1e300}}");
    assert_refused("f.json:1:22: ingest.threads: -1e400 is out of range (0 to 256)",
                   "{\"ingest\":{\"threads\":-1e400}}");
    assert_refused(
        "f.json:1:35: ingest.receive_buffer_bytes: 1073741825 is out of range (0 to 1073741824 "
        "bytes)",
        "{\"ingest\":{\"receive_buffer_bytes\":1073741825}}");
    assert_refused("f.json:1:28: http.max_connections: 7 is out of range (8 to 4096)",
                   "{\"http\":{\"max_connections\":7}}");
    assert_refused("f.json:1:25: limits.max_series: 0 is out of range (1 to 50000000)",
                   "{\"limits\":{\"max_series\":0}}");
    parse_well("{\"state\":{\"checkpoint_s\":3600}}", &config);
    assert_int_equal(3600, config.state.checkpoint_s);
    assert_refused("f.json:1:26: state.checkpoint_s: 0 is out of range (1 to 3600 seconds)",
                   "{\"state\":{\"checkpoint_s\":0}}");
    assert_refused("f.json:1:26: state.checkpoint_s: 3601 is out of range (1 to 3600 seconds)",
                   "{\"state\":{\"checkpoint_s\":3601}}");
}

static void test_fractions_are_refused(void **state)
{
    (void)state;
    assert_refused("f.json:1:22: ingest.threads: 1.5 is not a whole number (0 to 256)",
                   "{\"ingest\":{\"threads\":1.5}}");
    /* as a double it would be 2 */
    assert_refused(
        "f.json:1:22: ingest.threads: 2.00000000000000000001 is not a whole number (0 to 256)",
        "{\"ingest\":{\"threads\":2.00000000000000000001}}");
}

static void test_wrong_types_are_refused(void **state)
{
    (void)state;
    assert_refused(
        "f.json:3:3: ingest.threads: \"4\" is a string, not a whole number (0 to 256); take the "
        "quotes away",
        "{\"ingest\":{\n\"threads\" :\n  \"4\"}}");
    assert_refused("f.json:1:22: ingest.threads: true is a word, not a whole number (0 to 256)",
                   "{\"ingest\":{\"threads\":true}}");
    assert_refused("f.json:1:22: ingest.threads: { } is an object, not a whole number (0 to 256)",
                   "{\"ingest\":{\"threads\":{\n}}}");
    assert_refused("f.json:1:18: ingest.udp: \"127.0.0.1:8125\" is a string, not a list of 1 to 64 "
                   "addresses; put "
                   "it in [ ]",
                   "{\"ingest\":{\"udp\":\"127.0.0.1:8125\"}}");
    assert_refused("f.json:1:33: ingest.udp: 5 is a number, not an address in a string",
                   "{\"ingest\":{\"udp\":[\"1.2.3.4:5\" , 5]}}");
    assert_refused("f.json:1:19: http.listen: [\"1.2.3.4:5\"] is a list, not ADDR:PORT, such as "
                   "127.0.0.1:8127; write one, without [ ]",
                   "{\"http\":{\"listen\":[\"1.2.3.4:5\"]}}");
    assert_refused("f.json:1:17: log.level: null is a word, not one of \"error\", \"warning\", "
                   "\"notice\", \"info\", \"debug\"",
                   "{\"log\":{\"level\":null}}");
    assert_refused("f.json:1:11: ingest: 5 is a number, not an object", "{\"ingest\":5}");
    assert_refused("f.json:1:1: [1] is a list, not an object", "[1]");
}

static void test_words_are_checked(void **state)
{
    (void)state;
    assert_refused(
        "f.json:1:25: ingest.gauge_sign: \"Absolute\" is not \"relative\" or \"absolute\"",
        "{\"ingest\":{\"gauge_sign\":\"Absolute\"}}");
    assert_refused("f.json:1:17: log.level: \"loud\" is not one of \"error\", \"warning\", "
                   "\"notice\", \"info\", \"debug\"",
                   "{\"log\":{\"level\":\"loud\"}}");
}

static void test_addresses_are_checked(void **state)
{
    (void)state;
    assert_refused("f.json:1:19: http.listen: \"localhost:80\" is not ADDR:PORT, such as "
                   "127.0.0.1:8127; host names are not looked up: `getent ahosts NAME` shows a "
                   "name's addresses",
                   "{\"http\":{\"listen\":\"localhost:80\"}}");
    assert_refused("f.json:1:18: ingest.udp: [] is not a list of 1 to 64 addresses",
                   "{\"ingest\":{\"udp\":[]}}");
    assert_refused("f.json:2:1: ingest.udp: \"[0:0::1]:5\" is there twice",
                   "{\"ingest\":{\"udp\":[\"[::1]:5\",\"127.0.0.1:5\",\n\"[0:0::1]:5\"]}}");
    Config config;
    config_defaults(&config);
    parse_well("{\"ingest\":{\"udp\":[\"[::1]:0\",\"[::1]:0\"]}}", &config);
    assert_int_equal(2, config.ingest.udp_count);
    parse_well("{\"ingest\":{\"tcp\":[\"[::1]:8125\"]}}", &config);
    assert_int_equal(1, config.ingest.tcp_count);
    parse_well("{\"ingest\":{\"tcp\":[]}}", &config); /* none again */
    assert_int_equal(0, config.ingest.tcp_count);
    assert_refused("f.json:1:19: ingest.tcp: \"\" is not ADDR:PORT, such as 127.0.0.1:8125",
                   "{\"ingest\":{\"tcp\":[\"\"]}}");
}

static void test_as_many_addresses_as_there_is_room(void **state)
{
    (void)state;
    char text[64 + 70 * 16];
    int used = snprintf(text, sizeof text, "{\"ingest\":{\"udp\":[\n");
    for (int i = 1; i <= CONFIG_MAX_ADDRESSES; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s\"1.2.3.4:%d\"",
                         i == 1 ? "" : ",\n", i);
    snprintf(text + used, sizeof text - (size_t)used, "]}}");
    Config config;
    config_defaults(&config);
    parse_well(text, &config);
    assert_int_equal(CONFIG_MAX_ADDRESSES, config.ingest.udp_count);
    assert_int_equal(64, address_port(&config.ingest.udp[63]));
    snprintf(text + used, sizeof text - (size_t)used, ",\n\"1.2.3.4:65\"]}}");
    assert_refused("f.json:66:1: ingest.udp: \"1.2.3.4:65\" is one too many for the list", text);
}

static void test_directories_are_checked(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    parse_well("{\"state\":{\"directory\":\"/\"}}", &config);
    assert_string_equal("/", config.state.directory);
    parse_well("{\"state\":{\"directory\":\"\"}}", &config); /* takes it away again */
    assert_string_equal("", config.state.directory);
    assert_refused("f.json:1:23: state.directory: \"var/lib\" is not an absolute path, such as "
                   "/var/lib/atomicstatsd",
                   "{\"state\":{\"directory\":\"var/lib\"}}");
    assert_refused("f.json:1:23: state.directory: null is a word, not an absolute path, such as "
                   "/var/lib/atomicstatsd",
                   "{\"state\":{\"directory\":null}}");
    assert_refused(
        "f.json:1:23: state.directory: [\"/a\"] is a list, not an absolute path, such as "
        "/var/lib/atomicstatsd; write one, without [ ]",
        "{\"state\":{\"directory\":[\"/a\"]}}");
    assert_refused(
        "f.json:1:23: state.directory: \"/a\\nb\" is not UTF-8 without control characters",
        "{\"state\":{\"directory\":\"/a\\nb\"}}");
    assert_refused("f.json:1:25: \\u0000 in a string", "{\"state\":{\"directory\":\"/\\u0000\"}}");
}

static void test_a_directory_of_the_greatest_length(void **state)
{
    (void)state;
    char path[CONFIG_TEXT_SIZE + 1];
    memset(path, 'd', sizeof path);
    path[0] = '/';
    path[CONFIG_TEXT_SIZE - 1] = '\0';
    char text[CONFIG_TEXT_SIZE + 64];
    snprintf(text, sizeof text, "{\"state\":{\"directory\":\"%s\"}}", path);
    Config config;
    config_defaults(&config);
    parse_well(text, &config);
    assert_string_equal(path, config.state.directory);
    assert_string_equal("", config.state.arenas);
    assert_int_equal(10, config.state.checkpoint_s);

    path[CONFIG_TEXT_SIZE - 1] = 'd';
    path[CONFIG_TEXT_SIZE] = '\0';
    snprintf(text, sizeof text, "{\"state\":{\"directory\":\"%s\"}}", path);
    char expected[160];
    snprintf(expected, sizeof expected,
             "f.json:1:23: state.directory: \"%.59s... is longer than 1023 bytes", path);
    assert_refused(expected, text);
}

static void test_unknown_keys_are_refused(void **state)
{
    (void)state;
    assert_refused("f.json:2:2: unknown key \"ingest.thread\"; did you mean \"ingest.threads\"?",
                   "{\"ingest\":{\n \"thread\":1}}");
    assert_refused("f.json:1:12: unknown key \"ingest.Threads\"; did you mean \"ingest.threads\"?",
                   "{\"ingest\":{\"Threads\":1}}");
    assert_refused(
        "f.json:1:10: unknown key \"http.max_series\"; did you mean \"limits.max_series\"?",
        "{\"http\":{\"max_series\":1}}");
    assert_refused("f.json:1:2: unknown section \"limit\"; did you mean \"limits\"?",
                   "{\"limit\":{\"max_series\":1}}");
    assert_refused("f.json:1:2: unknown section \"threads\"; did you mean \"ingest.threads\"?",
                   "{\"threads\":1}");
    assert_refused("f.json:1:2: unknown section \"completely_else\"; the sections are: "
                   "ingest, http, limits, state, log",
                   "{\"completely_else\":{}}");
    assert_refused("f.json:1:2: unknown section \"\"; the sections are: ingest, http, "
                   "limits, state, log",
                   "{\"\":{}}");
    assert_refused("f.json:1:9: unknown key \"log.a??b\"; its keys are: level",
                   "{\"log\":{\"a\\n\\u001bb\":1}}");
    char text[400];
    snprintf(text, sizeof text, "{\"%0300d\":1}", 0);
    char expected[400];
    snprintf(expected, sizeof expected,
             "f.json:1:2: unknown section \"%0200d\"; the sections are: ingest, http, limits, "
             "state, log",
             0);
    assert_refused(expected, text);
}

static void test_syntax_errors_tell_their_place(void **state)
{
    (void)state;
    assert_refused("f.json:1:1: the text ends where '{' should be", "");
    assert_refused("f.json:3:2: duplicate key threads: it is there already, further up",
                   "{\"ingest\":{\"threads\":1,\n// again\n \"threads\":1}}");
    assert_refused("f.json:1:11: duplicate key a?: it is there already, further up",
                   "{\"a\\n\":1, \"a\\n\":2}");
    assert_refused("f.json:1:8: 'x' where a key in double quotes should be", "{/*\xC3\xA4*/ x}");
}

static void test_long_values_and_names_are_cut(void **state)
{
    (void)state;
    char umlauts[81];
    for (size_t i = 0; i < sizeof umlauts; i++)
        umlauts[i] = i % 2 == 0 ? '\xC3' : '\xA4';
    char text[120];
    snprintf(text, sizeof text, "{\"log\":{\"level\":\"%.80s\"}}", umlauts);
    char expected[200];
    snprintf(expected, sizeof expected,
             "f.json:1:17: log.level: \"%.58s... is not one of \"error\", \"warning\", "
             "\"notice\", \"info\", \"debug\"",
             umlauts);
    assert_refused(expected, text);

    char name[5000];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    Config config;
    config_defaults(&config);
    ConfigError error;
    assert_int_equal(-EINVAL, config_parse("[]", 2, name, &config, &error));
    char message[300];
    snprintf(message, sizeof message, "%.255s:1:1: [] is a list, not an object", name);
    assert_string_equal(message, error.message);
}

/* ---- files --------------------------------------------------------------------------------- */

static void assert_load(int status, const char *message, const char *path)
{
    Config config;
    config_defaults(&config);
    Config untouched = config;
    ConfigError error = {""};
    assert_int_equal(status, config_load(path, &config, &error));
    assert_string_equal(message, error.message);
    assert_memory_equal(&untouched, &config, sizeof config);
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_load(-ENOENT,
                "/nonexistent/a.json: No such file or directory; `atomicstatsd --print-config` "
                "prints one with the defaults",
                "/nonexistent/a.json");
    assert_load(-ENOENT,
                "no.json: No such file or directory; what does not begin with / is looked for in "
                "the current directory",
                "no.json");
    assert_load(-EISDIR, "/: Is a directory; name a file in it", "/");
    assert_load(-EFBIG, "/dev/zero: larger than 1 MiB: is it the right one?", "/dev/zero");
    assert_load(-EINVAL, "/dev/null:1:1: the text ends where '{' should be", "/dev/null");
}

static void test_a_file_of_the_greatest_size(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char *text = malloc(CONFIG_MAX_FILE_SIZE + 1);
    assert_non_null(text);
    memset(text, ' ', CONFIG_MAX_FILE_SIZE + 1);
    text[CONFIG_MAX_FILE_SIZE - 2] = '{';
    text[CONFIG_MAX_FILE_SIZE - 1] = '}';
    assert_int_equal(CONFIG_MAX_FILE_SIZE, write(fd, text, CONFIG_MAX_FILE_SIZE));
    assert_load(0, "", path);
    assert_int_equal(1, write(fd, " ", 1));
    char message[80];
    snprintf(message, sizeof message, "%s: larger than 1 MiB: is it the right one?", path);
    assert_load(-EFBIG, message, path);
    free(text);
    close(fd);
    unlink(path);
}

/* ---- printing and comparing ---------------------------------------------------------------- */

static void test_print(void **state)
{
    (void)state;
    Config config;
    config_defaults(&config);
    char *text = config_print(&config);
    assert_string_equal("{\n"
                        "\t\"ingest\":\t{\n"
                        "\t\t\"udp\":\t[\"127.0.0.1:8125\"],\n"
                        "\t\t\"threads\":\t0,\n"
                        "\t\t\"receive_buffer_bytes\":\t8388608,\n"
                        "\t\t\"gauge_sign\":\t\"relative\",\n"
                        "\t\t\"scanner\":\t\"fastest\",\n"
                        "\t\t\"unix\":\t\"\",\n"
                        "\t\t\"unix_mode\":\t\"0666\",\n"
                        "\t\t\"tcp\":\t[],\n"
                        "\t\t\"tcp_max_connections\":\t4096\n"
                        "\t},\n"
                        "\t\"http\":\t{\n"
                        "\t\t\"listen\":\t\"127.0.0.1:8127\",\n"
                        "\t\t\"max_connections\":\t256\n"
                        "\t},\n"
                        "\t\"limits\":\t{\n"
                        "\t\t\"max_series\":\t1000000,\n"
                        "\t\t\"expire_after_s\":\t0\n"
                        "\t},\n"
                        "\t\"state\":\t{\n"
                        "\t\t\"directory\":\t\"\",\n"
                        "\t\t\"arenas\":\t\"\",\n"
                        "\t\t\"checkpoint_s\":\t10\n"
                        "\t},\n"
                        "\t\"log\":\t{\n"
                        "\t\t\"level\":\t\"info\"\n"
                        "\t}\n"
                        "}\n",
                        text);
    free(text);
}

static void test_print_reads_back(void **state)
{
    (void)state;
    Config other;
    config_defaults(&other);
    parse_well(other_text, &other);
    char *text = config_print(&other);
    Config again;
    config_defaults(&again);
    parse_well(text, &again);
    assert_same(&other, &again);
    char *text_again = config_print(&again);
    assert_string_equal(text, text_again);
    free(text);
    free(text_again);
}

static void test_diff(void **state)
{
    (void)state;
    Config old;
    config_defaults(&old);
    Config new = old;
    const ConfigKey *changed[8] = {NULL};
    assert_int_equal(0, config_diff(&old, &new, changed, 8));
    parse_well("{\"log\":{\"level\":\"error\"},\"ingest\":{\"udp\":[\"127.0.0.1:8125\",\"[::1]:1\"]"
               ",\"gauge_sign\":\"absolute\"},\"limits\":{\"max_series\":1}}",
               &new);
    assert_int_equal(4, config_diff(&old, &new, changed, 8));
    assert_string_equal("udp", changed[0]->name);
    assert_false(changed[0]->reloadable);
    assert_string_equal("gauge_sign", changed[1]->name);
    assert_false(changed[1]->reloadable);
    assert_string_equal("max_series", changed[2]->name);
    assert_true(changed[2]->reloadable);
    assert_string_equal("level", changed[3]->name);
    assert_true(changed[3]->reloadable);
    assert_null(changed[4]);

    /* as many as there is room, and the number of all */
    const ConfigKey *first[2] = {NULL, NULL};
    assert_int_equal(4, config_diff(&old, &new, first, 1));
    assert_ptr_equal(changed[0], first[0]);
    assert_null(first[1]);

    /* the order of the list counts */
    old = new;
    new.ingest.udp[0] = old.ingest.udp[1];
    new.ingest.udp[1] = old.ingest.udp[0];
    assert_int_equal(1, config_diff(&old, &new, NULL, 0));

    parse_well("{\"state\":{\"directory\":\"/a\",\"checkpoint_s\":1}}", &old);
    new = old;
    parse_well("{\"state\":{\"directory\":\"/a/b\",\"checkpoint_s\":2}}", &new);
    assert_int_equal(2, config_diff(&old, &new, changed, 8));
    assert_string_equal("directory", changed[0]->name);
    assert_false(changed[0]->reloadable);
    assert_string_equal("checkpoint_s", changed[1]->name);
    assert_true(changed[1]->reloadable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_sound),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_the_sample_holds_every_key_at_its_default),
        cmocka_unit_test(test_the_sample_tells_ranges_and_reloads),
        cmocka_unit_test(test_all_keys_are_read),
        cmocka_unit_test(test_missing_keys_keep_what_was_there),
        cmocka_unit_test(test_limits_of_numbers),
        cmocka_unit_test(test_fractions_are_refused),
        cmocka_unit_test(test_wrong_types_are_refused),
        cmocka_unit_test(test_words_are_checked),
        cmocka_unit_test(test_addresses_are_checked),
        cmocka_unit_test(test_as_many_addresses_as_there_is_room),
        cmocka_unit_test(test_directories_are_checked),
        cmocka_unit_test(test_a_directory_of_the_greatest_length),
        cmocka_unit_test(test_unknown_keys_are_refused),
        cmocka_unit_test(test_syntax_errors_tell_their_place),
        cmocka_unit_test(test_long_values_and_names_are_cut),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_a_file_of_the_greatest_size),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_diff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
