/* SPDX-License-Identifier: MIT
 * Sums over what broadcasting has stretched. The kind is an argument: kinds share programs. Sums are cut by sizes alone. */
#include "shrink.h"

#define GROUP 64          /* as in kernels/shrink.cl */
#define GROUP_FROM 64     /* elements of a result that are worth a work-group */
#define MANY_RESULTS 4096 /* neighbouring ones keep a GPU busy with an item each, and read side by side */
#define PIECES 256        /* of a sum at most: a single item joins them */
#define PIECE_ELEMENTS 1024
#define ITEM_FLOATS 8192 /* of an item on CPU devices, at least */

/* As in kernels/shrink.cl. */
struct shrink {
    cl_int outer, row, folds_row, steps, dy, a, b;
    cl_int kept_rank, folded_rank, kept_size[8], folded_size[8];
    cl_int kept_dy[8], kept_a[8], kept_b[8], folded_dy[8], folded_a[8], folded_b[8];
};

/* How one output is made. */
struct work {
    struct shrink s;
    uint64_t results, pieces;
    uint64_t steps, step_piece, rows, row_piece, items, all; /* wide */
    uint64_t piece;                                          /* else */
    bool wide, team;
};

/* An axis of dy, its neighbours merged: the strides of dy, a, b. */
struct axis {
    uint64_t size, stride[3];
    bool folds;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static uint32_t axes_of(const struct ocl_shrink_of *of, struct axis *axes)
{
    const struct cvk_tensor_desc *dy = of->operands[0];
    uint32_t count = 0;
    for (uint32_t i = 0; i < dy->rank; i++) {
        struct axis axis = {.size = (uint64_t)dy->dims[i], .folds = ocl_stride_on(of->out, dy, i) == 0};
        bool joins = count > 0 && axes[count - 1].folds == axis.folds;
        if (axis.size == 1)
            continue;
        for (uint32_t k = 0; k < 3; k++) {
            axis.stride[k] = ocl_stride_on(of->operands[k], dy, i);
            joins = joins && axes[count - 1].stride[k] == axis.size * axis.stride[k];
        }
        if (joins)
            axis.size *= axes[--count].size;
        axes[count++] = axis;
    }
    if (count == 0)
        axes[count++] = (struct axis){.size = 1};
    return count;
}

static struct shrink shrink_of(const struct ocl_shrink_of *of)
{
    struct axis axes[CVK_MAX_RANK];
    uint32_t count = axes_of(of, axes);
    const struct axis *row = &axes[count - 1];
    struct shrink s = {.outer = 1,
                       .steps = 1,
                       .row = (cl_int)row->size,
                       .folds_row = row->folds,
                       .dy = (cl_int)row->stride[0],
                       .a = (cl_int)row->stride[1],
                       .b = (cl_int)row->stride[2]};
    for (uint32_t i = 0; i + 1 < count; i++) {
        cl_int *rank = axes[i].folds ? &s.folded_rank : &s.kept_rank;
        *(axes[i].folds ? &s.steps : &s.outer) *= (cl_int)axes[i].size;
        (axes[i].folds ? s.folded_size : s.kept_size)[*rank] = (cl_int)axes[i].size;
        (axes[i].folds ? s.folded_dy : s.kept_dy)[*rank] = (cl_int)axes[i].stride[0];
        (axes[i].folds ? s.folded_a : s.kept_a)[*rank] = (cl_int)axes[i].stride[1];
        (axes[i].folds ? s.folded_b : s.kept_b)[(*rank)++] = (cl_int)axes[i].stride[2];
    }
    return s;
}

static bool is_wide(const struct ocl_device *d, const struct ocl_shrink_of *of)
{
    bool wide = d->cpu_form && of->out->dtype == CVK_F32;
    for (uint32_t k = 0; k < 3; k++)
        wide = wide && of->operands[k]->dtype == CVK_F32;
    return wide;
}

/* There is always a piece, that of an empty sum, too. */
static struct work work_of(const struct ocl_device *d, const struct ocl_shrink_of *of)
{
    struct work w = {.s = shrink_of(of), .wide = is_wide(d, of)};
    uint64_t row = (uint64_t)w.s.row, steps = (uint64_t)w.s.steps, outer = (uint64_t)w.s.outer;
    uint64_t elements = steps * (w.s.folds_row ? row : 1);
    w.results = outer * (w.s.folds_row ? 1 : row);
    if (!w.wide) {
        w.piece = most(PIECE_ELEMENTS, ocl_ceil_div(elements, PIECES));
        w.pieces = most(1, ocl_ceil_div(elements, w.piece));
        w.team = elements >= GROUP_FROM && (w.s.folds_row || w.results * w.pieces < MANY_RESULTS);
        return w;
    }
    w.row_piece = most(ITEM_FLOATS, w.s.folds_row ? ocl_round_up(ocl_ceil_div(row, PIECES), 16) : 16);
    w.rows = most(1, ocl_ceil_div(row, w.row_piece));
    uint64_t lanes = w.s.folds_row ? least(row, w.row_piece) : 16;
    uint64_t step_pieces = w.s.folds_row ? most(1, PIECES / w.rows) : PIECES;
    w.step_piece = most(ocl_ceil_div(ITEM_FLOATS, most(1, lanes)), most(1, ocl_ceil_div(steps, step_pieces)));
    w.steps = most(1, ocl_ceil_div(steps, w.step_piece));
    w.pieces = w.steps * (w.s.folds_row ? w.rows : 1);
    w.all = w.results ? outer * w.steps * w.rows : 0;
    w.items = ocl_ceil_div(ITEM_FLOATS, most(1, least(row, w.row_piece) * least(most(1, steps), w.step_piece)));
    return w;
}

/* ---- build ------------------------------------------------------------------------------------------------------- */

static int32_t set_args(struct ocl_device *d, struct ocl_call *call, const struct ocl_shrink_of *of, const struct work *w)
{
    const uint64_t works = w->results * w->pieces, local = GROUP, single[2] = {w->pieces, w->piece};
    const uint64_t wide[6] = {w->steps, w->step_piece, w->rows, w->row_piece, w->items, w->all};
    OCL_TRY(ocl_arg(d, call, 8, &w->s, sizeof w->s));
    OCL_TRY(ocl_arg_int(d, call, 9, (cl_int)of->kind));
    OCL_TRY(ocl_arg_int(d, call, 10, of->second));
    for (uint32_t i = 0; i < (w->wide ? OCL_COUNT(wide) : OCL_COUNT(single)); i++)
        OCL_TRY(ocl_arg_int(d, call, 11 + i, (int64_t)(w->wide ? wide : single)[i]));
    if (w->wide)
        ocl_call_items(call, ocl_ceil_div(w->all, w->items), 1);
    else if (w->team)
        ocl_call_size(call, 1, &works, &local);
    else
        ocl_call_items(call, works, GROUP);
    return CVK_OK;
}

static bool in_doubles(const struct ocl_shrink_of *of)
{
    return of->operands[0]->dtype == CVK_F64 || of->operands[1]->dtype == CVK_F64 || of->operands[2]->dtype == CVK_F64;
}

uint64_t ocl_shrink_room(const struct ocl_device *d, const struct ocl_shrink_of *of)
{
    struct work w = work_of(d, of);
    return w.pieces > 1 ? w.results * w.pieces * (in_doubles(of) ? sizeof(cl_double) : sizeof(cl_float)) : 0;
}

int32_t ocl_shrink_build(struct ocl_device *d, struct ocl_shrink *s, const struct ocl_shrink_of *of)
{
    struct work w = work_of(d, of);
    bool doubles = in_doubles(of);
    char options[OCL_OPTION_BYTES] = "";
    s->joins = w.pieces > 1;
    ocl_option_type(options, sizeof options, "DY", of->operands[0]->dtype);
    ocl_option_type(options, sizeof options, "DA", of->operands[1]->dtype);
    ocl_option_type(options, sizeof options, "DB", of->operands[2]->dtype);
    ocl_option_type(options, sizeof options, "DX", !s->joins ? of->out->dtype : doubles ? CVK_F64 : CVK_F32);
    if (s->joins) {
        ocl_option(options, sizeof options, "-DJOINS");
        ocl_option_type(options, sizeof options, "DJ", of->out->dtype);
    }
    if (w.wide)
        ocl_option(options, sizeof options, "-DWIDE");
    else if (doubles)
        ocl_option(options, sizeof options, "-DR=double");
    if (w.team)
        ocl_option(options, sizeof options, "-DTEAM");
    if (of->kind == CVK_POW)
        ocl_option(options, sizeof options, "-DPOWER");
    if (of->kind == CVK_MOD || of->kind == CVK_FMOD)
        ocl_option(options, sizeof options, "-DREST");
    OCL_TRY(ocl_call_init(d, &s->sum, &ocl_source_shrink, "shrink", options));
    OCL_TRY(set_args(d, &s->sum, of, &w));
    if (!s->joins)
        return CVK_OK;
    OCL_TRY(ocl_call_init(d, &s->join, &ocl_source_shrink, "shrink_join", options));
    ocl_call_items(&s->join, w.results, 64);
    OCL_TRY(ocl_arg_int(d, &s->join, 4, (int64_t)w.results));
    return ocl_arg_int(d, &s->join, 5, (int64_t)w.pieces);
}

int32_t ocl_shrink_run(struct ocl_device *d, struct ocl_shrink *s, const struct cvk_binding *const *operands,
                       const struct cvk_binding *out, const struct cvk_binding *room)
{
    for (uint32_t k = 0; k < 3; k++)
        OCL_TRY(ocl_bind(d, &s->sum, 2 * k, operands[k]));
    OCL_TRY(ocl_bind(d, &s->sum, 6, s->joins ? room : out));
    OCL_TRY(ocl_enqueue(d, &s->sum));
    if (!s->joins)
        return CVK_OK;
    OCL_TRY(ocl_bind(d, &s->join, 0, room));
    OCL_TRY(ocl_bind(d, &s->join, 2, out));
    return ocl_enqueue(d, &s->join);
}

void ocl_shrink_finish(struct ocl_shrink *s)
{
    ocl_call_finish(&s->sum);
    ocl_call_finish(&s->join);
}
