/* SPDX-License-Identifier: MIT */
/*
 * Versions by model as a tree, what a version was made of above it: the lines that z shows in the
 * browser (tui/grouping.h), with how deep each one stands and below which version.
 *
 * Models come in the order of their first version in the order in force, and so do siblings. A
 * version that was filtered away leaves the tree whole: what was made of it hangs on the next one
 * above that is there.
 */
#ifndef PARE_CLI_LINEAGE_H
#define PARE_CLI_LINEAGE_H

#include "registry/version.h"

struct arena;
struct pare_error;

struct lineage_line {
    const struct version *version;
    const struct version *parent; /* which it stands below; NULL: none of those shown */
    uint32_t depth;               /* 0: a root */
    const char *branch;           /* what is drawn before it: "| |-" */
};

/*
 * Arrange `kept` (count), in its order; `all` (all_count) are the versions it was chosen from,
 * ordered by name. The lines are in `arena`; what is in `kept` alone is left out.
 */
MUST_CHECK bool lineage_arrange(const struct version *const *all, size_t all_count,
                                const struct version *const *kept, size_t count,
                                struct arena *arena, struct lineage_line **ret_lines,
                                size_t *ret_count, struct pare_error *err);

#endif
