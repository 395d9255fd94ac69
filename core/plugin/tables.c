/* SPDX-License-Identifier: MIT
 * The gate's second half: a plugin's rows, options and device table, read with distrust and copied into the host's sizes. */
#include "gate.h"

#define MAX_ROWS 4096 /* each is compared with all others */
#define MAX_OPTIONS 256
#define MAX_STRIDE 65536
#define ROW_HEAD_BYTES ((uint32_t)(offsetof(struct cvk_kernel, run) + sizeof(((struct cvk_kernel *)0)->run)))
#define OPTION_HEAD_BYTES ((uint32_t)(offsetof(struct cvk_option, help) + sizeof(((struct cvk_option *)0)->help)))
#define DEVICE_HEAD_BYTES ((uint32_t)offsetof(struct cvk_device_api, count))

/* A table of structs that a plugin lays out: what it says about it, and what the host makes of it. */
struct table {
    const char *what, *stage;
    const void *data;
    uint32_t count, stride, max_count, head_bytes, host_bytes;
};

static int32_t check_table(const struct table *t, struct cvk__refusal *r)
{
    if (t->count > t->max_count)
        return cvk__refuse(r, CVK_E_ABI, t->stage, NULL, "backend '%s' claims %u %ss; the limit is %u", r->name, t->count,
                           t->what, t->max_count);
    if (t->count && !t->data)
        return cvk__refuse(r, CVK_E_ABI, t->stage, NULL, "backend '%s' claims %u %ss, but its table of them is NULL", r->name,
                           t->count, t->what);
    if (t->count && (t->stride < t->head_bytes || t->stride > MAX_STRIDE || t->stride % 8))
        return cvk__refuse(r, CVK_E_ABI, t->stage, "set the stride to sizeof of the struct",
                           "backend '%s' says that its %ss lie %u bytes apart; possible is %u to %u in steps of 8", r->name,
                           t->what, t->stride, t->head_bytes, MAX_STRIDE);
    return CVK_OK;
}

/* Copies entry i, as much of it as both sides know; dst is zeroed. */
static int32_t copy_entry(const struct table *t, uint32_t i, void *dst, struct cvk__refusal *r)
{
    const char *src = (const char *)t->data + (uint64_t)i * t->stride;
    uint32_t bytes;
    bool readable = cvk__memory_copy(&bytes, src, sizeof bytes);
    if (readable && (bytes < t->head_bytes || bytes > t->stride))
        return cvk__refuse(r, CVK_E_ABI, t->stage, "set .size to sizeof of the struct in every entry",
                           "%s %u of backend '%s' says that it has %u bytes; possible is %u to %u, the distance of its %ss",
                           t->what, i, r->name, bytes, t->head_bytes, t->stride, t->what);
    if (!readable || !cvk__memory_copy(dst, src, bytes < t->host_bytes ? bytes : t->host_bytes))
        return cvk__refuse(r, CVK_E_ABI, t->stage, NULL, "%s %u of backend '%s' lies in memory that cannot be read", t->what, i,
                           r->name);
    memcpy(dst, &t->host_bytes, sizeof t->host_bytes); /* from now on it is a struct of the host's size */
    return CVK_OK;
}

/* Copies a name [a-z0-9_]+ of at most 63 letters. */
static int32_t check_name(const struct table *t, uint32_t i, const char *what, const char *name, char text[64],
                          struct cvk__refusal *r)
{
    if (!name)
        return cvk__refuse(r, CVK_E_ABI, t->stage, NULL, "%s %u of backend '%s' has no %s", t->what, i, r->name, what);
    enum cvk__memory_text how = cvk__memory_text(text, 64, name);
    if (how == CVK__TEXT_UNREADABLE)
        return cvk__refuse(r, CVK_E_ABI, t->stage, NULL, "the %s of %s %u of backend '%s' points to memory that cannot be read",
                           what, t->what, i, r->name);
    if (how != CVK__TEXT_OK || !*text || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
        char shown[64];
        return cvk__refuse(r, CVK_E_ABI, t->stage, "use 1 to 63 small letters, digits and '_'",
                           "the %s of %s %u of backend '%s' is ill-formed: '%s'", what, t->what, i, r->name,
                           how == CVK__TEXT_OK ? cvk__text_escape(text, shown, sizeof shown) : "?");
    }
    return CVK_OK;
}

static bool code_or_null(const void *pointer_to_function)
{
    void *code;
    memcpy(&code, pointer_to_function, sizeof code);
    return !code || cvk__memory_code(code);
}

static const char *op_name(uint32_t op)
{
    switch (op) {
#define CVK_OP(id, NAME, name)                                                                                                   \
    case id:                                                                                                                     \
        return #name;
#include "convoke/ops.def"
#undef CVK_OP
    default:
        return NULL;
    }
}

static const char *pass_name(uint32_t pass)
{
    static const char *const names[] = {"fwd", "bwd_data", "bwd_weights", "update"};
    return pass < sizeof names / sizeof names[0] ? names[pass] : NULL;
}

static int32_t check_row(const struct table *t, uint32_t i, const struct cvk_kernel *row, struct cvk__refusal *r)
{
    char name[64];
    CVK__TRY(check_name(t, i, "name", row->name, name, r));
    if (row->op == CVK_OP_NONE)
        return cvk__refuse(r, CVK_E_ABI, "rows", "set .op", "row %u ('%s') of backend '%s' is for no op", i, name, r->name);
    if (!row->run)
        return cvk__refuse(r, CVK_E_ABI, "rows", "set .run", "row %u ('%s') of backend '%s' has no run", i, name, r->name);
    if (!code_or_null(&row->plan) || !code_or_null(&row->build) || !code_or_null(&row->run) || !code_or_null(&row->finish))
        return cvk__refuse(r, CVK_E_ABI, "rows", NULL,
                           "row %u ('%s') of backend '%s' has a function in memory that cannot be read", i, name, r->name);
    return CVK_OK;
}

/* Rows of one op and pass must have different names, or CONVOKE_KERNEL could not tell them apart. */
static int32_t check_unique(const struct cvk_kernel *rows, uint32_t count, struct cvk__refusal *r)
{
    const struct cvk_kernel *last = &rows[count];
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].op == last->op && rows[i].pass == last->pass && strcmp(rows[i].name, last->name) == 0)
            return cvk__refuse(r, CVK_E_ABI, "rows", "give every row of one op and pass its own name",
                               "backend '%s' has two rows called '%s' for %s:%s", r->name, last->name, op_name(last->op),
                               pass_name(last->pass));
    return CVK_OK;
}

int32_t cvk__gate_rows(struct cvk__backend *b, const struct cvk_plugin *plugin, struct cvk__refusal *r)
{
    const struct table t = {"row",    "rows",         plugin->kernels,   plugin->kernel_count, plugin->kernel_stride,
                            MAX_ROWS, ROW_HEAD_BYTES, sizeof *b->kernels};
    CVK__TRY(check_table(&t, r));
    b->kernels = cvk__alloc_array(CVK__TAG_PLUGIN, t.count + 1u, sizeof *b->kernels);
    if (!b->kernels)
        return cvk__refuse(r, CVK_E_MEMORY, "rows", NULL, "out of memory for the %u rows of backend '%s'", t.count, r->name);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t.count; i++) {
        struct cvk_kernel *row = &b->kernels[kept];
        memset(row, 0, sizeof *row);
        CVK__TRY(copy_entry(&t, i, row, r));
        CVK__TRY(check_row(&t, i, row, r));
        if (!op_name(row->op) || !pass_name(row->pass))
            continue; /* of a newer minor: an op or pass that nobody here will ask for */
        CVK__TRY(check_unique(b->kernels, kept, r));
        kept++;
    }
    b->plugin.kernel_count = kept;
    return CVK_OK;
}

int32_t cvk__gate_options(struct cvk__backend *b, const struct cvk_plugin *plugin, struct cvk__refusal *r)
{
    const struct table t = {
        "option",          "abi", plugin->options, plugin->option_count, plugin->option_stride, MAX_OPTIONS, OPTION_HEAD_BYTES,
        sizeof *b->options};
    CVK__TRY(check_table(&t, r));
    b->options = cvk__alloc_array(CVK__TAG_PLUGIN, t.count + 1u, sizeof *b->options);
    if (!b->options)
        return cvk__refuse(r, CVK_E_MEMORY, "abi", NULL, "out of memory for the %u options of backend '%s'", t.count, r->name);
    for (uint32_t i = 0; i < t.count; i++) {
        char name[64], help[513];
        struct cvk_option *option = &b->options[i];
        CVK__TRY(copy_entry(&t, i, option, r));
        CVK__TRY(check_name(&t, i, "key", option->key, name, r));
        if (option->help && cvk__memory_text(help, sizeof help, option->help) != CVK__TEXT_OK)
            return cvk__refuse(r, CVK_E_ABI, "abi", NULL,
                               "the help of option '%s' of backend '%s' is unreadable, longer than %zu bytes or no single line",
                               name, r->name, sizeof help - 1);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(b->options[j].key, option->key) == 0)
                return cvk__refuse(r, CVK_E_ABI, "abi", NULL, "backend '%s' declares option '%s' twice", r->name, name);
    }
    return CVK_OK;
}

int32_t cvk__gate_device(struct cvk__backend *b, const struct cvk_plugin *plugin, struct cvk__refusal *r)
{
    struct cvk_device_api *api = &b->api;
    api->size = sizeof *api;
    if (!plugin->device)
        return CVK_OK;
    uint32_t bytes;
    bool readable = cvk__memory_copy(&bytes, plugin->device, sizeof bytes);
    if (readable && (bytes < DEVICE_HEAD_BYTES || bytes > MAX_STRIDE))
        return cvk__refuse(r, CVK_E_ABI, "abi", "set .size = sizeof(struct cvk_device_api)",
                           "the device table of backend '%s' says that it has %u bytes; possible is %u to %u", r->name, bytes,
                           DEVICE_HEAD_BYTES, MAX_STRIDE);
    if (!readable || !cvk__memory_copy(api, plugin->device, bytes < sizeof *api ? bytes : sizeof *api))
        return cvk__refuse(r, CVK_E_ABI, "abi", NULL, "the device table of backend '%s' lies in memory that cannot be read",
                           r->name);
    api->size = sizeof *api;
    if (!code_or_null(&api->count) || !code_or_null(&api->info) || !code_or_null(&api->open) || !code_or_null(&api->close) ||
        !code_or_null(&api->alloc) || !code_or_null(&api->free) || !code_or_null(&api->write) || !code_or_null(&api->read) ||
        !code_or_null(&api->copy) || !code_or_null(&api->sync) || !code_or_null(&api->get_interface))
        return cvk__refuse(r, CVK_E_ABI, "abi", NULL,
                           "the device table of backend '%s' has a function in memory that cannot be read", r->name);
    uint32_t present = !!api->alloc + !!api->free + !!api->write + !!api->read;
    if (present != 0 && present != 4)
        return cvk__refuse(r, CVK_E_ABI, "abi", "give alloc, free, write and read together, or none of them",
                           "the device table of backend '%s' has %u of alloc, free, write and read: missing%s%s%s%s", r->name,
                           present, api->alloc ? "" : " alloc", api->free ? "" : " free", api->write ? "" : " write",
                           api->read ? "" : " read");
    return CVK_OK;
}
