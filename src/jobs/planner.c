/* SPDX-License-Identifier: MIT */
#include "jobs/planner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "jobs/job.h"
#include "pare.h"

enum { TELL_EVERY_MS = 100 };

/* Packets both ways: this, then three zero-terminated texts; to the planner one, the recipe. */
struct packet {
    uint32_t number; /* of the recipe; 0: of none in particular */
    uint32_t kind;
    double done_fraction;
    int64_t before_bytes, after_bytes, changed_count;
};

/* ---- in the planner's own process ---- */

struct planning {
    struct beside_copy copy;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    uint32_t number;                  /* of the recipe at hand */
    char request[PLANNER_PACKET_MAX]; /* the newest one that came */
    size_t request_length;
    volatile sig_atomic_t over; /* the starter is gone */
    int64_t told_ms;
};

static void say(struct planning *p, struct packet head, const char *name, const char *action,
                const char *reason)
{
    char packet[sizeof(head) + 3 * BESIDE_TEXT_MAX];
    size_t length = sizeof(head);
    head.number = p->number;
    memcpy(packet, &head, sizeof(head));
    beside_put_text(packet, &length, name);
    beside_put_text(packet, &length, action);
    beside_put_text(packet, &length, reason);
    if (!p->over && send(BESIDE_SOCKET, packet, length, MSG_NOSIGNAL) < 0)
        p->over = 1;
}

static void say_failed(struct planning *p, const struct pare_error *err)
{
    say(p, (struct packet){ .kind = PLANNER_FAILED }, "", "", err->text);
}

/* Take in what was asked meanwhile, the newest only. Whether anything came. */
static bool hear(struct planning *p, bool wait)
{
    bool heard = false;
    while (!p->over) {
        char packet[PLANNER_PACKET_MAX];
        ssize_t got =
            recv(BESIDE_SOCKET, packet, sizeof(packet), heard || !wait ? MSG_DONTWAIT : 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return heard;
        if (got <= (ssize_t)sizeof(struct packet)) {
            p->over = 1;
            return false;
        }
        memcpy(p->request, packet, (size_t)got);
        p->request_length = (size_t)got;
        heard = true;
    }
    return heard;
}

/* While the version is read: a recipe that comes waits for its end. */
static void told(void *data, const struct job_news *news)
{
    struct planning *p = data;
    hear(p, false);
    say(p, (struct packet){ .kind = PLANNER_PROGRESS, .done_fraction = news->done_fraction },
        "reading", "", "");
}

static bool on_progress(void *data, const struct pare_progress *progress)
{
    struct planning *p = data;
    if (hear(p, false) || p->over)
        return false; /* another recipe: this one is of no interest any more */
    int64_t now = clock_now_ms();
    if (now - p->told_ms < TELL_EVERY_MS)
        return true;
    p->told_ms = now;
    say(p, (struct packet){ .kind = PLANNER_PROGRESS, .done_fraction = progress->done_fraction },
        "planning", "", "");
    return true;
}

static void say_plan(struct planning *p)
{
    for (size_t i = 0; i < pare_plan_entry_count(p->plan) && !p->over; i++) {
        const struct pare_plan_entry *entry = pare_plan_entry(p->plan, i);
        const struct packet head = { .kind = PLANNER_TENSOR,
                                     .before_bytes = entry->before_bytes,
                                     .after_bytes = entry->after_bytes };
        say(p, head, entry->name, entry->action, entry->reason);
    }
    const struct packet whole = { .kind = PLANNER_PLAN,
                                  .before_bytes = pare_plan_before_bytes(p->plan),
                                  .after_bytes = pare_plan_after_bytes(p->plan),
                                  .changed_count = (int64_t)pare_plan_changed_count(p->plan) };
    say(p, whole, "", "", "");
}

/* The recipe that came last. Whether it was answered: false, another one came while it was at it. */
static bool plan_one(struct planning *p)
{
    struct pare_error err = { 0 };
    struct packet head;
    const struct pare_plan_options options = { .source_sha256 = p->copy.bytes.sha256,
                                               .progress = on_progress,
                                               .data = p };
    memcpy(&head, p->request, sizeof(head));
    p->number = head.number;
    const char *recipe = p->request + sizeof(head);
    bool ok = pare_recipe_parse(recipe, strnlen(recipe, p->request_length - sizeof(head)),
                                &p->recipe, &err) &&
              pare_plan_make(p->copy.model, p->recipe, &options, &p->plan, &err);
    if (ok)
        say_plan(p);
    else if (err.code != PARE_ERR_INTERRUPTED)
        say_failed(p, &err);
    pare_plan_free(p->plan);
    pare_recipe_free(p->recipe);
    p->plan = NULL;
    p->recipe = NULL;
    return ok || err.code != PARE_ERR_INTERRUPTED;
}

static void plan_all(struct planning *p, const struct beside_source *source)
{
    struct pare_error err = { 0 };
    bool ok = beside_read(source, &p->over, told, p, NULL, &p->copy, &err);
    if (!ok)
        say_failed(p, &err);
    bool answered = p->request_length == 0;
    while (ok && !p->over) {
        if (!answered || hear(p, true))
            answered = plan_one(p);
    }
    beside_close(&p->copy);
}

static void serve(const struct beside_source *source)
{
    struct planning *planning = calloc(1, sizeof(*planning));
    if (planning)
        plan_all(planning, source);
    free(planning);
}

/* ---- in the starter's ---- */

bool planner_start(struct planner *planner, const struct beside_source *source,
                   struct pare_error *err)
{
    planner->fd = -1;
    planner->asked = 0;
    planner->failed = false;
    return beside_start(serve, source, &planner->fd, err);
}

void planner_ask(struct planner *planner, const char *recipe)
{
    char packet[PLANNER_PACKET_MAX];
    const struct packet head = { .number = ++planner->asked };
    size_t length = recipe ? strlen(recipe) + 1 : 0;
    if (planner->fd < 0 || length == 0 || length > sizeof(packet) - sizeof(head))
        return;
    memcpy(packet, &head, sizeof(head));
    memcpy(packet + sizeof(head), recipe, length);
    (void)!send(planner->fd, packet, sizeof(head) + length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The texts behind the head; false when it is not of our making. */
static bool read_packet(struct planner *planner, size_t length, struct packet *ret_head,
                        struct planner_news *ret_news)
{
    const char *texts[3], *end = planner->packet + length;
    if (length < sizeof(*ret_head))
        return false;
    memcpy(ret_head, planner->packet, sizeof(*ret_head));
    if (!beside_texts(planner->packet + sizeof(*ret_head), end, texts, ARRAY_SIZE(texts)))
        return false;
    *ret_news = (struct planner_news){ .kind = (enum planner_kind)ret_head->kind,
                                       .done_fraction = ret_head->done_fraction,
                                       .before_bytes = ret_head->before_bytes,
                                       .after_bytes = ret_head->after_bytes,
                                       .changed_count = ret_head->changed_count,
                                       .name = texts[0],
                                       .action = texts[1],
                                       .reason = texts[2] };
    return true;
}

bool planner_take(struct planner *planner, struct planner_news *ret_news)
{
    while (planner->fd >= 0) {
        struct packet head;
        ssize_t got = beside_receive(planner->fd, planner->packet, sizeof(planner->packet));
        if (got == 0)
            return false;
        if (got < 0) {
            planner_end(planner);
            if (planner->failed)
                return false;
            *ret_news = (struct planner_news){ .kind = PLANNER_FAILED,
                                               .name = "",
                                               .action = "",
                                               .reason = "the process that makes the plan ended" };
            return true;
        }
        if (!read_packet(planner, (size_t)got, &head, ret_news))
            continue;
        planner->failed |= head.number == 0 && head.kind == PLANNER_FAILED;
        if (head.number == 0 || head.number == planner->asked)
            return true;
    }
    return false;
}

void planner_end(struct planner *planner)
{
    if (planner->fd >= 0)
        close(planner->fd);
    planner->fd = -1;
}
