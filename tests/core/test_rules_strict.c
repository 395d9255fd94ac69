/* SPDX-License-Identifier: MIT
 * Sizes that do not divide: strict says the number and the layer and what would fit, and what it offers does fit; floor and ceil
 * say what they did. */
#include "rules.h"

/* One axis of a window, of a conv or of a pool. */
struct axis {
    bool pools;
    int64_t in, kernel, stride, dilation, begin, end;
    uint32_t auto_pad, rounding;
};

/* A graph with that one layer; its status in *status. */
static struct cvk_graph *build(const struct axis *a, int32_t *status)
{
    struct cvk_graph *g = NULL;
    cvk_value y;
    assert_int_equal(cvk_graph_create("strict", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 3, (int64_t[]){1, 1, a->in});
    if (a->pools) {
        y = cvk_pool(g, x,
                     P(pool, .kernel = {a->kernel}, .stride = {a->stride}, .dilation = {a->dilation}, .pad_begin = {a->begin},
                       .pad_end = {a->end}, .auto_pad = a->auto_pad, .rounding = a->rounding),
                     NULL);
    } else {
        cvk_value w = cvk_input(g, "w", CVK_F32, 3, (int64_t[]){1, 1, a->kernel});
        y = cvk_conv(g, x, w, 0,
                     P(conv, .stride = {a->stride}, .dilation = {a->dilation}, .pad_begin = {a->begin}, .pad_end = {a->end},
                       .auto_pad = a->auto_pad, .rounding = a->rounding));
    }
    *status = cvk_graph_status(g);
    assert_true((y != 0) == (*status == CVK_OK));
    return g;
}

static void must_fit(const struct axis *a, const char *because)
{
    int32_t status;
    struct cvk_graph *g = build(a, &status);
    if (status != CVK_OK)
        fail_msg("\"%s\" was offered, but length %d, padding %d + %d does not fit: %s", because, (int)a->in, (int)a->begin,
                 (int)a->end, cvk_graph_error(g));
    cvk_graph_destroy(g);
}

/* The numbers after `what` in the sentence, "of 4 or 6": 0, 1 or 2 of them. */
static uint32_t offered(const char *sentence, const char *what, int64_t numbers[2])
{
    const char *at = strstr(sentence, what);
    if (!at)
        return 0;
    char *end;
    numbers[0] = strtoll(at + strlen(what), &end, 10);
    assert_true(end > at + strlen(what));
    if (strncmp(end, " or ", 4) != 0 || end[4] < '0' || end[4] > '9')
        return 1;
    numbers[1] = strtoll(end + 4, NULL, 10);
    return 2;
}

/* Tries all that the sentence offers; counts what it was. */
static void try_offers(const struct axis *a, const char *sentence, uint32_t *sizes, uint32_t *paddings)
{
    int64_t numbers[2];
    struct axis other = *a;
    uint32_t count = offered(sentence, "a length of ", numbers);
    *sizes += count;
    for (uint32_t i = 0; i < count; i++) {
        other.in = numbers[i];
        must_fit(&other, sentence);
    }
    other = *a;
    count = offered(sentence, "padding of ", numbers);
    if (strstr(sentence, "more pixel")) {
        count = offered(sentence, "fit, or ", numbers);
        numbers[0] += a->begin + a->end;
    }
    *paddings += count;
    for (uint32_t i = 0; i < count; i++) {
        other.begin = numbers[i] / 2;
        other.end = numbers[i] - other.begin;
        other.auto_pad = CVK_PAD_EXPLICIT;
        must_fit(&other, sentence);
    }
    assert_true((strstr(sentence, "explicit padding") != NULL) == (a->auto_pad != CVK_PAD_EXPLICIT && count > 0));
}

static void check_axis(const struct axis *a, uint32_t *refused, uint32_t *sizes, uint32_t *paddings)
{
    int32_t status;
    struct cvk_graph *g = build(a, &status);
    int64_t room = a->in + a->begin + a->end - (a->dilation * (a->kernel - 1) + 1);
    if (a->auto_pad == CVK_PAD_EXPLICIT)
        assert_true((status == CVK_OK) == (room >= 0 && room % a->stride == 0));
    if (status != CVK_OK) {
        const char *sentence = cvk_graph_error(g);
        assert_int_equal(status, CVK_E_SHAPE);
        rule_is_sentence("strict", sentence);
        assert_non_null(strstr(sentence, "fit"));
        assert_non_null(strstr(sentence, a->pools ? "pool 'pool_0': " : "conv 'conv_0': "));
        try_offers(a, sentence, sizes, paddings);
        if (room >= 0) {
            struct axis down = *a;
            down.rounding = CVK_ROUND_FLOOR;
            must_fit(&down, "rounding down");
            assert_true((strstr(sentence, "rounding down or up") != NULL) == a->pools);
            down.rounding = CVK_ROUND_CEIL;
            if (a->pools)
                must_fit(&down, "rounding up");
        }
        ++*refused;
    }
    cvk_graph_destroy(g);
}

/* Paddings go with no automatic padding, and those of pools are below the window. */
static bool may_be_asked(const struct axis *a)
{
    if (a->auto_pad != CVK_PAD_EXPLICIT)
        return a->end == 0;
    return !a->pools || a->end < a->dilation * (a->kernel - 1) + 1;
}

static void test_every_offer_fits(void **state)
{
    (void)state;
    uint32_t refused = 0, sizes = 0, paddings = 0;
    struct axis a = {.rounding = CVK_ROUND_STRICT};
    for (uint32_t pools = 0; pools < 2; pools++)
        for (a.auto_pad = 0; a.auto_pad <= CVK_PAD_VALID; a.auto_pad++)
            for (a.in = 1; a.in <= 8; a.in++)
                for (a.kernel = 1; a.kernel <= 4; a.kernel++)
                    for (a.stride = 1; a.stride <= 5; a.stride++)
                        for (a.dilation = 1; a.dilation <= 2; a.dilation++)
                            for (int64_t pads = 0; pads <= 3; pads++) {
                                a.pools = pools == 1;
                                a.begin = pads / 2;
                                a.end = pads - a.begin;
                                if (may_be_asked(&a))
                                    check_axis(&a, &refused, &sizes, &paddings);
                            }
    /* Big ones, where a size or a padding next to the limit must not be offered. */
    const struct axis big[] = {
        {.in = 10, .kernel = 3, .stride = INT32_MAX, .dilation = 1},
        {.in = INT32_MAX, .kernel = 4, .stride = INT32_MAX - 7, .dilation = 1},
        {.in = INT32_MAX, .kernel = 2, .stride = 5, .dilation = 3, .begin = INT32_MAX, .end = INT32_MAX},
        {.pools = true, .in = INT32_MAX, .kernel = INT32_MAX - 1, .stride = 2, .dilation = 1},
        {.pools = true, .in = 5, .kernel = 1, .stride = INT32_MAX, .dilation = 1},
    };
    for (size_t i = 0; i < COUNT(big); i++) {
        a = big[i];
        a.rounding = CVK_ROUND_STRICT;
        check_axis(&a, &refused, &sizes, &paddings);
    }
    assert_true(refused > 1000);
    assert_true(sizes > refused);
    assert_true(paddings > refused / 2);
}

/* ---- the words --------------------------------------------------------------------------------------------------------- */

#define STRICT .rounding = CVK_ROUND_STRICT

static const struct rule_case pool_rows[] = {
    MISFIT("5 by 2x2/2 is half a pixel", P(pool, .kernel = {2, 2}, .stride = {2, 2}, STRICT),
           "height 5 does not divide: (5 + 0 + 0 - 2) / 2 + 1 = 2.5, which is 2 outputs and half a pixel|a height of 4 or 6|"
           "a padding of 1 in all (now 0)|rounding down or up",
           X(1, 3, 5, 5)),
    MISFIT("width alone", P(pool, .kernel = {2, 2}, .stride = {2, 2}, STRICT), "width 7|= 3.5|a width of 6 or 8", X(1, 3, 4, 7)),
    MISFIT("depth", P(pool, .kernel = {2, 1, 1}, .stride = {2, 1, 1}, STRICT), "depth 3|= 1.5|a depth of 2 or 4",
           X(1, 1, 3, 4, 4)),
    MISFIT("thirds", P(pool, .kernel = {2}, .stride = {3}, STRICT),
           "= about 2.333, which is 2 outputs and 1/3 of a pixel|length of 5 or 8",
           X(1, 1, 6)),
    MISFIT("a quarter", P(pool, .kernel = {2}, .stride = {4}, STRICT), "= 1.25, which is 1 output and 1/4 of a pixel",
           X(1, 1, 3)),
    MISFIT("a twentieth", P(pool, .kernel = {1}, .stride = {20}, STRICT), "= 1.05, ", X(1, 1, 2)),
    MISFIT("padding to take away", P(pool, .kernel = {3}, .stride = {3}, .pad_begin = {1}, .pad_end = {2}, STRICT),
           "(4 + 1 + 2 - 3) / 3 + 1 = about 2.333|a length of 3 or 6, a padding of 2 in all (now 3)", X(1, 1, 4)),
};

static const struct rule_case conv_rows[] = {
    MISFIT("5 by 2x2/2 is half a pixel", P(conv, .stride = {2, 2}, STRICT),
           "height 5 does not divide: (5 + 0 + 0 - 2) / 2 + 1 = 2.5, which is 2 outputs and half a pixel|a height of 4 or 6|"
           "a padding of 1 in all (now 0), rounding down",
           X(1, 3, 5, 5), X(8, 3, 2, 2)),
    MISFIT("an automatic padding", P(conv, .stride = {2, 2}, .auto_pad = CVK_PAD_VALID, STRICT),
           "= 2.5|an explicit padding of 1 in all (now 0)", X(1, 3, 5, 5), X(8, 3, 2, 2)),
    MISFIT("too small for one size less", P(conv, .stride = {3, 3}, .pad_begin = {2, 2}, .pad_end = {0, 0}, STRICT),
           "(1 + 2 + 0 - 1) / 3 + 1 = about 1.667|a height of 2, a padding of 0 or 3 in all (now 2)", X(1, 1, 1, 1),
           X(1, 1, 1, 1)),
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conv_rows); i++)
        rule_refused(CVK_OP_CONV, "conv", &conv_rows[i]);
    for (size_t i = 0; i < COUNT(pool_rows); i++)
        rule_refused(CVK_OP_POOL, "pool", &pool_rows[i]);
}

/* ---- the layer's name, when a session finds it ------------------------------------------------------------------------- */

static struct cvk_context *ctx;

static int set_up(void **state)
{
    (void)state;
    return cvk_context_create(NULL, &ctx);
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

static void test_the_layer_is_named(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_graph_create("open", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 1, 8, CVK_BATCH}); /* an open width: 1 while building */
    cvk_value y = cvk_pool(g, x, P(pool, .kernel = {2, 1}, .stride = {2, 2}, STRICT), NULL);
    cvk_output(g, cvk_name(g, y, "first pool"), "y");
    assert_int_equal(cvk_graph_status(g), CVK_OK);
    const struct cvk_session_params p = {.device = "ref", .batch = 6, .flags = CVK_SESSION_PLAN_ONLY};
    assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_E_SHAPE);
    assert_null(s);
    rule_has_words("open width", cvk_error_text(), "pool 'first pool': width 6|= 3.5|half a pixel|a width of 5 or 7");
    cvk_graph_destroy(g);
}

/* ---- floor and ceil say what they did ----------------------------------------------------------------------------------- */

static void check_note(const struct axis *a, int64_t out, const char *words)
{
    int32_t status;
    struct cvk_session *s = NULL;
    struct cvk_node_report report;
    struct cvk_graph *g = build(a, &status);
    assert_int_equal(status, CVK_OK);
    assert_int_equal(cvk_output(g, a->pools ? 2 : 3, "y"), CVK_OK);
    const struct cvk_session_params p = {.device = "ref", .flags = CVK_SESSION_NO_FUSE | CVK_SESSION_PLAN_ONLY};
    if (cvk_session_create(ctx, g, &p, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_node_count(s), 1);
    assert_int_equal(cvk_session_node(s, 0, &report), CVK_OK);
    assert_int_equal(report.outputs[0]->dims[2], out);
    if (words)
        rule_has_words("note", report.note, words);
    else
        assert_string_equal(report.note, "");
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

static void test_rounding_is_noted(void **state)
{
    (void)state;
    struct axis a = {.pools = true, .in = 5, .kernel = 2, .stride = 2, .dilation = 1};
    check_note(&a, 2, "length: 4 of 5 pixels used, the last 1 dropped: floor((5 + 0 + 0 - 2) / 2) + 1 = 2");
    a.rounding = CVK_ROUND_CEIL;
    check_note(&a, 3, "length: the last window reaches 1 past the end: ceil((5 + 0 + 0 - 2) / 2) + 1 = 3");
    a.pools = false;
    a.rounding = CVK_ROUND_FLOOR;
    check_note(&a, 2, "length: 4 of 5 pixels used, the last 1 dropped: floor((5 + 0 + 0 - 2) / 2) + 1 = 2");
    a.in = 6;
    check_note(&a, 3, NULL); /* nothing to tell where it divides */
    a.in = 264, a.kernel = 3, a.stride = 2, a.auto_pad = CVK_PAD_VALID;
    check_note(&a, 131, "263 of 264 pixels used");
    a.in = 224, a.kernel = 7, a.begin = a.end = 3, a.auto_pad = CVK_PAD_EXPLICIT;
    check_note(&a, 112, "rounded down, 1 pixel of padding at the end not used: floor((224 + 3 + 3 - 7) / 2) + 1 = 112");
    /* up would begin a window in the padding */
    a = (struct axis){.pools = true, .in = 2, .kernel = 3, .stride = 3, .dilation = 1, .begin = 1, .end = 1};
    a.rounding = CVK_ROUND_CEIL;
    check_note(&a, 1, "rounded down, 1 pixel of padding at the end not used (one window more would begin behind the last pixel)");
}

/* The note lists every axis that was rounded. */
static void test_all_axes_are_noted(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    struct cvk_node_report report;
    assert_int_equal(cvk_graph_create("axes", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 5, (int64_t[]){1, 1, 7, 9, 11});
    cvk_value y = cvk_pool(g, x, P(pool, .kernel = {2, 2, 2}, .stride = {2, 2, 4}), NULL);
    cvk_output(g, y, "y");
    const struct cvk_session_params p = {.device = "ref", .flags = CVK_SESSION_NO_FUSE | CVK_SESSION_PLAN_ONLY};
    assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_OK);
    assert_int_equal(cvk_session_node(s, 0, &report), CVK_OK);
    rule_has_words("note", report.note,
                   "depth: 6 of 7 pixels used|; height: 8 of 9 pixels used|; width: 10 of 11 pixels used, the last 1 dropped: "
                   "floor((11 + 0 + 0 - 2) / 4) + 1 = 3");
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_offer_fits),  cmocka_unit_test(test_words),
        cmocka_unit_test(test_the_layer_is_named), cmocka_unit_test(test_rounding_is_noted),
        cmocka_unit_test(test_all_axes_are_noted),
    };
    return cmocka_run_group_tests_name("rules of sizes that do not divide", tests, set_up, tear_down);
}
