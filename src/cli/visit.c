/* SPDX-License-Identifier: MIT */
#include "cli/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/where.h"
#include "pg/pg.h"
#include "registry/catalog.h"
#include "registry/migrate.h"

bool visit_is_private(const struct cli *cli)
{
    return !where_conninfo(cli->db);
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

bool visit_start_cluster(const struct cli *cli, struct cluster *ret_cluster, struct pare_error *err)
{
    struct news news = { .cli = cli };
    if (!cluster_find(ret_cluster, err))
        return false;
    bool ok = cluster_start(ret_cluster, show_news, &news, err);
    if (news.shown)
        fputs("\r\033[K", stderr);
    return ok;
}

static bool connect(const struct cli *cli, struct visit *visit, struct pare_error *err)
{
    struct buf conninfo;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    visit->is_private = visit_is_private(cli);
    bool ok = true;
    if (visit->is_private) {
        ok = visit_start_cluster(cli, &visit->cluster, err);
        if (ok)
            cluster_conninfo(&visit->cluster, &conninfo);
    } else {
        buf_text(&conninfo, where_conninfo(cli->db));
    }
    struct pg_options options = { .conninfo = buf_string(&conninfo),
                                  .read_only = cli->read_only,
                                  .interrupt = cli->interrupt };
    ok = ok && buf_ok(&conninfo, err) && pg_open(&options, &visit->pg, err);
    buf_done(&conninfo);
    return ok;
}

/* On the private cluster the schema is pare's own affair. */
static bool bring_up_to_date(const struct cli *cli, struct visit *visit, struct pare_error *err)
{
    const struct registry *registry = &visit->registry;
    if (!visit->is_private || cli->read_only ||
        (registry->schema == migrate_newest() && registry->has_models))
        return true;
    if (!migrate_run(registry, err))
        return false;
    registry_done(&visit->registry);
    return registry_init(&visit->registry, visit->pg, cli->read_only, err);
}

bool visit_open(const struct cli *cli, struct visit *ret_visit, struct pare_error *err)
{
    struct visit visit = { 0 };
    bool ok = connect(cli, &visit, err) &&
              registry_init(&visit.registry, visit.pg, cli->read_only, err) &&
              bring_up_to_date(cli, &visit, err);
    if (!ok) {
        visit_close(&visit);
        return false;
    }
    *ret_visit = visit;
    return true;
}

void visit_close(struct visit *visit)
{
    registry_done(&visit->registry);
    pg_close(visit->pg);
    visit->pg = NULL;
}

bool visit_find(const struct cli *cli, const struct visit *visit, const char *ref,
                struct arena *arena, struct version *ret_version, struct pare_error *err)
{
    const char *name, *version;
    (void)cli;
    return version_split(ref, arena, &name, &version, err) &&
           catalog_find(&visit->registry, name, version, arena, ret_version, err);
}

bool visit_find_operand(const struct cli *cli, const struct visit *visit, int operand,
                        struct arena *arena, struct version *ret_version, struct pare_error *err)
{
    const char *name = cli_option(cli, "name");
    if (operand < cli->operand_count && !name)
        return visit_find(cli, visit, cli->operands[operand], arena, ret_version, err);
    if (!name || cli->operand_count > 0)
        return error_set(err, PARE_ERR_USAGE,
                         "one REF, or --name N --version V in its place, was expected");
    return catalog_find(&visit->registry, name, cli_option(cli, "version"), arena, ret_version,
                        err);
}
