/* SPDX-License-Identifier: MIT
 * Is what a kernel made right? Compared with the reference's results, with room for rounding and none for mistakes. */
#include <math.h>

#include "problem.h"

static bool is_float(uint32_t dtype)
{
    return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

/* Allowed error as a share of the results' root mean square, and of each result. Transforms and other orders of summing lose some
 * 1e-4 of it in float; a kernel that leaves one of 4608 products out loses 1.5e-2. */
static double share_of(uint32_t dtype)
{
    return dtype == CVK_BF16 ? 6e-2 : dtype == CVK_F16 ? 2e-2 : 5e-3;
}

static double root_mean_square(const struct cvk_tensor *t)
{
    double sum = 0;
    uint64_t count = 0;
    for (uint64_t i = 0; i < cvk_tensor_count(t); i++) {
        double x = cvk_tensor_at(t, i);
        if (!isfinite(x))
            continue;
        sum += x * x;
        count++;
    }
    return count ? sqrt(sum / (double)count) : 0;
}

static bool close_to(double got, double want, double allowed, double share)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return got == want;
    return fabs(got - want) <= allowed + share * fabs(want);
}

struct difference {
    uint64_t bad, first, count;
    double got, want;
};

static void compare(const struct cvk_tensor *got, const struct cvk_tensor *want, uint32_t dtype, struct difference *out)
{
    double share = share_of(dtype), allowed = is_float(dtype) ? share * root_mean_square(want) + 1e-30 : 0;
    out->count = cvk_tensor_count(want);
    for (uint64_t i = 0; i < out->count; i++) {
        double g = cvk_tensor_at(got, i), w = cvk_tensor_at(want, i);
        if (is_float(dtype) ? close_to(g, w, allowed, share) : g == w)
            continue;
        if (out->bad++ == 0) {
            out->first = i;
            out->got = g;
            out->want = w;
        }
    }
}

/* Compares one output; *found and text as in cvk__check_way. */
static int32_t compare_output(const struct cvk__check *c, uint32_t i, void *data, enum cvk__finding_kind *found, char *text)
{
    const struct cvk__operand *want = &c->part.operands[c->part.input_count + i];
    void *own = NULL;
    const void *part = NULL;
    struct cvk_tensor *g = NULL, *w = NULL;
    struct difference diff = {0};
    const struct cvk_tensor_desc *d = &want->desc;
    int32_t status = cvk__check_part(c, i, data, &own, &part);
    if (status == CVK_OK)
        status = cvk_tensor_wrap(d->dtype, d->rank, d->dims, (void *)(uintptr_t)part, d->bytes, &g);
    if (status == CVK_OK)
        status = cvk_tensor_wrap(d->dtype, d->rank, d->dims, want->data, d->bytes, &w);
    if (status == CVK_OK)
        compare(g, w, d->dtype, &diff);
    if (status == CVK_OK && diff.bad) {
        char index[CVK_SHAPE_TEXT];
        *found = CVK__WRONG_RESULT;
        snprintf(text, CVK__REASON_BYTES, "element %s: got %.6g, want %.6g; %llu of %llu compared are wrong",
                 cvk__check_index(c, i, diff.first, index), diff.got, diff.want, (unsigned long long)diff.bad,
                 (unsigned long long)diff.count);
    }
    cvk_tensor_destroy(g);
    cvk_tensor_destroy(w);
    cvk__free(own);
    return status;
}

static int32_t compare_outputs(struct cvk__check *c, struct cvk__drive *w, enum cvk__finding_kind *found, char *text)
{
    for (uint32_t i = 0; i < c->whole.output_count && *found == CVK__RIGHT; i++) {
        void *data = NULL;
        bool clean;
        if (!c->whole.operands[c->whole.input_count + i].desc.size)
            continue;
        CVK__TRY(cvk__drive_read(w, i, &data, &clean));
        int32_t status = c->solved ? compare_output(c, i, data, found, text) : CVK_OK;
        cvk__free(data);
        if (status != CVK_OK)
            return status;
        if (*found == CVK__RIGHT && !clean) {
            *found = CVK__WRONG_RESULT;
            snprintf(text, CVK__REASON_BYTES, "the spare channels of its last block are not zero");
        }
    }
    return CVK_OK;
}

/* True if the device still does what it is told: then a failure was the kernel's own. */
static bool device_works(struct cvk__device *d)
{
    unsigned char out[64], in[64] = {0};
    void *buffer = NULL;
    memset(out, 0x5a, sizeof out);
    if (cvk__buffer_alloc(d, sizeof out, &buffer) != CVK_OK)
        return false;
    bool good = cvk__buffer_write(d, buffer, 0, out, sizeof out) == CVK_OK && cvk__device_finish(d) == CVK_OK &&
                cvk__buffer_read(d, buffer, 0, in, sizeof in) == CVK_OK && !memcmp(in, out, sizeof in);
    cvk__buffer_free(d, buffer);
    return good;
}

/* A status that the kernel gave: its own fault, unless memory is short or the device is gone. */
static int32_t blame(struct cvk__device *d, int32_t status, enum cvk__finding_kind *found, char *text)
{
    char sentence[CVK__REASON_BYTES];
    if (status == CVK_OK || status == CVK_E_MEMORY)
        return status;
    snprintf(sentence, sizeof sentence, "%s", cvk_error_text());
    char *more = strchr(sentence, '\n'); /* a build log: for those who look, not for a note */
    if (more) {
        cvk__log(&d->ctx->log, CVK_LOG_INFO, "compile", "%s: %s", d->spec, cvk_error_text());
        *more = '\0';
    }
    if (!device_works(d))
        return cvk__fail(status, "%s", sentence);
    *found = status == CVK_E_UNSUPPORTED ? CVK__REFUSED : CVK__BROKEN;
    snprintf(text, CVK__REASON_BYTES, "%s", sentence);
    return CVK_OK;
}

int32_t cvk__check_way(struct cvk__check *c, struct cvk__device *d, const struct cvk__way *way, struct cvk__drive *drive,
                       enum cvk__finding_kind *found, char *text)
{
    struct cvk__drive own, *w = drive ? drive : &own;
    *found = CVK__RIGHT;
    text[0] = '\0';
    int32_t status = blame(d, cvk__drive_begin(w, d, &c->whole, way), found, text);
    if (status != CVK_OK || *found != CVK__RIGHT)
        return status;
    status = blame(d, cvk__drive_run(w), found, text);
    if (status == CVK_OK && *found == CVK__RIGHT)
        status = compare_outputs(c, w, found, text);
    if (!drive || status != CVK_OK || *found != CVK__RIGHT)
        cvk__drive_end(w);
    return status;
}
