/* SPDX-License-Identifier: MIT */
/*
 * The private PostgreSQL from a shell: drive start|leave|stop|status|connect|conninfo|uri.
 * Exits with the error's code of include/pare/error.h; words go to stderr.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "cluster/cluster.h"
#include "pg/pg.h"

static int fail(const struct pare_error *err)
{
    fprintf(stderr, "%s: %s\n", pare_error_name(err->code), err->text);
    return (int)err->code;
}

/* News on stderr, each line once. */
static bool show(void *data, const char *line)
{
    char *last = data;
    if (line[0] && strcmp(last, line) != 0)
        fprintf(stderr, "news: %s\n", line);
    snprintf(last, CLUSTER_NEWS_MAX, "%s", line);
    return true;
}

static int start(struct cluster *cluster, struct pare_error *err)
{
    char last[CLUSTER_NEWS_MAX] = "";
    return cluster_start(cluster, show, last, err) ? 0 : fail(err);
}

/* A caller that gives up at once; the keeper goes on. */
static bool give_up(void *data, const char *line)
{
    (void)data;
    (void)line;
    return false;
}

static int start_and_leave(struct cluster *cluster, struct pare_error *err)
{
    return cluster_start(cluster, give_up, NULL, err) ? 0 : fail(err);
}

static int stop(struct cluster *cluster, struct pare_error *err)
{
    bool was_running;
    if (!cluster_stop(cluster, &was_running, err))
        return fail(err);
    puts(was_running ? "stopped" : "not running");
    return 0;
}

static int status(struct cluster *cluster, struct pare_error *err)
{
    struct cluster_status s;
    if (!cluster_status(cluster, &s, err))
        return fail(err);
    printf("folder=%s\ndata=%s\nsocket=%s\nrole=%s\naccount=%s\nidle_seconds=%d\n", cluster->folder,
           s.data, cluster->socket_folder, cluster->role, cluster->account, cluster->idle_seconds);
    printf("exists=%d\nrunning=%d\nready=%d\npid=%d\nkept=%d\ndata_major=%s\nbinaries=%s\n",
           s.exists, s.running, s.ready, (int)s.server_pid, s.kept, s.data_major,
           s.binaries_version);
    printf("bindir=%s\nproblem=%s\nsize=%lld\n", s.binaries_folder, s.problem,
           (long long)s.size_bytes);
    return 0;
}

/* Start, connect and say what a client sees. */
static int connect_to(struct cluster *cluster, struct pare_error *err)
{
    int code = start(cluster, err);
    if (code)
        return code;
    struct buf conninfo;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    cluster_conninfo(cluster, &conninfo);
    struct pg_options options = { .conninfo = buf_string(&conninfo) };
    struct pg *pg = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    static const char sql[] = "SELECT current_user || ' ' || current_database()";
    bool ok = buf_ok(&conninfo, err) && pg_open(&options, &pg, err) &&
              pg_read(pg, sql, PG_NO_ARGS, &rows, err);
    if (ok)
        puts(pg_text(rows, 0, 0));
    pg_close(pg);
    buf_done(&conninfo);
    return ok ? 0 : fail(err);
}

static int print(struct cluster *cluster, struct pare_error *err,
                 void (*words)(const struct cluster *, struct buf *))
{
    struct buf buf;
    buf_init(&buf, CLUSTER_CONNINFO_MAX);
    words(cluster, &buf);
    bool ok = buf_ok(&buf, err);
    if (ok)
        puts(buf_string(&buf));
    buf_done(&buf);
    return ok ? 0 : fail(err);
}

int main(int argc, char **argv)
{
    struct pare_error err;
    struct cluster cluster;
    const char *verb = argc == 2 ? argv[1] : "";
    if (!cluster_find(&cluster, &err))
        return fail(&err);
    if (!strcmp(verb, "start"))
        return start(&cluster, &err);
    if (!strcmp(verb, "leave"))
        return start_and_leave(&cluster, &err);
    if (!strcmp(verb, "stop"))
        return stop(&cluster, &err);
    if (!strcmp(verb, "status"))
        return status(&cluster, &err);
    if (!strcmp(verb, "connect"))
        return connect_to(&cluster, &err);
    if (!strcmp(verb, "conninfo"))
        return print(&cluster, &err, cluster_conninfo);
    if (!strcmp(verb, "uri"))
        return print(&cluster, &err, cluster_uri);
    fprintf(stderr, "usage: drive start|leave|stop|status|connect|conninfo|uri\n");
    return (int)PARE_ERR_USAGE;
}
