/* SPDX-License-Identifier: MIT
 * Random nets for tests of the planner. */
#ifndef CONVOKE_TEST_RANDOM_NET_H
#define CONVOKE_TEST_RANDOM_NET_H

#include "convoke/graph.h"

/* A net of some twenty nodes with one or two inputs of open batch and several outputs: the same for the same seed. Values are
 * read by several nodes, outputs may be inputs or constants, and one value may be two outputs. */
struct cvk_graph *random_net(uint64_t seed);

#endif
