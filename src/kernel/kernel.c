/* SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"

#include <stdatomic.h>

size_t kernel_tables(const struct kernel *ret_tables[KERNEL_TABLES_MAX])
{
    const struct kernel *all[KERNEL_TABLES_MAX] = { kernel_scalar(), kernel_neon(), kernel_avx2(),
                                                    kernel_avx512() };
    size_t count = 0;
    for (size_t i = 0; i < KERNEL_TABLES_MAX; i++)
        if (all[i])
            ret_tables[count++] = all[i];
    return count;
}

/* Chosen once: in a virtual machine, asking the processor takes longer than a kernel's work. */
const struct kernel *kernel_best(void)
{
    static _Atomic(const struct kernel *) best;
    const struct kernel *tables[KERNEL_TABLES_MAX];
    if (!atomic_load_explicit(&best, memory_order_relaxed))
        atomic_store_explicit(&best, tables[kernel_tables(tables) - 1], memory_order_relaxed);
    return atomic_load_explicit(&best, memory_order_relaxed);
}
