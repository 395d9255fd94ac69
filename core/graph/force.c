/* SPDX-License-Identifier: MIT
 * The text that forces and bans rows by name. */
#include "../base/base.h"
#include "force.h"

static const char *const pass_names[] = {"fwd", "bwd_data", "bwd_weights", "update"};
static const struct {
    uint32_t id;
    const char *name;
} op_names[] = {
#define CVK_OP(id, NAME, name) {id, #name},
#include "convoke/ops.def"
#undef CVK_OP
};

const char *cvk__pass_name(uint32_t pass)
{
    return pass < sizeof pass_names / sizeof *pass_names ? pass_names[pass] : "?";
}

static bool find_op(const char *word, uint32_t *id)
{
    for (size_t i = 0; i < sizeof op_names / sizeof *op_names; i++)
        if (!strcmp(op_names[i].name, word)) {
            *id = op_names[i].id;
            return true;
        }
    return false;
}

static bool find_pass(const char *word, uint32_t *pass)
{
    for (uint32_t i = 0; i < sizeof pass_names / sizeof *pass_names; i++)
        if (!strcmp(pass_names[i], word)) {
            *pass = i;
            return true;
        }
    return false;
}

/* One part, "op:pass=name" or "op:pass=!name". */
static int32_t parse_part(char *part, struct cvk__force *out)
{
    char shown[96];
    cvk__text_escape(part, shown, sizeof shown);
    char *colon = strchr(part, ':'), *equals = strchr(part, '=');
    if (!colon || !equals || equals < colon || !equals[1])
        return cvk__fail(CVK_E_ARG, "kernel choice '%s': write op:pass=row, as in conv:fwd=direct, or op:pass=!row to ban", shown);
    *colon = *equals = 0;
    char *name = equals + 1;
    out->ban = name[0] == '!';
    name += out->ban;
    if (!find_op(part, &out->op))
        return cvk__fail(CVK_E_ARG, "kernel choice '%s': no op of that name", shown);
    if (!find_pass(colon + 1, &out->pass))
        return cvk__fail(CVK_E_ARG, "kernel choice '%s': the pass must be fwd, bwd_data, bwd_weights or update", shown);
    if (strlen(name) >= sizeof out->name)
        return cvk__fail(CVK_E_ARG, "kernel choice '%s': the row's name is too long", shown);
    memcpy(out->name, name, strlen(name) + 1);
    return CVK_OK;
}

int32_t cvk__force_parse(const char *text, struct cvk__force_list *list)
{
    memset(list, 0, sizeof *list);
    char part[160];
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length >= sizeof part || list->count == sizeof list->items / sizeof *list->items)
            return cvk__fail(CVK_E_ARG, "kernel choice: a part is longer than %zu characters, or there are too many parts",
                             sizeof part - 1);
        memcpy(part, text, length);
        part[length] = 0;
        if (length) {
            CVK__TRY(parse_part(part, &list->items[list->count]));
            list->count++;
        }
        text += length + (text[length] == ',');
    }
    return CVK_OK;
}

bool cvk__force_allows(const struct cvk__force_list *list, uint32_t op, uint32_t pass, const char *name)
{
    bool forced = false, named = false;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct cvk__force *f = &list->items[i];
        if (f->op != op || f->pass != pass)
            continue;
        if (f->ban && !strcmp(f->name, name))
            return false;
        forced |= !f->ban;
        named |= !f->ban && !strcmp(f->name, name);
    }
    return !forced || named;
}
