/* SPDX-License-Identifier: MIT
 * States in several memories: a step whose nodes are spread at random over two devices with memory of their own and the reference
 * leaves the same weights, statistics and optimiser's state as the reference alone. */
#include "rig.h"

#include "device/backend.h"
#include "random_text.h"

#define NETS 12
#define STEPS 3

/* ---- the reference's kernels behind handles that are no addresses
 * ---------------------------------------------------------------- */

static const struct cvk__backend *reference;
static struct cvk_kernel *rows; /* one for each op and pass of the reference */
static uint32_t row_count;
static uint64_t spread; /* decides which nodes a device takes */

struct far {
    const struct cvk_host *host;
    void *device; /* the reference's */
    uintptr_t key;
    uint32_t index;
};

static int32_t far_count(const struct cvk_host *host, uint32_t *count)
{
    (void)host;
    *count = 2;
    return CVK_OK;
}

static int32_t far_info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    (void)host;
    out->kind = CVK_DEVICE_ACCEL;
    out->offset_align = 256;
    snprintf(out->name, sizeof out->name, "far %u", index);
    return CVK_OK;
}

static int32_t far_open(const struct cvk_host *host, uint32_t index, void **out)
{
    struct far *d = host->alloc(host, sizeof *d, 0);
    assert_non_null(d);
    *d = (struct far){.host = host, .key = (uintptr_t)(index + 1) << 60, .index = index};
    *out = d;
    return reference->api.open(host, 0, &d->device);
}

static void far_close(const struct cvk_host *host, void *device)
{
    reference->api.close(host, ((struct far *)device)->device);
    host->free(host, device);
}

static int32_t far_alloc(void *device, uint64_t bytes, void **buffer)
{
    struct far *d = device;
    void *memory = d->host->alloc(d->host, bytes, 256);
    if (!memory)
        return cvk_fail(d->host, CVK_E_MEMORY, "no memory");
    memset(memory, 0x7f, bytes);
    *buffer = (void *)((uintptr_t)memory ^ d->key);
    return CVK_OK;
}

static void *near(const struct far *d, void *buffer)
{
    return buffer ? (void *)((uintptr_t)buffer ^ d->key) : NULL;
}

static void far_free(void *device, void *buffer)
{
    struct far *d = device;
    d->host->free(d->host, near(d, buffer));
}

static int32_t far_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    (void)queue;
    memcpy((char *)near(device, buffer) + offset, src, bytes);
    return CVK_OK;
}

static int32_t far_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    (void)queue;
    memcpy(dst, (char *)near(device, buffer) + offset, bytes);
    return CVK_OK;
}

/* The reference's first row that takes the node. */
static const struct cvk_kernel *original(const struct cvk_query *q, struct cvk_plan *plan)
{
    uint32_t parts = q->node->epilogue ? q->node->epilogue->parts : 0;
    for (uint32_t i = 0; i < reference->plugin.kernel_count; i++) {
        const struct cvk_kernel *row = &reference->kernels[i];
        if (row->op == q->node->op && row->pass == q->node->pass && !(parts & ~row->epilogues) &&
            (!row->plan || row->plan(q, plan) == CVK_OK))
            return row;
    }
    return NULL;
}

static int32_t far_plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct far *d = q->device;
    struct cvk_query as = *q;
    uint64_t h = spread * 2 + d->index + 1;
    for (const char *c = q->node->name; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    as.device = d->device;
    if (q->node->op != CVK_OP_REORDER && (h >> 20) % 3)
        return cvk_refuse(q, "not this node");
    return original(&as, plan) ? CVK_OK : cvk_refuse(q, "not on the reference");
}

/* The binding as the reference sees it, in `room`. */
static const struct cvk_binding *moved(const struct far *d, const struct cvk_binding *b, struct cvk_binding *room)
{
    if (!b)
        return NULL;
    *room = *b;
    room->buffer = near(d, b->buffer);
    return room;
}

static int32_t far_run(struct cvk_exec *e)
{
    const struct far *d = e->device;
    struct cvk_binding many[64], extra[5];
    uint32_t in = e->node->input_count, out = e->node->output_count;
    struct cvk_exec as = *e;
    assert_true(in + out <= 64);
    for (uint32_t i = 0; i < in + out; i++)
        moved(d, i < in ? &e->inputs[i] : &e->outputs[i - in], &many[i]);
    as.device = d->device;
    as.inputs = many;
    as.outputs = many + in;
    as.bias = moved(d, e->bias, &extra[0]);
    as.scale = moved(d, e->scale, &extra[1]);
    as.shift = moved(d, e->shift, &extra[2]);
    as.residual = moved(d, e->residual, &extra[3]);
    as.workspace = moved(d, e->workspace, &extra[4]);
    char answer[256];
    struct cvk_plan plan = {.size = sizeof plan};
    const struct cvk_query q = {.size = sizeof q, .host = e->host, .device = d->device, .node = e->node, .answer = answer};
    return original(&q, &plan)->run(&as);
}

static int32_t far_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    static const struct cvk_device_api api = {.size = sizeof api,
                                              .count = far_count,
                                              .info = far_info,
                                              .open = far_open,
                                              .close = far_close,
                                              .alloc = far_alloc,
                                              .free = far_free,
                                              .write = far_write,
                                              .read = far_read};
    static struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,  .rank = -70,      .name = "far",
                                       .version = "1.0", .license = "MIT", .kernel_stride = sizeof(struct cvk_kernel),
                                       .device = &api};
    plugin.kernels = rows;
    plugin.kernel_count = row_count;
    return cvk_plugin_answer(host, out, &plugin);
}

/* That nodes run behind the first device is what this is about. */
static void silent(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static int add_far(void **state)
{
    struct cvk_context *ctx = NULL;
    check_ok(cvk_context_create(&(struct cvk_context_params){.log = silent}, &ctx), "context");
    reference = cvk__backend_reference(ctx);
    assert_non_null(reference);
    rows = calloc(reference->plugin.kernel_count, sizeof *rows);
    assert_non_null(rows);
    for (uint32_t i = 0; i < reference->plugin.kernel_count; i++) {
        const struct cvk_kernel *from = &reference->kernels[i];
        struct cvk_kernel *row = row_count ? &rows[row_count - 1] : NULL;
        assert_true(!from->build && !from->finish);
        if (!row || row->op != from->op || row->pass != from->pass)
            rows[row_count++] = (struct cvk_kernel){
                .size = sizeof *rows, .op = from->op, .pass = from->pass, .name = "far", .plan = far_plan, .run = far_run};
        rows[row_count - 1].dtypes |= from->dtypes;
        rows[row_count - 1].epilogues |= from->epilogues;
    }
    check_ok(cvk_plugin_register(ctx, far_query, "the test"), "far");
    *state = ctx;
    return 0;
}

static int end(void **state)
{
    cvk_context_destroy(*state);
    free(rows);
    return 0;
}

/* ---- the test
 * ---------------------------------------------------------------------------------------------------------------------- */

static struct cvk_trainer *trained(struct cvk_context *ctx, const char *text, const char *device, uint64_t seed,
                                   struct cvk_graph **g)
{
    struct cvk_trainer *t = NULL;
    struct cvk_tensor *x = NULL, *y = NULL;
    const struct cvk_trainer_params p = {.device = device,
                                         .batch = 3,
                                         .learning_rate = 0.05f,
                                         .clip_norm = 1,
                                         .seed = seed,
                                         .optimizer = cvk_optimizer_defaults(seed % 2 ? CVK_ADAM : CVK_SGD)};
    check_ok(cvk_graph_from_text(text, seed, g), text);
    check_ok(cvk_trainer_create(ctx, *g, &p, &t), text);
    const struct cvk_tensor_desc *dx = cvk_trainer_input_desc(t), *dy = cvk_trainer_target_desc(t);
    check_ok(cvk_tensor_create(dx->dtype, dx->rank, dx->dims, &x), "x");
    check_ok(cvk_tensor_create(dy->dtype, dy->rank, dy->dims, &y), "target");
    for (uint64_t step = 0; step < STEPS; step++) {
        for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
            ((float *)cvk_tensor_data(x))[i] = cvk_rng_normal(step, 1, i);
        for (uint64_t i = 0; i < cvk_tensor_count(y); i++)
            ((int64_t *)cvk_tensor_data(y))[i] = (int64_t)((i + step) % 5);
        check_ok(cvk_trainer_step(t, x, y, NULL), text);
    }
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    return t;
}

/* Fails unless the states are the same but for the rounding of fused nodes. Adam divides by what may be tiny: twice a step is the
 * most. */
static void compare(struct cvk_trainer *a, struct cvk_trainer *b, const char *text)
{
    assert_int_equal(cvk_trainer_state_count(a), cvk_trainer_state_count(b));
    for (uint32_t i = 0; i < cvk_trainer_state_count(a); i++) {
        const struct cvk_tensor_desc *d = cvk_trainer_state_desc(a, i);
        struct cvk_tensor *x = NULL, *y = NULL;
        check_ok(cvk_tensor_create(d->dtype, d->rank, d->dims, &x), "state");
        check_ok(cvk_tensor_create(d->dtype, d->rank, d->dims, &y), "state");
        check_ok(cvk_trainer_state_read(a, i, x), "state");
        check_ok(cvk_trainer_state_read(b, i, y), "state");
        double sum = 0, apart = 0;
        for (uint64_t k = 0; k < cvk_tensor_count(x); k++) {
            sum += pow(cvk_tensor_at(x, k), 2);
            apart += pow(cvk_tensor_at(x, k) - cvk_tensor_at(y, k), 2);
        }
        if (!(apart <= 1e-4 * sum + 1e-9))
            fail_msg("%s: '%s' differs by %g of %g", text, cvk_trainer_state_name(a, i), sqrt(apart), sqrt(sum));
        cvk_tensor_destroy(x);
        cvk_tensor_destroy(y);
    }
}

static void spread_over_memories(void **state)
{
    struct cvk_context *ctx = *state;
    uint64_t copies = 0;
    for (uint64_t seed = 1; seed <= NETS; seed++) {
        struct random_text r;
        struct cvk_graph *g = NULL, *h = NULL, *after = NULL;
        struct cvk_session_report report;
        random_text(&r, 100 + seed);
        spread = seed;
        struct cvk_trainer *near_one = trained(ctx, r.text, "ref", seed, &g);
        struct cvk_trainer *far_one = trained(ctx, r.text, seed % 3 ? "far:0+far:1+ref" : "far:1+ref", seed, &h);
        compare(near_one, far_one, r.text);
        check_ok(cvk_session_get_report(cvk_trainer_session(far_one), &report), "report");
        copies += report.copies;
        check_ok(cvk_trainer_graph(far_one, &after), "graph");
        cvk_graph_destroy(after);
        cvk_trainer_destroy(near_one);
        cvk_trainer_destroy(far_one);
        cvk_graph_destroy(g);
        cvk_graph_destroy(h);
    }
    print_message("%llu copies between memories\n", (unsigned long long)copies);
    assert_true(copies > 20 * NETS);
}

/* A device that does not promise the same bits is refused by name. */
static void determinism_is_promised(void **state)
{
    const struct cvk_trainer_params p = {.device = "far:1+ref", .flags = CVK_TRAIN_DETERMINISTIC};
    struct cvk_graph *g = NULL;
    struct cvk_trainer *t = NULL;
    check_ok(cvk_graph_from_text("3x4x4: 2c3-gap-2n", 1, &g), "net");
    assert_int_equal(cvk_trainer_create(*state, g, &p, &t), CVK_E_UNSUPPORTED);
    assert_non_null(strstr(cvk_error_text(), "far:1"));
    cvk_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(spread_over_memories), cmocka_unit_test(determinism_is_promised)};
    return cmocka_run_group_tests(tests, add_far, end);
}
