/* SPDX-License-Identifier: MIT
 * What the parts of `convoke explain` share: a plan's nodes as the library reports them, and what is worked out of them. */
#ifndef CONVOKE_EXPLAIN_H
#define CONVOKE_EXPLAIN_H

#include "model.h"

struct plan_view {
    struct cvk_session *session;
    struct cvk_session_report report;
    struct cvk_node_report *nodes;
    int64_t (*strides)[3]; /* of each node, from how it changes the step between outputs; 0: not a whole number */
    uint32_t count;
};

/* Plans the model without running it. flags: of enum cvk_session_flag. TOOL_GO_ON, or the exit code. */
int plan_view_create(struct cvk_context *ctx, const struct model *m, const struct setup *setup, uint32_t flags,
                     struct plan_view *out);
void plan_view_free(struct plan_view *v);
/* The node that makes value `id`, or UINT32_MAX. */
uint32_t plan_maker(const struct plan_view *v, int32_t id);
/* "conv 3x3, stride 2"; returns out. */
const char *plan_what(const struct plan_view *v, uint32_t i, char *out, size_t room);
/* "8x8"; returns out. */
const char *plan_field(const struct cvk_node_report *n, char *out, size_t room);
/* Weights of a convolution without biases; 0 for other nodes. */
uint64_t plan_kernel_weights(const struct cvk_node_report *n);
/* The way from the input to the last node with a receptive field, if the net is one chain: node numbers in order. The
 * caller frees *path. 0 if it is no chain. */
uint32_t plan_chain(const struct plan_view *v, uint32_t **path);
/* The field along such a chain on one axis, with pooling layers left out. */
int64_t plan_field_without_pools(const struct plan_view *v, const uint32_t *path, uint32_t count, uint32_t axis);

enum explain_part { EXPLAIN_WRITTEN = 1, EXPLAIN_FUSED = 2, EXPLAIN_FIELD = 4, EXPLAIN_SHARING = 8 };
void explain_print_text(const struct plan_view *written, const struct plan_view *real, uint32_t parts);
void explain_print_dot(const struct plan_view *v, const char *name);
void explain_put_json(struct json *root, const struct plan_view *written, const struct plan_view *real);

#endif
