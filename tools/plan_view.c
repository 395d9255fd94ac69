/* SPDX-License-Identifier: MIT
 * A session's plan, read once and looked at from several sides. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

uint32_t plan_maker(const struct plan_view *v, int32_t id)
{
    for (uint32_t i = 0; i < v->count && id >= 0; i++)
        for (uint32_t k = 0; k < v->nodes[i].output_count; k++)
            if (v->nodes[i].output_ids[k] == id)
                return i;
    return UINT32_MAX;
}

/* Does its window move over the map? What takes the map as a whole has no stride, though it ends the grid of pixels. */
static bool slides(const struct cvk_node_report *n)
{
    static const char *const ops[] = {"conv", "conv_transpose", "pool", "resize", "depth_space", "slice"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(n->op, ops[i]) == 0)
            return strncmp(n->kind, "global", 6) != 0;
    return false;
}

static void find_strides(struct plan_view *v, uint32_t i)
{
    const struct cvk_node_report *n = &v->nodes[i];
    uint32_t before = n->input_count ? plan_maker(v, n->input_ids[0]) : UINT32_MAX;
    for (uint32_t axis = 0; axis < n->spatial_rank && axis < 3; axis++) {
        double from = 1;
        if (before != UINT32_MAX && v->nodes[before].spatial_rank > axis && v->nodes[before].jump[axis] > 0)
            from = v->nodes[before].jump[axis];
        double stride = n->jump[axis] / from;
        v->strides[i][axis] = !slides(n) ? 1 : fabs(stride - rint(stride)) < 1e-9 ? (int64_t)rint(stride) : 0;
    }
}

int plan_view_create(struct cvk_context *ctx, const struct model *m, const struct setup *setup, uint32_t flags,
                     struct plan_view *v)
{
    *v = (struct plan_view){0};
    struct cvk_session_params p = setup_params(setup);
    p.flags = flags | CVK_SESSION_PLAN_ONLY;
    if (cvk_session_create(ctx, m->graph, &p, &v->session) != CVK_OK || cvk_session_get_report(v->session, &v->report) != CVK_OK)
        return tool_fail_library(m->text);
    v->count = cvk_session_node_count(v->session);
    v->nodes = tool_alloc(v->count, sizeof *v->nodes);
    v->strides = tool_alloc(v->count, sizeof *v->strides);
    for (uint32_t i = 0; i < v->count; i++)
        if (cvk_session_node(v->session, i, &v->nodes[i]) != CVK_OK)
            return tool_fail_library(m->text);
    for (uint32_t i = 0; i < v->count; i++)
        find_strides(v, i);
    return TOOL_GO_ON;
}

void plan_view_free(struct plan_view *v)
{
    free(v->nodes);
    free(v->strides);
    cvk_session_destroy(v->session);
    *v = (struct plan_view){0};
}

/* Sizes joined by 'x': "3x3". */
static void join(const int64_t *sizes, uint32_t count, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < count && used < room; i++)
        used += (size_t)snprintf(out + used, room - used, "%s%lld", i ? "x" : "", (long long)sizes[i]);
}

static bool all(const int64_t *sizes, uint32_t count, int64_t value)
{
    for (uint32_t i = 0; i < count; i++)
        if (sizes[i] != value)
            return false;
    return true;
}

const char *plan_what(const struct plan_view *v, uint32_t i, char *out, size_t room)
{
    const struct cvk_node_report *n = &v->nodes[i];
    uint32_t rank = n->spatial_rank > 3 ? 3 : n->spatial_rank;
    /* The op's name says nothing to a reader where the kind says it all. */
    const char *kind = strcmp(n->kind, n->op) == 0                              ? ""
                       : strcmp(n->op, "gemm") == 0 && n->params && !n->kind[0] ? "(dense)"
                                                                                : n->kind;
    const char *op = strcmp(n->op, "unary") == 0 || strcmp(n->op, "binary") == 0 || strcmp(n->op, "reshape") == 0 ? "" : n->op;
    size_t used = (size_t)snprintf(out, room, "%s%s%s", op, op[0] && kind[0] ? " " : "", op[0] || kind[0] ? kind : n->op);
    char sizes[80];
    bool window = strcmp(n->op, "conv") == 0 || (strcmp(n->op, "pool") == 0 && slides(n)) || !all(n->window, rank, 1);
    if (rank && window && used < room) {
        join(n->window, rank, sizes, sizeof sizes);
        used += (size_t)snprintf(out + used, room - used, " %s", sizes);
    }
    if (rank && !all(v->strides[i], rank, 1) && !all(v->strides[i], rank, 0) && used < room) {
        if (all(v->strides[i], rank, v->strides[i][0]))
            snprintf(sizes, sizeof sizes, "%lld", (long long)v->strides[i][0]);
        else
            join(v->strides[i], rank, sizes, sizeof sizes);
        snprintf(out + used, room - used, ", stride %s", sizes);
    }
    return out;
}

const char *plan_field(const struct cvk_node_report *n, char *out, size_t room)
{
    if (n->spatial_rank == 0)
        snprintf(out, room, "-");
    else
        join(n->field, n->spatial_rank > 3 ? 3 : n->spatial_rank, out, room);
    return out;
}

uint64_t plan_kernel_weights(const struct cvk_node_report *n)
{
    return strcmp(n->op, "conv") == 0 && n->input_count > 1 && n->inputs[1] ? cvk_tensor_desc_count(n->inputs[1]) : 0;
}

uint32_t plan_chain(const struct plan_view *v, uint32_t **path)
{
    *path = NULL;
    uint32_t last = UINT32_MAX, spatial = 0, count = 0;
    for (uint32_t i = 0; i < v->count; i++)
        if (v->nodes[i].spatial_rank) {
            last = i;
            spatial++;
        }
    if (!spatial)
        return 0;
    uint32_t *back = tool_alloc(spatial, sizeof *back);
    for (uint32_t i = last; i != UINT32_MAX && count < spatial && v->nodes[i].spatial_rank;) {
        back[count++] = i;
        i = v->nodes[i].input_count ? plan_maker(v, v->nodes[i].input_ids[0]) : UINT32_MAX;
    }
    if (count != spatial) { /* some node with a field is beside the way: branches */
        free(back);
        return 0;
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t other = back[count - 1 - i];
        back[count - 1 - i] = back[i];
        back[i] = other;
    }
    *path = back;
    return count;
}

int64_t plan_field_without_pools(const struct plan_view *v, const uint32_t *path, uint32_t count, uint32_t axis)
{
    int64_t field = 1, step = 1;
    for (uint32_t k = 0; k < count; k++) {
        const struct cvk_node_report *n = &v->nodes[path[k]];
        if (strcmp(n->op, "pool") == 0 || axis >= n->spatial_rank)
            continue;
        field += (n->window[axis] - 1) * step;
        step *= v->strides[path[k]][axis] > 0 ? v->strides[path[k]][axis] : 1;
    }
    return field;
}
