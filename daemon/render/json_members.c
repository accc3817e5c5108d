#include "render/json_members.h"

#include <math.h>

#include "base/clock.h"

void json_members_service(const JsonSink *sink, const ServiceInfo *service)
{
    char started_at[CLOCK_TEXT_SIZE];
    clock_format_utc(service->started_realtime_ns, started_at);
    sink->open(sink->to, "service");
    sink->text(sink->to, "name", service->name);
    sink->text(sink->to, "version", service->version);
    sink->uint64(sink->to, "pid", (uint64_t)service->pid);
    sink->text(sink->to, "started_at", started_at);
    sink->number(sink->to, "uptime_s", round(service->uptime_s * 1000) / 1000);
    sink->close(sink->to);
}

void json_members_dropped(const JsonSink *sink, uint64_t kernel)
{
    sink->open(sink->to, "dropped");
    sink->uint64(sink->to, "kernel", kernel);
    sink->close(sink->to);
}

void json_members_intake(const JsonSink *sink, const IntakeCounts *intake)
{
    sink->uint64(sink->to, "datagrams", intake->datagrams);
    sink->uint64(sink->to, "bytes", intake->bytes);
    sink->uint64(sink->to, "lines", intake->lines);
    sink->uint64(sink->to, "values", intake->values);
    sink->uint64(sink->to, "ignored", intake->ignored);
    sink->open(sink->to, "rejected");
    sink->uint64(sink->to, "total", intake_rejected_total(intake));
    for (unsigned i = 0; i < REJECT_REASONS; i++)
        sink->uint64(sink->to, reject_reason_name((RejectReason)i), intake->rejected[i]);
    sink->close(sink->to);
    json_members_dropped(sink, intake->dropped_kernel);
}
