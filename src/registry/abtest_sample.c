/* SPDX-License-Identifier: MIT */
#include "registry/abtest_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { AUDIT_LEAST = 100 };
static const double audit_agreement = 0.9, audit_kappa = 0.5; /* from which it is on */
static const double astray_worry = 0.005, reduction_worth = 0.01;

/* ---- asking ---- */

enum { SAMPLE_LIMITS, SAMPLE_IDS, SAMPLE_PAIRS, SAMPLE_ROUTES };

void abtest_ask_sample(const struct abtest *test, int64_t newest,
                       struct pg_arg args[ABTEST_SAMPLE_ARGS],
                       struct pg_statement ret_statements[ABTEST_SAMPLE_STATEMENTS])
{
    static const char *const sql[ABTEST_SAMPLE_STATEMENTS] = {
        [SAMPLE_LIMITS] = query_sample_limits,
        [SAMPLE_IDS] = query_sample_ids,
        [SAMPLE_PAIRS] = query_sample_pairs,
        [SAMPLE_ROUTES] = query_sample_routes,
    };
    args[0] = PG_INT(test->id);
    args[1] = PG_INT(test->a.id);
    args[2] = PG_INT(test->b.id);
    args[3] = PG_INT(newest);
    for (int i = 0; i < ABTEST_SAMPLE_STATEMENTS; i++)
        ret_statements[i] = (struct pg_statement){
            .sql = sql[i], .args = args, .arg_count = i == SAMPLE_LIMITS ? 0 : ABTEST_SAMPLE_ARGS
        };
}

static struct block_pairs read_pairs(const struct pg_rows *rows, int row)
{
    return (struct block_pairs){
        .count = pg_int(rows, row, 1),
        .mean_x = pg_number(rows, row, 2),
        .mean_y = pg_number(rows, row, 3),
        .sxx = pg_number(rows, row, 4),
        .sxy = pg_number(rows, row, 5),
        .syy = pg_number(rows, row, 6),
    };
}

void abtest_take_sample(struct pg_rows *const *rows, struct abtest_sample *ret_sample)
{
    const struct pg_rows *ids = rows[SAMPLE_IDS], *pairs = rows[SAMPLE_PAIRS];
    const struct pg_rows *found = rows[SAMPLE_ROUTES];
    const struct abtest_routes routes = { { { pg_int(found, 0, 0), pg_int(found, 0, 1) },
                                            { pg_int(found, 0, 2), pg_int(found, 0, 3) } } };
    struct abtest_sample sample = {
        .rows = pg_int(ids, 0, 0),
        .identified = pg_int(ids, 0, 1),
        .overlap = pg_int(ids, 0, 2),
        .repeated = pg_int(ids, 0, 3),
        .audit = abtest_audit(&routes),
    };
    for (int i = 0; i < pg_row_count(pairs); i++)
        if (pg_int(pairs, i, 1) > 0)
            sample.pairs[pg_bool(pairs, i, 0) ? 0 : 1] = read_pairs(pairs, i);
    *ret_sample = sample;
}

const char *abtest_sample_missed(const char *sqlstate, const struct pare_error *err)
{
    if (err->code == PARE_ERR_INTERRUPTED)
        return NULL;
    if (!strcmp(sqlstate, "57014") || !strcmp(sqlstate, "55P03")) /* a time-out, of a lock too */
        return "that took too long";
    if (!strcmp(sqlstate, "42501"))
        return "this role may not read the rows";
    return strncmp(sqlstate, "42", 2) ? NULL : err->text; /* not the table it was */
}

bool abtest_sample_read(const struct registry *registry, const struct abtest *test,
                        struct arena *arena, struct abtest_sample *ret_sample,
                        struct pare_error *err)
{
    struct pg_statement statements[ABTEST_SAMPLE_STATEMENTS];
    struct pg_rows *rows[ABTEST_SAMPLE_STATEMENTS] = { 0 };
    struct pg_arg args[ABTEST_SAMPLE_ARGS];
    abtest_ask_sample(test, ABTEST_SAMPLE_ALL, args, statements);
    if (!pg_run(registry->pg, false, statements, ABTEST_SAMPLE_STATEMENTS, rows, err)) {
        const char *missed = abtest_sample_missed(pg_sqlstate(registry->pg), err);
        if (!missed)
            return false;
        *ret_sample = (struct abtest_sample){ .missed = arena_strdup(arena, missed) };
        return ret_sample->missed || error_no_memory(err, strlen(missed));
    }
    abtest_take_sample(rows, ret_sample);
    for (int i = 0; i < ABTEST_SAMPLE_STATEMENTS; i++)
        pg_rows_free(rows[i]);
    return true;
}

/* ---- the audit ---- */

struct abtest_audit abtest_audit(const struct abtest_routes *routes)
{
    double sent_a = (double)routes->of[0][0] + (double)routes->of[0][1];
    double hashed_a = (double)routes->of[0][0] + (double)routes->of[1][0];
    struct abtest_audit audit = { .rows = routes->of[0][0] + routes->of[0][1] + routes->of[1][0] +
                                          routes->of[1][1] };
    if (audit.rows < AUDIT_LEAST)
        return audit;
    double n = (double)audit.rows;
    double agreement = (double)(routes->of[0][0] + routes->of[1][1]) / n;
    double by_chance = sent_a / n * (hashed_a / n) + (1 - sent_a / n) * (1 - hashed_a / n);
    audit.astray = 1 - agreement;
    audit.on = by_chance < 1 && agreement >= audit_agreement &&
               (agreement - by_chance) / (1 - by_chance) >= audit_kappa;
    return audit;
}

/* ---- since when the split is off ---- */

/*
 * The minutes of the newest segment, the first of them at *ret_first; the caller frees them. The split
 * meant is the nearest to all: what came before a fault lies on its other side, and does not move it.
 */
static struct srm_minute *minutes_of(const struct abtest_data *data,
                                     const struct srm_segment *newest, size_t *ret_first)
{
    struct srm_minute *minutes = calloc(data->minute_count + 1, sizeof(*minutes));
    double split = srm_nearest(newest, SRM_HALF_UNIT);
    size_t first = 0;
    while (first < data->minute_count && !((double)data->minutes[first].at > data->segment_from))
        first++;
    for (size_t i = first; minutes && i < data->minute_count; i++)
        minutes[i - first] =
            (struct srm_minute){ data->minutes[i].n[0], data->minutes[i].n[1], split };
    *ret_first = first;
    return minutes;
}

bool abtest_split_change(const struct abtest_data *data, const struct abtest_report *report,
                         struct abtest_split_change *ret_change)
{
    const struct srm_segment *newest = &data->segments[data->segment_count - 1];
    struct srm_change change;
    size_t first;
    if (!report->srm.alarm || !srm_test(newest, 1, SRM_HALF_UNIT).alarm)
        return false;
    struct srm_minute *minutes = minutes_of(data, newest, &first);
    bool found = minutes && srm_changepoint(minutes, data->minute_count - first, &change);
    free(minutes);
    if (!found)
        return false;
    const struct abtest_minute *minute = &data->minutes[first + change.minute];
    *ret_change = (struct abtest_split_change){ minute->at, minute->is_hour, change.share };
    return true;
}

/* ---- words ---- */

void abtest_put_sample_worries(const struct abtest_sample *sample, struct buf *buf)
{
    const struct abtest_audit *audit = &sample->audit;
    if (sample->overlap > 0)
        buf_printf(buf,
                   "! %lld request ids are in both arms: mirrored requests, counted as if they "
                   "were different ones\n",
                   (long long)sample->overlap);
    if (sample->repeated > 0)
        buf_printf(buf,
                   "! %lld request ids are in one arm more than once: requests tried again, each "
                   "try counted\n",
                   (long long)sample->repeated);
    if (audit->on && audit->astray > astray_worry)
        buf_printf(buf, "! %.2f %% of the newest %lld results are routed against the hash\n",
                   100 * audit->astray, (long long)audit->rows);
}

static void put_seen(const struct abtest_sample *sample, struct buf *buf)
{
    const struct abtest_audit *audit = &sample->audit;
    buf_printf(buf, "the newest %lld results: ", (long long)sample->rows);
    if (sample->identified == 0) {
        buf_text(buf, "none has a request_id\n");
        return;
    }
    buf_printf(buf, "%lld request ids in both arms, %lld more than once in one",
               (long long)sample->overlap, (long long)sample->repeated);
    if (audit->on)
        buf_printf(buf, "; %.2f %% of %lld routed against the hash", 100 * audit->astray,
                   (long long)audit->rows);
    buf_text(buf, "\n");
}

/* Minutes are no more alike for it: the variance is widened as the table's mean is. */
static void put_mean(const struct abtest *test, const struct abtest_report *report,
                     const struct abtest_sample *sample, struct buf *buf)
{
    const struct block_pairs *a = &sample->pairs[0], *b = &sample->pairs[1];
    const struct block_cuped cuped = block_cuped(a, b);
    const struct sequence_plan plan = sequence_plan(report->alpha, test->plan.horizon);
    if (cuped.state != STATS_OK || cuped.reduction <= reduction_worth)
        return;
    const struct sequence_look look = sequence_look(
        &plan, a->count, b->count, cuped.delta, cuped.variance * fmax(1, report->design_effect));
    if (look.state != STATS_OK)
        return;
    int digits = look.high - look.low < 1 ? 3 : 1;
    buf_printf(buf,
               "mean, query length taken out: %+.*f ms [%+.*f, %+.*f], %.0f %% narrower, from the "
               "newest %lld results\n",
               digits, look.delta, digits, look.low, digits, look.high,
               100 * (1 - sqrt(1 - cuped.reduction)), (long long)(a->count + b->count));
}

void abtest_put_sample(const struct abtest *test, const struct abtest_report *report,
                       const struct abtest_sample *sample, struct buf *buf)
{
    if (sample->missed)
        buf_printf(buf, "the newest results were not looked at: %s\n", sample->missed);
    if (sample->missed || sample->rows == 0)
        return;
    abtest_put_sample_worries(sample, buf);
    put_seen(sample, buf);
    put_mean(test, report, sample, buf);
}
