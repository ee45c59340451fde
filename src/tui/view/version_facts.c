/* SPDX-License-Identifier: MIT */
#include "tui/view/version_facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "tui/number.h"
#include "tui/theme.h"

enum { WORDS_MAX = 2000, CELL_MAX = 24, COLUMNS = 8 };

static void put_version(struct outline *o, const struct version *version)
{
    char text[NUMBER_ROOM];
    outline_fact(o, ROLE_STRONG, "model", version->name);
    outline_fact(o, ROLE_STRONG, "version", version->version);
    if (version->is_default)
        outline_fact(o, ROLE_DEFAULT, "default", "yes: its model's name resolves to it");
    outline_fact(o, ROLE_PLAIN, "type", version->model_type);
    outline_fact(o, ROLE_PLAIN, "optimization", version->optimization);
    number_size(version->size_bytes, text);
    outline_fact(o, ROLE_STRONG, "size", text);
    number_latency(version->latency_ms, text);
    if (*text)
        outline_printf(o, ROLE_STRONG, "latency", "%s ms", text);
    number_accuracy(version->accuracy, text);
    outline_fact(o, ROLE_STRONG, "accuracy", text);
    number_when(version->created_at, text);
    outline_fact(o, ROLE_PLAIN, "created", text);
    outline_printf(o, ROLE_DIM, "id", "%lld", (long long)version->id);
}

static void put_bytes(struct outline *o, const struct browse_facts *facts)
{
    char size[NUMBER_ROOM];
    outline_heading(o, "bytes");
    number_size((double)(facts->stored_bytes >= 0 ? facts->stored_bytes : facts->recorded_bytes),
                size);
    if (facts->stored_bytes >= 0)
        outline_printf(o, ROLE_PLAIN, "in model_data", "%s, readable by any client", size);
    else if (facts->recorded && !facts->inline_bytes)
        outline_printf(o, ROLE_PLAIN, "in chunks", "%s%s", size, facts->folder ? ", a folder" : "");
    else
        outline_fact(o, facts->recorded ? ROLE_WARNING : ROLE_DIM, "stored",
                     facts->recorded ? "none, though there were: model_data is NULL now" : "none");
    const struct version *version = &facts->version;
    number_size(version->stored_bytes, size);
    if (version->stored_bytes < version->size_bytes)
        outline_printf(o, ROLE_PLAIN, "takes", "%s, %.0f %% of that: compressed, equal parts once",
                       size, 100 * version->stored_bytes / version->size_bytes);
    outline_fact(o, ROLE_DIM, "sha256", facts->sha256);
}

/* ---- lineage ---- */

static void put_step(const cJSON *step, struct buf *buf)
{
    const char *kind = json_string(step, "step", "");
    const char *before = buf->length ? ", " : "";
    if (!strcmp(kind, "quantize")) {
        const cJSON *channels = cJSON_GetObjectItemCaseSensitive(step, "per_channel");
        double block = json_number(step, "block", NAN);
        buf_printf(buf, "%s%s", before, json_string(step, "scheme", "quantized"));
        if (cJSON_IsBool(channels))
            buf_text(buf, cJSON_IsTrue(channels) ? " per channel" : " per tensor");
        if (!isnan(block))
            buf_printf(buf, " in blocks of %.0f", block);
    } else if (!strcmp(kind, "prune")) {
        buf_printf(buf, "%spruned %s %g", before, json_string(step, "method", ""),
                   json_number(step, "amount", NAN));
    } else if (strcmp(kind, "keep") != 0) {
        buf_printf(buf, "%s%s", before, !strcmp(kind, "optimize") ? "optimized" : kind);
    }
}

void version_recipe_words(const char *recipe, struct buf *buf)
{
    struct pare_error ignored;
    CLEANUP(json_free) cJSON *root = NULL;
    const cJSON *step;
    struct buf words;
    buf_init(&words, WORDS_MAX);
    if (json_parse(recipe, strlen(recipe), &root, &ignored))
        cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(root, "steps"))
            put_step(step, &words);
    if (words.length > 0 && buf_ok(&words, &ignored))
        buf_text(buf, words.data);
    else
        buf_text(buf, "made by a recipe");
    buf_done(&words);
}

static void put_more(struct buf *buf, const char *text)
{
    if (text && *text)
        buf_printf(buf, "%s%s", buf->length ? ", " : "", text);
}

/* "int8 per channel, job 812, 2026-03-01 12:00, ops@gpu-box-1" */
static void put_made(const struct family_member *m, struct buf *buf)
{
    char when[NUMBER_ROOM];
    struct buf words;
    buf_init(&words, WORDS_MAX);
    if (m->recipe)
        version_recipe_words(m->recipe, &words);
    put_more(buf, buf_string(&words));
    buf_done(&words);
    if (m->job_id)
        buf_printf(buf, "%sjob %lld", buf->length ? ", " : "", (long long)m->job_id);
    number_when(m->made_at, when);
    put_more(buf, when);
    put_more(buf, m->maker);
}

/* From the root down; each version stands a level below the one it was made of. */
static void put_member(struct outline *o, const struct family_member *m, int64_t root_step,
                       const char *model)
{
    struct buf label, value;
    buf_init(&label, WORDS_MAX);
    buf_init(&value, 3 * WORDS_MAX);
    if (strcmp(m->name, model) != 0)
        buf_printf(&label, "%s:", m->name);
    buf_text(&label, *m->version ? m->version : "unknown");
    if (m->step == 0)
        buf_text(&value, "this one");
    else if (!m->is_there)
        buf_text(&value, "vanished");
    put_made(m, &value);
    if (value.length == 0)
        buf_text(&value, "nothing on record of how it was made");
    outline_fact(o, m->step == 0 ? ROLE_STRONG : ROLE_PLAIN, buf_string(&label),
                 buf_string(&value));
    outline_leads_to(o, m->is_there && m->step != 0 ? m->id : 0, (int)(m->step - root_step));
    buf_done(&label);
    buf_done(&value);
}

static void put_lineage(struct outline *o, const struct browse_facts *facts,
                        const struct family *family)
{
    bool alone = family->member_count < 2;
    if (alone && !facts->recipe && !facts->parent_name)
        return;
    outline_heading(o, VERSION_LINEAGE);
    for (size_t i = 0; i < family->member_count && !alone; i++)
        put_member(o, &family->members[i], family->members[0].step, facts->version.raw_name);
    if (facts->recipe)
        outline_json(o, &(struct outline_document){ .label = "recipe",
                                                    .text = facts->recipe,
                                                    .length = strlen(facts->recipe),
                                                    .open = true });
}

/* ---- measurements ---- */

static const char *const titles[COLUMNS] = { "ms",  "accuracy", "host", "runtime",
                                             "thr", "batch",    "rows", "dataset" };

struct measured {
    char cells[COLUMNS][4 * CELL_MAX + NUMBER_ROOM]; /* clean */
};

static void set_cell(struct measured *m, int column, const char *text)
{
    char clean[4 * CELL_MAX + NUMBER_ROOM];
    text_clean(text ? text : "", text ? strlen(text) : 0, clean, sizeof(clean));
    snprintf(m->cells[column], sizeof(m->cells[column]), "%.*s",
             (int)text_fit(clean, CELL_MAX, NULL), clean);
}

static void fill(struct measured *m, const struct family_measurement *from)
{
    char number[NUMBER_ROOM];
    number_latency(from->latency_ms, number);
    set_cell(m, 0, number);
    number_accuracy(from->accuracy, number);
    set_cell(m, 1, number);
    set_cell(m, 2, from->host);
    set_cell(m, 3, from->runtime);
    set_cell(m, 4, from->threads);
    set_cell(m, 5, from->batch);
    set_cell(m, 6, from->rows);
    set_cell(m, 7, from->dataset);
}

/* Columns as wide as they need; those that nobody filled in are left out. */
static void put_line(const char *const cells[COLUMNS], const int width[COLUMNS], struct buf *buf)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (width[i] == 0)
            continue;
        int blanks = MAX(width[i], text_width(titles[i])) - text_width(cells[i]);
        buf_printf(buf, "%s%*s%s%*s", buf->length ? "  " : "", i < 2 ? blanks : 0, "", cells[i],
                   i < 2 ? 0 : blanks, "");
    }
}

/* All of a measurement, for when its line unfolds. */
static void put_whole(const struct family_measurement *m, struct buf *buf)
{
    buf_text(buf, "{\"by\": ");
    json_put_string(buf, m->actor);
    if (m->against) {
        buf_text(buf, ", \"against\": ");
        json_put_string(buf, m->against);
    }
    if (m->result)
        buf_printf(buf, ", \"result\": %s", m->result);
    if (m->conditions)
        buf_printf(buf, ", \"conditions\": %s", m->conditions);
    buf_char(buf, '}');
}

static void put_measurement(struct outline *o, const struct family_measurement *m,
                            const struct measured *measured, const int width[COLUMNS],
                            struct arena *arena)
{
    char when[NUMBER_ROOM];
    const char *cells[COLUMNS];
    struct buf line, whole;
    buf_init(&line, WORDS_MAX);
    buf_init(&whole, 1 << 20);
    for (int i = 0; i < COLUMNS; i++)
        cells[i] = measured->cells[i];
    put_line(cells, width, &line);
    put_whole(m, &whole);
    number_when(m->at, when);
    const char *text = arena_strndup(arena, buf_string(&whole), whole.length);
    outline_json(
        o, &(struct outline_document){
               .label = when, .summary = buf_string(&line), .text = text, .length = whole.length });
    buf_done(&line);
    buf_done(&whole);
}

static void put_measurements(struct outline *o, const struct family *family, struct arena *arena)
{
    int width[COLUMNS] = { 0 };
    struct buf line;
    struct measured *all = arena_array(arena, family->measurement_count, sizeof(*all));
    if (!all || family->measurement_count == 0)
        return;
    for (size_t i = 0; i < family->measurement_count; i++) {
        fill(&all[i], &family->measurements[i]);
        for (int column = 0; column < COLUMNS; column++)
            width[column] = MAX(width[column], text_width(all[i].cells[column]));
    }
    outline_heading(o, "measurements, newest first");
    buf_init(&line, WORDS_MAX);
    put_line(titles, width, &line);
    outline_fact(o, ROLE_DIM, "when", buf_string(&line));
    buf_done(&line);
    for (size_t i = 0; i < family->measurement_count; i++)
        put_measurement(o, &family->measurements[i], &all[i], width, arena);
}

/* ---- documents and history ---- */

static void put_document(struct outline *o, const char *label, const struct family_document *d)
{
    outline_json(o, &(struct outline_document){ .label = label,
                                                .text = d->text,
                                                .length = d->length,
                                                .whole_bytes = d->whole_bytes,
                                                .open = true,
                                                .title = true });
}

/* All events of the model, those of this version strong. */
static void put_history(struct outline *o, const struct browse_facts *facts)
{
    char when[NUMBER_ROOM];
    if (facts->event_count == 0)
        return;
    outline_heading(o, "defaults of this model, newest first");
    for (size_t i = 0; i < facts->event_count; i++) {
        const struct default_event *event = &facts->events[i];
        bool own = event->to_id == facts->version.id || event->from_id == facts->version.id;
        number_when(event->at, when);
        outline_printf(o, own ? ROLE_PLAIN : ROLE_DIM, when, "%s %s%s%s by %s%s%s", event->kind,
                       event->to_version, event->is_there ? "" : " (vanished)",
                       event->forced ? ", forced," : "", event->actor, event->reason ? ": " : "",
                       event->reason ? event->reason : "");
    }
}

void version_facts_put(struct outline *o, const struct browse_facts *facts,
                       const struct family *family, struct arena *arena)
{
    outline_begin(o);
    put_version(o, &facts->version);
    put_bytes(o, facts);
    put_lineage(o, facts, family);
    put_measurements(o, family, arena);
    put_document(o, "metrics", &family->metrics);
    put_document(o, "config", &family->config);
    put_history(o, facts);
    outline_end(o);
}
