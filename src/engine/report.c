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
    report->entries[report->entry_count].zero_share_before = (double)NAN;
    return &report->entries[report->entry_count++];
}

void report_measure(struct pare_report *report, struct pare_report_entry *entry,
                    const struct kernel_error *error)
{
    report->signal += error->signal;
    report->noise += error->noise;
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

void report_pruned(struct pare_report *report, uint64_t elements, uint64_t zeros_before,
                   uint64_t zeros_after)
{
    report->pruned_tensors++;
    report->pruned_elements += elements;
    report->zeros_before += zeros_before;
    report->zeros_after += zeros_after;
}

/* What is true of a model that was pruned and is no smaller. */
#define REPORT_ZEROS "zeros alone make a model neither smaller nor faster"

/* From a hundredth on zeros are no accident: the model was pruned before. */
static bool was_pruned(const struct pare_report *report)
{
    return report->zeros_before * 100 >= report->pruned_elements && report->zeros_before > 0;
}

static const char *pruned_words(struct pare_report *report)
{
    double all = (double)report->pruned_elements;
    return arena_printf(
        &report->arena, "%zu tensor%s of %llu weights: %.1f %% zeros, %.1f %% before%s%s",
        report->pruned_tensors, report->pruned_tensors == 1 ? "" : "s",
        (unsigned long long)report->pruned_elements, 100 * (double)report->zeros_after / all,
        100 * (double)report->zeros_before / all,
        was_pruned(report) ? ": they were pruned already, and the amount is of all "
                             "weights, zeros among them"
                           : "",
        report->after_bytes * 10 > report->before_bytes * 9 ? "; " REPORT_ZEROS : "");
}

/* Of channels that went, and of zeros among what is left. */
static const char *smaller_words(struct pare_report *report)
{
    const char *zeros = report->pruned_tensors ? pruned_words(report) : "";
    return zeros ? arena_printf(&report->arena, "%lld of %lld parameters are left%s%s",
                                (long long)report->parameters_after,
                                (long long)report->parameters_before, *zeros ? "; " : "", zeros)
                 : NULL;
}

double report_sqnr_db(const struct pare_report *report)
{
    if (report->signal == 0 && report->noise == 0)
        return NAN;
    return report->noise == 0 ? (double)INFINITY : 10 * log10(report->signal / report->noise);
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
        if (!isnan(e->zero_share_before))
            put_number(out, "zero_share_before", e->zero_share_before);
        buf_printf(out, ", \"clipped\": %lld", (long long)e->clipped_count);
        put_number(out, "clipped_share", e->clipped_share);
    }
    buf_char(out, '}');
}

static bool put_pruned(struct pare_report *report, struct buf *out, struct pare_error *err)
{
    bool smaller = report->parameters_after < report->parameters_before;
    if (report->pruned_tensors == 0 && !smaller)
        return true;
    report->pruned = smaller ? smaller_words(report) : pruned_words(report);
    if (!report->pruned)
        return error_no_memory(err, 256);
    buf_text(out, "\"pruned\": {");
    put_text(out, "words", report->pruned);
    buf_printf(out,
               "\"tensors\": %zu, \"elements\": %llu, \"zeros_before\": %llu, "
               "\"zeros_after\": %llu, \"parameters_before\": %lld, \"parameters_after\": %lld, "
               "\"predicted_bytes\": %lld}, ",
               report->pruned_tensors, (unsigned long long)report->pruned_elements,
               (unsigned long long)report->zeros_before, (unsigned long long)report->zeros_after,
               (long long)report->parameters_before, (long long)report->parameters_after,
               (long long)report->predicted_bytes);
    return true;
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
    bool whole = put_pruned(report, &out, err);
    buf_printf(&out, "\"before_bytes\": %lld, \"after_bytes\": %lld",
               (long long)report->before_bytes, (long long)report->after_bytes);
    if (!isnan(report_sqnr_db(report)))
        put_number(&out, "sqnr_db", report_sqnr_db(report));
    buf_text(&out, ", \"tensors\": [");
    for (size_t i = 0; i < report->entry_count; i++) {
        buf_text(&out, i ? ",\n " : "\n ");
        put_entry(&out, &report->entries[i]);
    }
    buf_text(&out, "\n]}");
    bool ok = whole && buf_ok(&out, err);
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

const char *pare_report_pruned(const struct pare_report *report)
{
    return report->pruned ? report->pruned : "";
}

const char *pare_report_json(const struct pare_report *report)
{
    return report->json;
}
