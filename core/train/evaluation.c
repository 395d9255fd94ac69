/* SPDX-License-Identifier: MIT
 * A session that tells how good a net is: its predictions and the loss of each. */
#include "../graph/session_impl.h"
#include "net.h"

int32_t cvk_evaluation_create(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_trainer_params *params,
                              struct cvk_session **out)
{
    static const struct cvk_trainer_params defaults = {0};
    const struct cvk_trainer_params *p = params ? params : &defaults;
    struct cvk__train_net net;
    if (!ctx || !g || !out)
        return cvk__fail(CVK_E_ARG, "cvk_evaluation_create: context, graph or out is NULL");
    *out = NULL;
    CVK__TRY(cvk__train_evaluation_init(&net, ctx, g, p));
    const struct cvk_session_params session = {.device = p->device,
                                               .kernels = p->kernels,
                                               .memory_limit_bytes = p->memory_limit_bytes,
                                               .macs_limit = p->macs_limit,
                                               .flags = p->flags & CVK_TRAIN_DETERMINISTIC ? CVK_SESSION_DETERMINISTIC : 0};
    struct cvk_graph *graph = net.g;
    net.g = NULL;
    cvk__train_net_finish(&net);
    return cvk_session_create_taking(ctx, graph, &session, out);
}
