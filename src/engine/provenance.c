/* SPDX-License-Identifier: MIT */
#include "engine/provenance.h"

#include <string.h>

#include "base/pool.h"
#include "engine/engine.h"
#include "format/format.h"
#include "format/source.h"

static bool go_on(void *data, const struct pare_progress *progress)
{
    struct provenance *p = data;
    return !atomic_load(&p->stop) && (!p->progress || p->progress(p->data, progress));
}

static void find(void *data)
{
    struct provenance *p = data;
    p->ok = engine_digest(p->plan->model, go_on, p, p->hex, &p->err);
}

bool provenance_begin(struct provenance *p, const struct pare_plan *plan,
                      const struct pare_run_options *options, bool beside, struct pare_error *err)
{
    *p = (struct provenance){ .plan = plan, .ok = true };
    memcpy(p->hex, plan->source_sha256, sizeof(p->hex));
    if (!plan->digest || *p->hex)
        return true;
    if (beside && plan->model->model->source->ops->read_by_many)
        return pool_start(find, p, &p->task, err);
    p->progress = options->progress;
    p->data = options->data;
    find(p);
    return provenance_settle(p, err);
}

bool provenance_settle(struct provenance *p, struct pare_error *err)
{
    pool_join(p->task);
    p->task = NULL;
    if (!p->ok)
        *err = p->err;
    return p->ok;
}

void provenance_stop(struct provenance *p)
{
    atomic_store(&p->stop, true);
    pool_join(p->task);
    p->task = NULL;
}
