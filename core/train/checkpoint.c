/* SPDX-License-Identifier: MIT
 * PLACEHOLDER until core/train/checkpoint.c is written by its engineer (onnx helper: replace this file). */
#include "../base/base.h"
#include "convoke/train.h"
int32_t cvk_trainer_save(struct cvk_trainer *t, const char *path, const struct cvk_note_text *notes, uint32_t note_count)
{ (void)t; (void)path; (void)notes; (void)note_count; return CVK_OK; }
int32_t cvk_trainer_restore(struct cvk_trainer *t, const char *path) { (void)t; (void)path; return cvk__fail(CVK_E_UNSUPPORTED, "no checkpoints yet"); }
int32_t cvk_checkpoint_open(const char *path, struct cvk_checkpoint **out) { (void)path; *out = NULL; return cvk__fail(CVK_E_UNSUPPORTED, "no checkpoints yet"); }
void cvk_checkpoint_destroy(struct cvk_checkpoint *c) { (void)c; }
const char *cvk_checkpoint_text(const struct cvk_checkpoint *c, const char *key) { (void)c; (void)key; return NULL; }
int32_t cvk_checkpoint_graph(struct cvk_checkpoint *c, struct cvk_graph **out) { (void)c; *out = NULL; return CVK_E_UNSUPPORTED; }
