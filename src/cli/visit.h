/* SPDX-License-Identifier: MIT */
/*
 * A command's visit to a registry: --db, else PARE_DB, else libpq's environment, else
 * the private cluster, which is started and brought up to date when needed.
 */
#ifndef PARE_CLI_VISIT_H
#define PARE_CLI_VISIT_H

#include "cli/command.h"
#include "cluster/cluster.h"
#include "registry/registry.h"

struct pg;

struct visit {
    struct pg *pg;
    struct registry registry;
    bool is_private; /* on the private cluster, which then is: */
    struct cluster cluster;
};

/* Connect and look what is there. */
MUST_CHECK bool visit_open(const struct cli *cli, struct visit *ret_visit, struct pare_error *err);
/* CLEANUP(visit_close) struct visit visit = { 0 }; a zeroed one is closed. */
void visit_close(struct visit *visit);

/* Whether nothing names a database, so that the private cluster is meant. */
bool visit_is_private(const struct cli *cli);

/* Start the private cluster, saying so on a terminal. */
MUST_CHECK bool visit_start_cluster(const struct cli *cli, struct cluster *ret_cluster,
                                    struct pare_error *err);

struct version;

/*
 * The version an operand names: "name:version", or "name" for its default; with --name and
 * --version instead, where a command has them, `ref` is NULL.
 */
MUST_CHECK bool visit_find(const struct cli *cli, const struct visit *visit, const char *ref,
                           struct arena *arena, struct version *ret_version,
                           struct pare_error *err);

/* The same for the command's n-th REF, or --name and --version in its place. */
MUST_CHECK bool visit_find_operand(const struct cli *cli, const struct visit *visit, int operand,
                                   struct arena *arena, struct version *ret_version,
                                   struct pare_error *err);

#endif
