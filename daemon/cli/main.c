/* atomicstats: sends values to atomicstatsd and shows what it holds, in a terminal and in scripts. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/get.h"
#include "cli/progress.h"
#include "cli/send.h"
#include "cli/text.h"
#include "cli/watch.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"send", command_send, "send values, from the command line or from a pipe"},
    {"get", command_get, "show series as tables, or as JSON"},
    {"watch", command_watch, "show series live, with rates and progress bars"},
    {"progress", command_progress, "tell how far a shell job is"},
};

enum {
    COMMANDS = sizeof commands / sizeof commands[0]
};

static int print_help(void)
{
    (void)fputs("usage: atomicstats COMMAND [ARGUMENT...]\n"
                "\n"
                "Sends values to atomicstatsd and shows what it holds.\n"
                "\n",
                stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].help);
    (void)fputs(
        "\n"
        "  --help     print this and exit; after a command: what it takes\n"
        "  --version  print the version and exit\n"
        "\n"
        "Environment: ATOMICSTATS_UDP (default 127.0.0.1:8125), ATOMICSTATS_HTTP (default: the\n"
        "same host, port 8127). Exit status: 0 done, 1 failed, 2 bad arguments.\n",
        stdout);
    return command_end(COMMAND_DONE);
}

static void refuse(const char *word)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest_word(word, names);
    if (word[0] == '\0')
        command_say("a command is missing: send, get, watch or progress");
    else if (near != NULL)
        command_say("there is no command %.60s; did you mean %s?", word, near);
    else
        command_say("there is no command %.60s: send, get, watch or progress", word);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    text_begin();
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return print_help();
    if (strcmp(word, "--version") == 0) {
        (void)printf("atomicstats %s\n", ATOMICSTATSD_VERSION);
        return command_end(COMMAND_DONE);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    }
    refuse(word);
    (void)fputs("Try `atomicstats --help`.\n", stderr);
    return COMMAND_USAGE;
}
