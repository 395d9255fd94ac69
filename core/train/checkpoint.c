/* SPDX-License-Identifier: MIT
 * Checkpoints: all that a trainer's steps change, the net and texts in one safetensors file. */
#include "convoke/onnx.h"
#include "convoke/train.h"
#include "safetensors.h"

#define NET "__net__"
#define FORMAT_KEY "convoke.format"
#define FORMAT "checkpoint 1"
#define STEPS_KEY "convoke.steps"
#define NO_NET_KEY "convoke.no_net" /* why the net is not in the file */
#define OWN_TEXTS 4

/* ---- saving ---------------------------------------------------------------------------------------------------------------
 */

struct saved {
    struct cvk_trainer *trainer;
    const struct cvk__safetensors_entry *entries;
    const struct cvk_tensor *net;
};

static int32_t fill(void *arg, uint32_t i, void *data)
{
    const struct saved *s = arg;
    const struct cvk_tensor_desc *d = &s->entries[i].desc;
    if (i == cvk_trainer_state_count(s->trainer)) {
        memcpy(data, cvk_tensor_data(s->net), d->bytes);
        return CVK_OK;
    }
    struct cvk_tensor *t = NULL;
    CVK__TRY(cvk_tensor_wrap(d->dtype, d->rank, d->dims, data, d->bytes, &t));
    int32_t status = cvk_trainer_state_read(s->trainer, i, t);
    cvk_tensor_destroy(t);
    return status;
}

/* The net as an ONNX file; why it cannot be one is no reason not to save the rest. */
static int32_t write_net(struct cvk_trainer *t, struct cvk_tensor **net, char *reason, size_t capacity)
{
    struct cvk_graph *g = NULL;
    CVK__TRY(cvk_trainer_graph(t, &g));
    int32_t status = cvk_onnx_save_memory(g, NULL, net);
    cvk_graph_destroy(g);
    if (status != CVK_E_UNSUPPORTED && status != CVK_E_LIMIT)
        return status;
    cvk__text_escape(cvk_error_text(), reason, capacity);
    return CVK_OK;
}

static int32_t save(struct cvk_trainer *t, const char *path, const struct cvk_note_text *notes, uint32_t note_count,
                    struct cvk__safetensors_entry *entries, struct cvk__safetensors_text *texts)
{
    struct saved s = {.trainer = t, .entries = entries};
    struct cvk_tensor *net = NULL;
    char steps[32], reason[600] = "";
    uint32_t count = cvk_trainer_state_count(t), text_count = 0;
    CVK__TRY(write_net(t, &net, reason, sizeof reason));
    s.net = net;
    for (uint32_t i = 0; i < count; i++)
        entries[i] =
            (struct cvk__safetensors_entry){.name = cvk_trainer_state_name(t, i), .desc = *cvk_trainer_state_desc(t, i)};
    if (net)
        entries[count++] = (struct cvk__safetensors_entry){.name = NET, .desc = *cvk_tensor_get_desc(net)};
    snprintf(steps, sizeof steps, "%llu", (unsigned long long)cvk_trainer_steps(t));
    texts[text_count++] = (struct cvk__safetensors_text){FORMAT_KEY, FORMAT};
    texts[text_count++] = (struct cvk__safetensors_text){STEPS_KEY, steps};
    texts[text_count++] = (struct cvk__safetensors_text){"convoke.version", CVK__VERSION};
    if (!net)
        texts[text_count++] = (struct cvk__safetensors_text){NO_NET_KEY, reason};
    for (uint32_t i = 0; i < note_count; i++)
        texts[text_count++] = (struct cvk__safetensors_text){notes[i].key, notes[i].text};
    int32_t status = cvk__safetensors_write(path, entries, count, texts, text_count, fill, &s);
    cvk_tensor_destroy(net);
    return status;
}

int32_t cvk_trainer_save(struct cvk_trainer *t, const char *path, const struct cvk_note_text *notes, uint32_t note_count)
{
    if (!t || !path || (note_count && !notes))
        return cvk__fail(CVK_E_ARG, "cvk_trainer_save: trainer, path or notes are NULL");
    for (uint32_t i = 0; i < note_count; i++) {
        if (!notes[i].key || !notes[i].text)
            return cvk__fail(CVK_E_ARG, "cvk_trainer_save: note %u has no key or no text", i);
        if (!strncmp(notes[i].key, "convoke.", 8))
            return cvk__fail(CVK_E_ARG, "cvk_trainer_save: the key '%s': keys beginning with 'convoke.' are the library's",
                             CVK__SHOW(notes[i].key));
    }
    struct cvk__safetensors_entry *entries =
        cvk__alloc_array(CVK__TAG_MISC, cvk_trainer_state_count(t) + 1ull, sizeof *entries);
    struct cvk__safetensors_text *texts = cvk__alloc_array(CVK__TAG_MISC, note_count + (uint64_t)OWN_TEXTS, sizeof *texts);
    int32_t status = entries && texts ? save(t, path, notes, note_count, entries, texts) : cvk__fail_memory(0, "a checkpoint");
    cvk__free(entries);
    cvk__free(texts);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "checkpoint: ");
}

/* ---- looking into one -----------------------------------------------------------------------------------------------------
 */

struct cvk_checkpoint {
    struct cvk__safetensors *file;
    uint64_t steps;
};

/* A whole number in decimal without sign or blanks. */
static bool parse_steps(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *c = text; *c; c++)
        if (*c < '0' || *c > '9' || !cvk__mul_u64(*out, 10, out) || !cvk__add_u64(*out, (uint64_t)(*c - '0'), out))
            return false;
    return text[0] != 0;
}

int32_t cvk_checkpoint_open(const char *path, struct cvk_checkpoint **out)
{
    if (out)
        *out = NULL;
    if (!path || !out)
        return cvk__fail(CVK_E_ARG, "cvk_checkpoint_open: path or out is NULL");
    struct cvk_checkpoint *c = cvk__alloc(CVK__TAG_MISC, sizeof *c);
    if (!c)
        return cvk__fail_memory(sizeof *c, "a checkpoint");
    int32_t status = cvk__safetensors_open(path, &c->file);
    if (status == CVK_OK) {
        const char *format = cvk__safetensors_text(c->file, FORMAT_KEY), *steps = cvk__safetensors_text(c->file, STEPS_KEY);
        if (!format || strcmp(format, FORMAT))
            status = cvk__fail(CVK_E_FORMAT, "file '%s': no checkpoint of this version (%s is '%s', not '%s')", CVK__SHOW(path),
                               FORMAT_KEY, CVK__SHOW(format ? format : "missing"), FORMAT);
        else if (!steps || !parse_steps(steps, &c->steps))
            status = cvk__fail(CVK_E_FORMAT, "file '%s': %s is no number", CVK__SHOW(path), STEPS_KEY);
    }
    if (status != CVK_OK) {
        cvk_checkpoint_destroy(c);
        return cvk__fail_in(status, "checkpoint: ");
    }
    *out = c;
    return CVK_OK;
}

void cvk_checkpoint_destroy(struct cvk_checkpoint *c)
{
    if (!c)
        return;
    cvk__safetensors_close(c->file);
    cvk__free(c);
}

const char *cvk_checkpoint_text(const struct cvk_checkpoint *c, const char *key)
{
    return c && key ? cvk__safetensors_text(c->file, key) : NULL;
}

/* Reads a content into a new tensor. */
static int32_t read_entry(struct cvk_checkpoint *c, const struct cvk__safetensors_entry *e, struct cvk_tensor **out)
{
    CVK__TRY(cvk_tensor_create(e->desc.dtype, e->desc.rank, e->desc.dims, out));
    int32_t status = cvk__safetensors_read(c->file, e, cvk_tensor_data(*out));
    for (uint64_t i = 0; e->desc.dtype == CVK_BOOL && status == CVK_OK && i < e->desc.bytes; i++)
        ((uint8_t *)cvk_tensor_data(*out))[i] = ((uint8_t *)cvk_tensor_data(*out))[i] != 0;
    return status;
}

int32_t cvk_checkpoint_graph(struct cvk_checkpoint *c, struct cvk_graph **out)
{
    if (out)
        *out = NULL;
    if (!c || !out)
        return cvk__fail(CVK_E_ARG, "cvk_checkpoint_graph: checkpoint or out is NULL");
    const struct cvk__safetensors_entry *e = cvk__safetensors_find(c->file, NET);
    const char *reason = cvk__safetensors_text(c->file, NO_NET_KEY);
    if (!e || e->desc.dtype != CVK_U8)
        return cvk__fail(CVK_E_NOT_FOUND, "checkpoint: the net is not in the file: %s",
                         CVK__SHOW(reason ? reason : "nobody says why"));
    struct cvk_tensor *bytes = NULL;
    int32_t status = read_entry(c, e, &bytes);
    if (status == CVK_OK)
        status = cvk_onnx_load_memory(cvk_tensor_data(bytes), cvk_tensor_bytes(bytes), NULL, out);
    cvk_tensor_destroy(bytes);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "checkpoint: the net: ");
}

/* ---- restoring ------------------------------------------------------------------------------------------------------------
 */

/* The file holds this state, with this type and these sizes. */
static int32_t check_state(const struct cvk_checkpoint *c, const struct cvk_trainer *t, uint32_t i)
{
    const char *name = cvk_trainer_state_name(t, i);
    const struct cvk_tensor_desc *want = cvk_trainer_state_desc(t, i);
    const struct cvk__safetensors_entry *e = cvk__safetensors_find(c->file, name);
    char a[CVK_SHAPE_TEXT], b[CVK_SHAPE_TEXT];
    if (!e)
        return cvk__fail(CVK_E_ARG, "'%s' is missing: it is of another net or optimiser", CVK__SHOW(name));
    if (e->desc.dtype != want->dtype || e->desc.rank != want->rank ||
        memcmp(e->desc.dims, want->dims, want->rank * sizeof want->dims[0]))
        return cvk__fail(CVK_E_SHAPE, "'%s' is %s %s, and the trainer's is %s %s", CVK__SHOW(name),
                         cvk_dtype_name(e->desc.dtype), cvk_shape_text(e->desc.rank, e->desc.dims, a),
                         cvk_dtype_name(want->dtype), cvk_shape_text(want->rank, want->dims, b));
    return CVK_OK;
}

/* Everything is checked and read before the first state changes. */
static int32_t restore(struct cvk_checkpoint *c, struct cvk_trainer *t, struct cvk_tensor **contents)
{
    uint32_t count = cvk_trainer_state_count(t),
             more = cvk__safetensors_count(c->file) - (cvk__safetensors_find(c->file, NET) != NULL);
    for (uint32_t i = 0; i < count; i++)
        CVK__TRY(check_state(c, t, i));
    if (more != count)
        return cvk__fail(CVK_E_ARG, "it has %u states, and the trainer %u: it is of another net or optimiser", more, count);
    for (uint32_t i = 0; i < count; i++)
        CVK__TRY(read_entry(c, cvk__safetensors_find(c->file, cvk_trainer_state_name(t, i)), &contents[i]));
    for (uint32_t i = 0; i < count; i++)
        CVK__TRY(cvk_trainer_state_write(t, i, contents[i]));
    cvk_trainer_set_steps(t, c->steps);
    return CVK_OK;
}

int32_t cvk_trainer_restore(struct cvk_trainer *t, const char *path)
{
    if (!t || !path)
        return cvk__fail(CVK_E_ARG, "cvk_trainer_restore: trainer or path is NULL");
    struct cvk_checkpoint *c = NULL;
    CVK__TRY(cvk_checkpoint_open(path, &c));
    uint32_t count = cvk_trainer_state_count(t);
    struct cvk_tensor **contents = cvk__alloc_array(CVK__TAG_MISC, count + 1ull, sizeof(struct cvk_tensor *));
    int32_t status = contents ? restore(c, t, contents) : cvk__fail_memory(count * sizeof *contents, "a checkpoint");
    for (uint32_t i = 0; contents && i < count; i++)
        cvk_tensor_destroy(contents[i]);
    cvk__free(contents);
    cvk_checkpoint_destroy(c);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "checkpoint '%s': ", CVK__SHOW(path));
}
