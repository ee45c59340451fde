/* SPDX-License-Identifier: MIT */
/*
 * quantize, prune and run have one body: a recipe, applied to a file or to a version.
 *
 * An operand is a FILE if -o is given, or if it contains a "/" or ends in a known
 * suffix, and exists. On files no database is touched; on a version the work is a job.
 */
#ifndef PARE_CLI_TRANSFORM_H
#define PARE_CLI_TRANSFORM_H

#include "cli/command.h"

struct transform_request {
    const char *recipe; /* JSON */
    const char *scheme; /* what the version's name gets in place of the old scheme; NULL: none */
    const char *suffix; /* what is appended to the name: "l1p50"; NULL: nothing */
    const char *optimization; /* of the new version */
};

MUST_CHECK bool transform_do(struct cli *cli, const struct transform_request *request,
                             struct pare_error *err);

/* The options all three take, to stand in their lists. */
#define TRANSFORM_OPTIONS                                                                          \
    { "o", "FILE", "work on a file: write this one" },                                             \
        { "as", "V", "the new version's name; else made from the old one's" },                     \
        { "dry-run", NULL, "only the plan: every tensor, sizes exact" },                           \
        { "report", "FILE", "write what it cost, tensor by tensor, as JSON" },                     \
        { "detach", NULL, "do not wait; print the job's number" },                                 \
        { "no-digest", NULL, "leave the source's SHA-256 out of the output (files)" },             \
    {                                                                                              \
        "no-sync", NULL, "do not wait for the disk (files)"                                        \
    }

/* "v1.0_fp32" and "int8" -> "v1.0_int8"; with a suffix "l1p50" -> "v1.0_fp32_l1p50". In `arena`. */
char *transform_name(const char *version, const struct transform_request *request,
                     struct arena *arena);

/*
 * Whether the operand is a file, by the rule above; where it could be a version just as well
 * it fails, naming both. `told`: -o is given.
 */
MUST_CHECK bool transform_is_file(const struct cli *cli, const char *operand, bool told,
                                  bool *ret_is, struct pare_error *err);

/* Whether the operand is written like a file's name. */
bool transform_looks_like_file(const char *operand);

/* The include and exclude globs of a step, ", \"include\": [...]", from --include and --exclude. */
struct buf;
void transform_put_globs(const struct cli *cli, struct buf *recipe);

#endif
