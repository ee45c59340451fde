/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "engine/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "kernel/kernel.h"

enum { JSON_MAX = 1 << 30 };

bool report_new(struct pare_report **ret_report, struct pare_error *err)
{
    struct pare_report *report = calloc(1, sizeof(*report));
    if (!report)
        return error_no_memory(err, sizeof(*report));
    *ret_report = report;
    return true;
}

struct pare_report_entry *report_add(struct pare_report *report,
                                     const struct pare_report_entry *entry)
{
    if (report->entry_count == report->entry_room) {
        size_t room = report->entry_room ? 2 * report->entry_room : 64;
        struct pare_report_entry *entries = arena_array(&report->arena, room, sizeof(*entries));
        if (!entries)
            return NULL;
        if (report->entry_count)
            memcpy(entries, report->entries, report->entry_count * sizeof(*entries));
        report->entries = entries;
        report->entry_room = room;
    }
    report->entries[report->entry_count] = *entry;
    return &report->entries[report->entry_count++];
}

void report_measure(struct pare_report_entry *entry, const struct kernel_error *error)
{
    entry->measured = true;
    entry->max_error = error->max_error;
    if (entry->element_count) {
        entry->zero_share = (double)error->zeros / (double)entry->element_count;
        entry->clipped_share = (double)entry->clipped_count / (double)entry->element_count;
    }
    if (error->noise == 0)
        entry->sqnr_db = (double)INFINITY;
    else
        entry->sqnr_db = 10 * log10(error->signal / error->noise);
}

static void put_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\": ", key);
    json_put_string(out, text);
    buf_text(out, ", ");
}

static void put_number(struct buf *out, const char *key, double value)
{
    buf_printf(out, ", \"%s\": ", key);
    json_put_number(out, value);
}

static void put_entry(struct buf *out, const struct pare_report_entry *e)
{
    buf_char(out, '{');
    put_text(out, "name", e->name);
    put_text(out, "op", e->op);
    put_text(out, "action", e->action);
    put_text(out, "reason", e->reason);
    buf_printf(out, "\"elements\": %lld, \"before_bytes\": %lld, \"after_bytes\": %lld",
               (long long)e->element_count, (long long)e->before_bytes, (long long)e->after_bytes);
    if (e->measured) {
        put_number(out, "sqnr_db", e->sqnr_db);
        put_number(out, "max_error", e->max_error);
        put_number(out, "zero_share", e->zero_share);
        buf_printf(out, ", \"clipped\": %lld", (long long)e->clipped_count);
        put_number(out, "clipped_share", e->clipped_share);
    }
    buf_char(out, '}');
}

bool report_write_json(struct pare_report *report, struct pare_error *err)
{
    struct buf out;
    buf_init(&out, JSON_MAX);
    buf_char(&out, '{');
    put_text(&out, "engine", "pare " PACKAGE_VERSION);
    if (report->recipe)
        buf_printf(&out, "\"recipe\": %s, ", report->recipe);
    if (report->warning)
        put_text(&out, "warning", report->warning);
    if (report->source_sha256)
        put_text(&out, "source_sha256", report->source_sha256);
    buf_text(&out, report->counts ? report->counts : "");
    buf_printf(&out, "\"before_bytes\": %lld, \"after_bytes\": %lld, \"tensors\": [",
               (long long)report->before_bytes, (long long)report->after_bytes);
    for (size_t i = 0; i < report->entry_count; i++) {
        buf_text(&out, i ? ",\n " : "\n ");
        put_entry(&out, &report->entries[i]);
    }
    buf_text(&out, "\n]}");
    bool ok = buf_ok(&out, err);
    report->json = ok ? arena_strdup(&report->arena, out.data) : NULL;
    if (ok && !report->json)
        ok = error_no_memory(err, out.length);
    buf_done(&out);
    return ok;
}

void pare_report_free(struct pare_report *report)
{
    if (!report)
        return;
    arena_done(&report->arena);
    free(report);
}

size_t pare_report_entry_count(const struct pare_report *report)
{
    return report->entry_count;
}

const struct pare_report_entry *pare_report_entry(const struct pare_report *report, size_t index)
{
    return index < report->entry_count ? &report->entries[index] : NULL;
}

int64_t pare_report_before_bytes(const struct pare_report *report)
{
    return report->before_bytes;
}

int64_t pare_report_after_bytes(const struct pare_report *report)
{
    return report->after_bytes;
}

const char *pare_report_optimized(const struct pare_report *report)
{
    return report->words ? report->words : "";
}

const char *pare_report_json(const struct pare_report *report)
{
    return report->json;
}
