/* SPDX-License-Identifier: MIT */
/* `pare ab replay`: traffic for a running test out of a dataset, as a job. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/ab.h"
#include "cli/work.h"
#include "jobs/order.h"
#include "registry/catalog.h"
#include "registry/dataset.h"
#include "registry/version.h"

static bool rate_of(const struct cli *cli, double *ret_rate, struct pare_error *err)
{
    const char *text = cli_option(cli, "rate");
    char *end;
    if (!text)
        return error_set(err, PARE_ERR_USAGE,
                         "usage: pare ab replay TEST --dataset D --rate R [--for SECONDS | "
                         "--requests N]; R is requests a second");
    double rate = strtod(text, &end);
    if (end == text || *end || !(rate >= ORDER_REPLAY_RATE_MIN && rate <= ORDER_REPLAY_RATE_MAX))
        return error_set(err, PARE_ERR_USAGE,
                         "--rate %s: requests a second were expected, at most %g, and one an hour "
                         "at least",
                         text, ORDER_REPLAY_RATE_MAX);
    *ret_rate = rate;
    return true;
}

static bool wanted_of(const struct cli *cli, struct order_replay *replay, struct pare_error *err)
{
    if (cli_has(cli, "for") && cli_has(cli, "requests"))
        return error_set(err, PARE_ERR_USAGE, "--for and --requests do not go together");
    return rate_of(cli, &replay->rate, err) &&
           cli_number(cli, "for", 1, 0, &replay->seconds, err) &&
           cli_number(cli, "requests", 1, 0, &replay->requests, err);
}

/* What the job said last: how many requests, how fast, how late. */
static bool say_course(struct cli *cli, const struct visit *visit, int64_t id,
                       struct pare_error *err)
{
    struct job_line *lines;
    size_t count;
    const char *last = "";
    int64_t after = 0;
    do {
        if (!queue_read_log(&visit->registry, id, after, &cli->arena, &lines, &count, err))
            return false;
        if (count) {
            after = lines[count - 1].line;
            last = lines[count - 1].words;
        }
    } while (count);
    cli_say("job %lld: %s", (long long)id, last);
    return true;
}

static bool submit(struct cli *cli, const struct visit *visit, const struct abtest *test,
                   const struct order_replay *replay, struct pare_error *err)
{
    struct version version = { 0 };
    struct job_row row;
    struct buf spec;
    bool detach = cli_has(cli, "detach");
    if (!test->a.name || !test->b.name)
        return error_set(err, PARE_ERR_NOT_FOUND, "an arm's version has vanished");
    if (!catalog_by_id(&visit->registry, test->a.id, &cli->arena, &version, err))
        return false;
    buf_init(&spec, JSON_SMALL_MAX);
    order_put_replay(replay, &spec);
    const struct queue_order order = { .kind = "replay",
                                       .version = &version,
                                       .spec = buf_string(&spec) };
    bool ok = buf_ok(&spec, err) && work_do(cli, visit, &order, detach, &row, err);
    buf_done(&spec);
    return ok && (detach || say_course(cli, visit, row.id, err));
}

bool ab_replay(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct order_replay replay = { 0 };
    struct dataset_row dataset;
    struct abtest test;
    if (!wanted_of(cli, &replay, err) || !registry_allows(&visit->registry, REGISTRY_WRITE, err) ||
        !ab_find(cli, visit, &test, err) ||
        (!test.running && !abtest_has_ended(&visit->registry, &test, err)) ||
        !dataset_get(&visit->registry, cli_option(cli, "dataset"), &cli->arena, &dataset, err))
        return false;
    replay.test_id = test.id;
    replay.dataset = dataset.name;
    if (!submit(cli, visit, &test, &replay, err))
        return false;
    if (cli_has(cli, "detach"))
        return true;
    cli->operands[1] = arena_printf(&cli->arena, "%lld", (long long)test.id);
    return ab_show(cli, visit, err);
}
