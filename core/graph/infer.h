/* SPDX-License-Identifier: MIT
 * Shape inference and folding, as the rest of core/graph uses them. */
#ifndef CVK__INFER_H
#define CVK__INFER_H

#include "kernel.h"

/* Runs a node whose inputs are all constants on a host-memory device and makes its outputs constants. CVK_E_UNSUPPORTED if no row
 * of the device takes it: the node then stays. */
int32_t cvk__evaluate(struct cvk_graph *g, struct cvk__node *node, struct cvk__device *evaluator);

#endif
