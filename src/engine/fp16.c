/* SPDX-License-Identifier: MIT */
#include "engine/fp16.h"

#include "format/format.h"
#include "kernel/kernel.h"

/* Elements that one call of a kernel sums up: fixed, so that sums are too. */
enum { CHUNK = 4096 };

const char *fp16_why_not(uint32_t absmax_bits)
{
    if (absmax_bits >= FP16_OVERFLOW)
        return "its values are too large: float16 ends at 65504";
    if (absmax_bits > 0 && absmax_bits <= FP16_UNDERFLOW)
        return "its values are too small: float16 would make all of them 0";
    return NULL;
}

void fp16_round(const struct kernel *kernel, const float *x, size_t n, uint16_t *ret_h,
                struct kernel_error *io_error)
{
    float wide[CHUNK];
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t step = MIN((size_t)CHUNK, n - at);
        kernel->to_fp16(x + at, step, ret_h + at);
        kernel->of_fp16(ret_h + at, step, wide);
        kernel->error(x + at, wide, step, io_error);
    }
}
