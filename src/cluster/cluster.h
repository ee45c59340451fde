/* SPDX-License-Identifier: MIT */
/*
 * The private PostgreSQL of a user who has none: made on first use from the
 * server found on the machine, started when needed, stopped a minute after its
 * last connection.
 *
 * Whoever needs the server asks for it through a keeper, a small detached
 * process of the account that runs the server. One keeper at a time holds
 * folder/lock for its whole life: it makes the data, starts the server, counts
 * its clients and stops it. A keeper that finds the lock taken only waits for
 * the other's server. So two starts make one server, a caller waits for one
 * socket and nothing else, and what kill -9 leaves behind (of a client, a
 * keeper, a server or an initdb) is put right by the next start.
 *
 *   folder/           ${XDG_DATA_HOME:-~/.local/share}/pare/cluster, 0700
 *     lock            held by the keeper (flock)
 *     ready           there while the server is open for use; its time is the last use
 *     log, log.old    what the server said
 *     data/           PGDATA; data.new.PID until initdb is through
 *     .s.PGSQL.5432   the socket, where the path fits the 107 bytes it may have
 *
 * The server listens on the socket only and lets in, by `peer` and pg_ident,
 * the user who made it and nobody else. PostgreSQL refuses to run as root: root's
 * server runs as the user postgres, and where that user cannot reach the folder
 * (/root is 0700, and no parent's mode is ever changed) the folder is
 * /var/lib/pare/<hash of the wanted path>.
 */
#ifndef PARE_CLUSTER_CLUSTER_H
#define PARE_CLUSTER_CLUSTER_H

#include <sys/types.h>

#include "base/base.h"
#include "pare/error.h"

struct buf;

enum {
    CLUSTER_PATH_MAX = 1024,  /* PostgreSQL's MAXPGPATH */
    CLUSTER_FOLDER_MAX = 960, /* leaves room for the longest name inside */
    CLUSTER_SOCKET_MAX = 94,  /* sun_path's 107 bytes without "/.s.PGSQL.5432", and a zero */
    CLUSTER_NAME_MAX = 64,    /* PostgreSQL's NAMEDATALEN */
    CLUSTER_CONNINFO_MAX = 8 * 1024,
    CLUSTER_NEWS_MAX = 256,
};

/* Where the cluster is and who is who. Owns nothing: copy it freely. */
struct cluster {
    char folder[CLUSTER_FOLDER_MAX];
    char socket_folder[CLUSTER_SOCKET_MAX]; /* of the running server, else of the next one */
    char role[CLUSTER_NAME_MAX];            /* who calls: the OS user and the database role */
    char account[CLUSTER_NAME_MAX]; /* who runs the server: the same, or postgres for root */
    uid_t account_uid;
    gid_t account_gid;
    int idle_seconds; /* PARE_IDLE_SECONDS, else 60 */
};

/*
 * Where the caller's cluster is or would be. Touches nothing and starts no process. Fails when the
 * user has no name or home, or when the folder is somebody else's.
 */
MUST_CHECK bool cluster_find(struct cluster *ret_cluster, struct pare_error *err);

/* Words for the user while a start takes its time; `line` is clean. False gives up waiting. */
typedef bool cluster_news_fn(void *data, const char *line);

/*
 * Make sure that the server runs, accepts connections and has the database `pare`; at once when it
 * does already. `news` (or NULL) is called five times a second with the latest words, "" before
 * the first. There is no limit while there is news; after 120 seconds without it fails. When
 * `news` gives up (PARE_ERR_INTERRUPTED) the server goes on starting. *cluster learns the socket.
 */
MUST_CHECK bool cluster_start(struct cluster *cluster, cluster_news_fn *news, void *data,
                              struct pare_error *err);

/* The same for an event loop: begin, then advance whenever `fd` is readable, until *ret_done. */
struct cluster_launch {
    int fd;                      /* to wait for; -1 when begin found the server ready */
    char news[CLUSTER_NEWS_MAX]; /* the latest words, clean */
};

/* Takes under a millisecond when the server is ready, a fork when not. */
MUST_CHECK bool cluster_launch_begin(struct cluster *cluster, struct cluster_launch *ret_launch,
                                     struct pare_error *err);
MUST_CHECK bool cluster_launch_advance(struct cluster *cluster, struct cluster_launch *launch,
                                       bool *ret_done, struct pare_error *err);
void cluster_launch_end(struct cluster_launch *launch);

/*
 * Stop the server (PostgreSQL's fast shutdown: transactions under way are rolled back) and wait
 * for its end. Not running is no error: *ret_was_running is false.
 */
MUST_CHECK bool cluster_stop(const struct cluster *cluster, bool *ret_was_running,
                             struct pare_error *err);

/* libpq's keywords for the database `pare`, the server's owner checked, appended to `buf`. */
void cluster_conninfo(const struct cluster *cluster, struct buf *buf);

/* The same as one URI that every driver reads: postgresql://role@/pare?host=...&port=5432 */
void cluster_uri(const struct cluster *cluster, struct buf *buf);

/* For `pare db status`. */
struct cluster_status {
    char data[CLUSTER_PATH_MAX]; /* PGDATA */
    bool exists;                 /* it has been made */
    bool running;
    bool ready;                /* running and open for use */
    pid_t server_pid;          /* 0 when not running */
    bool kept;                 /* a keeper will stop it when idle */
    char data_major[16];       /* "15", from PG_VERSION; "" when not made */
    char binaries_version[64]; /* "15.18 (Debian 15.18-0+deb12u1)"; "" when none serves */
    char binaries_folder[CLUSTER_PATH_MAX];
    char problem[PARE_ERROR_TEXT_MAX]; /* why none serves; "" when one does */
    int64_t size_bytes;                /* of all files in the folder; 0 when not made */
};

/* Looks, and runs `postgres -V`; changes nothing. */
MUST_CHECK bool cluster_status(const struct cluster *cluster, struct cluster_status *ret_status,
                               struct pare_error *err);

#endif
