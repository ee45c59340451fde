/* SPDX-License-Identifier: MIT */
#include "cluster/watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "cluster/place.h"
#include "cluster/process.h"
#include "cluster/server.h"
#include "pg/pg.h"

static const double STEP_SECONDS_MIN = 0.1, STEP_SECONDS_MAX = 5, POLL_SECONDS = 0.02;

bool watch_has_ended(const struct cluster *cluster, pid_t server_pid)
{
    pid_t child = waitpid(server_pid, NULL, WNOHANG);
    return child == server_pid || (child < 0 && !server_is_alive(cluster, server_pid));
}

/* ---- the connection ---- */

static bool reconnect(struct watch *watch, struct pare_error *err)
{
    struct buf conninfo;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    place_conninfo(watch->cluster, "postgres", &conninfo);
    buf_text(&conninfo, "application_name='pare keeper'");
    struct pg_options options = { .conninfo = buf_string(&conninfo) };
    bool ok = buf_ok(&conninfo, err) && pg_open(&options, &watch->pg, err);
    buf_done(&conninfo);
    return ok;
}

static void disconnect(struct watch *watch)
{
    pg_close(watch->pg);
    watch->pg = NULL;
}

static bool make_database(struct pg *pg, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(pg, "SELECT 1 FROM pg_database WHERE datname = 'pare'", PG_NO_ARGS, &rows, err))
        return false;
    return pg_row_count(rows) > 0 || pg_script(pg, "CREATE DATABASE pare", err);
}

bool watch_open(struct watch *watch, const struct cluster *cluster, pid_t server_pid,
                struct pare_error *err)
{
    *watch = (struct watch){ .cluster = cluster, .server_pid = server_pid, .ready_fd = -1 };
    if (reconnect(watch, err) && make_database(watch->pg, err))
        return true;
    watch_close(watch);
    return error_prefix(err, "the private PostgreSQL in %s", cluster->folder);
}

void watch_close(struct watch *watch)
{
    disconnect(watch);
}

/* ---- who uses it ---- */

/* Clients that are there, and sessions ever begun, for those that came and went in between. */
static const char COUNT_CLIENTS[] =
    "SELECT (SELECT count(*) FROM pg_stat_activity"
    "         WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')),"
    "       (SELECT coalesce(sum(sessions), 0)::bigint FROM pg_stat_database)";

/*
 * False only when nobody is connected and nobody has been since the last look. When it cannot be
 * told (all connections taken, say) the server counts as used. One that is stopping is not asked.
 */
static bool has_clients(struct watch *watch)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    struct pare_error ignored;
    struct server server;
    bool open = watch->pg || (server_find(watch->cluster, &server) && server.ready);
    if (!open || (!watch->pg && !reconnect(watch, &ignored)))
        return true;
    if (!pg_read(watch->pg, COUNT_CLIENTS, PG_NO_ARGS, &rows, &ignored)) {
        disconnect(watch);
        return true;
    }
    int64_t sessions = pg_int(rows, 0, 1);
    bool used = pg_int(rows, 0, 0) > 0 || sessions != watch->sessions;
    watch->sessions = sessions;
    return used;
}

/* Whether somebody asked for the server since the last look, and may be about to connect. */
static bool was_asked_for(struct watch *watch)
{
    struct stat st;
    if (fstat(watch->ready_fd, &st) != 0)
        return false;
    bool asked =
        st.st_mtim.tv_sec != watch->used_at.tv_sec || st.st_mtim.tv_nsec != watch->used_at.tv_nsec;
    watch->used_at = st.st_mtim;
    return asked;
}

static bool is_used(struct watch *watch)
{
    bool asked = was_asked_for(watch), clients = has_clients(watch);
    return asked || clients;
}

/* From here on nobody is told "ready". False, and nothing is changed, when somebody just was. */
static bool close_for_use(struct watch *watch)
{
    if (flock(watch->ready_fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    if (!is_used(watch))
        return true;
    flock(watch->ready_fd, LOCK_UN);
    return false;
}

/* ---- the loop ---- */

/* A step's sleep that ends early when the server does. */
static void wait_step(const struct watch *watch, double seconds)
{
    if (!watch->pg) {
        process_sleep(POLL_SECONDS);
        return;
    }
    bool writing;
    struct pollfd fd = { .fd = pg_socket(watch->pg, &writing), .events = POLLIN };
    poll(&fd, 1, (int)(seconds * 1000));
}

static void stop_server(struct watch *watch)
{
    disconnect(watch);
    if (!watch_has_ended(watch->cluster, watch->server_pid))
        kill(watch->server_pid, SIGINT);
    while (!watch_has_ended(watch->cluster, watch->server_pid))
        process_sleep(POLL_SECONDS);
}

void watch_run(struct watch *watch)
{
    double idle_seconds = watch->cluster->idle_seconds, idle_since = process_clock();
    double step = MIN(MAX(idle_seconds / 10, STEP_SECONDS_MIN), STEP_SECONDS_MAX);
    while (!watch_has_ended(watch->cluster, watch->server_pid)) {
        double now = process_clock();
        if (is_used(watch)) {
            idle_since = now;
        } else if (now - idle_since >= idle_seconds && close_for_use(watch)) {
            stop_server(watch);
            return;
        }
        wait_step(watch, step);
    }
}
