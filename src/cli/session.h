/* SPDX-License-Identifier: MIT */
/*
 * The registry a command works on: --db, else PARE_DB, else libpq's environment, else
 * the private cluster, which is started and brought up to date when needed.
 */
#ifndef PARE_CLI_SESSION_H
#define PARE_CLI_SESSION_H

#include "cli/command.h"
#include "cluster/cluster.h"
#include "registry/registry.h"

struct pg;

struct session {
    struct pg *pg;
    struct registry registry;
    bool is_private; /* on the private cluster, which then is: */
    struct cluster cluster;
};

/* Connect and look what is there. */
MUST_CHECK bool session_open(const struct cli *cli, struct session *ret_session,
                             struct pare_error *err);
/* CLEANUP(session_close) struct session session = { 0 }; a zeroed one is closed. */
void session_close(struct session *session);

/* Whether nothing names a database, so that the private cluster is meant. */
bool session_is_private(const struct cli *cli);

/* The conninfo of --db or PARE_DB; "" for libpq's environment. */
const char *session_conninfo(const struct cli *cli);

/* Start the private cluster, saying so on a terminal. */
MUST_CHECK bool session_start_cluster(const struct cli *cli, struct cluster *ret_cluster,
                                      struct pare_error *err);

struct version;

/*
 * The version an operand names: "name:version", or "name" for its default; with --name and
 * --version instead, where a command has them, `ref` is NULL.
 */
MUST_CHECK bool session_find(const struct cli *cli, const struct session *session, const char *ref,
                             struct arena *arena, struct version *ret_version,
                             struct pare_error *err);

/* The same for the command's n-th REF, or --name and --version in its place. */
MUST_CHECK bool session_find_operand(const struct cli *cli, const struct session *session,
                                     int operand, struct arena *arena, struct version *ret_version,
                                     struct pare_error *err);

#endif
