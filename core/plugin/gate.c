/* SPDX-License-Identifier: MIT
 * The gate: asks a plugin for its description, distrusts every word of it, and copies it into the host's own sizes. */
#include "gate.h"

#include <stdarg.h>

#if defined(__arm__)
#include <sys/auxv.h>
#endif

/* What version 1.0 cannot do without: up to the table of rows. */
#define HEAD_BYTES ((uint32_t)offsetof(struct cvk_plugin, options))
#define GUARD 0xA5

int32_t cvk__refuse(struct cvk__refusal *r, int32_t status, const char *stage, const char *fix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, sizeof r->reason, format, args);
    va_end(args);
    snprintf(r->stage, sizeof r->stage, "%s", stage);
    snprintf(r->fix, sizeof r->fix, "%s", fix ? fix : "");
    r->status = status;
    return status;
}

/* Asks the plugin, with room behind its answer in which a plugin that ignores our size leaves its traces. */
static int32_t ask(struct cvk_context *ctx, cvk_plugin_query_fn query, struct cvk_plugin *plugin, struct cvk__refusal *r)
{
    union {
        struct cvk_plugin plugin;
        unsigned char bytes[4096];
    } room;
    memset(&room, GUARD, sizeof room);
    memset(&room.plugin, 0, sizeof room.plugin);
    room.plugin.size = sizeof room.plugin;
    cvk__fail(CVK_OK, "%s", "");
    int32_t status = query(&ctx->host, &room.plugin);
    if (status != CVK_OK) {
        const char *text = cvk_error_text();
        return cvk__refuse(r, status < 0 ? status : CVK_E_ABI, "query", NULL, "the plugin refuses to work here: %s (%s)",
                           *text ? text : "without a reason", cvk_status_name(status));
    }
    for (size_t i = sizeof room.plugin; i < sizeof room; i++)
        if (room.bytes[i] != GUARD)
            return cvk__refuse(r, CVK_E_ABI, "abi", "end cvk_plugin_query with cvk_plugin_answer, which keeps to the host's size",
                               "wrote past the %zu bytes that the host gave it for its description", sizeof room.plugin);
    *plugin = room.plugin;
    return CVK_OK;
}

/* The first eight bytes mean the same in every version, so they are judged first. */
static int32_t check_version(const struct cvk_plugin *p, struct cvk__refusal *r)
{
    if (p->size == 0)
        return cvk__refuse(r, CVK_E_ABI, "abi", "set .size = sizeof(struct cvk_plugin), or begin it with CVK_PLUGIN_HEAD",
                           "its description says that it has 0 bytes");
    if (p->abi_major != CVK_ABI_MAJOR)
        return cvk__refuse(
            r, CVK_E_ABI, "abi",
            p->abi_major > CVK_ABI_MAJOR ? "use a newer Convoke, or an older build of the plugin"
                                         : "build the plugin again with today's convoke/plugin.h",
            "built for version %u.%u of the plugin boundary, this library has %u.%u: the first number must be the same",
            p->abi_major, p->abi_minor, CVK_ABI_MAJOR, CVK_ABI_MINOR);
    if (p->size > sizeof *p)
        return cvk__refuse(r, CVK_E_ABI, "abi", "end cvk_plugin_query with cvk_plugin_answer, which keeps to the host's size",
                           "says that it wrote %u bytes where the host has room for %zu", p->size, sizeof *p);
    if (p->size < HEAD_BYTES)
        return cvk__refuse(r, CVK_E_ABI, "abi", "set .size = sizeof(struct cvk_plugin), or begin it with CVK_PLUGIN_HEAD",
                           "its description has %u bytes, and version %u.0 already needs %u", p->size, CVK_ABI_MAJOR, HEAD_BYTES);
    return CVK_OK;
}

static int32_t bad_text(struct cvk__refusal *r, const char *what, uint64_t limit, enum cvk__memory_text how)
{
    return cvk__refuse(r, CVK_E_ABI, "abi", NULL,
                       how == CVK__TEXT_UNREADABLE ? "its %s points to memory that cannot be read (limit %llu bytes)"
                       : how == CVK__TEXT_LONG     ? "its %s is longer than %llu bytes"
                                                   : "its %s holds control characters (limit %llu bytes)",
                       what, (unsigned long long)limit);
}

static bool is_name(const char *text, bool letter_first)
{
    if (!*text || (letter_first && !(*text >= 'a' && *text <= 'z')))
        return false;
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '_'))
            return false;
    return true;
}

static int32_t check_texts(const struct cvk_plugin *p, struct cvk__refusal *r)
{
    static const char *const reserved[] = {"auto", "help", "list", "cpu", "gpu", "accel"};
    char name[33], shown[140], scratch[1025];
    if (!p->name)
        return cvk__refuse(r, CVK_E_ABI, "abi", "set .name", "it gives no name");
    enum cvk__memory_text how = cvk__memory_text(name, sizeof name, p->name);
    if (how != CVK__TEXT_OK)
        return bad_text(r, "name", sizeof name - 1, how);
    snprintf(r->name, sizeof r->name, "%s", cvk__text_escape(name, shown, sizeof shown));
    if (!is_name(name, true))
        return cvk__refuse(r, CVK_E_ABI, "abi", "use small letters, digits and '_', a letter first",
                           "'%s' cannot be a backend's name", shown);
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return cvk__refuse(r, CVK_E_ABI, "abi", "choose another name",
                               "'%s' cannot be a backend's name: the device grammar uses the word", name);
    const struct {
        const char *what, *text;
        bool required;
        uint64_t capacity;
    } texts[] = {{"version", p->version, true, 65},     {"license", p->license, true, 129}, {"vendor", p->vendor, false, 129},
                 {"revision", p->revision, false, 129}, {"url", p->url, false, 513},        {"summary", p->summary, false, 513}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!texts[i].text && texts[i].required)
            return cvk__refuse(r, CVK_E_ABI, "abi", NULL, "backend '%s' gives no %s", name, texts[i].what);
        if (!texts[i].text)
            continue;
        how = cvk__memory_text(scratch, texts[i].capacity, texts[i].text);
        if (how != CVK__TEXT_OK)
            return bad_text(r, texts[i].what, texts[i].capacity - 1, how);
        if (i == 0)
            snprintf(r->version, sizeof r->version, "%.64s", scratch);
    }
    return CVK_OK;
}

static const char *sanitizer_name(uint32_t sanitizer)
{
    return sanitizer == CVK_SANITIZER_ADDRESS  ? "the address sanitizer"
           : sanitizer == CVK_SANITIZER_THREAD ? "the thread sanitizer"
           : sanitizer == CVK_SANITIZER_NONE   ? "no sanitizer"
                                               : "an unknown sanitizer";
}

/* Which enum cvk_isa this machine and its system offer. */
static uint64_t isa_here(void)
{
    uint64_t isa = 0;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    isa |= __builtin_cpu_supports("avx2") ? CVK_ISA_AVX2 : 0;
    isa |= __builtin_cpu_supports("fma") ? CVK_ISA_FMA : 0;
    isa |= __builtin_cpu_supports("avx512f") ? CVK_ISA_AVX512F : 0;
#elif defined(__aarch64__)
    isa |= CVK_ISA_NEON;
#elif defined(__arm__)
    isa |= getauxval(AT_HWCAP) & (1u << 12) ? CVK_ISA_NEON : 0; /* HWCAP_NEON */
#endif
    return isa;
}

/* Before any pointer of the plugin is called again: code for another CPU or runtime must not run. */
static int32_t check_machine(const struct cvk_plugin *p, struct cvk__refusal *r)
{
    static const char *const names[] = {"AVX2", "FMA", "AVX-512F", "NEON"};
    if (p->sanitizer != CVK_SANITIZER_NONE && p->sanitizer != CVK_SANITIZER_HERE)
        return cvk__refuse(r, CVK_E_ABI, "sanitizer", "build both with the same -fsanitize, or the plugin without",
                           "backend '%s' was built with %s and this library with %s", r->name, sanitizer_name(p->sanitizer),
                           sanitizer_name(CVK_SANITIZER_HERE));
    uint64_t lacking = p->isa & ~isa_here();
    if (!lacking)
        return CVK_OK;
    struct cvk__text list = {0};
    for (uint32_t bit = 0; bit < 64; bit++) {
        if (!(lacking >> bit & 1))
            continue;
        if (bit < sizeof names / sizeof names[0])
            cvk__text_add(&list, "%s%s", list.bytes ? ", " : "", names[bit]);
        else
            cvk__text_add(&list, "%sinstruction set number %u, which this library does not know", list.bytes ? ", " : "", bit);
    }
    cvk__refuse(r, CVK_E_UNSUPPORTED, "isa", "use a build of the plugin for this CPU",
                "backend '%s' cannot do without %s, which this CPU or its system lacks", r->name,
                list.data ? list.data : "instructions");
    cvk__text_finish(&list);
    return r->status;
}

int32_t cvk__gate_take(struct cvk_context *ctx, cvk_plugin_query_fn query, struct cvk__backend **out, struct cvk__refusal *r)
{
    struct cvk_plugin told;
    *out = NULL;
    CVK__TRY(ask(ctx, query, &told, r));
    CVK__TRY(check_version(&told, r));
    /* What the plugin did not fill is zero, whatever lay in our struct. */
    struct cvk_plugin plugin = {0};
    memcpy(&plugin, &told, told.size);
    plugin.size = sizeof plugin;
    CVK__TRY(check_texts(&plugin, r));
    CVK__TRY(check_machine(&plugin, r));
    struct cvk__backend *b = cvk__alloc(CVK__TAG_PLUGIN, sizeof *b);
    if (!b)
        return cvk__refuse(r, CVK_E_MEMORY, "query", NULL, "out of memory for the tables of backend '%s'", r->name);
    int32_t status = cvk__gate_rows(b, &plugin, r);
    if (status == CVK_OK)
        status = cvk__gate_options(b, &plugin, r);
    if (status == CVK_OK)
        status = cvk__gate_device(b, &plugin, r);
    if (status != CVK_OK) {
        cvk__backend_destroy(b);
        return status;
    }
    plugin.kernel_stride = sizeof *b->kernels;
    plugin.option_stride = sizeof *b->options;
    plugin.kernel_count = b->plugin.kernel_count;
    plugin.kernels = b->kernels;
    plugin.options = b->options;
    plugin.device = plugin.device ? &b->api : NULL;
    b->plugin = plugin;
    *out = b;
    return CVK_OK;
}

void cvk__backend_destroy(struct cvk__backend *b)
{
    if (!b)
        return;
    cvk__devices_forget(b);
    cvk__free(b->kernels);
    cvk__free(b->options);
    cvk__free(b->path);
    cvk__free(b);
}
