/* SPDX-License-Identifier: MIT
 * Products in tiles: which shape of tiles, the programs, the calls. */
#include "product_tiles.h"

#include "kernel_sources.h"

/* Sizes of a work-group's tile, of a step along k, and of an item's share. An item never loads less than one number a step. */
static const struct shape {
    uint16_t mt, nt, kt, wm, wn;
} shapes[] = {
    {128, 128, 8, 8, 8}, {128, 128, 16, 8, 8}, {128, 64, 16, 8, 8}, {64, 128, 16, 8, 8}, {64, 64, 16, 8, 4}, {64, 64, 16, 4, 4},
    {32, 128, 16, 4, 8}, {128, 32, 16, 8, 4},  {64, 32, 16, 4, 4},  {32, 64, 16, 4, 4},  {32, 32, 16, 4, 4}, {16, 64, 16, 4, 4},
};
const uint32_t ocl_tiles_shapes = OCL_COUNT(shapes);

#define MAX_SPLITS 32
#define MAX_SPLITS_PIXELS 256 /* of pixels there are many, of weights few */
#define LEAST_STEPS 4         /* of a part of k */

static uint32_t items_of(const struct shape *p)
{
    return (uint32_t)(p->mt / p->wm) * (p->nt / p->wn);
}

static uint64_t local_bytes(const struct shape *p)
{
    return 2ull * p->kt * (p->mt + 4u + p->nt + 4u) * sizeof(float);
}

static uint64_t tile_count(const struct ocl_tiles *t, const struct shape *p)
{
    return ocl_ceil_div((uint64_t)t->s.m, p->mt) * ocl_ceil_div((uint64_t)t->s.n, p->nt);
}

static uint32_t part_of(const struct ocl_tiles *t, const struct shape *p, uint32_t splits)
{
    return (uint32_t)ocl_round_up(ocl_ceil_div((uint64_t)t->s.k, splits), p->kt);
}

/* The time of all groups when each compute unit works through its share: large tiles use the unit better, few groups leave
 * units idle, few items on a unit leave it waiting. */
static double cost_of(const struct ocl_device *d, const struct ocl_tiles *t, const struct shape *p, uint32_t splits)
{
    double units = d->compute_units ? d->compute_units : 1, rate = ocl_model_flops(d) / units;
    double groups = (double)(tile_count(t, p) * (uint64_t)t->batch * splits),
           waves = (double)(int64_t)((groups + units - 1) / units);
    double share = (double)p->wm * p->wn, efficiency = share >= 64 ? 0.8 : share >= 32 ? 0.65 : 0.48;
    efficiency *= 1 - 4.0 / p->mt - 4.0 / p->nt; /* what is read for a tile, for each of its sums */
    double busy = waves * items_of(p) / 256.0;
    double work = 2.0 * p->mt * p->nt * part_of(t, p, splits);
    double cost = waves * work / (rate * efficiency * (busy < 1 ? busy > 0 ? busy : 1 : 1)) + OCL_MODEL_LAUNCH_NS;
    if (splits > 1)
        cost += OCL_MODEL_LAUNCH_NS + 8.0 * splits * t->s.y_count / ocl_model_bytes(d);
    return cost;
}

static void choose_splits(const struct ocl_device *d, const struct ocl_tiles *t, const struct shape *p,
                          struct ocl_tiles_choice *choice)
{
    choice->splits = 1;
    choice->cost_ns = cost_of(d, t, p, 1);
    uint32_t most = t->raw || t->spread ? 1 : t->b == OCL_B_PIXELS ? MAX_SPLITS_PIXELS : MAX_SPLITS;
    for (uint32_t splits = 2; splits <= most; splits *= 2) {
        uint32_t part = part_of(t, p, splits);
        if (part < LEAST_STEPS * p->kt || (uint64_t)part * (splits - 1) >= (uint64_t)t->s.k ||
            (uint64_t)splits * (uint64_t)t->s.y_count > INT32_MAX)
            break;
        double cost = cost_of(d, t, p, splits);
        if (cost < choice->cost_ns) {
            choice->splits = splits;
            choice->cost_ns = cost;
        }
    }
}

static bool has_room(const struct ocl_device *d, const struct shape *p)
{
    return local_bytes(p) <= d->local_bytes && items_of(p) <= d->max_group;
}

bool ocl_tiles_choose(const struct ocl_device *d, const struct ocl_tiles *t, uint32_t wanted, struct ocl_tiles_choice *choice)
{
    bool found = false;
    for (uint32_t i = wanted ? wanted - 1 : 0; i < (wanted ? wanted : ocl_tiles_shapes); i++) {
        struct ocl_tiles_choice one = {.shape = i};
        if (!has_room(d, &shapes[i]))
            continue;
        choose_splits(d, t, &shapes[i], &one);
        if (!found || one.cost_ns <= choice->cost_ns) /* of equal ones the last, which is the smallest */
            *choice = one;
        found = true;
    }
    return found;
}

uint64_t ocl_tiles_bytes(const struct ocl_tiles *t, const struct ocl_tiles_choice *choice)
{
    return choice->splits > 1 ? sizeof(float) * choice->splits * (uint64_t)t->s.y_count : 0;
}

/* ---- building --------------------------------------------------------------------------------------------------------------
 */

static bool fours(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return (a | b | c | d) % 4 == 0;
}

/* Whether four neighbours can be read, or written, at once: all lines begin at multiples of four. A part may be too small to be
 * shared out in fours. */
static void vector_options(const struct ocl_tiles *t, const struct shape *p, char *options, uint32_t bytes)
{
    const struct ocl_tiles_sizes *s = &t->s;
    uint32_t items = items_of(p);
    int32_t along = t->b == OCL_B_PIXELS ? s->k_pixels : t->a_steps ? s->k : s->m;
    bool a = fours(along, s->a_step, s->a_batch, s->a_image) && (uint32_t)(p->mt * p->kt / 4) >= items;
    bool b = (t->b == OCL_B_LINES || t->b == OCL_B_COLUMNS) && (uint32_t)(p->nt * p->kt / 4) >= items;
    b = b &&
        (t->b == OCL_B_LINES ? fours(s->pixels, s->b_step, s->b_image, s->b_batch) : fours(s->k, s->b_step, s->b_batch, 0));
    bool y = !t->spread && fours(s->pixels, s->y_row, s->y_image, s->y_batch) && s->y_count % 4 == 0;
    ocl_option(options, bytes, "-DVA=%d -DVB=%d -DVY=%d", a ? 4 : 1, b ? 4 : 1, y ? 4 : 1);
}

static bool has_c(const struct cvk_node *node, const struct ocl_tiles *t)
{
    return !t->raw && node->input_count > 2 && node->inputs[2];
}

/* What finishes a sum: in the product itself, or where the parts are added up. */
static void finish_options(const struct cvk_node *node, const struct ocl_tiles *t, char *options, uint32_t bytes)
{
    if (t->raw)
        return;
    if (t->alpha != 1)
        ocl_option(options, bytes, "-DSCALED");
    if (has_c(node, t))
        ocl_option(options, bytes, "-DWITH_C");
    if (t->channel_is_column)
        ocl_option(options, bytes, "-DCHANNEL_IS_COLUMN");
    ocl_epilogue_options(node, options, bytes);
}

static int32_t build_product(struct cvk_exec *e, const struct ocl_tiles *t, const struct ocl_tiles_choice *choice,
                             struct ocl_tiles_calls *calls)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct shape *p = &shapes[choice->shape];
    struct ocl_tiles_sizes s = t->s;
    char options[OCL_OPTION_BYTES] = "-cl-mad-enable";
    ocl_option_type(options, sizeof options, "DX", t->dtype);
    ocl_option_type(options, sizeof options, "DY", t->raw ? CVK_F32 : e->node->outputs[0]->dtype);
    ocl_option(options, sizeof options, "-DMT=%d -DNT=%d -DKT=%d -DWM=%d -DWN=%d -DSPLIT=%d", p->mt, p->nt, p->kt, p->wm, p->wn,
               choice->splits > 1);
    ocl_option(options, sizeof options, "-DA_STEPS=%d -DB_FORM=%u -DWITH_DEPTH=%d", t->a_steps, t->b, t->with_depth);
    vector_options(t, p, options, sizeof options);
    if (t->spread)
        ocl_option(options, sizeof options, "-DSPREAD");
    if (choice->splits == 1)
        finish_options(e->node, t, options, sizeof options);
    OCL_TRY(ocl_call_init(d, &calls->product, &ocl_source_product_tiles, "product_tiles", options));
    s.tiles_m = (int32_t)ocl_ceil_div((uint64_t)s.m, p->mt);
    s.splits = (int32_t)choice->splits;
    s.part = (int32_t)part_of(t, p, choice->splits);
    uint64_t groups[2] = {tile_count(t, p), (uint64_t)t->batch * choice->splits}, local[2] = {items_of(p), 1};
    ocl_call_size(&calls->product, 2, groups, local);
    OCL_TRY(ocl_epilogue_args(d, &calls->product, 8, e->node));
    OCL_TRY(ocl_arg(d, &calls->product, OCL_PRODUCT_SIZES, &s, sizeof s));
    OCL_TRY(ocl_arg_float(d, &calls->product, OCL_PRODUCT_SIZES + 1, t->alpha));
    OCL_TRY(ocl_arg_float(d, &calls->product, OCL_PRODUCT_SIZES + 2, t->beta));
    return ocl_arg(d, &calls->product, OCL_PRODUCT_SIZES + 3, calls->table ? &calls->table : NULL, sizeof(cl_mem));
}

/* The struct of kernels/product_sum.cl. */
struct sum_sizes {
    int32_t count, parts, inner, rows, c_row, c_column;
};

int32_t ocl_tiles_build_sum(struct cvk_exec *e, const struct ocl_tiles *t, uint32_t parts, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    struct sum_sizes s = {.count = t->s.y_count,
                          .parts = (int32_t)parts,
                          .inner = t->s.pixels,
                          .rows = (int32_t)(t->channel_is_column ? t->s.m : t->s.m * t->batch),
                          .c_row = t->s.c_row,
                          .c_column = t->s.c_column};
    char options[OCL_OPTION_BYTES] = "-cl-mad-enable";
    ocl_option_type(options, sizeof options, "DX", t->dtype);
    ocl_option_type(options, sizeof options, "DY", e->node->outputs[0]->dtype);
    finish_options(e->node, t, options, sizeof options);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_product_sum, "product_sum", options));
    ocl_call_items(call, (uint64_t)s.count, 64);
    OCL_TRY(ocl_epilogue_args(d, call, 6, e->node));
    OCL_TRY(ocl_arg(d, call, 6 + OCL_EPILOGUE_ARGS, &s, sizeof s));
    OCL_TRY(ocl_arg_float(d, call, 7 + OCL_EPILOGUE_ARGS, t->alpha));
    return ocl_arg_float(d, call, 8 + OCL_EPILOGUE_ARGS, t->beta);
}

/* What each of the `numbers` of a window adds to the place that it reads, and to its d, h, w; behind the last one a place
 * outside of every map, up to a whole step. */
static int32_t make_table(struct cvk_exec *e, const struct ocl_tiles *t, int32_t numbers, uint32_t step, cl_mem *table)
{
    uint64_t count = ocl_round_up((uint64_t)numbers, step), taps = (uint64_t)(t->kernel[0] * t->kernel[1] * t->kernel[2]);
    int32_t(*lines)[4] = e->host->alloc(e->host, (count ? count : 1) * sizeof *lines, 0);
    if (!lines)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for the places of %llu taps", (unsigned long long)count);
    for (uint64_t k = 0; k < count; k++) {
        bool inside = k < (uint64_t)numbers;
        uint64_t tap = inside ? k % taps : 0;
        int64_t dx = (int64_t)(tap % (uint64_t)t->kernel[2]) * t->dilation[2];
        int64_t dy = (int64_t)(tap / (uint64_t)t->kernel[2] % (uint64_t)t->kernel[1]) * t->dilation[1];
        int64_t dz = (int64_t)(tap / (uint64_t)t->kernel[2] / (uint64_t)t->kernel[1]) * t->dilation[0];
        lines[k][0] = inside ? (int32_t)((int64_t)(k / taps) * t->map + (dz * t->s.h + dy) * t->s.w + dx) : 0;
        lines[k][1] = (int32_t)dz;
        lines[k][2] = (int32_t)dy;
        lines[k][3] = inside ? (int32_t)dx : 1 << 30;
    }
    int32_t status = ocl_memory(ocl_device_of(e), count * sizeof *lines, lines, table);
    e->host->free(e->host, lines);
    return status;
}

int32_t ocl_tiles_build(struct cvk_exec *e, const struct ocl_tiles *t, const struct ocl_tiles_choice *choice,
                        struct ocl_tiles_calls *calls)
{
    int32_t status = CVK_OK;
    memset(calls, 0, sizeof *calls);
    if (t->b == OCL_B_WINDOWS)
        status = make_table(e, t, t->s.k, shapes[choice->shape].kt, &calls->table);
    else if (t->b == OCL_B_PIXELS)
        status = make_table(e, t, t->s.n, shapes[choice->shape].nt, &calls->table);
    if (status == CVK_OK)
        status = build_product(e, t, choice, calls);
    if (status == CVK_OK && choice->splits > 1)
        status = ocl_tiles_build_sum(e, t, choice->splits, &calls->sum);
    if (status != CVK_OK)
        ocl_tiles_finish(calls);
    return status;
}

void ocl_tiles_finish(struct ocl_tiles_calls *calls)
{
    ocl_call_finish(&calls->product);
    ocl_call_finish(&calls->sum);
    ocl_memory_free(calls->table);
    calls->table = NULL;
}
