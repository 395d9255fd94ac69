/* SPDX-License-Identifier: MIT
 * What a note is about, as a key: a kernel for a kind of node (verdicts), or a node with its sizes (measured choices). */
#include "kernel.h"

#include "../ops/op_def.h"
#include "force.h"

/* Options of the device as the user wrote them, and the plugin's version: under others, other kernels may run. */
static uint64_t device_part(const struct cvk__device *d, char *text, size_t bytes)
{
    const struct cvk_plugin *plugin = &d->backend->plugin;
    const char *options = strchr(d->spec, '(');
    options = options ? options : "";
    snprintf(text, bytes, "%.80s|%.32s", options, plugin->version);
    for (char *at = text; *at; at++)
        if (*at < '!' || *at > '~')
            *at = '?';
    uint64_t hash = cvk__hash(0, options, strlen(options) + 1);
    hash = cvk__hash(hash, plugin->version, strlen(plugin->version) + 1);
    return plugin->revision ? cvk__hash(hash, plugin->revision, strlen(plugin->revision)) : hash;
}

static uint64_t hash_u32(uint64_t hash, uint32_t number)
{
    return cvk__hash(hash, &number, sizeof number);
}

/* What decides which code of a row runs, whatever the sizes: kernels treat the end of a row of blocks and single pixels apart. */
static uint64_t hash_size_class(uint64_t hash, const struct cvk_tensor_desc *d)
{
    bool map = d->rank >= 3;
    int64_t channels = d->rank > 1 ? d->dims[1] : 0, last = d->rank ? d->dims[d->rank - 1] : 1;
    uint32_t class = (channels % 4 != 0) | (channels % 16 != 0) << 1 | (map && last == 1) << 2 | (channels == 1) << 3;
    return hash_u32(hash, class);
}

static uint64_t hash_node(uint64_t hash, const struct cvk_node *n, bool with_sizes)
{
    const struct cvk__op_def *def = cvk__op_find(n->op);
    uint32_t head = sizeof(uint32_t);
    hash = hash_u32(hash, n->op << 8 | n->pass);
    hash = hash_u32(hash, n->flags);
    if (def && n->params && def->param_bytes > head)
        hash = cvk__hash(hash, (const char *)n->params + head, def->param_bytes - head);
    if (n->epilogue) {
        const uint32_t parts[] = {n->epilogue->parts, n->epilogue->axis, n->epilogue->activation};
        hash = cvk__hash(hash, parts, sizeof parts);
        hash = cvk__hash(hash, &n->epilogue->a, sizeof n->epilogue->a);
        hash = cvk__hash(hash, &n->epilogue->b, sizeof n->epilogue->b);
    }
    for (uint32_t i = 0; i < n->input_count + n->output_count; i++) {
        bool input = i < n->input_count;
        const struct cvk_tensor_desc *d = input ? n->inputs[i] : n->outputs[i - n->input_count];
        if (!d) {
            hash = hash_u32(hash, UINT32_MAX);
            continue;
        }
        hash = hash_u32(hash, d->dtype << 8 | d->rank << 1 | (input && n->constants[i]));
        hash = with_sizes ? cvk__hash(hash, d->dims, d->rank * sizeof *d->dims) : hash_size_class(hash, d);
    }
    return hash;
}

static uint32_t main_dtype(const struct cvk_node *n)
{
    return n->input_count && n->inputs[0] ? n->inputs[0]->dtype : n->outputs[0]->dtype;
}

static const char *name_of(uint32_t op)
{
    const struct cvk__op_def *def = cvk__op_find(op);
    return def ? def->name : "?";
}

void cvk__verdict_key(const struct cvk__device *d, const struct cvk_kernel *row, uint32_t variant, const struct cvk_node *n,
                      uint32_t layout_x, uint32_t layout_y, char *key)
{
    char device[128];
    uint64_t hash = hash_node(device_part(d, device, sizeof device), n, false);
    snprintf(key, CVK_NOTE_KEY_BYTES, CVK__VERDICTS "%s|%s:%s|%.64s|%u|%s>%s|%s|%016llx", device, name_of(n->op),
             cvk__pass_name(n->pass), row->name, variant, cvk_layout_name(layout_x), cvk_layout_name(layout_y),
             cvk_dtype_name(main_dtype(n)), (unsigned long long)hash);
}

void cvk__choice_key(const struct cvk__device *d, const struct cvk_node *n, char *key)
{
    char device[128], sizes[160] = "";
    uint64_t hash = hash_node(device_part(d, device, sizeof device), n, true);
    for (uint32_t i = 0; i < n->input_count && i < 2; i++) {
        char shape[CVK_SHAPE_TEXT];
        if (n->inputs[i])
            snprintf(sizes + strlen(sizes), sizeof sizes - strlen(sizes), "%s%s", i ? "," : "",
                     cvk_shape_text(n->inputs[i]->rank, n->inputs[i]->dims, shape));
    }
    snprintf(key, CVK_NOTE_KEY_BYTES, CVK__CHOICES "%s|%s:%s|%s|%s|%016llx", device, name_of(n->op), cvk__pass_name(n->pass),
             cvk_dtype_name(main_dtype(n)), sizes, (unsigned long long)hash);
}

static uint32_t layout_named(const char *name)
{
    for (uint32_t l = CVK_LAYOUT_PLAIN; l <= CVK_LAYOUT_NC16; l++)
        if (!strcmp(cvk_layout_name(l), name))
            return l;
    return UINT32_MAX;
}

bool cvk__choice_parse(const char *text, struct cvk__choice_note *out)
{
    char x[16], y[16], level[8], row[64];
    memset(out, 0, sizeof *out);
    if (sscanf(text, "%63s %u %15s %15s %lf %lf %7s", row, &out->variant, x, y, &out->ns, &out->untuned_ns, level) != 7)
        return false;
    memcpy(out->row, row, sizeof row);
    out->layout_x = layout_named(x);
    out->layout_y = layout_named(y);
    out->full = !strcmp(level, "full");
    return out->layout_x != UINT32_MAX && out->layout_y != UINT32_MAX && (out->full || !strcmp(level, "quick"));
}

void cvk__choice_write(const struct cvk__choice_note *note, char *text)
{
    snprintf(text, CVK_NOTE_TEXT_BYTES, "%s %u %s %s %.0f %.0f %s", note->row, note->variant, cvk_layout_name(note->layout_x),
             cvk_layout_name(note->layout_y), note->ns, note->untuned_ns, note->full ? "full" : "quick");
}
