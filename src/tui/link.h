/* SPDX-License-Identifier: MIT */
/*
 * The registry as an event loop has it: found, started, connected, asked, lost and
 * found again, and never waited for.
 *
 * Requests queue up and run one at a time. A connection that breaks fails the request
 * under way; what waits is sent after the next connect, which is tried after a quarter
 * of a second, then twice that, up to five. A request that writes is never sent twice.
 * Where the connection is direct it listens for word of jobs: a gain, for views ask by the clock too.
 */
#ifndef PARE_TUI_LINK_H
#define PARE_TUI_LINK_H

#include <sys/types.h>

#include "base/arena.h"
#include "cluster/cluster.h"
#include "pare/error.h"
#include "registry/browse.h"
#include "registry/registry.h"

struct buf;
struct request;

/*
 * The answer: rows[i] of statement i (NULL for one with its own reader), freed after the call;
 * or `err`. A broken connection is PARE_ERR_NO_DATABASE, and what was written is not known.
 */
typedef void request_fn(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err);

struct request {
    struct request *next;
    struct arena arena; /* goes with the request */
    struct browse_batch batch;
    void *owner; /* NULL: nobody listens any more */
    request_fn *done;
    int64_t about; /* the owner's: which row it is about */
};

enum link_state {
    LINK_STARTING, /* the private server */
    LINK_CONNECTING,
    LINK_PROBING,
    LINK_MIGRATING, /* bringing the private registry up to date, in a child process */
    LINK_READY,
    LINK_WAITING, /* to try again */
};

struct link {
    const char *conninfo; /* of somebody else's server; NULL for the private cluster */
    bool read_only;

    enum link_state state;
    int64_t since_ms;    /* when it came to be in that state */
    int64_t deadline_ms; /* of the state; INT64_MAX: none */
    int64_t heard_ms;    /* when the server last said something, while it is asked */
    int64_t backoff_ms;
    struct cluster cluster;
    struct cluster_launch launch;
    struct pg *pg;
    struct registry registry; /* of the last connection that worked */
    bool known;               /* there was one */
    pid_t migrate_pid;
    int migrate_fd;
    struct pare_error error; /* why there is no connection, while LINK_WAITING */
    struct request *first, *running;
    struct pg_rows *rows[PG_STATEMENTS_MAX];
    bool changed;       /* the state has: what is drawn of it is old. The loop's to clear */
    bool asked_backend; /* who answers, on this connection */
    bool told;          /* a job has moved. The loop's to clear */
};

/* `conninfo` and its like live as long as the link. Nothing is done before the first step. */
void link_init(struct link *link, const char *conninfo, bool read_only);
void link_done(struct link *link);

/* How to reach the registry by a connection of one's own, once the link has been ready. */
void link_put_conninfo(const struct link *link, struct buf *conninfo);

/* What to wait for besides (-1: nothing), and until when. */
int link_fd(const struct link *link, short *ret_events);
int64_t link_deadline(const struct link *link);

/* Do what can be done now. `ready`: the descriptor was. */
void link_step(struct link *link, bool ready, int64_t now_ms);

/* A request to fill in and send; NULL when memory ends. */
struct request *link_request(void *owner, request_fn *done);
void link_send(struct link *link, struct request *request); /* the link's now */
void link_drop(struct request *request);                    /* instead of sending it */
/* The owner goes: what it asked for is not asked any more, what it writes is written unheard. */
void link_forget(struct link *link, const void *owner);

bool link_is_busy(const struct link *link); /* a request is under way or waits for its turn */
/* Milliseconds since a server that was asked said anything. */
int64_t link_silence_ms(const struct link *link, int64_t now_ms);
/* Try now instead of at the end of the wait; connected and idle, look anew what this role may do. */
void link_hurry(struct link *link, int64_t now_ms);

#endif
