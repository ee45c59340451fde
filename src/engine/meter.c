/* SPDX-License-Identifier: MIT */
#include "engine/meter.h"

#include "base/error.h"

bool meter_add(struct meter *meter, int64_t bytes, struct pare_error *err)
{
    meter->done_bytes = MIN(meter->done_bytes + bytes, meter->total_bytes);
    if (!meter->progress)
        return true;
    struct pare_progress progress = {
        .phase = meter->phase,
        .tensor = meter->tensor ? meter->tensor : "",
        .done_fraction =
            meter->total_bytes ? (double)meter->done_bytes / (double)meter->total_bytes : 1,
        .done_bytes = meter->done_bytes,
        .total_bytes = meter->total_bytes,
    };
    if (meter->progress(meter->data, &progress))
        return true;
    return error_set(err, PARE_ERR_INTERRUPTED, "stopped while %s", meter->phase);
}
