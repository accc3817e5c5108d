#include "cli/get.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/command.h"
#include "cli/query.h"
#include "cli/table.h"
#include "cli/terminal.h"

static const char help[] =
    "usage: atomicstats get [GLOB] [OPTION...]\n"
    "\n"
    "Shows what atomicstatsd holds, as tables. GLOB (* and ?) picks series by name or whole id.\n"
    "On a terminal, names are cut to its width; long fractions are rounded. --json cuts nothing.\n"
    "\n"
    "  --type KINDS       of stats,counters,gauges,sets,flags,progress (default: all)\n"
    "  --json             print the daemon's answer as it is\n"
    "  --http HOST:PORT   where to ask (default: $ATOMICSTATS_HTTP, else 127.0.0.1:8127)\n"
    "  --help             print this and exit\n"
    "\n"
    "Exit status: 0 something was found, 1 nothing was, or the daemon cannot be asked, 2 bad "
    "arguments.\n";

static void print_kind(const ReadingSeries *series, size_t count, size_t columns)
{
    TableWidths widths = {0};
    TableCells cells;
    char title[16] = "";
    const char *kind = reading_kind_name(series->kind);
    for (size_t i = 0; i < sizeof title - 1 && kind[i] != '\0'; i++)
        title[i] = (char)toupper(kind[i]);
    table_head(series->kind, &cells);
    table_fit(&widths, title, &cells);
    for (size_t i = 0; i < count; i++) {
        table_cells(&series[i], &cells);
        table_fit(&widths, series[i].id, &cells);
    }
    table_limit(&widths, columns);
    table_head(series->kind, &cells);
    table_row(stdout, &widths, title, &cells);
    (void)putchar('\n');
    for (size_t i = 0; i < count; i++) {
        table_cells(&series[i], &cells);
        table_row(stdout, &widths, series[i].id, &cells);
        (void)putchar('\n');
    }
}

static void print_tables(const Reading *reading)
{
    size_t columns = isatty(STDOUT_FILENO) ? terminal_size(STDOUT_FILENO).columns : TABLE_ANY_WIDTH;
    for (size_t from = 0; from < reading->count;) {
        size_t to = from;
        while (to < reading->count && reading->series[to].kind == reading->series[from].kind)
            to++;
        if (from > 0)
            (void)putchar('\n');
        print_kind(reading->series + from, to - from, columns);
        from = to;
    }
}

static void say_none(const char *glob)
{
    char shown[100];
    if (glob == NULL) {
        command_say("there are no such series yet; `atomicstats send NAME VALUE` makes one");
        return;
    }
    (void)utf8_escape(glob, strlen(glob), shown, sizeof shown);
    if (strpbrk(glob, "*?") != NULL)
        command_say("no series matches \"%s\"; `atomicstats get` shows all", shown);
    else
        command_say("no series has the name or id \"%s\"; `atomicstats get '*%s*'` shows those "
                    "that have it in them",
                    shown, shown);
}

static int show(const Fetch *fetch, const Reading *reading, const char *glob, bool json)
{
    if (json) {
        (void)fwrite(fetch->body, 1, fetch->length, stdout);
        if (fetch->body[fetch->length - 1] != '\n')
            (void)putchar('\n');
    } else if (reading->count == 0) {
        say_none(glob);
    } else {
        print_tables(reading);
    }
    return command_end(reading->count > 0 ? COMMAND_DONE : COMMAND_FAILED);
}

static int run(const CommandEndpoints *where, const char *path, const char *glob, bool json)
{
    Fetch fetch;
    Reading reading = {0};
    int status = COMMAND_FAILED;
    if (fetch_open(&fetch, &where->http) == 0 && query_read(&fetch, path, &reading) == 0)
        status = show(&fetch, &reading, glob, json);
    else
        command_say("%s", fetch.error);
    reading_free(&reading);
    fetch_close(&fetch);
    return status;
}

int command_get(int argc, char **argv)
{
    const char *kinds = NULL;
    bool json = false;
    CommandPlaces places = {0};
    CommandEndpoints where;
    Arguments words;
    ArgumentsError error;
    char path[QUERY_PATH_SIZE];
    const ArgumentOption table[] = {
        {"--type", &kinds, NULL},       {"--json", NULL, &json},    {"--http", &places.http, NULL},
        {"--help", NULL, &places.help}, {"-h", NULL, &places.help}, {NULL, NULL, NULL},
    };
    if (arguments_parse(argc, argv, table, &words, &error) != 0)
        return command_misused("get", "%s", error.message);
    if (places.help) {
        (void)fputs(help, stdout);
        return command_end(COMMAND_DONE);
    }
    if (query_arguments("get", &words, kinds, path) != COMMAND_DONE ||
        command_endpoints("get", &places, &where) != COMMAND_DONE)
        return COMMAND_USAGE;
    return run(&where, path, words.count == 1 ? words.words[0] : NULL, json);
}
