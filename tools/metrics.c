/* SPDX-License-Identifier: MIT
 * How good predictions are: loss, accuracy, confusion of classes, error of numbers; and targets in the form that a loss wants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

void metrics_init(struct metrics *m, uint32_t classes, bool confusion)
{
    *m = (struct metrics){.classes = classes};
    if (classes && confusion)
        m->confusion = tool_alloc((size_t)classes * classes, sizeof *m->confusion);
}

void metrics_free(struct metrics *m)
{
    free(m->confusion);
    m->confusion = NULL;
}

void metrics_clear(struct metrics *m)
{
    m->loss_sum = m->error_sum = m->loss_weight = 0;
    m->count = m->right = 0;
    if (m->confusion)
        memset(m->confusion, 0, (size_t)m->classes * m->classes * sizeof *m->confusion);
}

/* Elements of one item of the batch. */
static uint64_t per_item(const struct cvk_tensor_desc *d)
{
    uint64_t count = 1;
    for (uint32_t i = 1; i < d->rank; i++)
        count *= (uint64_t)d->dims[i];
    return count;
}

/* The class of one position from scores that lie `step` apart; a single score stands for yes (1) above 0. */
static uint32_t best_class(const float *scores, uint64_t step, uint32_t classes)
{
    if (classes == 1)
        return scores[0] > 0;
    uint32_t best = 0;
    for (uint32_t c = 1; c < classes; c++)
        if (scores[c * step] > scores[best * step])
            best = c;
    return best;
}

static int64_t class_number(const struct cvk_tensor *target, uint64_t i)
{
    const void *data = cvk_tensor_data(target);
    return cvk_tensor_get_desc(target)->dtype == CVK_I32 ? ((const int32_t *)data)[i] : ((const int64_t *)data)[i];
}

static void add_classes(struct metrics *m, const struct cvk_tensor *prediction, const struct cvk_tensor *target,
                        const struct loss_mean *mean, uint64_t items)
{
    const struct cvk_tensor_desc *p = cvk_tensor_get_desc(prediction);
    const float *scores = cvk_tensor_data(prediction);
    uint32_t outputs = p->rank > 1 ? (uint32_t)p->dims[1] : 1;
    uint64_t positions = per_item(p) / outputs;
    for (uint64_t n = 0; n < items; n++)
        for (uint64_t k = 0; k < positions; k++) {
            int64_t want = class_number(target, n * positions + k);
            uint32_t got = best_class(scores + n * outputs * positions + k, positions, outputs);
            if (want < 0 || want >= (int64_t)m->classes || (mean && mean->ignores && want == mean->ignored))
                continue; /* what the loss ignores */
            m->count++;
            m->right += got == (uint64_t)want;
            if (m->confusion && got < m->classes)
                m->confusion[(uint64_t)want * m->classes + got]++;
        }
}

static void add_numbers(struct metrics *m, const struct cvk_tensor *prediction, const struct cvk_tensor *target, uint64_t items)
{
    const float *a = cvk_tensor_data(prediction), *b = cvk_tensor_data(target);
    uint64_t count = items * per_item(cvk_tensor_get_desc(prediction));
    for (uint64_t i = 0; i < count; i++)
        m->error_sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    m->count += count;
}

/* What element i of the loss counts in the mean; what is ignored has a loss of 0. */
static double weight_at(const struct loss_mean *mean, const struct cvk_tensor *target, uint64_t i)
{
    if (!mean || !mean->indexed)
        return 1;
    int64_t class = class_number(target, i);
    if (mean->ignores && class == mean->ignored)
        return 0;
    return mean->weights && class >= 0 && class < (int64_t)mean->count ? (double)mean->weights[class] : 1;
}

void metrics_add(struct metrics *m, const struct cvk_tensor *prediction, const struct cvk_tensor *target,
                 const struct cvk_tensor *loss, const struct loss_mean *mean, uint64_t items)
{
    const struct cvk_tensor_desc *l = loss ? cvk_tensor_get_desc(loss) : NULL;
    if (m->classes)
        add_classes(m, prediction, target, mean, items);
    else
        add_numbers(m, prediction, target, items);
    for (uint64_t i = 0; l && i < items * per_item(l); i++) {
        m->loss_sum += (double)((const float *)cvk_tensor_data(loss))[i];
        m->loss_weight += weight_at(mean, target, i);
    }
}

double metrics_loss(const struct metrics *m)
{
    return plain_nan(m->loss_weight > 0 ? m->loss_sum / m->loss_weight : NAN);
}

double metrics_accuracy(const struct metrics *m)
{
    return m->classes && m->count ? (double)m->right / (double)m->count : NAN;
}

double metrics_rmse(const struct metrics *m)
{
    return plain_nan(m->count ? sqrt(m->error_sum / (double)m->count) : NAN);
}

void metrics_class(const struct metrics *m, uint32_t class, double *precision, double *recall, double *iou)
{
    uint64_t both = m->confusion[(uint64_t) class * m->classes + class], wanted = 0, got = 0;
    for (uint32_t k = 0; k < m->classes; k++) {
        wanted += m->confusion[(uint64_t) class * m->classes + k];
        got += m->confusion[(uint64_t)k * m->classes + class];
    }
    *precision = got ? (double)both / (double)got : NAN;
    *recall = wanted ? (double)both / (double)wanted : NAN;
    *iou = wanted + got ? (double)both / (double)(wanted + got - both) : NAN;
}

double metrics_mean_iou(const struct metrics *m)
{
    double sum = 0, precision, recall, iou;
    uint32_t count = 0;
    for (uint32_t k = 0; k < m->classes; k++) {
        metrics_class(m, k, &precision, &recall, &iou);
        if (!isnan(iou)) {
            sum += iou;
            count++;
        }
    }
    return count ? sum / count : NAN;
}

/* ---- targets
 * -------------------------------------------------------------------------------------------------------------------- */

static bool whole(uint32_t dtype)
{
    return dtype == CVK_I32 || dtype == CVK_I64;
}

bool target_fits(const struct cvk_tensor_desc *have, const struct cvk_tensor_desc *want)
{
    uint64_t a = cvk_tensor_desc_count(have), b = cvk_tensor_desc_count(want);
    if (have->dtype == want->dtype && a == b)
        return true;
    if (!whole(have->dtype) || want->dtype != CVK_F32 || want->rank < 2)
        return false;
    return b == a * (uint64_t)want->dims[1]; /* one-hot, or a single node */
}

int target_convert(const struct cvk_tensor *from, const struct cvk_tensor_desc *want, struct cvk_tensor **into,
                   const struct cvk_tensor **out)
{
    const struct cvk_tensor_desc *have = cvk_tensor_get_desc(from);
    *out = from;
    if (have->dtype == want->dtype)
        return TOOL_GO_ON;
    if (!*into && cvk_tensor_create(want->dtype, want->rank, want->dims, into) != CVK_OK)
        return tool_fail_library("targets");
    float *y = cvk_tensor_data(*into);
    uint64_t outputs = (uint64_t)want->dims[1], positions = per_item(want) / outputs;
    memset(y, 0, want->bytes);
    for (uint64_t i = 0; i < cvk_tensor_count(from); i++) {
        int64_t class = class_number(from, i);
        uint64_t n = i / positions, k = i % positions;
        if (outputs == 1)
            y[i] = (float)class;
        else if (class >= 0 && class < (int64_t)outputs)
            y[(n * outputs + (uint64_t) class) * positions + k] = 1;
    }
    *out = *into;
    return TOOL_GO_ON;
}

/* True if the pictures can be read as what the net takes: the same axes, or fewer and more of them that differ in sizes of 1 or
 * by one of the two having all in a row. */
static bool picture_fits(const struct cvk_tensor_desc *picture, const struct cvk_tensor_desc *x)
{
    int64_t a[CVK_MAX_RANK] = {0}, b[CVK_MAX_RANK] = {0};
    uint32_t m = 0, n = 0;
    if (x->rank == picture->rank + 1)
        return !memcmp(x->dims + 1, picture->dims, picture->rank * sizeof *picture->dims);
    for (uint32_t i = 0; i < picture->rank; i++)
        if (picture->dims[i] != 1)
            a[m++] = picture->dims[i];
    for (uint32_t i = 1; i < x->rank; i++)
        if (x->dims[i] != 1)
            b[n++] = x->dims[i];
    return (m < 2 || n < 2 || (m == n && !memcmp(a, b, m * sizeof *a))) &&
           cvk_tensor_desc_count(x) == cvk_tensor_desc_count(picture) * (uint64_t)x->dims[0];
}

int data_fits(const struct cvk_data_info *info, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *target,
              const struct cvk_tensor_desc *prediction, uint32_t loss)
{
    char a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
    const struct cvk_tensor_desc *y = prediction;
    int64_t batch = x->rank ? x->dims[0] : 0, dims[CVK_MAX_RANK] = {batch};
    if (batch < 1 || x->dtype != CVK_F32 || !picture_fits(&info->x, x))
        return tool_fail(TOOL_FAILED, "the net takes %s %s, the pictures of %s are %s", cvk_dtype_name(x->dtype),
                         x->rank ? cvk_shape_text(x->rank - 1, x->dims + 1, a) : "one number", info->name,
                         tool_shape(&info->x, b));
    uint64_t outputs = y->rank > 1 ? (uint64_t)y->dims[1] : 1;
    bool yes_no = outputs == 1 && info->class_count <= 2 && !whole(target->dtype); /* a single score tells two classes apart */
    if (info->class_count && outputs != info->class_count && !yes_no)
        return tool_fail(TOOL_FAILED, "the net has %llu output%s, %s has %u classes, and the loss is %s",
                         (unsigned long long)outputs, outputs == 1 ? "" : "s", info->name, info->class_count,
                         cvk_loss_name(loss));
    struct cvk_tensor_desc have;
    memcpy(dims + 1, info->target.dims, info->target.rank * sizeof *dims);
    if (cvk_tensor_desc_init(&have, info->target.dtype, CVK_LAYOUT_PLAIN, info->target.rank + 1, dims) != CVK_OK ||
        y->dtype != CVK_F32 || !y->rank || y->dims[0] != batch || !target_fits(&have, target))
        return tool_fail(TOOL_FAILED, "the loss %s needs targets %s %s, %s has %s %s", cvk_loss_name(loss),
                         cvk_dtype_name(target->dtype), cvk_shape_text(target->rank, target->dims, a), info->name,
                         cvk_dtype_name(have.dtype), cvk_shape_text(have.rank, have.dims, b));
    return TOOL_GO_ON;
}

/* ---- a whole data set
 * ------------------------------------------------------------------------------------------------------------- */

/* Copies a batch that may be short into one of the session's size; the rest keeps what it had. */
static const struct cvk_tensor *widen(const struct cvk_tensor *from, struct cvk_tensor *whole_batch)
{
    uint64_t have = cvk_tensor_bytes(from);
    if (have == cvk_tensor_bytes(whole_batch))
        return from;
    memcpy(cvk_tensor_data(whole_batch), cvk_tensor_data(from), have);
    return whole_batch;
}

struct evaluation {
    struct cvk_tensor *x, *target, *converted, *loss, *prediction;
};

static int make_evaluation(struct cvk_session *s, const struct cvk_data_info *info, struct evaluation *e)
{
    const struct cvk_tensor_desc *x = cvk_session_input_desc(s, 0), *t = &info->target;
    const struct cvk_tensor_desc *loss = cvk_session_output_desc(s, 0), *y = cvk_session_output_desc(s, 1);
    int64_t dims[CVK_MAX_RANK] = {x->dims[0]};
    memcpy(dims + 1, t->dims, t->rank * sizeof *dims);
    if (cvk_tensor_create(x->dtype, x->rank, x->dims, &e->x) != CVK_OK ||
        cvk_tensor_create(t->dtype, t->rank + 1, dims, &e->target) != CVK_OK ||
        cvk_tensor_create(loss->dtype, loss->rank, loss->dims, &e->loss) != CVK_OK ||
        cvk_tensor_create(y->dtype, y->rank, y->dims, &e->prediction) != CVK_OK)
        return tool_fail_library("evaluation");
    memset(cvk_tensor_data(e->x), 0, cvk_tensor_bytes(e->x));
    memset(cvk_tensor_data(e->target), 0, cvk_tensor_bytes(e->target));
    return TOOL_GO_ON;
}

static int write_as(struct cvk_session *s, uint32_t i, const struct cvk_tensor *t)
{
    const struct cvk_tensor_desc *want = cvk_session_input_desc(s, i);
    struct cvk_tensor *same = NULL;
    int32_t status = cvk_tensor_wrap(want->dtype, want->rank, want->dims, cvk_tensor_data(t), cvk_tensor_bytes(t), &same);
    if (status == CVK_OK)
        status = cvk_session_write(s, i, same);
    cvk_tensor_destroy(same);
    return status == CVK_OK ? TOOL_GO_ON : tool_fail_library("evaluation");
}

static int evaluate_batch(struct cvk_session *s, const struct loss_mean *mean, const struct cvk_tensor *x,
                          const struct cvk_tensor *target, struct evaluation *e, struct metrics *m)
{
    uint64_t items = (uint64_t)cvk_tensor_get_desc(x)->dims[0];
    const struct cvk_tensor *full = widen(target, e->target), *given;
    int code = write_as(s, 0, widen(x, e->x));
    if (code == TOOL_GO_ON)
        code = target_convert(full, cvk_session_input_desc(s, 1), &e->converted, &given);
    if (code == TOOL_GO_ON)
        code = write_as(s, 1, given);
    if (code != TOOL_GO_ON)
        return code;
    if (cvk_session_run(s) != CVK_OK || cvk_session_read(s, 0, e->loss) != CVK_OK ||
        cvk_session_read(s, 1, e->prediction) != CVK_OK)
        return tool_fail_library("evaluation");
    metrics_add(m, e->prediction, target, e->loss, mean, items);
    return TOOL_GO_ON;
}

int evaluate(struct cvk_session *s, const struct cvk_trainer_params *params, struct cvk_data *data,
             const struct cvk_loader_params *loading, struct metrics *m)
{
    const struct cvk_tensor_desc *target = cvk_session_input_desc(s, 1);
    const struct loss_mean mean = {.indexed = whole(target->dtype),
                                   .ignores = params->loss.ignores,
                                   .ignored = params->loss.ignore_index,
                                   .weights = params->class_weights,
                                   .count = params->class_count};
    struct cvk_data_info info = {.size = sizeof info};
    struct cvk_loader_params p = {.batch = cvk_session_input_desc(s, 0)->dims[0],
                                  .keep_last = 1,
                                  .mean = loading->mean,
                                  .deviation = loading->deviation,
                                  .channels = loading->channels,
                                  .threads = loading->threads};
    struct cvk_loader *loader = NULL;
    struct evaluation e = {0};
    if (cvk_data_get_info(data, &info) != CVK_OK)
        return tool_fail_library("evaluation");
    int code = data_fits(&info, cvk_session_input_desc(s, 0), target, cvk_session_output_desc(s, 1), params->loss.kind);
    if (code != TOOL_GO_ON)
        return code;
    if (cvk_loader_create(data, &p, &loader) != CVK_OK)
        return tool_fail_library("evaluation");
    code = make_evaluation(s, &info, &e);
    for (uint64_t i = 0, n = cvk_loader_batches(loader); i < n && code == TOOL_GO_ON; i++) {
        struct cvk_tensor *x, *y;
        code =
            cvk_loader_next(loader, &x, &y) == CVK_OK ? evaluate_batch(s, &mean, x, y, &e, m) : tool_fail_library("evaluation");
    }
    cvk_loader_destroy(loader);
    cvk_tensor_destroy(e.x);
    cvk_tensor_destroy(e.target);
    cvk_tensor_destroy(e.converted);
    cvk_tensor_destroy(e.loss);
    cvk_tensor_destroy(e.prediction);
    return code;
}
