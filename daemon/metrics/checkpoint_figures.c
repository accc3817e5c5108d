#include "metrics/checkpoint_figures.h"

void checkpoint_figures_write(const CheckpointFigures *figures, WireWriter *w)
{
    const IntakeCounts *intake = &figures->intake;
    wire_write_u64(w, intake->datagrams);
    wire_write_u64(w, intake->bytes);
    wire_write_u64(w, intake->lines);
    wire_write_u64(w, intake->values);
    wire_write_u64(w, intake->ignored);
    wire_write_u64(w, intake->dropped_kernel);
    wire_write_u8(w, REJECT_REASONS);
    for (unsigned i = 0; i < REJECT_REASONS; i++)
        wire_write_u64(w, intake->rejected[i]);
    wire_write_i64(w, figures->booted_ns);
    wire_write_u16(w, (uint16_t)figures->socket_count);
    for (size_t i = 0; i < figures->socket_count; i++) {
        wire_write_u64(w, figures->sockets[i].cookie);
        wire_write_u64(w, figures->sockets[i].dropped);
    }
}

const char *checkpoint_figures_read(WireReader *r, CheckpointFigures *figures)
{
    IntakeCounts *intake = &figures->intake;
    *figures = (CheckpointFigures){.socket_count = 0};
    intake->datagrams = wire_read_u64(r);
    intake->bytes = wire_read_u64(r);
    intake->lines = wire_read_u64(r);
    intake->values = wire_read_u64(r);
    intake->ignored = wire_read_u64(r);
    intake->dropped_kernel = wire_read_u64(r);
    if (wire_read_u8(r) != REJECT_REASONS && !r->failed)
        return "figures of other reasons than there are";
    for (unsigned i = 0; i < REJECT_REASONS; i++)
        intake->rejected[i] = wire_read_u64(r);
    figures->booted_ns = wire_read_i64(r);
    figures->socket_count = wire_read_u16(r);
    if (figures->socket_count > CHECKPOINT_SOCKETS)
        return "more sockets than it can";
    for (size_t i = 0; i < figures->socket_count; i++) {
        figures->sockets[i].cookie = wire_read_u64(r);
        figures->sockets[i].dropped = wire_read_u64(r);
    }
    return r->failed ? "figures that are cut off" : NULL;
}
