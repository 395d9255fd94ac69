/* SPDX-License-Identifier: MIT
 * Windows that slide over pixels: checks, automatic padding and the number of outputs, with sentences for what does not fit. */
#include "slide.h"

#include <stdarg.h>

/* Sizes up to here can be multiplied with one another and added without overflow. */
#define MAX_PIXELS INT32_MAX

const char *cvk__slide_name(uint32_t spatial, uint32_t i)
{
    static const char *const names[] = {"depth", "height", "width"};
    return spatial == 1 ? "length" : names[3 - spatial + i];
}

int32_t cvk__slide_types(const struct cvk__infer *c)
{
    static const char *const names[] = {"input", "weights", "biases"};
    uint32_t dtype = cvk__infer_in(c, 0)->dtype;
    if (!cvk__dtype_in(dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "the input is %s; it must be f32, f64, f16 or bf16", cvk_dtype_name(dtype));
    for (uint32_t i = 1; i < 3; i++) {
        const struct cvk_tensor_desc *d = cvk__infer_in(c, i);
        if (d && d->dtype != dtype)
            return cvk__infer_fail(c, "%s of type %s do not go with an input of %s; they must be the same", names[i],
                                   cvk_dtype_name(d->dtype), cvk_dtype_name(dtype));
    }
    return CVK_OK;
}

int32_t cvk__slide_maps(const struct cvk__infer *c, const struct cvk_tensor_desc *x, uint32_t *spatial)
{
    char text[CVK_SHAPE_TEXT];
    if (x->rank < 3 || x->rank > 5)
        return cvk__infer_fail(c, "the input is %s, %u axes; it must be batch, channels and 1 to 3 spatial axes, as in 1x3x28x28",
                               cvk_shape_text(x->rank, x->dims, text), x->rank);
    *spatial = x->rank - 2;
    return CVK_OK;
}

static int32_t check_range(const struct cvk__infer *c, const struct cvk__slide *s, const char *what, int64_t value, int64_t least)
{
    if (value < least)
        return cvk__infer_bad(c, "the %s in %s is %lld; it must be at least %lld", what, s->name, (long long)value,
                              (long long)least);
    if (value > MAX_PIXELS)
        return cvk__infer_bad(c, "the %s in %s is %lld; it must be at most %d", what, s->name, (long long)value, MAX_PIXELS);
    return CVK_OK;
}

int32_t cvk__slide_check(const struct cvk__infer *c, struct cvk__slide *s, bool may_crop)
{
    s->stride = s->stride ? s->stride : 1;
    s->dilation = s->dilation ? s->dilation : 1;
    CVK__TRY(check_range(c, s, "size of the input", s->in, 0));
    CVK__TRY(check_range(c, s, "kernel size", s->kernel, 1));
    CVK__TRY(check_range(c, s, "stride", s->stride, 1));
    CVK__TRY(check_range(c, s, "dilation", s->dilation, 1));
    CVK__TRY(check_range(c, s, "padding at the beginning", s->pad_begin, may_crop ? -MAX_PIXELS : 0));
    CVK__TRY(check_range(c, s, "padding at the end", s->pad_end, may_crop ? -MAX_PIXELS : 0));
    s->window = s->dilation * (s->kernel - 1) + 1;
    if (s->window > MAX_PIXELS)
        return cvk__infer_bad(c, "the window in %s is %lld pixels (kernel %lld, dilation %lld); it must be at most %d", s->name,
                              (long long)s->window, (long long)s->kernel, (long long)s->dilation, MAX_PIXELS);
    return CVK_OK;
}

static void CVK_PRINTF(2, 3) add_note(struct cvk__slide_note *note, const char *format, ...)
{
    if (note->used && note->used + 2 < sizeof note->text)
        note->used += (size_t)snprintf(note->text + note->used, sizeof note->text - note->used, "; ");
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(note->text + note->used, sizeof note->text - note->used, format, args);
    va_end(args);
    size_t left = sizeof note->text - 1 - note->used;
    note->used += bytes < 0 ? 0 : (size_t)bytes < left ? (size_t)bytes : left;
}

int32_t cvk__slide_tell(struct cvk__infer *c, const struct cvk__slide_note *note)
{
    return note->used ? cvk__infer_note(c, "%s", note->text) : CVK_OK;
}

static int32_t resolve_auto_pad(const struct cvk__infer *c, struct cvk__slide *s, uint32_t auto_pad)
{
    if (auto_pad == CVK_PAD_EXPLICIT)
        return CVK_OK;
    if (auto_pad > CVK_PAD_VALID)
        return cvk__infer_bad(c, "auto_pad is %u; known are 0 (explicit) to 3 (valid)", auto_pad);
    if (s->pad_begin || s->pad_end)
        return cvk__infer_bad(c, "paddings %lld and %lld in %s are given together with auto_pad %u; give one or the other",
                              (long long)s->pad_begin, (long long)s->pad_end, s->name, auto_pad);
    if (auto_pad == CVK_PAD_VALID)
        return CVK_OK;
    int64_t total = (cvk__ceil_div(s->in, s->stride) - 1) * s->stride + s->window - s->in;
    total = total > 0 ? total : 0;
    s->pad_begin = auto_pad == CVK_PAD_SAME_LOWER ? total - total / 2 : total / 2;
    s->pad_end = total - s->pad_begin;
    return CVK_OK;
}

/* "a height of 4 or 6" from those of two numbers that fit; "" if none does. */
static void add_choices(char *text, size_t bytes, const char *what, int64_t a, bool a_fits, int64_t b, bool b_fits)
{
    text[0] = '\0';
    if (a_fits && b_fits)
        snprintf(text, bytes, "%s of %lld or %lld", what, (long long)a, (long long)b);
    else if (a_fits || b_fits)
        snprintf(text, bytes, "%s of %lld", what, (long long)(a_fits ? a : b));
}

/* outputs + rest/stride as people write it: "2.5", "about 2.333". */
static const char *fraction(int64_t outputs, int64_t rest, int64_t stride, char *text, size_t bytes)
{
    int64_t thousandths = (rest * 1000 + stride / 2) / stride, digits = 3;
    bool exact = rest * 1000 % stride == 0;
    thousandths = thousandths > 999 ? 999 : thousandths; /* less than one whole */
    for (; exact && thousandths % 10 == 0; thousandths /= 10)
        digits--;
    snprintf(text, bytes, "%s%lld.%0*lld", exact ? "" : "about ", (long long)outputs, (int)digits, (long long)thousandths);
    return text;
}

/* "half a pixel": names the input sizes and the paddings next to the ones given that divide. */
static int32_t refuse_remainder(const struct cvk__infer *c, const struct cvk__slide *s, uint32_t auto_pad, int64_t room)
{
    int64_t rest = room % s->stride, pads = s->pad_begin + s->pad_end, more = s->stride - rest;
    int64_t most = 2 * (s->pools ? s->window - 1 : (int64_t)MAX_PIXELS);
    char what[32], sizes[96], paddings[96], part[64], outputs[48];
    snprintf(what, sizeof what, "a %s", s->name);
    add_choices(sizes, sizeof sizes, what, s->in - rest, s->in > rest, s->in + more, s->in + more <= MAX_PIXELS);
    add_choices(paddings, sizeof paddings, auto_pad == CVK_PAD_EXPLICIT ? "a padding" : "an explicit padding", pads - rest,
                pads >= rest, pads + more, pads + more <= most);
    if (rest * 2 == s->stride)
        snprintf(part, sizeof part, "half a pixel");
    else
        snprintf(part, sizeof part, "%lld/%lld of a pixel", (long long)rest, (long long)s->stride);
    if (paddings[0])
        snprintf(paddings + strlen(paddings), sizeof paddings - strlen(paddings), " in all (now %lld), ", (long long)pads);
    return cvk__infer_fail(
        c, "%s %lld does not divide: (%lld + %lld + %lld - %lld) / %lld + 1 = %s, which is %lld output%s and %s; what would fit: "
           "%s%s%srounding down%s",
        s->name, (long long)s->in, (long long)s->in, (long long)s->pad_begin, (long long)s->pad_end, (long long)s->window,
        (long long)s->stride, fraction(room / s->stride + 1, rest, s->stride, outputs, sizeof outputs),
        (long long)(room / s->stride + 1), room < s->stride ? "" : "s", part, sizes, sizes[0] ? ", " : "", paddings,
        s->pools ? " or up" : "");
}

static int32_t refuse_window(const struct cvk__infer *c, const struct cvk__slide *s, uint32_t auto_pad, int64_t missing)
{
    return cvk__infer_fail(
        c,
        "the window of %lld pixels (kernel %lld, dilation %lld) is larger than %s %lld with its padding of "
        "%lld + %lld; a %s of %lld would fit, or %lld more pixel%s of %spadding",
        (long long)s->window, (long long)s->kernel, (long long)s->dilation, s->name, (long long)s->in, (long long)s->pad_begin,
        (long long)s->pad_end, s->name, (long long)(s->in + missing), (long long)missing, missing == 1 ? "" : "s",
        auto_pad == CVK_PAD_EXPLICIT ? "" : "explicit ");
}

/* Says what rounding down costs: pixels, or padding alone. */
static void note_floor(const struct cvk__slide *s, int64_t rest, bool wanted_up, struct cvk__slide_note *note)
{
    int64_t lost = rest - s->pad_end;
    char what[96];
    if (lost > 0)
        snprintf(what, sizeof what, "%lld of %lld pixels used, the last %lld dropped", (long long)(s->in - lost),
                 (long long)s->in, (long long)lost);
    else
        snprintf(what, sizeof what, "rounded down, %lld pixel%s of padding at the end not used", (long long)rest,
                 rest == 1 ? "" : "s");
    add_note(note, "%s: %s%s: floor((%lld + %lld + %lld - %lld) / %lld) + 1 = %lld", s->name, what,
             wanted_up ? " (one window more would begin behind the last pixel)" : "", (long long)s->in, (long long)s->pad_begin,
             (long long)s->pad_end, (long long)s->window, (long long)s->stride, (long long)s->out);
}

int32_t cvk__slide_place(const struct cvk__infer *c, struct cvk__slide *s, uint32_t auto_pad, uint32_t rounding,
                         struct cvk__slide_note *note)
{
    CVK__TRY(resolve_auto_pad(c, s, auto_pad));
    int64_t room = s->in + s->pad_begin + s->pad_end - s->window;
    if (room < 0)
        return refuse_window(c, s, auto_pad, -room);
    if (s->pools && (s->pad_begin >= s->window || s->pad_end >= s->window))
        return cvk__infer_bad(c,
                              "padding %lld + %lld in %s: each must be below the window of %lld pixels, or a window would lie in "
                              "the padding alone",
                              (long long)s->pad_begin, (long long)s->pad_end, s->name, (long long)s->window);
    s->out = room / s->stride + 1;
    int64_t rest = room % s->stride;
    if (rest == 0)
        return CVK_OK;
    if (rounding == CVK_ROUND_STRICT)
        return refuse_remainder(c, s, auto_pad, room);
    if (rounding == CVK_ROUND_CEIL && s->out * s->stride < s->in + s->pad_begin) {
        s->out++;
        add_note(note, "%s: the last window reaches %lld past the end: ceil((%lld + %lld + %lld - %lld) / %lld) + 1 = %lld",
                 s->name, (long long)(s->stride - rest), (long long)s->in, (long long)s->pad_begin, (long long)s->pad_end,
                 (long long)s->window, (long long)s->stride, (long long)s->out);
        return CVK_OK;
    }
    note_floor(s, rest, rounding == CVK_ROUND_CEIL, note);
    return CVK_OK;
}
