#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 0))) static void print(const char *format, va_list args)
{
    char text[1024];
    (void)vsnprintf(text, sizeof text, format, args);
    (void)fprintf(stderr, "atomicstats: %s\n", text);
}

void command_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(format, args);
    va_end(args);
}

int command_misused(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(format, args);
    va_end(args);
    (void)fprintf(stderr, "Try `atomicstats %s --help`.\n", command);
    return COMMAND_USAGE;
}

/* `option`: as given, or NULL; then it comes from the environment, or is `text`'s own default. */
static int refuse_endpoint(const char *command, const char *option, const char *name,
                           const char *variable, const char *text)
{
    return command_misused(command, "%s: \"%.80s\" is not HOST:PORT; %s",
                           option != NULL ? name : variable, text, endpoint_advice(text));
}

int command_endpoints(const char *command, const CommandPlaces *places, CommandEndpoints *out)
{
    /* One thread. NOLINTBEGIN(concurrency-mt-unsafe) */
    const char *udp = places->udp != NULL ? places->udp : getenv("ATOMICSTATS_UDP");
    const char *http = places->http != NULL ? places->http : getenv("ATOMICSTATS_HTTP");
    /* NOLINTEND(concurrency-mt-unsafe) */
    if (udp == NULL || udp[0] == '\0')
        udp = "127.0.0.1";
    out->http_given = http != NULL && http[0] != '\0';
    if (endpoint_parse(udp, ENDPOINT_UDP_PORT, &out->udp) != 0)
        return refuse_endpoint(command, places->udp, "--udp", "ATOMICSTATS_UDP", udp);
    if (!out->http_given) {
        out->http = out->udp;
        out->http.port = ENDPOINT_HTTP_PORT;
    } else if (endpoint_parse(http, ENDPOINT_HTTP_PORT, &out->http) != 0) {
        return refuse_endpoint(command, places->http, "--http", "ATOMICSTATS_HTTP", http);
    }
    return COMMAND_DONE;
}

int command_end(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    if (errno != EPIPE) /* who reads it has had enough */
        command_say("cannot write to standard output: %s", strerrordesc_np(errno));
    return COMMAND_FAILED;
}
