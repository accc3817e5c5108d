#include "cli/flow.h"

#include <errno.h>

#include "base/clock.h"
#include "cli/receivers.h"

/* A series is named by no type: the answer has the figures alone, however many series there are. */
static const char figures_path[] = "/stats?name=none&type=flags";

static const char not_the_daemon[] =
    "who answers there is not atomicstatsd; --http HOST:PORT says where it is";

enum {
    PATIENCE_S = 5, /* so long the count may stand still */
    OVERHEAD = 1024 /* bytes that the kernel needs for a datagram besides its own, at most */
};

static const int64_t second_ns = 1000000000;
static const int64_t first_pause_ns = 50000;
static const int64_t longest_pause_ns = 5000000;

static int64_t counted(const Reading *reading)
{
    return reading->datagrams + reading->dropped;
}

static int read_figures(Flow *flow, Reading *out)
{
    Reading reading;
    int status = fetch_get(&flow->fetch, figures_path);
    flow->error = flow->fetch.error;
    if (status != 0)
        return status;
    status = reading_parse(&reading, flow->fetch.body, flow->fetch.length);
    if (status != 0) {
        flow->error = not_the_daemon;
        return status;
    }
    reading_free(out);
    *out = reading;
    return 0;
}

/* Whether its count is that of where we send, and how much its sockets hold. */
static int look_at_receivers(Flow *flow, unsigned port, bool trusted)
{
    Receivers receivers;
    int status = fetch_get(&flow->fetch, "/server");
    flow->error = flow->fetch.error;
    if (status != 0)
        return status;
    status = receivers_parse(&receivers, flow->fetch.body, flow->fetch.length, port);
    flow->error = not_the_daemon;
    if (status == -ENOENT && !trusted) {
        flow->error =
            "the daemon that answers there receives on other ports; --http HOST:PORT says "
            "where the one is that has --udp";
        return status;
    }
    if (status != 0 && status != -ENOENT)
        return status;
    flow->window = receivers_window(&receivers);
    return 0;
}

int flow_open(Flow *flow, const Endpoint *udp, const Endpoint *http, bool trusted)
{
    *flow = (Flow){.udp.fd = -1};
    int status = udp_open(&flow->udp, udp);
    flow->error = flow->udp.error;
    if (status != 0)
        return status;
    flow->error = flow->fetch.error;
    status = fetch_open(&flow->fetch, http);
    if (status != 0)
        return status;
    if (look_at_receivers(flow, udp->port, trusted) != 0 || read_figures(flow, &flow->first) != 0 ||
        read_figures(flow, &flow->now) != 0) {
        flow->unpaced = flow->error;
        return 0;
    }
    flow->paced = true;
    flow->base = counted(&flow->now);
    return 0;
}

static int64_t under_way(const Flow *flow)
{
    return flow->base + flow->sent - flow->missing - counted(&flow->now);
}

/* Takes the daemon's count of now. => 0 or negative errno. */
static int look(Flow *flow)
{
    int64_t before = counted(&flow->now);
    int status = read_figures(flow, &flow->now);
    if (status != 0)
        return status;
    int64_t after = counted(&flow->now);
    if (after < before) { /* what was under way then, nobody knows */
        flow->restarted = true;
        flow->base = after - flow->sent + flow->missing;
    }
    if (under_way(flow) < 0) /* others send, too */
        flow->base = after - flow->sent + flow->missing;
    return 0;
}

/* Until at most so many are under way. What the daemon does not count for long will not come. */
static int wait_for(Flow *flow, int64_t most)
{
    int64_t moved_at = clock_monotonic_ns();
    int64_t last = counted(&flow->now);
    for (int64_t pause = first_pause_ns; under_way(flow) > most;) {
        int status = look(flow);
        if (status != 0)
            return status;
        int64_t now = clock_monotonic_ns();
        if (counted(&flow->now) != last) {
            last = counted(&flow->now);
            moved_at = now;
            pause = first_pause_ns;
            continue;
        }
        if (now - moved_at > PATIENCE_S * second_ns) {
            flow->missing += under_way(flow);
            return 0;
        }
        clock_sleep_ns(pause);
        pause = pause * 2 < longest_pause_ns ? pause * 2 : longest_pause_ns;
    }
    return 0;
}

int flow_send(Flow *flow, const char *bytes, size_t length)
{
    int64_t cost = (int64_t)(length + length / 4) + OVERHEAD;
    if (cost > flow->cost)
        flow->cost = cost;
    if (flow->paced) {
        int64_t most = flow->window / flow->cost;
        if (most < 1)
            most = 1;
        int status = under_way(flow) >= most ? wait_for(flow, most / 2) : 0;
        if (status != 0)
            return status;
    }
    int status = udp_send(&flow->udp, bytes, length);
    flow->error = flow->udp.error;
    flow->sent += status == 0;
    return status;
}

int flow_finish(Flow *flow)
{
    int status = flow->paced ? wait_for(flow, 0) : 0;
    /* What was given up may have come after all, from a daemon that had to wait for its CPU. */
    if (!flow->restarted && counted(&flow->now) - counted(&flow->first) >= flow->sent)
        flow->missing = 0;
    return status;
}

void flow_close(Flow *flow)
{
    udp_close(&flow->udp);
    fetch_close(&flow->fetch);
    reading_free(&flow->first);
    reading_free(&flow->now);
}
