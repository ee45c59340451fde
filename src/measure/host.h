/* SPDX-License-Identifier: MIT */
/* The machine that measured: part of every figure's conditions. */
#ifndef PARE_MEASURE_HOST_H
#define PARE_MEASURE_HOST_H

#include "base/base.h"

/* The processor as the system names it, cleaned; the architecture where it has no name. */
void host_cpu(char *to, size_t room);

/* Processors that this process may use. */
int host_cores(void);

#endif
