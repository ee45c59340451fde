/* SPDX-License-Identifier: MIT */
#include "jobs/inspector.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/meter.h"
#include "engine/recorded.h"
#include "jobs/job.h"
#include "pare.h"

enum { TELL_EVERY_MS = 100, TEXTS = 5, SHAPE_MAX = 512 };

/* To the starter: this, the texts, and with a histogram that. From it: an index. */
struct packet {
    uint32_t kind;
    int64_t index;
    double done_fraction;
    int64_t size_bytes, element_count, zero_count;
    double sqnr_db, max_error;
    struct histogram histogram;
};

_Static_assert(sizeof(struct packet) + TEXTS * BESIDE_TEXT_MAX <= INSPECTOR_PACKET_MAX,
               "a packet has room for its texts");

/* ---- in the process of its own ---- */

struct inspecting {
    struct beside_copy copy;
    struct recorded recorded;
    const char *phase;
    int64_t asked;              /* for a histogram of this tensor; -1: for none */
    bool news;                  /* `asked` has changed */
    volatile sig_atomic_t over; /* the starter is gone */
    int64_t told_ms;
};

static void say(struct inspecting *p, const struct packet *head, const char *const texts[TEXTS])
{
    char packet[INSPECTOR_PACKET_MAX];
    size_t length = sizeof(*head);
    memcpy(packet, head, sizeof(*head));
    for (int i = 0; i < TEXTS; i++)
        beside_put_text(packet, &length, texts ? texts[i] : "");
    if (!p->over && send(BESIDE_SOCKET, packet, length, MSG_NOSIGNAL) < 0)
        p->over = 1;
}

static void say_why(struct inspecting *p, enum inspector_kind kind, const struct pare_error *err)
{
    const char *const texts[TEXTS] = { "", "", "", "", err->text };
    say(p, &(struct packet){ .kind = kind, .index = p->asked }, texts);
}

static void say_progress(struct inspecting *p, const char *phase, double done_fraction)
{
    const char *const texts[TEXTS] = { phase, "", "", "", "" };
    say(p, &(struct packet){ .kind = INSPECTOR_PROGRESS, .done_fraction = done_fraction }, texts);
}

/* Take in what was asked meanwhile, the newest only. Whether anything came. */
static bool hear(struct inspecting *p, bool wait)
{
    bool heard = false;
    while (!p->over) {
        int64_t index;
        ssize_t got = recv(BESIDE_SOCKET, &index, sizeof(index), heard || !wait ? MSG_DONTWAIT : 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (got != (ssize_t)sizeof(index)) {
            p->over = 1;
            break;
        }
        p->asked = index;
        p->news = heard = true;
    }
    return heard;
}

static void told(void *data, const struct job_news *news)
{
    struct inspecting *p = data;
    hear(p, false);
    say_progress(p, "reading", news->done_fraction);
}

/* Another question ends what is under way. */
static bool on_progress(void *data, const struct pare_progress *progress)
{
    struct inspecting *p = data;
    if (hear(p, false) || p->over)
        return false;
    int64_t now = clock_now_ms();
    if (now - p->told_ms < TELL_EVERY_MS)
        return true;
    p->told_ms = now;
    say_progress(p, p->phase, progress->done_fraction);
    return true;
}

/* ---- the list ---- */

static void say_tensor(struct inspecting *p, size_t index)
{
    const struct pare_tensor *tensor = pare_model_tensor(p->copy.model, index);
    const struct recorded_entry *entry = recorded_find(&p->recorded, p->copy.model, index);
    struct packet head = { .kind = INSPECTOR_TENSOR,
                           .index = (int64_t)index,
                           .size_bytes = tensor->size_bytes,
                           .element_count = tensor->element_count,
                           .sqnr_db = entry ? entry->sqnr_db : NAN,
                           .max_error = entry ? entry->max_error : NAN };
    struct buf shape;
    buf_init(&shape, SHAPE_MAX);
    for (int i = 0; i < tensor->rank; i++)
        buf_printf(&shape, "%s%lld", i ? "x" : "", (long long)tensor->dims[i]);
    const char *const texts[TEXTS] = { tensor->name, pare_dtype_name(tensor->dtype),
                                       tensor->rank ? buf_string(&shape) : "scalar", tensor->op,
                                       "" };
    say(p, &head, texts);
    buf_done(&shape);
}

static void say_all(struct inspecting *p)
{
    size_t count = pare_model_tensor_count(p->copy.model);
    for (size_t i = 0; i < count && !p->over; i++)
        say_tensor(p, i);
    say(p, &(struct packet){ .kind = INSPECTOR_LISTED, .index = (int64_t)count }, NULL);
    if (count == 0)
        say(p, &(struct packet){ .kind = INSPECTOR_DONE }, NULL);
}

/* ---- the weights ---- */

static void answer(struct inspecting *p)
{
    struct pare_error err = { 0 };
    struct packet head = { .kind = INSPECTOR_HISTOGRAM };
    p->news = false;
    p->phase = "counting";
    if (p->asked < 0)
        return;
    head.index = p->asked;
    if (histogram_make(p->copy.model, (size_t)p->asked, on_progress, p, &head.histogram, &err))
        say(p, &head, NULL);
    else if (err.code != PARE_ERR_INTERRUPTED)
        say_why(p, INSPECTOR_REFUSED, &err);
}

/* What the report knows of packed values, else by looking. False: stopped. */
static bool count_zeros(struct inspecting *p, size_t index, struct meter *meter)
{
    struct pare_error err = { 0 };
    const struct recorded_entry *entry = recorded_find(&p->recorded, p->copy.model, index);
    struct packet head = { .kind = INSPECTOR_ZEROS, .index = (int64_t)index };
    p->phase = "zeros";
    if (!histogram_zeros(p->copy.model, index, meter, &head.zero_count, &err)) {
        if (err.code == PARE_ERR_INTERRUPTED)
            return false;
        head.zero_count = -1;
    }
    int64_t elements = pare_model_tensor(p->copy.model, index)->element_count;
    if (head.zero_count < 0 && entry && entry->zero_share >= 0 && entry->zero_share <= 1)
        head.zero_count = (int64_t)(entry->zero_share * (double)elements + 0.5);
    say(p, &head, NULL);
    return true;
}

static void look(struct inspecting *p)
{
    size_t count = pare_model_tensor_count(p->copy.model), next = 0;
    struct meter meter = { .progress = on_progress, .data = p, .phase = "zeros" };
    for (size_t i = 0; i < count; i++)
        meter.total_bytes += pare_model_tensor(p->copy.model, i)->size_bytes;
    while (!p->over) {
        int64_t done_bytes = meter.done_bytes;
        if (p->news)
            answer(p);
        else if (next == count)
            hear(p, true);
        else if (!count_zeros(p, next, &meter))
            meter.done_bytes = done_bytes; /* once more, from its start */
        else if (++next == count)
            say(p, &(struct packet){ .kind = INSPECTOR_DONE }, NULL);
    }
}

static void inspect(struct inspecting *p, const struct beside_source *source)
{
    struct pare_error err = { 0 };
    const char *report;
    bool ok = beside_read(source, &p->over, told, p, &report, &p->copy, &err) &&
              recorded_read(report, &p->copy.arena, &p->recorded, &err);
    if (ok) {
        say_all(p);
        look(p);
    } else {
        p->asked = -1;
        say_why(p, INSPECTOR_FAILED, &err);
    }
    beside_close(&p->copy);
}

static void serve(const struct beside_source *source)
{
    struct inspecting *p = calloc(1, sizeof(*p));
    if (p)
        inspect(p, source);
    free(p);
}

/* ---- in the starter's ---- */

bool inspector_start(struct inspector *inspector, const struct beside_source *source,
                     struct pare_error *err)
{
    inspector->fd = -1;
    inspector->failed = false;
    return beside_start(serve, source, &inspector->fd, err);
}

void inspector_ask(struct inspector *inspector, int64_t index)
{
    if (inspector->fd >= 0)
        (void)!send(inspector->fd, &index, sizeof(index), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool read_packet(struct inspector *inspector, size_t length, struct inspector_news *ret_news)
{
    struct packet head;
    const char *texts[TEXTS], *packet = inspector->packet;
    if (length < sizeof(head))
        return false;
    memcpy(&head, packet, sizeof(head));
    if (!beside_texts(packet + sizeof(head), packet + length, texts, TEXTS))
        return false;
    *ret_news = (struct inspector_news){ .kind = (enum inspector_kind)head.kind,
                                         .index = head.index,
                                         .done_fraction = head.done_fraction,
                                         .size_bytes = head.size_bytes,
                                         .element_count = head.element_count,
                                         .zero_count = head.zero_count,
                                         .sqnr_db = head.sqnr_db,
                                         .max_error = head.max_error,
                                         .name = texts[0],
                                         .dtype = texts[1],
                                         .shape = texts[2],
                                         .op = texts[3],
                                         .reason = texts[4],
                                         .histogram = head.histogram };
    return true;
}

bool inspector_take(struct inspector *inspector, struct inspector_news *ret_news)
{
    while (inspector->fd >= 0) {
        ssize_t got = beside_receive(inspector->fd, inspector->packet, sizeof(inspector->packet));
        if (got == 0)
            return false;
        if (got < 0) {
            inspector_end(inspector);
            *ret_news =
                (struct inspector_news){ .kind = INSPECTOR_FAILED,
                                         .name = "",
                                         .reason = "the process that reads the version ended" };
            return !inspector->failed;
        }
        if (!read_packet(inspector, (size_t)got, ret_news))
            continue;
        inspector->failed |= ret_news->kind == INSPECTOR_FAILED;
        return true;
    }
    return false;
}

void inspector_end(struct inspector *inspector)
{
    if (inspector->fd >= 0)
        close(inspector->fd);
    inspector->fd = -1;
}
