/* SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"

const struct kernel *kernel_best(void)
{
    const struct kernel *avx2 = kernel_avx2();
    return avx2 ? avx2 : kernel_scalar();
}
