/* SPDX-License-Identifier: MIT */
#include "tui/link.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/migrate.h"
#include "tui/rescue.h"

enum { BACKOFF_FIRST_MS = 250, BACKOFF_MAX_MS = 5000, CONNECT_MS = 10000 };

void link_init(struct link *link, const char *conninfo, bool read_only)
{
    *link = (struct link){
        .conninfo = conninfo,
        .read_only = read_only,
        .state = LINK_WAITING,
        .launch = { .fd = -1 },
        .migrate_fd = -1,
        .backoff_ms = BACKOFF_FIRST_MS,
    };
}

static void free_rows(struct link *link)
{
    for (size_t i = 0; i < PG_STATEMENTS_MAX; i++) {
        pg_rows_free(link->rows[i]);
        link->rows[i] = NULL;
    }
}

void link_drop(struct request *request)
{
    if (!request)
        return;
    struct arena arena = request->arena; /* the request itself is in it */
    arena_done(&arena);
}

void link_done(struct link *link)
{
    while (link->first) {
        struct request *next = link->first->next;
        link_drop(link->first);
        link->first = next;
    }
    link_drop(link->running);
    free_rows(link);
    pg_close(link->pg);
    cluster_launch_end(&link->launch);
    if (link->migrate_fd >= 0)
        close(link->migrate_fd);
    if (link->known)
        registry_done(&link->registry);
}

static void enter(struct link *link, enum link_state state, int64_t now_ms, int64_t deadline_ms)
{
    link->state = state;
    link->since_ms = link->heard_ms = now_ms;
    link->deadline_ms = deadline_ms;
    link->changed = true;
}

/* ---- requests ---- */

struct request *link_request(void *owner, request_fn *done)
{
    struct arena arena = { 0 };
    struct request *request = arena_alloc(&arena, sizeof(*request));
    if (!request)
        return NULL;
    request->arena = arena;
    request->owner = owner;
    request->done = done;
    request->batch.arena = &request->arena;
    return request;
}

void link_send(struct link *link, struct request *request)
{
    struct request **end = &link->first;
    while (*end)
        end = &(*end)->next;
    *end = request;
}

void link_forget(struct link *link, const void *owner)
{
    if (link->running && link->running->owner == owner)
        link->running->owner = NULL;
    for (struct request **at = &link->first; *at;) {
        struct request *request = *at;
        bool is_his = request->owner == owner;
        if (is_his && request->batch.write)
            request->owner = NULL;
        if (is_his && !request->batch.write) {
            *at = request->next;
            link_drop(request);
        } else {
            at = &request->next;
        }
    }
}

bool link_is_busy(const struct link *link)
{
    return link->running || link->first;
}

static void finish(struct link *link, const struct pare_error *err)
{
    struct request *request = link->running;
    link->running = NULL;
    if (!request)
        return;
    if (!err) {
        for (size_t i = 0; i < request->batch.count; i++)
            link->rows[i] = pg_take(link->pg, i);
    }
    if (request->owner)
        request->done(request->owner, request, link->rows, err);
    free_rows(link);
    link_drop(request);
}

/* ---- losing and trying again ---- */

static void lose(struct link *link, const struct pare_error *err, int64_t now_ms)
{
    link->error = *err;
    finish(link, err);
    pg_close(link->pg);
    link->pg = NULL;
    cluster_launch_end(&link->launch);
    link->launch.fd = -1;
    enter(link, LINK_WAITING, now_ms, now_ms + link->backoff_ms);
    link->backoff_ms = MIN(2 * link->backoff_ms, BACKOFF_MAX_MS);
}

void link_put_conninfo(const struct link *link, struct buf *conninfo)
{
    if (link->conninfo)
        buf_text(conninfo, link->conninfo);
    else
        cluster_conninfo(&link->cluster, conninfo);
}

static void connect(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    struct buf conninfo;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    link_put_conninfo(link, &conninfo);
    struct pg_options options = { .conninfo = buf_string(&conninfo), .read_only = link->read_only };
    if (!buf_ok(&conninfo, &err) || !pg_connect_start(&options, &link->pg, &err))
        lose(link, &err, now_ms);
    else
        enter(link, LINK_CONNECTING, now_ms, now_ms + CONNECT_MS);
    buf_done(&conninfo);
}

static void start(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    if (link->conninfo) {
        connect(link, now_ms);
    } else if (!cluster_find(&link->cluster, &err) ||
               !cluster_launch_begin(&link->cluster, &link->launch, &err)) {
        lose(link, &err, now_ms);
    } else if (link->launch.fd < 0) {
        connect(link, now_ms);
    } else {
        enter(link, LINK_STARTING, now_ms, INT64_MAX);
    }
}

static void step_launch(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    bool done = false;
    link->changed = true;
    if (!cluster_launch_advance(&link->cluster, &link->launch, &done, &err)) {
        lose(link, &err, now_ms);
    } else if (done) {
        cluster_launch_end(&link->launch);
        link->launch.fd = -1;
        connect(link, now_ms);
    }
}

/* ---- what the connection is ---- */

static void probe(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    struct arena arena = { 0 };
    struct browse_batch batch = { .arena = &arena };
    browse_ask_registry(&batch);
    if (pg_start(link->pg, false, batch.statements, batch.count, &err))
        enter(link, LINK_PROBING, now_ms, now_ms + CONNECT_MS);
    else
        lose(link, &err, now_ms);
    arena_done(&arena);
}

void link_hurry(struct link *link, int64_t now_ms)
{
    if (link->state == LINK_WAITING)
        link->deadline_ms = 0;
    else if (link->state == LINK_READY && !link_is_busy(link))
        probe(link, now_ms);
}

/*
 * Migrating waits, so a child does it, on a connection of its own: what goes wrong comes back
 * through the pipe in words, nothing when all went well.
 */
static void migrate_in_child(const struct link *link, int fd)
{
    struct pare_error err = { 0 };
    struct registry registry;
    struct pg *pg;
    struct buf conninfo;
    rescue_disarm(); /* the terminal is the parent's */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    cluster_conninfo(&link->cluster, &conninfo);
    struct pg_options options = { .conninfo = buf_string(&conninfo) };
    bool ok = pg_open(&options, &pg, &err) && registry_init(&registry, pg, false, &err) &&
              migrate_run(&registry, &err);
    if (!ok && write(fd, err.text, strlen(err.text)) < 0)
        ok = false;
    _exit(ok ? 0 : 1);
}

static void migrate(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    int ends[2];
    if (pipe(ends) != 0) {
        error_errno(&err, "cannot make a pipe");
        lose(link, &err, now_ms);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        migrate_in_child(link, ends[1]);
    }
    close(ends[1]);
    link->migrate_pid = child;
    link->migrate_fd = ends[0];
    enter(link, LINK_MIGRATING, now_ms, INT64_MAX);
}

static void step_migrate(struct link *link, int64_t now_ms)
{
    char words[PARE_ERROR_TEXT_MAX];
    ssize_t length = read(link->migrate_fd, words, sizeof(words) - 1);
    close(link->migrate_fd);
    link->migrate_fd = -1;
    waitpid(link->migrate_pid, NULL, 0); /* it has closed its end to exit */
    if (length > 0) {
        struct pare_error err;
        words[length] = '\0';
        error_set(&err, PARE_ERR_FAILED, "%s", words);
        lose(link, &err, now_ms);
        return;
    }
    probe(link, now_ms);
}

/* The answers come from the process that the connection was made to: no pooler, so it may listen. */
static void backend_came(void *owner, struct request *request, struct pg_rows *const *rows,
                         const struct pare_error *err)
{
    struct link *link = owner;
    (void)request;
    if (err || pg_row_count(rows[0]) == 0 || pg_int(rows[0], 0, 0) != pg_backend(link->pg))
        return;
    struct request *asked = link_request(NULL, NULL);
    if (!asked)
        return;
    browse_ask(&asked->batch, "LISTEN pare_job", PG_NO_ARGS);
    link_send(link, asked);
}

/* Not before the first rows: they are waited for. A standby tells nothing. */
static void ask_backend(struct link *link)
{
    if (link->asked_backend || link->first || link->registry.standby)
        return;
    struct request *asked = link_request(link, backend_came);
    link->asked_backend = true;
    if (!asked)
        return;
    browse_ask(&asked->batch, "SELECT pg_backend_pid()", PG_NO_ARGS);
    link_send(link, asked);
}

static void step_probe(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    struct registry registry;
    bool done = false;
    if (!pg_advance(link->pg, &done, &err)) {
        lose(link, &err, now_ms);
        return;
    }
    if (!done)
        return;
    struct pg_rows *rows = pg_take(link->pg, 0);
    bool ok = rows ? registry_take(&registry, rows, link->pg, link->read_only, &err)
                   : error_no_memory(&err, 0);
    pg_rows_free(rows);
    if (!ok) {
        lose(link, &err, now_ms);
        return;
    }
    if (!link->conninfo && !link->read_only &&
        (registry.schema < migrate_newest() || !registry.has_models)) {
        registry_done(&registry); /* it will be another one in a moment */
        migrate(link, now_ms);
        return;
    }
    if (link->known)
        registry_done(&link->registry);
    link->registry = registry;
    link->known = true;
    link->backoff_ms = BACKOFF_FIRST_MS;
    link->asked_backend = false;
    enter(link, LINK_READY, now_ms, INT64_MAX);
}

static void step_connect(struct link *link, int64_t now_ms)
{
    struct pare_error err;
    bool done = false;
    if (!pg_connect_advance(link->pg, &done, &err))
        lose(link, &err, now_ms);
    else if (done)
        probe(link, now_ms);
}

/* ---- asking ---- */

/* The server speaks unasked when it goes away or tells of a job; a question that costs nothing takes that in. */
static void listen(struct link *link)
{
    struct request *request = link_request(NULL, NULL);
    if (!request)
        return;
    browse_ask_snapshot(&request->batch);
    link_send(link, request);
}

static void step_ready(struct link *link, bool ready, int64_t now_ms)
{
    struct pare_error err;
    bool done = false;
    if (link->running) {
        if (!ready)
            return;
        link->heard_ms = now_ms;
        bool ok = pg_advance(link->pg, &done, &err);
        if (!ok && !pg_is_open(link->pg)) {
            lose(link, &err, now_ms);
            return;
        }
        link->told |= pg_was_notified(link->pg);
        if (done || !ok) {
            finish(link, ok ? NULL : &err);
            ask_backend(link);
        }
    } else if (ready && !link->first) {
        listen(link);
    }
    while (link->state == LINK_READY && !link->running && link->first) {
        struct request *request = link->first;
        link->first = request->next;
        link->running = request;
        link->heard_ms = now_ms;
        if (!pg_start(link->pg, request->batch.write, request->batch.statements,
                      request->batch.count, &err))
            lose(link, &err, now_ms);
    }
}

void link_step(struct link *link, bool ready, int64_t now_ms)
{
    struct pare_error err;
    /* What made it ready is the last answer before that, and nothing unasked. */
    bool was_ready = link->state == LINK_READY;
    if (now_ms >= link->deadline_ms && link->state == LINK_WAITING) {
        start(link, now_ms);
    } else if (now_ms >= link->deadline_ms) {
        error_set(&err, PARE_ERR_NO_DATABASE, "the server does not answer");
        lose(link, &err, now_ms);
    } else if (link->state == LINK_STARTING && ready) {
        step_launch(link, now_ms);
    } else if (link->state == LINK_CONNECTING && ready) {
        step_connect(link, now_ms);
    } else if (link->state == LINK_PROBING && ready) {
        step_probe(link, now_ms);
    } else if (link->state == LINK_MIGRATING && ready) {
        step_migrate(link, now_ms);
    }
    if (link->state == LINK_READY)
        step_ready(link, ready && was_ready, now_ms);
}

int link_fd(const struct link *link, short *ret_events)
{
    bool writing;
    *ret_events = POLLIN;
    switch (link->state) {
    case LINK_STARTING:
        return link->launch.fd;
    case LINK_MIGRATING:
        return link->migrate_fd;
    case LINK_WAITING:
        return -1;
    default:
        break;
    }
    int fd = pg_socket(link->pg, &writing);
    if (writing)
        *ret_events = link->state == LINK_CONNECTING ? POLLOUT : POLLIN | POLLOUT;
    return fd;
}

int64_t link_deadline(const struct link *link)
{
    return link->deadline_ms;
}

int64_t link_silence_ms(const struct link *link, int64_t now_ms)
{
    return link->running ? now_ms - link->heard_ms : 0;
}
