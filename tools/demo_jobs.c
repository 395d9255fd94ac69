/* SPDX-License-Identifier: MIT
 * The networks of `convoke demo`, with weights set by hand, and the pictures that go into them, drawn from a seed. */
#include <math.h>
#include <stdlib.h>

#include "convoke/rng.h"
#include "demo.h"

const char *const line_names[LINE_KINDS] = {"horizontal", "vertical", "diagonal down", "diagonal up"};

/* Each filter is bright where its line is and dark where it is not; half, so that a white line gives 1. */
const float line_filters[LINE_KINDS * 4] = {
    0.5f,  0.5f,  -0.5f, -0.5f, /* horizontal */
    0.5f,  -0.5f, 0.5f,  -0.5f, /* vertical */
    0.5f,  -0.5f, -0.5f, 0.5f,  /* diagonal down */
    -0.5f, 0.5f,  0.5f,  -0.5f, /* diagonal up */
};

/* Sobel's kernels: the first answers to horizontal edges, the second to vertical ones. */
static const float sobel[2 * 9] = {
    -1, -2, -1, 0,  0, 0, 1,  2, 1, /* horizontal */
    -1, 0,  1,  -2, 0, 2, -1, 0, 1, /* vertical */
};

static int graph_ready(struct cvk_graph *g)
{
    return cvk_graph_status(g) == CVK_OK ? TOOL_GO_ON : tool_fail(TOOL_FAILED, "the demo's network: %s", cvk_graph_error(g));
}

/* Four 2x2 filters, stride 2; ReLU; pooling down to the strongest answer of each filter; a dense layer that gives every
 * filter one vote; softmax. */
static int build_lines(struct demo_job *job)
{
    if (cvk_graph_create("lines", &job->graph) != CVK_OK)
        return tool_fail_library("");
    struct cvk_graph *g = job->graph;
    float votes[LINE_KINDS * LINE_KINDS] = {0};
    for (uint32_t i = 0; i < LINE_KINDS; i++)
        votes[i * LINE_KINDS + i] = 10;
    cvk_value x = cvk_input(g, "picture", CVK_F32, 4, (int64_t[]){CVK_BATCH, 1, job->size, job->size});
    cvk_value w = cvk_constant(g, "line_filters", CVK_F32, 4, (int64_t[]){LINE_KINDS, 1, 2, 2}, line_filters);
    cvk_value maps = cvk_relu(g, cvk_conv(g, x, w, 0, &(struct cvk_conv_params){.stride = {2, 2}}));
    cvk_output(g, maps, "maps");
    x = cvk_pool(g, maps, &(struct cvk_pool_params){.kernel = {2, 2}, .stride = {2, 2}}, NULL);
    x = cvk_pool(g, x, &(struct cvk_pool_params){.global = 1}, NULL);
    w = cvk_constant(g, "votes", CVK_F32, 2, (int64_t[]){LINE_KINDS, LINE_KINDS}, votes);
    x = cvk_dense(g, cvk_flatten(g, x), w, 0);
    cvk_output(g, cvk_softmax(g, x, &(struct cvk_softmax_params){.axis = 1}), "prob");
    return graph_ready(g);
}

/* The filters see windows on a grid of 2, so the lines are drawn on that grid: between two windows a line would show half
 * to each. */
static void draw_line(float *picture, uint32_t size, uint32_t kind, uint64_t seed, uint32_t which)
{
    uint64_t draws = 0;
    uint32_t stream = 1000 + size + which;
    for (uint32_t i = 0; i < size * size; i++)
        picture[i] = 0.12f * cvk_rng_uniform(seed, stream, draws++);
    uint32_t half = size / 2, length = half / 2 + (uint32_t)(cvk_rng_uniform(seed, stream, draws++) * (float)(half / 2));
    uint32_t room = half - length + 1, a = (uint32_t)(cvk_rng_uniform(seed, stream, draws++) * (float)room);
    uint32_t across = kind < 2 ? half : room, b = (uint32_t)(cvk_rng_uniform(seed, stream, draws++) * (float)across);
    float bright = 0.75f + 0.25f * cvk_rng_uniform(seed, stream, draws++);
    a *= 2, b *= 2, length *= 2;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t x = kind == 1 ? b : a + i, y = kind == 0 ? b : kind == 1 ? a + i : kind == 2 ? b + i : b + length - 1 - i;
        picture[y * size + x] = bright;
    }
}

static int lines_job(struct demo_job *job, uint32_t size, uint64_t seed)
{
    *job = (struct demo_job){.kind = DEMO_LINES, .size = size, .batch = LINE_PICTURES};
    snprintf(job->name, sizeof job->name, "lines %ux%u", size, size);
    int64_t dims[4] = {LINE_PICTURES, 1, size, size};
    if (cvk_tensor_create(CVK_F32, 4, dims, &job->input) != CVK_OK)
        return tool_fail_library("");
    float *data = cvk_tensor_data(job->input);
    for (uint32_t i = 0; i < LINE_PICTURES; i++)
        draw_line(data + (size_t)i * size * size, size, i / LINES_OF_EACH, seed, i);
    return build_lines(job);
}

/* 1 inside, 0 outside, smooth over the pixel at the border; d is the distance to the border, negative inside. */
static float inside(float d)
{
    return d < -0.5f ? 1 : d > 0.5f ? 0 : 0.5f - d;
}

static float to_segment(float x, float y, float x0, float y0, float x1, float y1)
{
    float dx = x1 - x0, dy = y1 - y0, t = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypotf(x - x0 - t * dx, y - y0 - t * dy);
}

/* A ring, a square on its corner, a shaded ball and the letter A, on black, so that the border of zeros makes no edge. */
static float scene(float x, float y)
{
    float v = 0.85f * inside(fabsf(hypotf(x - 74, y - 74) - 40) - 8);
    float square = (fabsf(x - 190) + fabsf(y - 76) - 52) * 0.7071f;
    v = fmaxf(v, 0.65f * inside(square));
    float ball = hypotf(x - 74, y - 190);
    v = fmaxf(v, (0.35f + 0.6f * (1 - hypotf(x - 60, y - 176) / 70)) * inside(ball - 50));
    float letter = fminf(fminf(to_segment(x, y, 148, 238, 190, 146), to_segment(x, y, 190, 146, 232, 238)),
                         to_segment(x, y, 164, 206, 216, 206));
    return fmaxf(v, inside(letter - 6));
}

static int edges_job(struct demo_job *job)
{
    *job = (struct demo_job){.kind = DEMO_EDGES, .size = EDGE_SIZE, .batch = 1};
    snprintf(job->name, sizeof job->name, "Sobel %ux%u", EDGE_SIZE, EDGE_SIZE);
    int64_t dims[4] = {1, 1, EDGE_SIZE, EDGE_SIZE};
    if (cvk_tensor_create(CVK_F32, 4, dims, &job->input) != CVK_OK || cvk_graph_create("sobel", &job->graph) != CVK_OK)
        return tool_fail_library("");
    float *data = cvk_tensor_data(job->input);
    for (uint32_t i = 0; i < EDGE_SIZE * EDGE_SIZE; i++)
        data[i] = scene((float)(i % EDGE_SIZE), (float)(i / EDGE_SIZE));
    struct cvk_graph *g = job->graph;
    cvk_value x = cvk_input(g, "picture", CVK_F32, 4, dims);
    cvk_value w = cvk_constant(g, "sobel", CVK_F32, 4, (int64_t[]){2, 1, 3, 3}, sobel);
    x = cvk_conv(g, x, w, 0, &(struct cvk_conv_params){.pad_begin = {1, 1}, .pad_end = {1, 1}});
    cvk_output(g, x, "signed");
    x = cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_ABS});
    cvk_output(g, x, "edges");
    w = cvk_constant(g, "add", CVK_F32, 4, (int64_t[]){1, 2, 1, 1}, (const float[]){1, 1});
    cvk_output(g, cvk_conv(g, x, w, 0, NULL), "both");
    return graph_ready(g);
}

/* Something for the devices to work on: about 20 million multiply-adds a picture. */
static int net_job(struct demo_job *job, uint64_t seed)
{
    *job = (struct demo_job){.kind = DEMO_NET, .batch = 4};
    snprintf(job->name, sizeof job->name, "small network");
    if (cvk_graph_from_text("3x64x64: 16c3p1-bn-relu-mp2-32c3p1-bn-relu-mp2-64c3p1-relu-mp2-128c3p1-relu-gap-10n-softmax", seed,
                            &job->graph) != CVK_OK)
        return tool_fail_library("");
    struct cvk_tensor_desc d;
    int64_t dims[4] = {job->batch, 3, 64, 64};
    if (cvk_tensor_desc_init(&d, CVK_F32, CVK_LAYOUT_PLAIN, 4, dims) != CVK_OK)
        return tool_fail_library("");
    return tensor_fill(&d, FILL_RANDOM, seed, 7, &job->input);
}

int demo_jobs_create(uint64_t seed, struct demo_job jobs[DEMO_JOBS])
{
    int code = lines_job(&jobs[0], 16, seed);
    if (code == TOOL_GO_ON)
        code = lines_job(&jobs[1], 32, seed);
    if (code == TOOL_GO_ON)
        code = lines_job(&jobs[2], 64, seed);
    if (code == TOOL_GO_ON)
        code = edges_job(&jobs[3]);
    return code == TOOL_GO_ON ? net_job(&jobs[4], seed) : code;
}

void demo_jobs_free(struct demo_job jobs[DEMO_JOBS])
{
    for (uint32_t j = 0; j < DEMO_JOBS; j++) {
        cvk_graph_destroy(jobs[j].graph);
        cvk_tensor_destroy(jobs[j].input);
        cvk_tensor_destroy(jobs[j].classes);
        cvk_data_close(jobs[j].data);
        for (uint32_t i = 0; i < DEMO_OUTPUTS; i++)
            cvk_tensor_destroy(jobs[j].outputs[i]);
    }
}

uint32_t demo_lines_right(const float *prob)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < LINE_PICTURES; i++) {
        uint32_t best = 0;
        for (uint32_t k = 1; k < LINE_KINDS; k++)
            if (prob[i * LINE_KINDS + k] > prob[i * LINE_KINDS + best])
                best = k;
        right += best == i / LINES_OF_EACH;
    }
    return right;
}
