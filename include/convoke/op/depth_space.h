/* SPDX-License-Identifier: MIT
 * depth_space: moves blocks between channels and space. depth to space: [N, C, H, W] to [N, C/b^2, H*b, W*b], the channel being
 * read as (by, bx, c) in mode DCR and as (c, by, bx) in mode CRD; space to depth: [N, C, H, W] to [N, b*b*C, H/b, W/b], the
 * reverse of the same mode (ONNX has DCR). Source: ONNX operators DepthToSpace and SpaceToDepth.
 * Gradient (backward data): input dy; output dx. The core makes it a node of the other kind.
 *
 * Example ([N, 12, 32, 32] to [N, 3, 64, 64]: the last step of a net that enlarges pictures):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value enlarge(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_depth_space(
 *         g, x, &(struct cvk_depth_space_params){.kind = CVK_DEPTH_TO_SPACE, .mode = CVK_MODE_CRD, .block = 2});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_DEPTH_SPACE_H
#define CONVOKE_OP_DEPTH_SPACE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_depth_space_kind { CVK_DEPTH_TO_SPACE = 0, CVK_SPACE_TO_DEPTH = 1 };
enum cvk_depth_space_mode { CVK_MODE_DCR = 0, CVK_MODE_CRD = 1 };

struct cvk_depth_space_params {
    uint32_t size;
    uint32_t kind;  /* enum cvk_depth_space_kind */
    uint32_t mode;  /* enum cvk_depth_space_mode */
    uint32_t block; /* b, >= 1 */
};

CVK_API cvk_value cvk_depth_space(struct cvk_graph *g, cvk_value x, const struct cvk_depth_space_params *p);

#ifdef __cplusplus
}
#endif
#endif
