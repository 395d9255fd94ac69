/* SPDX-License-Identifier: MIT
 * The checkpoint calls of a build without jansson: they say what is missing. */
#include "../base/base.h"
#include "convoke/train.h"

static int32_t missing(void)
{
    return cvk__fail(CVK_E_UNSUPPORTED,
                     "this library was built without checkpoints: jansson, which reads and writes their header, was "
                     "missing, or the option -Djson=disabled was given");
}

int32_t cvk_trainer_save(struct cvk_trainer *t, const char *path, const struct cvk_note_text *notes, uint32_t note_count)
{
    (void)t;
    (void)path;
    (void)notes;
    (void)note_count;
    return missing();
}

int32_t cvk_trainer_restore(struct cvk_trainer *t, const char *path)
{
    (void)t;
    (void)path;
    return missing();
}

int32_t cvk_checkpoint_open(const char *path, struct cvk_checkpoint **out)
{
    (void)path;
    if (out)
        *out = NULL;
    return missing();
}

void cvk_checkpoint_destroy(struct cvk_checkpoint *c)
{
    (void)c;
}

const char *cvk_checkpoint_text(const struct cvk_checkpoint *c, const char *key)
{
    (void)c;
    (void)key;
    return NULL;
}

int32_t cvk_checkpoint_graph(struct cvk_checkpoint *c, struct cvk_graph **out)
{
    (void)c;
    if (out)
        *out = NULL;
    return missing();
}
