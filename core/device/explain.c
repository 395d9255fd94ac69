/* SPDX-License-Identifier: MIT
 * The device grammar in words, and what a device text would take, without opening anything. */
#include "grammar.h"

#define SHOWN_DEVICES 8

const char *cvk_device_grammar(void)
{
    return "A device text (CONVOKE_DEVICE, --device, and the device of a session):\n"
           "\n"
           "  spec   := choice (',' choice)*        the first choice whose devices all open is taken\n"
           "  choice := device ('+' device)*        shared: the first takes the ops that it supports, the next the rest\n"
           "  device := backend [':' filter]* ['(' key=value, ... ')']\n"
           "  filter := index                       counted from 0 among what the filters before it left\n"
           "          | cpu | gpu | accel           a kind of device\n"
           "          | part of the vendor's or the device's name, capitals or not\n"
           "          | uuid=... | pci=...          an address; stands last\n"
           "  also   := auto | help | list          alone\n"
           "\n"
           "  ref                  the reference backend\n"
           "  opencl:0             the first OpenCL device, as the list of devices numbers them\n"
           "  opencl:gpu:nvidia    the first OpenCL GPU of that vendor\n"
           "  opencl:gpu,simd      a GPU, else the CPU: a fallback because it is written\n"
           "  opencl:gpu+simd      both: what the GPU cannot do, the CPU does\n"
           "  simd(threads=4)      with an option of the backend\n"
           "  opencl:pci=01:00.0   the same card whatever the order of drivers\n"
           "\n"
           "Unset, empty or auto: the backend of the highest rank that opens, and the reference backend behind it. A CPU device "
           "of\n"
           "a backend made for GPUs (rank 200 and more) comes after the backends made for CPUs. A device that is named and does "
           "not\n"
           "open is an error. Limits: 4096 bytes, 16 choices, 8 devices in a choice, 8 filters and 32 options on a device.\n";
}

/* The device that an earlier part of the same choice takes: each can stand in it only once. */
struct taken {
    const struct cvk__backend *backend;
    uint32_t index;
};

/* What opening the device would say, as far as that is known without opening it. *first: the device that would be taken. */
static int32_t explain_device(struct cvk_context *ctx, const struct cvk__device_text *d, const struct taken *earlier,
                              uint32_t earlier_count, struct taken *first, struct cvk__text *out)
{
    struct cvk__match match;
    int32_t status = cvk__device_match(ctx, d, &match);
    if (status == CVK_OK)
        status = cvk__options_check(match.backend, d);
    uint32_t usable = 0;
    for (uint32_t i = 0; status == CVK_OK && i < match.count; i++)
        if (match.backend->info_status[match.indices[i]] == CVK_OK && usable++ == 0)
            *first = (struct taken){match.backend, match.indices[i]};
    if (status == CVK_OK && usable == 0)
        status = cvk__fail(CVK_E_DEVICE, "%s", match.backend->info_errors[match.indices[0]]);
    for (uint32_t i = 0; status == CVK_OK && i < earlier_count; i++)
        if (earlier[i].backend == first->backend && earlier[i].index == first->index)
            status = cvk__fail(CVK_E_ARG, "it means %s, which this choice already has", first->backend->specs[first->index]);
    if (status != CVK_OK) {
        cvk__text_add(out, "%s -> no: %s\n", d->text, cvk_error_text());
        cvk__match_finish(&match);
        return status;
    }
    cvk__text_add(out, "%s -> yes:", d->text);
    for (uint32_t i = 0, shown = 0; i < match.count && shown < SHOWN_DEVICES; i++) {
        uint32_t index = match.indices[i];
        if (match.backend->info_status[index] == CVK_OK)
            cvk__text_add(out, "%s %s (%s)", shown++ ? ", else" : "", match.backend->specs[index],
                          match.backend->infos[index].name);
    }
    cvk__text_add(out, "%s\n", usable > SHOWN_DEVICES ? ", ..." : "");
    cvk__match_finish(&match);
    return CVK_OK;
}

static void explain_choices(struct cvk_context *ctx, const struct cvk__spec *spec, struct cvk__text *out)
{
    const char *taken = NULL, *mistake = NULL;
    for (uint32_t c = 0; c < spec->choice_count; c++) {
        const struct cvk__choice *choice = &spec->choices[c];
        struct taken devices[CVK__MAX_DEVICES];
        int32_t status = CVK_OK;
        uint32_t found = 0;
        for (uint32_t i = 0; i < choice->count; i++) {
            int32_t one = explain_device(ctx, &spec->devices[choice->first + i], devices, found, &devices[found], out);
            found += one == CVK_OK;
            status = status == CVK_OK ? one : status;
        }
        if (taken || mistake)
            continue;
        taken = status == CVK_OK ? choice->text : NULL;
        mistake = cvk__ends_search(status) ? choice->text : NULL;
    }
    if (taken)
        cvk__text_add(out, "would take '%s', %s, if it opens\n", taken,
                      spec->choice_count > 1 ? "the first choice whose devices are all there" : "which is there");
    else if (mistake)
        cvk__text_add(out, "would fail: '%s' is a mistake in the text, and no later choice is tried\n", mistake);
    else
        cvk__text_add(out, "would fail: %s\n",
                      spec->device_count > 1 ? "no choice has all its devices" : "the device that is named is not there");
}

static int32_t explain_auto(struct cvk_context *ctx, struct cvk__text *out)
{
    struct cvk__rank *order;
    uint32_t count;
    CVK__TRY(cvk__auto_order(ctx, &order, &count));
    for (uint32_t i = 0; i < count; i++)
        cvk__text_add(out, "auto -> %s: %s (%s), rank %d\n", i ? "else" : "first", order[i].backend->specs[order[i].index],
                      order[i].backend->infos[order[i].index].name, order[i].rank);
    cvk__free(order);
    for (uint32_t i = 0; i < ctx->device_count; i++)
        if (ctx->devices[i].status != CVK_OK)
            cvk__text_add(out, "auto -> not %s: %s\n", ctx->devices[i].spec, ctx->devices[i].reason);
    const struct cvk__backend *reference = cvk__backend_reference(ctx);
    if (reference && reference->device_count) {
        cvk__text_add(out, "auto -> %s: %s (the reference)\n", count ? "behind it" : "only", reference->specs[0]);
    } else if (!count) {
        cvk__text_add(out, "would fail: no backend was found");
        cvk__refused_plugins(ctx, NULL, out);
        cvk__text_add(out, "\n");
    }
    return CVK_OK;
}

static void explain_list(const struct cvk_context *ctx, struct cvk__text *out)
{
    for (uint32_t i = 0; i < ctx->device_count; i++) {
        const struct cvk_device_entry *d = &ctx->devices[i];
        cvk__text_add(out, "%s  %s\n", d->spec, d->status == CVK_OK ? d->info.name : d->reason);
    }
}

int32_t cvk_device_explain(struct cvk_context *ctx, const char *text, char **out)
{
    if (!ctx || !out)
        return cvk__fail(CVK_E_ARG, "cvk_device_explain: %s is missing", !ctx ? "the context" : "the place for the text");
    *out = NULL;
    struct cvk__spec spec;
    struct cvk__text words = {0};
    if (!text)
        text = cvk__getenv("CONVOKE_DEVICE");
    CVK__TRY(cvk__spec_parse(text, &spec));
    pthread_mutex_lock(&ctx->lock);
    int32_t status = cvk__devices_scan(ctx);
    if (status == CVK_OK && spec.kind == CVK__SPEC_AUTO)
        status = explain_auto(ctx, &words);
    else if (status == CVK_OK && spec.kind == CVK__SPEC_HELP)
        cvk__text_add(&words, "%s", cvk_device_grammar());
    else if (status == CVK_OK && spec.kind == CVK__SPEC_LIST && ctx->device_count)
        explain_list(ctx, &words);
    else if (status == CVK_OK && spec.kind == CVK__SPEC_LIST)
        cvk__text_add(&words, "no device was found\n");
    else if (status == CVK_OK)
        explain_choices(ctx, &spec, &words);
    pthread_mutex_unlock(&ctx->lock);
    cvk__spec_finish(&spec);
    if (status == CVK_OK && (words.failed || !words.data))
        status = cvk__fail_memory(256, "the explanation of a device text");
    if (status != CVK_OK) {
        cvk__text_finish(&words);
        return status;
    }
    *out = words.data;
    return CVK_OK;
}
