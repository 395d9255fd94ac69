/* SPDX-License-Identifier: MIT
 * Segments: runs of steps that a thread takes through with a few images at a time, so that what lies between the steps stays in
 * its caches. Finding them, choosing their pieces, and running them. */
#ifndef CVK__SEGMENT_H
#define CVK__SEGMENT_H

#include "../base/cpus.h"
#include "session_impl.h"

struct cvk__lane;
struct cvk__window;

/* Steps first..last, run for `pieces` pieces of the batch, each through all of these steps before the next. Values that only they
 * know have memory for one piece in every lane; what others read or write is whole, and a piece sees its place in it. */
struct cvk__segment {
    uint32_t first, last;
    uint32_t pieces, lanes;   /* lanes: workers that take pieces, each with memory of its own */
    int64_t images;           /* of one piece */
    uint64_t weight_bytes, live_bytes; /* as the choice saw them; live: of a piece */
    uint64_t arena_offset;    /* in the arena of the host's memory */
    uint64_t lane_bytes;      /* each lane's part of it */
    uint64_t workspace_bytes; /* of each lane */
    struct cvk__lane *lane;   /* made by cvk__lanes_prepare */
    struct cvk__window *windows;
    uint32_t window_count;
};

/* ---- choice (segment_cost.c) ---- */

/* What the choice needs to know of a step. */
struct cvk__load {
    uint64_t weight_bytes;   /* read whole by every piece */
    uint64_t moved_bytes;    /* read and written for one image */
    uint64_t live_bytes;     /* of one image, in use while the step runs */
    uint64_t crossing_bytes; /* of one image, in use before and after the step's begin */
    double flops;            /* for one image */
    uint32_t lowest;         /* a segment that holds this step begins here or later */
};

struct cvk__cut {
    uint32_t first, last; /* among the loads */
    int64_t images;
};

struct cvk__machine {
    uint32_t workers;
    struct cvk__caches caches;
};

/* Cuts `count` steps (loads has one more entry, for crossing_bytes at the end) into segments and steps that stay alone. forced 0:
 * by estimated time; else pieces of that many images, at most, wherever it can be. cuts[count] receives them in order. */
int32_t cvk__choose_cuts(const struct cvk__load *loads, uint32_t count, int64_t batch, const struct cvk__machine *machine,
                         int64_t forced, struct cvk__cut *cuts, uint32_t *cut_count);
/* The largest divisor of `batch` up to `most`; at least 1. */
int64_t cvk__divisor(int64_t batch, int64_t most);

/* ---- the pass (segment.c) ---- */

/* Finds segments among the steps and plans their kernels for one piece. Again with another `mode` it begins anew. */
enum cvk__segment_mode { CVK__SEGMENTS_WISHED, CVK__SEGMENTS_SMALLEST, CVK__SEGMENTS_NONE };
int32_t cvk__segments_find(struct cvk_session *s, enum cvk__segment_mode mode);
void cvk__segments_finish(struct cvk_session *s);
/* Reads CONVOKE_SEGMENTS. */
int32_t cvk__segments_wish(struct cvk_session *s);
/* The node of a segment's step in the boundary's form, with the sizes of one piece; *descs holds them, to be freed after the
 * view. */
int32_t cvk__segment_view(const struct cvk_session *s, const struct cvk__step *step, int64_t images, struct cvk__node_view *view,
                          struct cvk_tensor_desc **descs);
/* Operand i of a step: inputs, outputs, bias, scale, shift, residual. 0: left out. */
cvk_value cvk__step_operand(const struct cvk_session *s, const struct cvk__step *step, uint32_t i);
/* True if a piece sees only its own images of operand i. */
bool cvk__step_cuts(const struct cvk_session *s, const struct cvk__step *step, uint32_t i);
/* Bytes of one piece of a value. */
uint64_t cvk__piece_bytes(const struct cvk_session *s, const struct cvk__segment *segment, cvk_value v);
/* True if operand i of a segment's step is whole and its pieces do not begin at aligned places: it goes through the lane's
 * memory. */
bool cvk__step_stages(const struct cvk_session *s, const struct cvk__step *step, uint32_t i);

/* ---- running (lanes.c) ---- */

/* After all kernels are built. */
int32_t cvk__lanes_prepare(struct cvk_session *s);
void cvk__lanes_finish(struct cvk__segment *segment);
int32_t cvk__segment_run(struct cvk_session *s, struct cvk__segment *segment);

#endif
