/* SPDX-License-Identifier: MIT
 * trace.h, in the Trace Event Format: one complete event ("ph": "X") for each node, in microseconds, a row for each device. */
#include "trace.h"

#include <string.h>

#define DEVICES 16

/* The row of a device, a new one where it is new. */
static uint32_t row_of(const char *device, const char **rows, uint32_t *count, struct json *events)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(rows[i], device) == 0)
            return i;
    if (*count == DEVICES)
        return DEVICES - 1;
    rows[*count] = device;
    struct json *e = json_item(events);
    json_text(e, "name", "thread_name");
    json_text(e, "ph", "M");
    json_count(e, "pid", 1);
    json_count(e, "tid", *count);
    json_text(json_object_in(e, "args"), "name", device);
    return (*count)++;
}

static void add_node(struct json *events, const struct cvk_node_report *n, uint32_t row)
{
    struct json *e = json_item(events);
    json_text(e, "name", n->name[0] ? n->name : n->op);
    json_text(e, "cat", n->op);
    json_text(e, "ph", "X");
    json_count(e, "pid", 1);
    json_count(e, "tid", row);
    json_number(e, "ts", n->start_ns / 1e3);
    json_number(e, "dur", n->time_ns / 1e3);
    struct json *args = json_object_in(e, "args");
    json_text(args, "op", n->op);
    json_text(args, "kernel", n->kernel);
    json_text(args, "epilogue", n->epilogue);
    if (n->output_count && n->outputs[0])
        json_shape(args, "output", n->outputs[0]);
    json_count(args, "flops", n->flops);
    json_count(args, "bytes", n->bytes);
    if (n->time_ns > 0) {
        json_number(args, "gflops", (double)n->flops / n->time_ns);
        json_number(args, "gbytes_per_s", (double)n->bytes / n->time_ns);
    }
    if (n->segment) {
        json_count(args, "segment", n->segment);
        json_count(args, "threads", n->segment_threads);
    }
}

int trace_save(const struct cvk_session *s, const char *model, const char *path)
{
    const char *rows[DEVICES];
    uint32_t row_count = 0;
    int code = json_available();
    if (code != TOOL_GO_ON)
        return code;
    struct json *file = json_create();
    json_text(file, "displayTimeUnit", "ns");
    json_text(json_object_in(file, "otherData"), "model", model);
    struct json *events = json_list_in(file, "traceEvents");
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        struct cvk_node_report n;
        if (cvk_session_node(s, i, &n) != CVK_OK || n.time_ns <= 0)
            continue; /* a view: nothing ran */
        add_node(events, &n, row_of(n.device, rows, &row_count, events));
    }
    return json_save(file, path);
}
