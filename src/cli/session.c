/* SPDX-License-Identifier: MIT */
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "pg/pg.h"
#include "registry/catalog.h"
#include "registry/migrate.h"

const char *session_conninfo(const struct cli *cli)
{
    const char *from_environment = getenv("PARE_DB");
    if (cli->db)
        return cli->db;
    return from_environment ? from_environment : "";
}

bool session_is_private(const struct cli *cli)
{
    static const char *const libpq[] = { "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE",
                                         "PGSERVICE" };
    if (*session_conninfo(cli))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(libpq); i++)
        if (getenv(libpq[i]) && *getenv(libpq[i]))
            return false;
    return true;
}

struct news {
    const struct cli *cli;
    bool shown;
    int calls;
};

/* Called five times a second; the first second passes in silence. */
static bool show_news(void *data, const char *line)
{
    struct news *news = data;
    if (++news->calls > 5 && cli_is_watched()) {
        fprintf(stderr, "\r\033[Kstarting the private database: %.60s", line);
        news->shown = true;
    }
    return !*news->cli->interrupt;
}

bool session_start_cluster(const struct cli *cli, struct cluster *ret_cluster,
                           struct pare_error *err)
{
    struct news news = { .cli = cli };
    if (!cluster_find(ret_cluster, err))
        return false;
    bool ok = cluster_start(ret_cluster, show_news, &news, err);
    if (news.shown)
        fputs("\r\033[K", stderr);
    return ok;
}

static bool connect(const struct cli *cli, struct session *session, struct pare_error *err)
{
    struct buf conninfo;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    session->is_private = session_is_private(cli);
    bool ok = true;
    if (session->is_private) {
        ok = session_start_cluster(cli, &session->cluster, err);
        if (ok)
            cluster_conninfo(&session->cluster, &conninfo);
    } else {
        buf_text(&conninfo, session_conninfo(cli));
    }
    struct pg_options options = { .conninfo = buf_string(&conninfo),
                                  .read_only = cli->read_only,
                                  .interrupt = cli->interrupt };
    ok = ok && buf_ok(&conninfo, err) && pg_open(&options, &session->pg, err);
    buf_done(&conninfo);
    return ok;
}

/* On the private cluster the schema is pare's own affair. */
static bool bring_up_to_date(const struct cli *cli, struct session *session, struct pare_error *err)
{
    const struct registry *registry = &session->registry;
    if (!session->is_private || cli->read_only ||
        (registry->schema == migrate_newest() && registry->has_models))
        return true;
    if (!migrate_run(registry, err))
        return false;
    registry_done(&session->registry);
    return registry_init(&session->registry, session->pg, cli->read_only, err);
}

bool session_open(const struct cli *cli, struct session *ret_session, struct pare_error *err)
{
    struct session session = { 0 };
    bool ok = connect(cli, &session, err) &&
              registry_init(&session.registry, session.pg, cli->read_only, err) &&
              bring_up_to_date(cli, &session, err);
    if (!ok) {
        session_close(&session);
        return false;
    }
    *ret_session = session;
    return true;
}

void session_close(struct session *session)
{
    registry_done(&session->registry);
    pg_close(session->pg);
    session->pg = NULL;
}

bool session_find(const struct cli *cli, const struct session *session, const char *ref,
                  struct arena *arena, struct version *ret_version, struct pare_error *err)
{
    const char *name, *version;
    (void)cli;
    return version_split(ref, arena, &name, &version, err) &&
           catalog_find(&session->registry, name, version, arena, ret_version, err);
}

bool session_find_operand(const struct cli *cli, const struct session *session, int operand,
                          struct arena *arena, struct version *ret_version, struct pare_error *err)
{
    const char *name = cli_option(cli, "name");
    if (operand < cli->operand_count && !name)
        return session_find(cli, session, cli->operands[operand], arena, ret_version, err);
    if (!name || cli->operand_count > 0)
        return error_set(err, PARE_ERR_USAGE,
                         "one REF, or --name N --version V in its place, was expected");
    return catalog_find(&session->registry, name, cli_option(cli, "version"), arena, ret_version,
                        err);
}
