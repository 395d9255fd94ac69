/* SPDX-License-Identifier: MIT
 * epilogue.h */
#include "epilogue.h"

#include "isa/unary.h"

uint64_t simd_epilogue_bytes(const struct cvk_query *q, uint64_t channels)
{
    uint64_t vectors = 0, block = simd_asked(q)->isa->block;
    const struct cvk_epilogue *epilogue = q->node->epilogue;
    if (channels % block == 0)
        return 0;
    if (epilogue && epilogue->parts & CVK_EPI_BIAS)
        vectors++;
    if (epilogue && epilogue->parts & CVK_EPI_SCALE)
        vectors += 2;
    return vectors * simd_round_up(channels, block) * sizeof(float);
}

static const float *pad(const float *from, uint64_t channels, uint64_t padded, float **memory)
{
    float *to = *memory;
    if (channels == padded)
        return from;
    memcpy(to, from, channels * sizeof *to);
    memset(to + channels, 0, (padded - channels) * sizeof *to);
    *memory += padded;
    return to;
}

void simd_epilogue_bind(struct simd_epilogue *out, const struct cvk_exec *e, uint64_t channels, float *memory)
{
    const struct cvk_epilogue *epilogue = e->node->epilogue;
    const struct simd_device *d = simd_device_of(e);
    uint64_t padded = simd_round_up(channels, d->isa->block);
    *out = (struct simd_epilogue){
        .activation = SIMD_LINEAR, .late = SIMD_LINEAR, .channels = channels, .block = d->isa->block, .device = d};
    if (!epilogue)
        return;
    if (epilogue->parts & CVK_EPI_BIAS)
        out->bias = pad(cvk_cpu_pointer(e->bias), channels, padded, &memory);
    if (epilogue->parts & CVK_EPI_SCALE) {
        out->scale = pad(cvk_cpu_pointer(e->scale), channels, padded, &memory);
        out->shift = pad(cvk_cpu_pointer(e->shift), channels, padded, &memory);
    }
    if (epilogue->parts & CVK_EPI_RESIDUAL)
        out->residual = cvk_cpu_pointer(e->residual);
    if (epilogue->parts & CVK_EPI_ACTIVATION) {
        bool inside = epilogue->activation == CVK_RELU || epilogue->activation == CVK_CLIP;
        *(inside ? &out->activation : &out->late) = epilogue->activation;
        out->a = epilogue->a;
        out->b = epilogue->b;
    }
}

void simd_epilogue_finish(const struct simd_epilogue *epi, uint64_t channel, float *y, uint64_t pixels)
{
    if (epi->late != SIMD_LINEAR)
        epi->device->isa->unary->apply(epi->late, epi->a, epi->b, y, y, pixels * epi->block);
    uint64_t real = epi->channels - channel;
    for (uint64_t p = 0; real < epi->block && p < pixels; p++)
        memset(y + p * epi->block + real, 0, (epi->block - real) * sizeof *y);
}
