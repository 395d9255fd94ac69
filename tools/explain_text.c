/* SPDX-License-Identifier: MIT
 * `convoke explain` for people: the layers, what really runs, how the receptive field grows, what sharing weights saves. */
#include <stdlib.h>
#include <string.h>

#include "explain.h"

#define FIELD_STEPS 40  /* longer ways are not told step by step */
#define SHARING_ROWS 20 /* with more convolutions only the greatest savings are told unless asked for */

static void heading(const char *text)
{
    printf("\n%s%s%s\n", tool_colour(TOOL_BOLD), text, tool_colour(TOOL_PLAIN));
}

static void row_head(struct table *t, const char *const *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        table_add(t, "%s", names[i]);
}

static void number_cell(struct table *t, uint32_t rank, const double *values)
{
    char text[100] = "-";
    size_t used = 0;
    bool same = true;
    for (uint32_t i = 1; i < rank; i++)
        same = same && values[i] == values[0];
    for (uint32_t i = 0; i < (same && rank ? 1 : rank) && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%g", i ? "," : "", values[i]);
    table_add(t, "%s", text);
}

static void written_table(const struct plan_view *v)
{
    static const char *const names[] = {"layer", "what it is", "output", "parameters", "multiply-adds",
                                        "bytes", "field",      "step",   "offset"};
    struct table *t = table_create("lllrrrrrr");
    char a[28], what[120], field[80], shape[CVK_SHAPE_TEXT];
    bool irregular = false;
    heading("The layers as written (output is N x C x H x W: batch, channels, height, width)");
    row_head(t, names, 9);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct cvk_node_report *n = &v->nodes[i];
        uint32_t rank = n->spatial_rank > 3 ? 3 : n->spatial_rank;
        table_add(t, "%s", n->name);
        table_add(t, "%s", plan_what(v, i, what, sizeof what));
        table_add(t, "%s", n->output_count && n->outputs[0] ? tool_shape(n->outputs[0], shape) : "-");
        table_add(t, "%s", n->params ? tool_count(n->params, a) : "-");
        table_add(t, "%s", n->macs ? tool_count(n->macs, a) : "-");
        table_add(t, "%s", tool_bytes(n->bytes, a));
        bool star = rank && !n->field_aligned;
        irregular = irregular || star;
        table_add(t, "%s%s", plan_field(n, field, sizeof field), star ? "*" : "");
        number_cell(t, rank, n->jump);
        number_cell(t, rank, n->offset);
    }
    table_print(t, stdout);
    table_destroy(t);
    printf(
        "field: the receptive field, pixels of the input that one output sees. step: input pixels from one output to the next.\n"
        "offset: the input pixel under the centre of the first output. bytes: inputs, weights and outputs, once each.\n");
    if (irregular)
        printf("*: paths with other steps or centres meet here, so the field is the union over the paths and no regular grid.\n");
}

static void real_table(const struct plan_view *v)
{
    static const char *const names[] = {"node", "what it is", "device", "kernel", "epilogue", "layout", "bytes", "workspace"};
    struct table *t = table_create("llllllrr");
    char a[28], what[120];
    heading("What runs (layers are joined where a kernel can do several at once)");
    row_head(t, names, 8);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct cvk_node_report *n = &v->nodes[i];
        table_add(t, "%s", n->name);
        table_add(t, "%s", plan_what(v, i, what, sizeof what));
        table_add(t, "%s", n->device);
        table_add(t, "%s", n->kernel);
        table_add(t, "%s", n->epilogue[0] ? n->epilogue : "-");
        table_add(t, "%s", n->output_count && n->outputs[0] ? cvk_layout_name(n->outputs[0]->layout) : "-");
        table_add(t, "%s", tool_bytes(n->bytes, a));
        table_add(t, "%s", n->workspace_bytes ? tool_bytes(n->workspace_bytes, a) : "-");
    }
    table_print(t, stdout);
    table_destroy(t);
}

static void notes(const struct plan_view *v)
{
    bool any = false;
    char name[TOOL_TEXT], note[2048];
    for (uint32_t i = 0; i < v->count; i++) {
        if (!v->nodes[i].note[0])
            continue;
        if (!any)
            heading("Notes");
        any = true;
        printf("  %s: ", tool_escape(v->nodes[i].name, name, sizeof name));
        printf("%s\n", tool_escape(v->nodes[i].note, note, sizeof note));
    }
}

static bool windowed(const struct cvk_node_report *n)
{
    for (uint32_t i = 0; i < n->spatial_rank && i < 3; i++)
        if (n->window[i] != 1)
            return true;
    return false;
}

/* "3 + (2 - 1) x 3 = 6" on the first axis, then the field on all. */
static void field_steps(const struct plan_view *v, const uint32_t *path, uint32_t count)
{
    int64_t field = 1, step = 1;
    struct table *t = table_create("lll");
    char what[120], all[80];
    table_add(t, "layer"), table_add(t, "what it is"), table_add(t, "field before + (window - 1) x step so far");
    for (uint32_t k = 0; k < count; k++) {
        const struct cvk_node_report *n = &v->nodes[path[k]];
        int64_t stride = v->strides[path[k]][0];
        if (!windowed(n) && stride <= 1)
            continue;
        table_add(t, "%s", n->name);
        table_add(t, "%s", plan_what(v, path[k], what, sizeof what));
        table_add(t, "%lld + (%lld - 1) x %lld = %lld, field %s%s", (long long)field, (long long)n->window[0], (long long)step,
                  (long long)(field + (n->window[0] - 1) * step), plan_field(n, all, sizeof all),
                  stride > 1 ? "; its stride makes each later pixel count more" : "");
        field += (n->window[0] - 1) * step;
        step *= stride > 1 ? stride : 1;
    }
    table_print(t, stdout);
    table_destroy(t);
}

/* Why counting convolutions alone gives another number: a pool both widens the field and multiplies the step. */
static void field_with_pools(const struct plan_view *v, const uint32_t *path, uint32_t count)
{
    const struct cvk_node_report *last = NULL, *pool = NULL;
    int64_t pool_stride = 1;
    uint32_t end = 0;
    for (uint32_t k = 0; k < count; k++) {
        const struct cvk_node_report *n = &v->nodes[path[k]];
        if (strcmp(n->op, "pool") == 0 && v->strides[path[k]][0] > 1) {
            if (!pool)
                pool_stride = v->strides[path[k]][0];
            pool = pool ? pool : n;
        } else if (strcmp(n->op, "conv") == 0 && pool && windowed(n)) {
            last = n;
            end = k + 1;
        }
    }
    if (!last)
        return;
    char with[80], without[80], name[TOOL_TEXT], first[TOOL_TEXT];
    size_t used = 0;
    for (uint32_t axis = 0; axis < last->spatial_rank && axis < 3 && used < sizeof without; axis++)
        used += (size_t)snprintf(without + used, sizeof without - used, "%s%lld", axis ? "x" : "",
                                 (long long)plan_field_without_pools(v, path, end, axis));
    tool_escape(last->name, name, sizeof name);
    tool_escape(pool->name, first, sizeof first);
    printf("%s sees %s pixels of the input. Without the pooling it would see %s: %s widens the window by itself and, with its\n"
           "stride of %lld, puts neighbouring pixels of its output %lld input pixels apart, so that every later window counts "
           "%lld-fold.\n",
           name, plan_field(last, with, sizeof with), without, first, (long long)pool_stride, (long long)pool_stride,
           (long long)pool_stride);
}

static void field_part(const struct plan_view *v)
{
    uint32_t *path, count = plan_chain(v, &path), steps = 0;
    for (uint32_t k = 0; k < count; k++)
        steps += windowed(&v->nodes[path[k]]) || v->strides[path[k]][0] > 1;
    if (steps && steps <= FIELD_STEPS) {
        heading("How the receptive field grows");
        field_steps(v, path, count);
        field_with_pools(v, path, count);
    }
    free(path);
}

static uint32_t convs(const struct plan_view *v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->count; i++)
        n += v->nodes[i].dense_weights > 0;
    return n;
}

/* How many convolutions save more than this one. */
static uint32_t better_savings(const struct plan_view *v, uint64_t saving)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        uint64_t weights = plan_kernel_weights(&v->nodes[i]);
        n += v->nodes[i].dense_weights && weights && v->nodes[i].dense_weights / weights > saving;
    }
    return n;
}

static void sharing_part(const struct plan_view *v, bool every)
{
    uint32_t left_out = 0;
    static const char *const names[] = {"layer", "weights", "with biases", "full connection", "saving"};
    struct table *t = table_create("lrrrr");
    char a[28];
    heading("What sharing weights saves (a full connection would join every input to every output of the layer)");
    row_head(t, names, 5);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct cvk_node_report *n = &v->nodes[i];
        uint64_t weights = plan_kernel_weights(n);
        if (!n->dense_weights)
            continue;
        if (!every && weights && better_savings(v, n->dense_weights / weights) >= SHARING_ROWS) {
            left_out++;
            continue;
        }
        table_add(t, "%s", n->name);
        table_add(t, "%s", tool_count(weights, a));
        table_add(t, "%s", tool_count(n->params, a));
        table_add(t, "%s", tool_count(n->dense_weights, a));
        table_add(t, "%s times", weights ? tool_count(n->dense_weights / weights, a) : "?");
    }
    table_print(t, stdout);
    table_destroy(t);
    if (left_out)
        printf("and %u more with smaller savings: --only sharing shows all\n", left_out);
}

static void totals(const struct plan_view *written, const struct plan_view *real)
{
    char a[28], b[28], c[28], d[28], safe[TOOL_TEXT];
    const struct cvk_session_report *r = &real->report;
    heading("Totals");
    printf("  parameters     %s\n", tool_count(written->report.params, a));
    printf("  multiply-adds  %s in one run (%s floating-point operations)\n", tool_count(written->report.macs, a),
           tool_count(r->flops, b));
    printf("  peak memory    %s: weights %s, values %s, workspace %s\n", tool_bytes(r->peak_bytes, a),
           tool_bytes(r->weight_bytes, b), tool_bytes(r->arena_bytes, c), tool_bytes(r->workspace_bytes, d));
    printf("                 values would take %s if none shared memory\n", tool_bytes(r->arena_naive_bytes, a));
    printf("  device         %s; %u copies between devices (%s), %u changes of layout\n",
           tool_escape(r->device, safe, sizeof safe), r->copies, tool_bytes(r->copy_bytes, a), r->reorders);
    printf("  nodes          %u written, %u run; planned in %.3g ms\n", written->count, real->count, r->plan_ns / 1e6);
}

void explain_print_text(const struct plan_view *written, const struct plan_view *real, uint32_t parts)
{
    if (parts & EXPLAIN_WRITTEN)
        written_table(written);
    if (parts & EXPLAIN_FIELD)
        field_part(written);
    if (parts & EXPLAIN_SHARING && convs(written))
        sharing_part(written, parts == EXPLAIN_SHARING || convs(written) <= SHARING_ROWS);
    if (parts & EXPLAIN_FUSED)
        real_table(real);
    notes(parts & EXPLAIN_FUSED ? real : written);
    totals(written, real);
}
