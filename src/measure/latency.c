/* SPDX-License-Identifier: MIT */
#include "measure/latency.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "measure/dataset.h"
#include "measure/feed.h"
#include "measure/watch.h"

enum { RUNS_MAX = 2 * LATENCY_ROUNDS_MAX * LATENCY_HEATS_MAX };

static const double confidence = 0.99;

/* One version's part of the measurement. */
struct runner {
    const char *path;
    struct session *session;         /* of the heat under way */
    struct feed feed;                /* likewise */
    struct session_tensor *inputs;   /* likewise, (feed.count), owned here */
    double *run_ms;                  /* (RUNS_MAX), of all heats, owned here */
    double heats[LATENCY_HEATS_MAX]; /* a heat's median ratio of times to the first version's; of
                                        the first its median time */
};

struct race {
    struct runner *runners; /* (count), owned here */
    size_t count;
    struct runtime *runtime; /* the caller's, as are the next three */
    struct dataset *dataset;
    const struct latency_options *options;
    struct watch *watch;
    int64_t batch, batches; /* rows of a run, and how many different runs the rows make */
    int64_t start_ns;
    size_t rounds, heats; /* so far */
    double *scratch;      /* (RUNS_MAX), for sorting, owned here */
};

const char *latency_verdict_text(enum latency_verdict verdict)
{
    static const char *const texts[] = {
        [LATENCY_SAME] = "no difference",
        [LATENCY_FASTER] = "faster",
        [LATENCY_SLOWER] = "slower",
    };
    return texts[verdict];
}

static double seconds_since(int64_t start_ns)
{
    return (double)(watch_now_ns() - start_ns) / 1e9;
}

/* A sorted copy, which lasts until the next. */
static const double *sorted(const struct race *race, const double *values, size_t count)
{
    memcpy(race->scratch, values, count * sizeof(*values));
    interval_sort(race->scratch, count);
    return race->scratch;
}

/* ---- a heat ---- */

/* All versions run the batch of the first; one that insists on another cannot be compared. */
static bool choose_batch(struct race *race, const struct runner *runner, struct pare_error *err)
{
    int64_t batch;
    if (!feed_batch(&runner->feed, race->options->batch, &batch, err))
        return false;
    if (race->batch && batch != race->batch)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the models want different numbers of rows at once, %lld and %lld: their "
                         "times cannot be compared",
                         (long long)race->batch, (long long)batch);
    race->batch = batch;
    race->batches = race->dataset->rows / batch;
    return true;
}

static bool open_runner(struct race *race, struct runner *runner, struct pare_error *err)
{
    if (!session_open(race->runtime, runner->path, race->options->threads, &runner->session, err))
        return false;
    if (!feed_init(&runner->feed, race->dataset, runner->session, err) ||
        !choose_batch(race, runner, err))
        return error_prefix(err, "%s", runner->path);
    runner->inputs = calloc(runner->feed.count + 1, sizeof(*runner->inputs));
    return runner->inputs || error_no_memory(err, runner->feed.count * sizeof(*runner->inputs));
}

static void close_runner(struct runner *runner)
{
    session_close(runner->session);
    feed_done(&runner->feed);
    free(runner->inputs);
    runner->session = NULL;
    runner->inputs = NULL;
}

/* The runner of a step of A B B A; every other heat it is B A A B. */
static struct runner *runner_of(const struct race *race, size_t step)
{
    size_t at = step < race->count ? step : 2 * race->count - 1 - step;
    return &race->runners[race->heats % 2 ? race->count - 1 - at : at];
}

static bool run(const struct race *race, struct runner *runner, size_t round, double *ret_ms,
                struct pare_error *err)
{
    const struct session_tensor *outputs;
    double done = seconds_since(race->start_ns) / race->options->seconds_max;
    int64_t first = (int64_t)(round % (size_t)race->batches) * race->batch;
    if (!watch_step(race->watch, "latency", done, err))
        return false;
    feed_rows(&runner->feed, first, race->batch, runner->inputs);
    if (!session_run(runner->session, runner->inputs, &outputs, err))
        return error_prefix(err, "%s", runner->path);
    *ret_ms = (double)session_run_ns(runner->session) / 1e6;
    return true;
}

/*
 * Caches fill, the runtime's memory settles. Later heats may do with one run each when that
 * takes as long as a heat; nothing waits beyond a quarter of the time there is.
 */
static bool warm_up(const struct race *race, struct pare_error *err)
{
    int runs =
        race->heats ? LATENCY_WARMUPS_MIN : MAX(race->options->warmups, (int)LATENCY_WARMUPS_MIN);
    double enough = race->heats ? LATENCY_HEAT_MS / 1e3 : race->options->seconds_max / 4, ms;
    int64_t start_ns = watch_now_ns();
    for (int i = 0; i < runs; i++) {
        for (size_t s = 0; s < race->count; s++)
            if (!run(race, runner_of(race, s), (size_t)i, &ms, err))
                return false;
        if (seconds_since(start_ns) > enough)
            break;
    }
    return true;
}

static bool run_round(struct race *race, struct pare_error *err)
{
    for (size_t step = 0; step < 2 * race->count; step++) {
        struct runner *runner = runner_of(race, step);
        double *to = &runner->run_ms[2 * race->rounds + (step >= race->count)];
        if (!run(race, runner, race->rounds, to, err))
            return false;
    }
    race->rounds++;
    return true;
}

/* What the rounds from `first` on say of each version. */
static void end_heat(struct race *race, size_t first)
{
    double values[LATENCY_ROUNDS_MAX];
    size_t rounds = race->rounds - first;
    for (size_t s = 0; s < race->count; s++) {
        for (size_t i = 0; i < rounds; i++) {
            const double *own = &race->runners[s].run_ms[2 * (first + i)];
            const double *base = &race->runners[0].run_ms[2 * (first + i)];
            values[i] = s ? (own[0] + own[1]) / (base[0] + base[1]) : (own[0] + own[1]) / 2;
        }
        interval_sort(values, rounds);
        race->runners[s].heats[race->heats] = interval_median(values, rounds);
    }
    race->heats++;
}

static bool run_heat(struct race *race, struct pare_error *err)
{
    size_t first = race->rounds;
    bool ok = true;
    for (size_t s = 0; ok && s < race->count; s++)
        ok = open_runner(race, runner_of(race, s), err);
    ok = ok && warm_up(race, err);
    int64_t start_ns = watch_now_ns();
    while (ok && race->rounds - first < LATENCY_ROUNDS_MAX) {
        ok = run_round(race, err);
        if (seconds_since(start_ns) > LATENCY_HEAT_MS / 1e3 ||
            seconds_since(race->start_ns) > race->options->seconds_max)
            break;
    }
    for (size_t s = 0; s < race->count; s++)
        close_runner(&race->runners[s]);
    if (ok)
        end_heat(race, first);
    return ok;
}

/* ---- how sure it is ---- */

/* Every ratio; of a single version its median time. */
static bool is_precise(const struct race *race)
{
    double precision = race->options->precision;
    for (size_t s = race->count > 1; s < race->count; s++) {
        const double *heats = sorted(race, race->runners[s].heats, race->heats);
        struct interval interval = interval_of_median(heats, race->heats, confidence);
        double middle = interval_median(heats, race->heats);
        if (interval.low < middle * (1 - precision) || interval.high > middle * (1 + precision))
            return false;
    }
    return true;
}

/* Looked at after 8 heats, then each time there is a half more: rarely, for looks cost truth. */
static bool run_heats(struct race *race, bool *ret_precise, struct pare_error *err)
{
    size_t look = LATENCY_HEATS_MIN;
    *ret_precise = false;
    while (race->heats < LATENCY_HEATS_MAX && !*ret_precise) {
        if (!run_heat(race, err))
            return false;
        if (race->heats == look) {
            *ret_precise = is_precise(race);
            look += look / 2;
        }
        if (seconds_since(race->start_ns) > race->options->seconds_max)
            break;
    }
    return true;
}

static void sum_up(const struct race *race, const struct runner *runner, bool precise,
                   struct latency *to)
{
    size_t runs = 2 * race->rounds;
    const double *times = sorted(race, runner->run_ms, runs);
    *to = (struct latency){
        .runs = (int64_t)runs,
        .heats = (int)race->heats,
        .batch = race->batch,
        .median_ms = interval_median(times, runs),
        .p90_ms = interval_quantile(times, runs, 0.90),
        .p95_ms = interval_quantile(times, runs, 0.95),
        .min_ms = times[0],
        .ratio = 1,
        .ratio_interval = { 1, 1 },
        .precise = precise,
    };
    if (runner == &race->runners[0])
        return;
    const double *heats = sorted(race, runner->heats, race->heats);
    to->ratio = interval_median(heats, race->heats);
    to->ratio_interval = interval_of_median(heats, race->heats, confidence);
    to->verdict = to->ratio_interval.high < 1  ? LATENCY_FASTER
                  : to->ratio_interval.low > 1 ? LATENCY_SLOWER
                                               : LATENCY_SAME;
}

/* ---- the whole ---- */

static bool race_init(struct race *race, const char *const paths[], struct pare_error *err)
{
    race->runners = calloc(race->count, sizeof(*race->runners));
    race->scratch = calloc(RUNS_MAX, sizeof(double));
    bool ok = race->runners && race->scratch;
    for (size_t s = 0; ok && s < race->count; s++) {
        race->runners[s].path = paths[s];
        race->runners[s].run_ms = calloc(RUNS_MAX, sizeof(double));
        ok = race->runners[s].run_ms != NULL;
    }
    return ok || error_no_memory(err, RUNS_MAX * sizeof(double));
}

static void race_done(struct race *race)
{
    for (size_t s = 0; race->runners && s < race->count; s++)
        free(race->runners[s].run_ms);
    free(race->runners);
    free(race->scratch);
}

bool latency_measure(struct runtime *runtime, const char *const paths[], size_t count,
                     struct dataset *dataset, const struct latency_options *options,
                     struct watch *watch, struct latency ret_latency[], struct pare_error *err)
{
    if (count < 1 || count > LATENCY_VERSIONS_MAX)
        return error_set(err, PARE_ERR_USAGE, "1 to %d versions are timed together, not %zu",
                         LATENCY_VERSIONS_MAX, count);
    struct race race = {
        .count = count,
        .runtime = runtime,
        .dataset = dataset,
        .options = options,
        .watch = watch,
        .start_ns = watch_now_ns(),
    };
    bool precise = false;
    bool ok = race_init(&race, paths, err) && run_heats(&race, &precise, err);
    for (size_t s = 0; ok && s < count; s++)
        sum_up(&race, &race.runners[s], precise, &ret_latency[s]);
    race_done(&race);
    return ok;
}
