/* SPDX-License-Identifier: MIT */
/* Which database is meant: --db, else PARE_DB, else libpq's environment, else the private one. */
#ifndef PARE_CLI_WHERE_H
#define PARE_CLI_WHERE_H

/* libpq's conninfo ("": its own environment says it), or NULL for the private one. `db` may be NULL. */
const char *where_conninfo(const char *db);

#endif
