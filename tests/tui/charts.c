/* SPDX-License-Identifier: MIT */
/*
 * A test's charts, as pictures and at their edges. `charts draw` prints the pictures as they are
 * now, for charts.pictures.
 */
#include <locale.h>
#include <math.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "tap.h"
#include "tui/canvas.h"
#include "tui/view/test_charts.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, MS_MAX = 2000, PICTURES_MAX = 1 << 20 };
static const int64_t epoch = 1772323200;

/* ---- a test that never was ---- */

struct scene {
    const char *name;
    int minutes, hours, gap; /* gap: minutes without any in the middle */
    int a_ms, b_ms, a_minute, b_minute;
    int fails;          /* of 10 000 */
    int astray_percent; /* from three quarters on so many of A's go to B */
    bool coarse;
    double segment_from; /* of the newest of two; 0: of one */
};

struct made {
    struct arena arena;
    struct browse_test found;
    struct test_charts charts;
    struct srm_segment segments[2];
    double segment_at[2];
};

static uint64_t seed;

static double chance(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static void *room(struct made *made, size_t count, size_t size)
{
    void *found = arena_array(&made->arena, count, size);
    if (!found)
        abort();
    return found;
}

/* About `ms`, with a tail. */
static int latency(int ms)
{
    double at = ms * exp(0.5 * (chance() + chance() - 1));
    return MIN((int)(at + (chance() < 0.2 ? -0.2 * ms * log(1 - chance()) : 0)), MS_MAX - 1);
}

static void add_requests(struct made *made, const struct scene *scene, int arm, int times,
                         struct abtest_minute *minute, int64_t (*ms)[MS_MAX])
{
    int base = arm == 0 ? scene->a_minute : scene->b_minute;
    int n = 0;
    for (int i = 0; i < times; i++)
        n += (int)((chance() + chance()) * base + 0.5);
    bool late = minute->at >= epoch + (scene->hours * HOUR + scene->minutes * MINUTE) * 3LL / 4;
    for (int i = 0; i < n; i++) {
        bool astray = arm == 0 && late && chance() * 100 < scene->astray_percent;
        int to = astray ? 1 : arm, at = latency(to == 0 ? scene->a_ms : scene->b_ms);
        struct abtest_arm_data *data = &made->found.data.arms[to];
        bool failed = chance() * 10000 < scene->fails * (to + 1);
        minute->n[to]++;
        minute->failed[to] += failed;
        mean_add(to == 0 ? &minute->latency.a : &minute->latency.b, at, 1);
        if ((double)minute->at <= made->found.data.segment_from)
            continue;
        data->n++;
        data->failed += failed;
        data->ratings.of[(int)(chance() * RATING_LEVELS)] += chance() < 0.05;
        ms[to][at]++;
    }
}

static void make_minutes(struct made *made, const struct scene *scene, int64_t (*ms)[MS_MAX])
{
    struct abtest_data *data = &made->found.data;
    size_t count = (size_t)(scene->hours + scene->minutes);
    int64_t at = epoch;
    data->minutes = room(made, count + 1, sizeof(*data->minutes));
    for (size_t i = 0; i < count; i++) {
        struct abtest_minute *minute = &data->minutes[data->minute_count++];
        *minute = (struct abtest_minute){ .at = at, .is_hour = i < (size_t)scene->hours };
        for (int arm = 0; arm < 2; arm++)
            add_requests(made, scene, arm, minute->is_hour ? HOUR / MINUTE : 1, minute, ms);
        at += minute->is_hour ? HOUR : MINUTE;
        at += i + 1 == count / 2 ? scene->gap * (int64_t)MINUTE : 0;
    }
}

static void make_histogram(struct made *made, bool coarse, int arm, const int64_t *ms)
{
    struct histogram exact, *to = &made->found.data.arms[arm].latency;
    struct histogram_cell *cells = room(made, MS_MAX, sizeof(*cells));
    histogram_init(&exact, HISTOGRAM_MS, room(made, MS_MAX, sizeof(*cells)), MS_MAX);
    histogram_init(to, HISTOGRAM_BUCKETS, cells, MS_MAX);
    for (int i = 0; i < MS_MAX; i++)
        if (ms[i] && histogram_add(&exact, i, ms[i]) != HISTOGRAM_ADDED)
            abort();
    if (!coarse)
        *to = exact;
    else if (histogram_add_buckets(to, &exact) != HISTOGRAM_ADDED)
        abort();
    made->found.data.arms[arm].moments = histogram_moments(to);
}

static struct made *make(const struct scene *scene)
{
    static struct made made;
    static int64_t ms[2][MS_MAX];
    struct abtest_data *data = &made.found.data;
    struct pare_error err;
    made = (struct made){ 0 };
    memset(ms, 0, sizeof(ms));
    seed = 42;
    made.found.test = (struct abtest){ .id = 1,
                                       .name = "t",
                                       .split_percent = 80,
                                       .running = true,
                                       .running_seconds = DAY,
                                       .plan = abtest_plan_default() };
    data->segments = made.segments;
    data->segment_at = made.segment_at;
    data->segment_count = scene->segment_from > 0 ? 2 : 1;
    data->segment_from = scene->segment_from > 0 ? scene->segment_from : -INFINITY;
    made.segment_at[0] = -INFINITY;
    made.segment_at[1] = scene->segment_from;
    data->segment_hours = INFINITY;
    make_minutes(&made, scene, ms);
    for (int arm = 0; arm < 2; arm++)
        make_histogram(&made, scene->coarse, arm, ms[arm]);
    made.segments[0] = (struct srm_segment){ 0, 0, 0.5 };
    made.segments[data->segment_count - 1] =
        (struct srm_segment){ data->arms[0].n, data->arms[0].n + data->arms[1].n, 0.8 };
    abtest_judge(&made.found.test, data, &made.found.report);
    if (!test_charts_make(&made.found, &made.arena, &made.charts, &err))
        abort();
    return &made;
}

/* ---- drawing ---- */

static struct canvas canvas;

static void draw(const struct made *made, enum test_chart which, int rows, int columns, bool ascii)
{
    struct pare_error err;
    if (!canvas_resize(&canvas, rows, columns, &err))
        abort();
    canvas.ascii = ascii;
    canvas_clear(&canvas);
    test_chart_draw(which, &made->found, &made->charts, &canvas,
                    (struct view_area){ .top = 0, .height = rows }, 0, columns);
}

/* A row as UTF-8, its blank end left out. */
static const char *row(int number)
{
    static char text[4096];
    wchar_t wide[1024] = { 0 };
    int used = canvas.columns;
    for (int i = 0; i < used; i++)
        wide[i] = canvas.cells[number * canvas.columns + i].text[0];
    while (used > 0 && wide[used - 1] == L' ')
        wide[--used] = 0;
    wcstombs(text, wide, sizeof(text));
    return text;
}

static bool has(const char *words)
{
    for (int i = 0; i < canvas.rows; i++)
        if (strstr(row(i), words))
            return true;
    return false;
}

/* The columns of the plot, without title and labels, in which there is that character. */
static int columns_with(wchar_t of)
{
    int count = 0;
    for (int column = 8; column < canvas.columns; column++) {
        bool any = false;
        for (int i = 1; i < canvas.rows - 1; i++)
            any = any || canvas.cells[i * canvas.columns + column].text[0] == of;
        count += any;
    }
    return count;
}

/* How many cells of it hold that character. */
static int count_of(wchar_t of)
{
    int count = 0;
    for (int i = canvas.columns; i < (canvas.rows - 1) * canvas.columns; i++)
        count += i % canvas.columns >= 8 && canvas.cells[i].text[0] == of;
    return count;
}

/* ---- pictures ---- */

static const struct scene near = { "near",         .minutes = 600, .a_ms = 45, .b_ms = 43,
                                   .a_minute = 16, .b_minute = 4,  .fails = 40 };
static const struct scene far = { "far",         .minutes = 2880, .hours = 24,
                                  .a_ms = 45,    .b_ms = 20,      .a_minute = 8,
                                  .b_minute = 2, .fails = 30,     .astray_percent = 10 };

static const char *const chart_words[TEST_CHARTS + 1] = {
    "slower", "effect", "p", "failed", "split", "requests", "ratings", "shape",
};

static void put_picture(const struct made *made, const struct scene *scene, int which, bool ascii,
                        int rows, int columns, struct buf *buf)
{
    draw(made, (enum test_chart)which, rows, columns, ascii);
    buf_printf(buf, "%s, %s, %dx%d%s\n", chart_words[which], scene->name, columns, rows,
               ascii ? ", ASCII" : "");
    for (int i = 0; i < rows; i++)
        buf_printf(buf, *row(i) ? "| %s\n" : "|\n", row(i));
}

/* What `wanted` holds of that picture: from its title to the next. */
static bool is_as(const char *picture, const char *wanted)
{
    const char *found = wanted ? strstr(wanted, picture) : NULL;
    return found && (found == wanted || found[-1] == '\n');
}

static void check_picture(struct buf *buf, const char *wanted)
{
    char name[64];
    const char *picture = buf_string(buf);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(picture, "\n"), picture);
    if (OK(is_as(picture, wanted), name))
        return;
    for (const char *line = picture; *line; line += strcspn(line, "\n") + 1)
        printf("# %.*s\n", (int)strcspn(line, "\n"), line);
}

/* All of them: compared, or printed when there is nothing to compare with. */
static void pictures(const char *wanted)
{
    static const struct scene *const scenes[] = { &near, &far };
    static const int sizes[][2] = { { 5, 80 }, { 13, 80 } };
    static const unsigned of_far =
        1u << TEST_CHART_P | 1u << TEST_CHART_SPLIT | 1u << TEST_CHART_SHAPE;
    struct buf buf;
    buf_init(&buf, PICTURES_MAX);
    for (size_t scene = 0; scene < ARRAY_SIZE(scenes); scene++) {
        struct made *made = make(scenes[scene]);
        for (int which = 0; which <= TEST_CHARTS; which++)
            for (int i = 0; i < 4 && (scene == 0 || of_far & 1u << which); i++) {
                buf_clear(&buf);
                put_picture(made, scenes[scene], which, i % 2, sizes[i / 2][0], sizes[i / 2][1],
                            &buf);
                if (wanted)
                    check_picture(&buf, wanted);
                else
                    fputs(buf_string(&buf), stdout);
            }
        arena_done(&made->arena);
    }
    buf_done(&buf);
}

static void test_pictures(void)
{
    const char *top = getenv("top_srcdir");
    static char wanted[PICTURES_MAX], path[4096];
    snprintf(path, sizeof(path), "%s/tests/tui/charts.pictures", top ? top : ".");
    FILE *file = fopen(path, "r");
    if (!file || !fread(wanted, 1, sizeof(wanted) - 1, file))
        printf("# no pictures in %s\n", path);
    if (file)
        fclose(file);
    pictures(wanted);
}

/* ---- edges ---- */

static void test_none(void)
{
    struct scene none = near;
    none.minutes = 0;
    struct made *made = make(&none);
    static const struct {
        enum test_chart which;
        const char *words;
    } said[] = {
        { TEST_CHART_SLOWER, "no latencies yet" },
        { TEST_CHART_SHAPE, "no latencies yet" },
        { TEST_CHART_EFFECT, "not enough minutes" },
        { TEST_CHART_P, "not enough minutes" },
        { TEST_CHART_FAILED, "no requests in the time" },
        { TEST_CHART_SPLIT, "no requests in the time" },
        { TEST_CHART_REQUESTS, "no requests in the time" },
        { TEST_CHART_RATINGS, "no ratings yet" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        draw(made, said[i].which, 8, 80, true);
        OK(has(said[i].words), "without requests a sentence stands there");
    }
    arena_done(&made->arena);
}

static void test_one_minute(void)
{
    struct scene one = near;
    one.minutes = 1;
    one.a_minute = one.b_minute = 300;
    struct made *made = make(&one);
    draw(made, TEST_CHART_REQUESTS, 8, 80, true);
    OK(count_of(L'o') > 60 && count_of(L'x') + count_of(L'8') > 60, "one minute is a level");
    draw(made, TEST_CHART_SPLIT, 8, 80, true);
    OK(count_of(L'o') > 60, "and has a share");
    draw(made, TEST_CHART_P, 8, 80, true);
    OK(has("not enough minutes"), "but no course");
    arena_done(&made->arena);
}

static void test_one_arm(void)
{
    struct scene lone = near;
    lone.b_minute = 0;
    lone.fails = 0;
    struct made *made = make(&lone);
    for (int which = 0; which <= TEST_CHARTS; which++) {
        draw(made, (enum test_chart)which, 13, 40, true);
        if (which != TEST_CHART_REQUESTS && which != TEST_CHART_RATINGS)
            OK(count_of(L'x') == 0 && count_of(L'8') == 0, "an empty arm has no line");
        if (which == TEST_CHART_SHAPE || which == TEST_CHART_SLOWER)
            OK(count_of(L'o') > 20, "the other one has its own");
        if (which == TEST_CHART_FAILED)
            OK(has("no request has failed"), "and that none failed is said");
    }
    arena_done(&made->arena);
}

static void test_equal_latencies(void)
{
    struct made *made = make(&near);
    for (int arm = 0; arm < 2; arm++) {
        struct histogram *latency = &made->found.data.arms[arm].latency;
        latency->cells[0] = (struct histogram_cell){ 30, 500, 500 };
        latency->count = 1;
    }
    draw(made, TEST_CHART_SHAPE, 13, 80, true);
    OK(count_of(L'8') > 5 && has("p50|p99"), "equal latencies are one peak, its quantiles in it");
    draw(made, TEST_CHART_SLOWER, 13, 80, true);
    OK(count_of(L'8') > 10, "and one step");
    made->found.data.arms[0].latency.cells[0].key = 0;
    made->found.data.arms[0].latency.cells[0].n = made->found.data.arms[0].latency.cells[0].upto =
        50;
    draw(made, TEST_CHART_SHAPE, 13, 80, true);
    OK(count_of(L'o') > 3 && count_of(L'x') > 3, "0 ms have a place too");
    puts(row(1));
    puts(row(2));
    OK(strstr(row(1), "|p95"), "and their quantiles");
    OK(!strstr(row(1), "p99"), "but fifty requests have no p99");
    arena_done(&made->arena);
}

/* The column of the highest cell of that kind. */
static int peak(wchar_t of)
{
    for (int i = canvas.columns * 3; i < canvas.rows * canvas.columns; i++)
        if (canvas.cells[i].text[0] == of)
            return i % canvas.columns;
    return -1;
}

static void test_coarse(void)
{
    struct scene coarse = far;
    coarse.hours = 0;
    struct made *made = make(&coarse);
    draw(made, TEST_CHART_SHAPE, 13, 80, true);
    int a = peak(L'o'), b = peak(L'x');
    arena_done(&made->arena);
    coarse.coarse = true;
    made = make(&coarse);
    draw(made, TEST_CHART_SHAPE, 13, 80, true);
    OK(b < a && abs(peak(L'o') - a) <= 2 && abs(peak(L'x') - b) <= 2,
       "buckets have the shapes of the milliseconds");
    arena_done(&made->arena);
}

static void test_gap(void)
{
    struct scene gap = near;
    gap.gap = 5 * DAY / MINUTE;
    struct made *made = make(&gap);
    draw(made, TEST_CHART_P, 13, 80, true);
    OK(columns_with(L'o') > 65, "p is level over days without requests");
    draw(made, TEST_CHART_EFFECT, 13, 80, true);
    OK(columns_with(L'o') > 65, "so is the effect");
    draw(made, TEST_CHART_SPLIT, 13, 80, true);
    OK(columns_with(L'o') < 20 && columns_with(L'o') > 0, "a share is not there at all");
    draw(made, TEST_CHART_REQUESTS, 13, 80, true);
    OK(has("-4d"), "times are real ones");
    arena_done(&made->arena);
}

static void test_hours(void)
{
    struct scene mixed = near;
    mixed.hours = 12;
    struct made *made = make(&mixed);
    for (size_t i = 0; i < made->found.data.minute_count; i++) {
        struct abtest_minute *minute = &made->found.data.minutes[i];
        minute->n[0] = minute->is_hour ? 600 : 10;
        minute->n[1] = minute->is_hour ? 600 : 10;
    }
    draw(made, TEST_CHART_REQUESTS, 13, 80, true);
    OK(count_of(L'8') > 65 && count_of(L'8') == columns_with(L'8'),
       "an hour is as high as its minutes");
    OK(made->charts.at[0] == epoch + HOUR && made->charts.at[12] == epoch + 12 * HOUR + MINUTE,
       "and its effect is known at its end");
    arena_done(&made->arena);
}

static void test_split(void)
{
    struct scene segmented = near;
    struct made *made = make(&near);
    draw(made, TEST_CHART_SPLIT, 13, 80, true);
    OK(!made->charts.is_off && columns_with(L'|') == 0, "a split that is kept has no mark");
    OK(columns_with(L'.') > 20, "but what was meant");
    arena_done(&made->arena);

    made = make(&far);
    double three_quarters = (double)epoch + 3.0 / 4 * (72 * HOUR);
    OK(made->charts.is_off && fabs(made->charts.off_from - three_quarters) <= 15 * MINUTE,
       "since when it is off is found");
    OK(fabs(made->charts.off_share - 0.8 * 0.9) < 0.01, "and how far");
    draw(made, TEST_CHART_SPLIT, 13, 80, true);
    OK(has("since -18h"), "and said");
    OK(columns_with(L'|') == 1, "and marked");
    arena_done(&made->arena);

    segmented.segment_from = (double)epoch + 300 * MINUTE;
    made = make(&segmented);
    draw(made, TEST_CHART_SPLIT, 13, 80, true);
    OK(columns_with(L'o') > 65 && columns_with(L':') > 60,
       "what was meant is drawn of both segments");
    OK(made->charts.count == 299, "and so is the effect");
    arena_done(&made->arena);
}

static void test_extreme_p(void)
{
    struct made *made = make(&near);
    size_t last = made->charts.count - 1;
    made->charts.points[last].ln_p = -34553.06;
    draw(made, TEST_CHART_P, 13, 80, true);
    OK(has("6e-15007") && has(".05") && has(".001") && has("1e-9999"),
       "p of any size, and .05 still has its line");
    made->charts.points[last].ln_p = -INFINITY;
    draw(made, TEST_CHART_P, 13, 80, true);
    OK(columns_with(L'o') > 65, "or of none");
    arena_done(&made->arena);
}

/* Nothing is written outside of the area, whatever its size. */
static bool stays_inside(const struct made *made, int which, int rows, int columns)
{
    struct pare_error err;
    enum { TOP = 2, LEFT = 3, MARGIN = 4 };
    if (!canvas_resize(&canvas, TOP + rows + MARGIN, LEFT + columns + MARGIN, &err))
        abort();
    canvas.ascii = (rows + columns) % 2;
    canvas_clear(&canvas);
    test_chart_draw((enum test_chart)which, &made->found, &made->charts, &canvas,
                    (struct view_area){ .top = TOP, .height = rows }, LEFT, columns);
    for (int y = 0; y < canvas.rows; y++)
        for (int x = 0; x < canvas.columns; x++)
            if ((y < TOP || y >= TOP + rows || x < LEFT || x >= LEFT + columns) &&
                canvas.cells[y * canvas.columns + x].text[0] != L' ')
                return false;
    return true;
}

static void test_sizes(void)
{
    struct made *made = make(&far);
    int outside = 0;
    for (int which = 0; which <= TEST_CHARTS; which++)
        for (int rows = 1; rows <= 14; rows++)
            for (int columns = 1; columns <= 64; columns++)
                if (!stays_inside(made, which, rows, columns) && outside++ < 5)
                    printf("# %s in %dx%d\n", chart_words[which], columns, rows);
    OK(outside == 0, "a chart stays inside, down to one cell");
    draw(made, TEST_CHART_SLOWER, 6, 20, true);
    OK(count_of(L'o') > 5, "and in twenty columns it is still one");
    arena_done(&made->arena);
}

/* ---- how long ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_time_taken(void)
{
    struct scene longest = far;
    longest.hours = 88 * 24;
    longest.a_minute = 3;
    longest.b_minute = 1;
    struct made *made = make(&longest);
    for (int which = 0; which <= TEST_CHARTS; which++) {
        double least = 1;
        for (int i = 0; i < 20; i++) {
            double before = seconds();
            draw(made, (enum test_chart)which, 40, 200, false);
            least = fmin(least, seconds() - before);
        }
        printf("# %s: %.3f ms\n", chart_words[which], 1000 * least);
        OK(least < 0.005, "drawn within 5 ms, of 90 days");
    }
    arena_done(&made->arena);
}

int main(int argc, char *argv[])
{
    setlocale(LC_ALL, "C.UTF-8");
    if (argc > 1 && strcmp(argv[1], "draw") == 0) {
        pictures(NULL);
        return 0;
    }
    test_pictures();
    test_none();
    test_one_minute();
    test_one_arm();
    test_equal_latencies();
    test_coarse();
    test_gap();
    test_hours();
    test_split();
    test_extreme_p();
    test_sizes();
    test_time_taken();
    canvas_done(&canvas);
    return tap_done();
}
