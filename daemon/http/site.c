#include "http/site.h"

#include <unistd.h>

#include "base/clock.h"

HttpState http_site_state(const HttpSite *site)
{
    /* Relaxed: the state alone is read; what it stands for is told apart from it. */
    return (HttpState)atomic_load_explicit(&site->state, memory_order_relaxed);
}

void http_site_set_state(HttpSite *site, HttpState state)
{
    /* Relaxed: publishes nothing but itself. */
    atomic_store_explicit(&site->state, (int)state, memory_order_relaxed);
}

ServiceInfo http_site_service(const HttpSite *site)
{
    return (ServiceInfo){
        .name = "atomicstatsd",
        .version = site->version,
        .pid = getpid(),
        .started_realtime_ns = site->started_realtime_ns,
        .uptime_s = (double)(clock_monotonic_ns() - site->started_monotonic_ns) / 1e9,
    };
}

Address http_site_receiver(const HttpSite *site)
{
    PoolSocketInfo info = {.address.length = 0};
    size_t count = pool_socket_count(site->pool, 0);
    for (size_t i = 0; i < count && info.address.length == 0; i++)
        pool_socket_info(site->pool, 0, i, &info);
    return info.address;
}
