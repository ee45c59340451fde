/* SPDX-License-Identifier: MIT */
/* One version's surroundings as an event loop asks for them: its documents, its lineage, its measurements. */
#ifndef PARE_REGISTRY_BROWSE_FAMILY_H
#define PARE_REGISTRY_BROWSE_FAMILY_H

#include "registry/browse.h"

/* A JSON column, perhaps only its beginning. */
struct family_document {
    const char *text; /* as the server writes jsonb; NULL: there is none */
    size_t length;
    int64_t whole_bytes; /* more than `length`: it was cut */
};

/* A version of the lineage; of steps below 0 the ancestors from the root on, 0 is the version itself. */
struct family_member {
    int64_t step, id;
    const char *name, *version; /* as stored; "" when nobody knows any more */
    bool is_there;
    const char *recipe, *maker, *made_at; /* how it was made; NULL when nothing is on record */
    int64_t job_id;                       /* 0: none */
};

/* A measurement; texts as they are stored, NULL when absent. */
struct family_measurement {
    const char *at, *actor, *dataset, *against, *host, *runtime, *threads, *batch, *rows;
    double latency_ms, accuracy;     /* NAN when absent */
    const char *result, *conditions; /* JSON */
};

struct family {
    struct family_document config, metrics;
    struct family_member *members; /* children behind their parent */
    size_t member_count;
    struct family_measurement *measurements; /* newest first */
    size_t measurement_count;
};

/* A guest gets the documents only. */
void browse_ask_family(struct browse_batch *batch, bool guest, int64_t id);

/* `rows` begin where browse_ask_family() began in its batch. All of it lives in `arena`. */
MUST_CHECK bool browse_take_family(struct pg_rows *const *rows, bool guest, struct arena *arena,
                                   struct family *ret_family, struct pare_error *err);

#endif
