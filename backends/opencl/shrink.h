/* SPDX-License-Identifier: MIT
 * The gradient of an operand that broadcasting has stretched: each element is a sum over its places. */
#ifndef OCL_SHRINK_H
#define OCL_SHRINK_H

#include "arith.h"

#define OCL_SHRINK_CHOICE UINT32_MAX /* for kind: y = a ? x : z; the first is x, the second z */

/* What is wanted: sums of dy times the derivative of kind (enum cvk_binary_kind) in a or b, the first operand or the second.
 * Plain tensors; a and b broadcast to dy. */
struct ocl_shrink_of {
    const struct cvk_tensor_desc *operands[3]; /* dy, a, b; b may be a where the kind does not look at it */
    const struct cvk_tensor_desc *out;         /* of sizes that broadcast to dy's */
    uint32_t kind;
    bool second;
};

struct ocl_shrink {
    struct ocl_call sum, join; /* join: where there are pieces */
    bool joins;
};

/* Bytes of workspace; 0 where a sum is one piece. */
uint64_t ocl_shrink_room(const struct ocl_device *d, const struct ocl_shrink_of *of);
/* After a failure ocl_shrink_finish is due as well; an empty one is fine. */
int32_t ocl_shrink_build(struct ocl_device *d, struct ocl_shrink *s, const struct ocl_shrink_of *of);
int32_t ocl_shrink_run(struct ocl_device *d, struct ocl_shrink *s, const struct cvk_binding *const *operands,
                       const struct cvk_binding *out, const struct cvk_binding *room);
void ocl_shrink_finish(struct ocl_shrink *s);

#endif
