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

/* `recipe` is JSON, pare-recipe(5). */
MUST_CHECK bool transform_do(struct cli *cli, const char *recipe, struct pare_error *err);

/* The options all three take, to stand in their lists. */
#define TRANSFORM_OPTIONS                                                                          \
    { "o", "FILE", "work on a file: write this one" },                                             \
        { "as", "V", "the new version's name; else made from the old one's" },                     \
        { "external-data", NULL, "put weights into FILE.data (files)" },                           \
        { "external-bytes", "N", "of at least so many bytes; else 1024" },                         \
        { "dry-run", NULL, "only the plan: every tensor, sizes exact" },                           \
        { "report", "FILE", "write what it cost, tensor by tensor, as JSON" },                     \
        { "detach", NULL, "do not wait; print the job's number" },                                 \
        { "no-digest", NULL, "leave the source's SHA-256 out of the output (files)" },             \
        { "threads", "N", "so many, which changes no byte; else one a processor (files)" },        \
    {                                                                                              \
        "no-sync", NULL, "do not wait for the disk (files)"                                        \
    }

/* Which tensors, for quantize and prune; read by cli/pick.h. */
#define CHOICE_OPTIONS                                                                             \
    { "include", "GLOB", "only tensors or nodes so named; may be given again" },                   \
        { "exclude", "GLOB", "not these; may be given again" },                                    \
        { "ops", "LIST", "only what feeds these operators, as MatMul,Conv" },                      \
    {                                                                                              \
        "tensor", "GLOB=S", "these by scheme S, or keep; the last match wins"                      \
    }

/*
 * Whether the operand is a file, by the rule above; where it could be a version just as well
 * it fails, naming both. `told`: -o is given.
 */
MUST_CHECK bool transform_is_file(const struct cli *cli, const char *operand, bool told,
                                  bool *ret_is, struct pare_error *err);

/* Whether the operand is written like a file's name. */
bool transform_looks_like_file(const char *operand);

/* Whether `word` is among the choices; else the error names --option and what there is. */
struct pare_choice;
MUST_CHECK bool transform_check_choice(const char *option, const char *word,
                                       const struct pare_choice *choice(size_t index),
                                       struct pare_error *err);

#endif
