/* SPDX-License-Identifier: MIT
 * The device grammar: what good texts mean and what bad ones are told. */
#include "device/grammar.h"
#include "plugin_test.h"

/* Writes down what a text was taken for: choices in braces, filters in brackets, options as they are. */
static void dump(const struct cvk__spec *s, struct cvk__text *t)
{
    static const char *const kinds[] = {"", "auto", "help", "list"};
    if (s->kind != CVK__SPEC_DEVICES)
        cvk__text_add(t, "%s", kinds[s->kind]);
    for (uint32_t c = 0; s->kind == CVK__SPEC_DEVICES && c < s->choice_count; c++) {
        cvk__text_add(t, "{");
        for (uint32_t i = 0; i < s->choices[c].count; i++) {
            const struct cvk__device_text *d = &s->devices[s->choices[c].first + i];
            cvk__text_add(t, "%s%s", i ? "+" : "", d->backend);
            for (uint32_t f = 0; f < d->filter_count; f++) {
                const struct cvk__filter *x = &d->filters[f];
                if (x->kind == CVK__FILTER_INDEX)
                    cvk__text_add(t, "[#%u]", x->number);
                else if (x->kind == CVK__FILTER_KIND)
                    cvk__text_add(t, "[kind %u]", x->number);
                else
                    cvk__text_add(t, "[%s %s]",
                                  x->kind == CVK__FILTER_NAME   ? "name"
                                  : x->kind == CVK__FILTER_UUID ? "uuid"
                                                                : "pci",
                                  x->text);
            }
            for (uint32_t o = 0; o < d->option_count; o++)
                cvk__text_add(t, "(%s=%s)", d->keys[o], d->values[o]);
        }
        cvk__text_add(t, "}");
    }
}

static const struct {
    const char *text, *meaning;
} good[] = {
    {NULL, "auto"},
    {"", "auto"},
    {"   ", "auto"},
    {"auto", "auto"},
    {" help ", "help"},
    {"list", "list"},
    {"ref", "{ref}"},
    {"simd,ref", "{simd}{ref}"},
    {"opencl:gpu+simd", "{opencl[kind 2]+simd}"},
    {"opencl:0", "{opencl[#0]}"},
    {"opencl:CPU", "{opencl[kind 1]}"},
    {"opencl:accel:1", "{opencl[kind 3][#1]}"},
    {"opencl:gpu:nvidia:1", "{opencl[kind 2][name nvidia][#1]}"},
    {"opencl:GeForce RTX 4090,simd", "{opencl[name GeForce RTX 4090]}{simd}"},
    {"opencl:uuid=0011-22:33", "{opencl[uuid 0011-22:33]}"},
    {"opencl:gpu:pci=0000:01:00.0,ref", "{opencl[kind 2][pci 0000:01:00.0]}{ref}"},
    {"opencl:PCI=01:00.0+ref", "{opencl[pci 01:00.0]+ref}"},
    {"simd(threads=4)", "{simd(threads=4)}"},
    {"simd:0(threads=4,isa=avx2)", "{simd[#0](threads=4)(isa=avx2)}"},
    {" simd : 0 ( threads = 4 , isa = avx 512 ) , ref ", "{simd[#0](threads=4)(isa=avx 512)}{ref}"},
    {"opencl:pci=01:00.0(cache=/a:b=c)", "{opencl[pci 01:00.0](cache=/a:b=c)}"},
    {"a_1:M\xc3\xbcller", "{a_1[name M\xc3\xbcller]}"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct cvk__spec s;
        struct cvk__text t = {0};
        if (cvk__spec_parse(good[i].text, &s) != CVK_OK)
            fail_msg("'%s': %s", good[i].text, cvk_error_text());
        dump(&s, &t);
        assert_string_equal(t.data, good[i].meaning);
        cvk__text_finish(&t);
        cvk__spec_finish(&s);
    }
}

static const struct {
    const char *text;
    int32_t status;
    const char *words;
} bad[] = {
    {",", CVK_E_FORMAT, "empty part at byte 1"},
    {"ref,", CVK_E_FORMAT, "empty part at its end"},
    {"ref,,simd", CVK_E_FORMAT, "empty part at byte 5|,simd"},
    {"+ref", CVK_E_FORMAT, "empty part at byte 1"},
    {"ref+", CVK_E_FORMAT, "empty part at its end"},
    {"ref:", CVK_E_FORMAT, "empty filter at its end|cpu, gpu, accel"},
    {"ref::0", CVK_E_FORMAT, "empty filter at byte 5"},
    {":gpu", CVK_E_FORMAT, "no backend's name at byte 1"},
    {"Opencl", CVK_E_FORMAT, "no backend's name at byte 1"},
    {"open cl", CVK_E_FORMAT, "something unexpected at byte 6|cl"},
    {"opencl;simd", CVK_E_FORMAT, "something unexpected at byte 7|;simd"},
    {"opencl?fp16=off", CVK_E_FORMAT, "something unexpected at byte 7"},
    {"!opencl", CVK_E_FORMAT, "no backend's name"},
    {"opencl:0000000", CVK_E_FORMAT, "0000000 is no device's number"},
    {"opencl:99999999999999999999", CVK_E_FORMAT, "is no device's number"},
    {"opencl:uid=12", CVK_E_FORMAT, "unknown filter|uuid=... or pci=..."},
    {"opencl:uuid=", CVK_E_FORMAT, "empty address"},
    {"opencl:pci=01:00.0)", CVK_E_FORMAT, "something unexpected"},
    {"simd(", CVK_E_FORMAT, "no option's name at its end"},
    {"simd()", CVK_E_FORMAT, "no option's name at byte 6"},
    {"simd(threads)", CVK_E_FORMAT, "option without '='"},
    {"simd(threads=)", CVK_E_FORMAT, "option without a value"},
    {"simd(=4)", CVK_E_FORMAT, "no option's name"},
    {"simd(threads=4", CVK_E_FORMAT, "option list that does not end|',' or ')'"},
    {"simd(threads=4,)", CVK_E_FORMAT, "no option's name"},
    {"simd(threads=(4))", CVK_E_FORMAT, "nested parenthesis"},
    {"simd((threads=4))", CVK_E_FORMAT, "no option's name"},
    {"simd(threads=4)x", CVK_E_FORMAT, "something unexpected at byte 16"},
    {"simd(threads=4)(isa=a)", CVK_E_FORMAT, "something unexpected"},
    {"simd(threads=4):0", CVK_E_FORMAT, "something unexpected"},
    {"simd(threads=4,threads=5)", CVK_E_FORMAT, "option 'threads' is given twice"},
    {"simd(Threads=4)", CVK_E_FORMAT, "no option's name"},
    {"ref,ref", CVK_E_FORMAT, "'ref' is written twice"},
    {"simd, ref,simd", CVK_E_FORMAT, "'simd' is written twice"},
    {"ref+ref", CVK_E_FORMAT, "written twice in one choice"},
    {"auto,ref", CVK_E_FORMAT, "'auto' stands alone"},
    {"ref+auto", CVK_E_FORMAT, "'auto' stands alone"},
    {"help:0", CVK_E_FORMAT, "'help' stands alone"},
    {"list(a=b)", CVK_E_FORMAT, "'list' stands alone"},
    {"ref\n", CVK_E_FORMAT, "byte 4 (0x0a)"},
    {"ref\x1b[31m", CVK_E_FORMAT, "byte 4 (0x1b)"},
    {"opencl:\xff\xfe", CVK_E_FORMAT, "byte 8 (0xff)|no UTF-8"},
    {"opencl:\xc0\xaf", CVK_E_FORMAT, "byte 8 (0xc0)"},
    {"opencl:\xe2\x82", CVK_E_FORMAT, "byte 8 (0xe2)"},
    {"opencl:'x'", CVK_E_FORMAT, "byte 8 (0x27)|quote"},
    {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", CVK_E_LIMIT, "more than 16 choices"},
    {"a+b+c+d+e+f+g+h+i", CVK_E_LIMIT, "more than 8 devices in one choice"},
    {"a:1:2:3:4:5:6:7:8:9", CVK_E_LIMIT, "more than 8 filters"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", CVK_E_FORMAT, "too long for a backend's name"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cvk__spec s;
        int32_t status = cvk__spec_parse(bad[i].text, &s);
        if (status != bad[i].status)
            fail_msg("'%s': %s, wanted %s: %s", bad[i].text, cvk_status_name(status), cvk_status_name(bad[i].status),
                     cvk_error_text());
        test_words(cvk_error_text(), "device text");
        test_words(cvk_error_text(), bad[i].words);
    }
}

/* A megabyte of each of these: told at once, shown in part, never taken in. */
static void test_huge(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "a", ",", "+", ":", "(", ")", "a,", "a+", "a(", "a:", " ", "\xff", "\xf0\x9f\x99\x82", "\x1b["};
    size_t bytes = 1 << 20;
    char *text = malloc(bytes + 8);
    assert_non_null(text);
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        size_t length = strlen(patterns[p]), used = 0;
        while (used < bytes) {
            memcpy(text + used, patterns[p], length);
            used += length;
        }
        text[used] = 0;
        struct cvk__spec s;
        assert_int_equal(cvk__spec_parse(text, &s), CVK_E_LIMIT);
        test_words(cvk_error_text(), "longer than the limit of 4096 bytes");
        assert_true(strlen(cvk_error_text()) < 300);
        for (const char *c = cvk_error_text(); *c; c++)
            assert_true((unsigned char)*c >= 0x20);
        /* The same at just the permitted length is an error of its form or a text, never a crash. */
        text[CVK__SPEC_BYTES] = 0;
        if (cvk__spec_parse(text, &s) == CVK_OK)
            cvk__spec_finish(&s);
    }
    free(text);
}

/* Thirty-three options are one too many. */
static void test_options(void **state)
{
    (void)state;
    struct cvk__text t = {0};
    cvk__text_add(&t, "simd(");
    for (int i = 0; i < CVK__SPEC_OPTIONS + 1; i++)
        cvk__text_add(&t, "%so%d=1", i ? "," : "", i);
    cvk__text_add(&t, ")");
    struct cvk__spec s;
    assert_int_equal(cvk__spec_parse(t.data, &s), CVK_E_LIMIT);
    test_words(cvk_error_text(), "more than 32 options");
    cvk__text_finish(&t);
    assert_int_equal(cvk__spec_parse_options("a=1, b=2", &s), CVK_OK);
    assert_int_equal(s.devices[0].option_count, 2);
    assert_string_equal(s.devices[0].keys[1], "b");
    cvk__spec_finish(&s);
    assert_int_equal(cvk__spec_parse_options(NULL, &s), CVK_OK);
    assert_int_equal(s.devices[0].option_count, 0);
    cvk__spec_finish(&s);
    assert_int_equal(cvk__spec_parse_options("a=1)", &s), CVK_E_FORMAT);
}

/* Every short text over the grammar's own characters: a status, no crash, and no memory lost (the sanitizers watch). */
static void test_all_short(void **state)
{
    (void)state;
    static const char letters[] = "a0:,+()= ";
    enum { N = sizeof letters - 1, LENGTH = 6 };
    char text[LENGTH + 1] = "";
    uint32_t taken = 0, total = 1;
    for (int i = 0; i < LENGTH; i++)
        total *= N;
    for (uint32_t number = 0; number < total; number++) {
        uint32_t rest = number;
        for (int i = 0; i < LENGTH; i++, rest /= N)
            text[i] = letters[rest % N];
        struct cvk__spec s;
        int32_t status = cvk__spec_parse(text, &s);
        if (status == CVK_OK) {
            taken++;
            cvk__spec_finish(&s);
        } else {
            assert_int_equal(status, CVK_E_FORMAT);
        }
    }
    assert_true(taken > 1000 && taken < total / 4);
}

/* When memory fails, the parser says so. */
static void test_memory(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 10; n++) {
        struct cvk__spec s;
        cvk__alloc_fail_after(n);
        int32_t status = cvk__spec_parse("simd:0(threads=4),ref", &s);
        cvk__alloc_fail_never();
        if (status == CVK_OK) {
            cvk__spec_finish(&s);
            assert_true(n >= 3);
            return;
        }
        assert_int_equal(status, CVK_E_MEMORY);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),       cmocka_unit_test(test_huge),
        cmocka_unit_test(test_options), cmocka_unit_test(test_all_short), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
