/* The members that more than one document has: said here, once, for all of them. */
#ifndef RENDER_JSON_MEMBERS_H
#define RENDER_JSON_MEMBERS_H

#include <stdint.h>

#include "metrics/intake.h"
#include "render/json_sink.h"
#include "render/service_info.h"

/* Each adds to the object that is open. */

/* "service": {"name", "version", "pid", "started_at", "uptime_s"} */
void json_members_service(const JsonSink *sink, const ServiceInfo *service);

/* "datagrams", "bytes", "lines", "values", "ignored", "rejected" and "dropped" */
void json_members_intake(const JsonSink *sink, const IntakeCounts *intake);

/* "dropped": {"kernel"} */
void json_members_dropped(const JsonSink *sink, uint64_t kernel);

#endif
