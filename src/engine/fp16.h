/* SPDX-License-Identifier: MIT */
/*
 * float16: values rounded half to even, as numpy's astype(float16).
 *
 * Nothing is clipped. A tensor of which a value would become infinite stays as it is, and so
 * does one that is not 0 and would become 0 all over, such as the epsilon of a division.
 */
#ifndef PARE_ENGINE_FP16_H
#define PARE_ENGINE_FP16_H

#include "base/base.h"

struct kernel;
struct kernel_error;

/* Why a tensor of this largest magnitude cannot become float16, or NULL. */
const char *fp16_why_not(uint32_t absmax_bits);

/* Round n elements into ret_h and add up the error. */
void fp16_round(const struct kernel *kernel, const float *x, size_t n, uint16_t *ret_h,
                struct kernel_error *io_error);

#endif
