/* SPDX-License-Identifier: MIT */
#include "cluster/cluster.h"

#include <errno.h>
#include <fts.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cluster/binaries.h"
#include "cluster/keeper.h"
#include "cluster/place.h"
#include "cluster/process.h"
#include "cluster/server.h"

enum { NEWS_STEP_MS = 200, STOP_SECONDS_MAX = 60 };

/* The running server's socket, which may have been started with another XDG_RUNTIME_DIR. */
static void learn_socket(struct cluster *cluster)
{
    struct server server;
    if (server_find(cluster, &server) && server.socket_folder[0])
        memcpy(cluster->socket_folder, server.socket_folder, sizeof(cluster->socket_folder));
}

bool cluster_find(struct cluster *ret_cluster, struct pare_error *err)
{
    struct cluster cluster;
    if (!place_find(&cluster, err))
        return false;
    learn_socket(&cluster);
    *ret_cluster = cluster;
    return true;
}

/* ---- start ---- */

bool cluster_launch_begin(struct cluster *cluster, struct cluster_launch *ret_launch,
                          struct pare_error *err)
{
    struct cluster_launch launch = { .fd = -1 };
    if (keeper_note_use(cluster))
        learn_socket(cluster);
    else if (!keeper_start(cluster, &launch.fd, err))
        return false;
    *ret_launch = launch;
    return true;
}

/* One packet of the keeper's, see keeper.h. */
static bool take_word(struct cluster_launch *launch, const char *packet, size_t length,
                      bool *ret_done, struct pare_error *err)
{
    *ret_done = packet[0] == KEEPER_READY;
    if (packet[0] == KEEPER_NEWS)
        text_clean(packet + 1, length - 1, launch->news, sizeof(launch->news));
    if (packet[0] == KEEPER_FAILED && length > 2)
        return error_set(err, (enum pare_error_code)packet[1], "%s", packet + 2);
    return true;
}

bool cluster_launch_advance(struct cluster *cluster, struct cluster_launch *launch, bool *ret_done,
                            struct pare_error *err)
{
    char packet[PARE_ERROR_TEXT_MAX + 2];
    bool done = launch->fd < 0;
    while (!done) {
        ssize_t n = recv(launch->fd, packet, sizeof(packet) - 1, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0)
            return error_set(err, PARE_ERR_NO_DATABASE,
                             "the keeper of the private PostgreSQL ended before the server was "
                             "ready: see %s/log",
                             cluster->folder);
        packet[n] = '\0';
        if (!take_word(launch, packet, (size_t)n, &done, err))
            return false;
    }
    if (done)
        learn_socket(cluster);
    *ret_done = done;
    return true;
}

void cluster_launch_end(struct cluster_launch *launch)
{
    if (launch->fd >= 0)
        close(launch->fd);
    launch->fd = -1;
}

static bool wait_launched(struct cluster *cluster, struct cluster_launch *launch,
                          cluster_news_fn *news, void *data, struct pare_error *err)
{
    for (bool done = false;;) {
        if (!cluster_launch_advance(cluster, launch, &done, err))
            return false;
        if (done)
            return true;
        if (news && !news(data, launch->news))
            return error_set(err, PARE_ERR_INTERRUPTED,
                             "interrupted; the private PostgreSQL goes on starting");
        struct pollfd fd = { .fd = launch->fd, .events = POLLIN };
        poll(&fd, 1, NEWS_STEP_MS);
    }
}

bool cluster_start(struct cluster *cluster, cluster_news_fn *news, void *data,
                   struct pare_error *err)
{
    struct cluster_launch launch;
    if (!cluster_launch_begin(cluster, &launch, err))
        return false;
    bool ok = wait_launched(cluster, &launch, news, data, err);
    cluster_launch_end(&launch);
    return ok;
}

/* ---- stop ---- */

bool cluster_stop(const struct cluster *cluster, bool *ret_was_running, struct pare_error *err)
{
    double deadline = process_clock() + STOP_SECONDS_MAX;
    struct server server;
    pid_t told = 0;
    bool was_running = false;
    for (;;) {
        bool running = server_find(cluster, &server), kept = keeper_is_there(cluster);
        was_running |= running;
        if (!running && !kept)
            break;
        if (running && server.pid != told) {
            if (kill(server.pid, SIGINT) != 0 && errno != ESRCH)
                return error_errno(err, "cannot stop the server, process %d", (int)server.pid);
            told = server.pid;
        }
        if (process_clock() > deadline)
            return error_set(err, PARE_ERR_FAILED,
                             "the private PostgreSQL in %s has not stopped within %d seconds: see "
                             "its log there",
                             cluster->folder, STOP_SECONDS_MAX);
        process_sleep(0.02);
    }
    *ret_was_running = was_running;
    return true;
}

/* ---- names ---- */

void cluster_conninfo(const struct cluster *cluster, struct buf *buf)
{
    place_conninfo(cluster, "pare", buf);
}

/* RFC 3986's unreserved characters and the slash stay as they are. */
static void put_escaped(struct buf *buf, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    for (; *text; text++)
        if (strchr(plain, *text))
            buf_char(buf, *text);
        else
            buf_printf(buf, "%%%02X", (unsigned)(unsigned char)*text);
}

void cluster_uri(const struct cluster *cluster, struct buf *buf)
{
    buf_text(buf, "postgresql://");
    put_escaped(buf, cluster->role);
    buf_text(buf, "@/pare?host=");
    put_escaped(buf, cluster->socket_folder);
    buf_text(buf, "&port=5432");
}

/* ---- status ---- */

/* Files that vanish meanwhile count nothing. */
static int64_t folder_size(const char *folder)
{
    char *const roots[] = { (char *)folder, NULL };
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    int64_t size_bytes = 0;
    if (!walk)
        return 0;
    for (FTSENT *entry; (entry = fts_read(walk));)
        if (entry->fts_info == FTS_F)
            size_bytes += entry->fts_statp->st_size;
    fts_close(walk);
    return size_bytes;
}

bool cluster_status(const struct cluster *cluster, struct cluster_status *ret_status,
                    struct pare_error *err)
{
    struct cluster_status status = { .exists = false };
    struct server server = { .pid = 0 };
    struct stat st;
    if (stat(cluster->folder, &st) != 0 && errno != ENOENT)
        return error_errno(err, "cannot look at %s", cluster->folder);
    place_path(cluster, "data", status.data);
    place_data_major(cluster, status.data_major);
    status.exists = status.data_major[0] != '\0';
    status.running = server_find(cluster, &server);
    status.ready = server.ready;
    status.server_pid = server.pid;
    status.kept = keeper_is_there(cluster);
    status.size_bytes = folder_size(cluster->folder);
    struct binaries_sources sources = binaries_sources();
    struct binaries binaries = { 0 };
    struct pare_error why = { 0 };
    if (!binaries_find(&sources, cluster, status.data_major, &binaries, &why))
        memcpy(status.problem, why.text, sizeof(status.problem));
    snprintf(status.binaries_version, sizeof(status.binaries_version), "%s", binaries.version);
    snprintf(status.binaries_folder, sizeof(status.binaries_folder), "%s", binaries.folder);
    *ret_status = status;
    return true;
}
