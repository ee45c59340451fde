/* SPDX-License-Identifier: MIT */
/*
 * The server's processes, seen from outside: is it alive, is it ready, what
 * does its log say, what has a killed one left behind.
 *
 * Alive is more than "the pid in postmaster.pid exists", for pids are used
 * again: the process works in the data folder, is called postgres and is no
 * zombie. Where there is no /proc the pid alone must do.
 */
#ifndef PARE_CLUSTER_SERVER_H
#define PARE_CLUSTER_SERVER_H

#include "base/base.h"
#include "cluster/cluster.h"

struct pare_error;

struct server {
    pid_t pid;
    bool ready; /* by its own word: it accepts connections */
    char socket_folder[CLUSTER_SOCKET_MAX];
};

/* False when no server is alive. */
bool server_find(const struct cluster *cluster, struct server *ret_server);

/* Whether that very process still runs. */
bool server_is_alive(const struct cluster *cluster, pid_t pid);

/*
 * End what a killed server has left: its backends (SIGTERM, 5 seconds later SIGQUIT) and its pid
 * and lock files. Only for the holder of the lock, while no server is alive.
 */
MUST_CHECK bool server_sweep(const struct cluster *cluster, struct pare_error *err);

/* Bytes of the log so far. */
int64_t server_log_size(const struct cluster *cluster);

/* The line of the log after `from` that tells most, clean, without time and level; "" if none. */
void server_log_line(const struct cluster *cluster, int64_t from, char *to, size_t room);

/* The same of any output: the last line that names an error, else the last line. */
void server_telling_line(const char *text, size_t length, char *to, size_t room);

#endif
