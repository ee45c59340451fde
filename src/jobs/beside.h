/* SPDX-License-Identifier: MIT */
/*
 * A process beside the browser, for what takes longer than a key may wait.
 *
 * It reads a version on a connection of its own and talks over a pair of sockets, a packet at a
 * time. Nobody waits for it and nothing has to be collected: when its starter goes, or closes its
 * end, it ends by itself: what it sends fails, and a server that it waits for is asked to stop.
 */
#ifndef PARE_JOBS_BESIDE_H
#define PARE_JOBS_BESIDE_H

#include <signal.h>

#include "base/arena.h"
#include "base/base.h"
#include "jobs/spool.h"
#include "registry/registry.h"
#include "registry/version.h"

struct job_news;
struct pare_error;
struct pare_model;

/* Where its end of the sockets is; and of one text in a packet, the most bytes. */
enum { BESIDE_SOCKET = 3, BESIDE_TEXT_MAX = 1024 };

/* Which version, and how to reach it. Read during the call only. */
struct beside_source {
    const char *conninfo;
    bool read_only;
    const char *name, *version; /* as they are stored */
};

/* What the process is to do; it ends when this returns. */
typedef void beside_fn(const struct beside_source *source);

/* Start it: a process of its own session, with nothing of the starter's but the socket *ret_fd. */
MUST_CHECK bool beside_start(beside_fn *serve, const struct beside_source *source, int *ret_fd,
                             struct pare_error *err);

/* ---- in the process ---- */

/* Append a text to a packet, cleaned and zero-terminated, BESIDE_TEXT_MAX bytes at most; NULL is "". */
void beside_put_text(char *packet, size_t *length, const char *text);

/* A copy of the version at hand. */
struct beside_copy {
    struct registry registry;
    struct spool spool;
    struct spooled bytes;
    struct version version;
    struct arena arena;
    struct pare_model *model;
};

/*
 * Read the version into a spool and open it; `told` hears how far it is. With `report`, what the
 * engine said of it when it was made comes first, JSON in the arena, NULL when nothing is on
 * record. The connection is closed again. The caller closes the copy, also after a failure.
 */
MUST_CHECK bool beside_read(const struct beside_source *source, volatile sig_atomic_t *over,
                            void (*told)(void *data, const struct job_news *news), void *data,
                            const char **report, struct beside_copy *ret_copy,
                            struct pare_error *err);
void beside_close(struct beside_copy *copy);

/* ---- in the starter ---- */

/*
 * The next packet, into `packet`: its bytes; 0 when there is none yet, -1 when the other end is
 * gone.
 */
ssize_t beside_receive(int fd, char *packet, size_t room);

/* The zero-terminated texts from `at` on; false when there are not so many before `end`. */
MUST_CHECK bool beside_texts(const char *at, const char *end, const char **ret_texts, size_t count);

#endif
