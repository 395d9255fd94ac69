/* SPDX-License-Identifier: MIT
 * Comparing a result with what was expected, and summing up a tensor. */
#include "compare.h"

#include <math.h>
#include <string.h>

static bool shapes_equal(const struct cvk_tensor_desc *a, const struct cvk_tensor_desc *b)
{
    if (a->rank != b->rank)
        return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

/* How far outside the allowed band: <= 0 inside. */
static double excess(double got, double want, double rtol, double atol, double *difference)
{
    if (isnan(got) || isnan(want) || isinf(got) || isinf(want)) {
        bool equal = got == want || (isnan(got) && isnan(want));
        *difference = equal ? 0 : INFINITY;
        return equal ? 0 : INFINITY;
    }
    *difference = fabs(got - want);
    return *difference - (atol + rtol * fabs(want));
}

struct comparison compare_tensors(const struct cvk_tensor *got, const struct cvk_tensor *want, double rtol, double atol)
{
    struct comparison c = {.count = cvk_tensor_count(got)};
    c.same_shape = shapes_equal(cvk_tensor_get_desc(got), cvk_tensor_get_desc(want));
    double worst = 0;
    for (uint64_t i = 0; c.same_shape && i < c.count; i++) {
        double a = cvk_tensor_at(got, i), b = cvk_tensor_at(want, i), d, e = excess(a, b, rtol, atol, &d);
        if (d > c.max_abs)
            c.max_abs = d;
        if (e <= 0)
            continue;
        c.different++;
        if (c.different == 1 || e > worst) {
            worst = e;
            c.worst = i;
            c.got = a;
            c.want = b;
        }
    }
    return c;
}

static void index_text(const struct cvk_tensor_desc *d, uint64_t i, char *out, size_t room)
{
    uint64_t at[CVK_MAX_RANK] = {0};
    for (uint32_t axis = d->rank; axis-- > 0;) {
        at[axis] = i % (uint64_t)d->dims[axis];
        i /= (uint64_t)d->dims[axis];
    }
    size_t used = (size_t)snprintf(out, room, "[");
    for (uint32_t axis = 0; axis < d->rank && used < room; axis++)
        used += (size_t)snprintf(out + used, room - used, "%s%llu", axis ? ", " : "", (unsigned long long)at[axis]);
    if (used < room)
        snprintf(out + used, room - used, "]");
}

const char *compare_text(const struct comparison *c, const struct cvk_tensor *got, const struct cvk_tensor *want, double rtol,
                         double atol, char *out, size_t room)
{
    const struct cvk_tensor_desc *g = cvk_tensor_get_desc(got), *w = cvk_tensor_get_desc(want);
    if (!c->same_shape) {
        char a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
        snprintf(out, room, "is %s, expected %s", tool_shape(g, a), tool_shape(w, b));
    } else if (c->different == 0) {
        snprintf(out, room, "as expected (largest difference %.3g)", c->max_abs);
    } else {
        char place[200], n[28], m[28];
        index_text(g, c->worst, place, sizeof place);
        snprintf(out, room, "differs most at %s: got %.9g, expected %.9g (difference %.3g, allowed %.3g); %s of %s values differ",
                 place, c->got, c->want, fabs(c->got - c->want), atol + rtol * fabs(c->want), tool_count(c->different, n),
                 tool_count(c->count, m));
    }
    return out;
}

struct tensor_stats tensor_stats(const struct cvk_tensor *t)
{
    struct tensor_stats s = {.count = cvk_tensor_count(t), .min = INFINITY, .max = -INFINITY};
    double sum = 0;
    for (uint64_t i = 0; i < s.count; i++) {
        double x = cvk_tensor_at(t, i);
        if (!isfinite(x)) {
            s.bad++;
            continue;
        }
        sum += x;
        s.min = x < s.min ? x : s.min;
        s.max = x > s.max ? x : s.max;
    }
    s.mean = s.count > s.bad ? sum / (double)(s.count - s.bad) : 0;
    return s;
}

const char *stats_text(const struct tensor_stats *s, char *out, size_t room)
{
    char n[28];
    size_t used = 0;
    if (s->count > s->bad)
        used = (size_t)snprintf(out, room, "min %.6g, max %.6g, mean %.6g", s->min, s->max, s->mean);
    else
        used = (size_t)snprintf(out, room, s->count ? "no finite value" : "empty");
    if (s->bad && used < room)
        snprintf(out + used, room - used, "; %s are NaN or infinite", tool_count(s->bad, n));
    return out;
}
