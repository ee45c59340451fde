/* SPDX-License-Identifier: MIT */
/* The browser's order is that of `pare list`, whatever the rows hold; and how long it takes. */
#include <math.h>
#include <time.h>

#include "base/arena.h"
#include "pare/error.h"
#include "tap.h"
#include "tui/sorting.h"

enum { ROWS = 3000, MANY = 100000 };

static uint32_t seed = 1;
static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

/* A list by hand: words, models in groups, numbers that are equal, absent, negative, zero twice. */
struct made {
    struct browse_words words;
    struct browse_list list;
    uint32_t word[64];
};

static void make_words(struct made *made)
{
    static const char *const starts[] = { "v1.", "v", "a", "model_", "\xe6\x84\x8f", "V01." };
    made->words.text = calloc(1, 64 * 32);
    made->words.used = 1;
    for (int i = 0; i < 64; i++) {
        made->word[i] = (uint32_t)made->words.used;
        made->words.used +=
            (size_t)sprintf(made->words.text + made->words.used, "%s%d", starts[i % 6], i) + 1;
    }
}

static double some_number(void)
{
    static const double numbers[] = { 0.0, -0.0, 1, -1, 1e300, -1e300, 1e-300, 0.5, 45.1 };
    return random_below(4) ? numbers[random_below(9)] : NAN;
}

static struct browse_value some_value(const struct made *made)
{
    struct browse_value value = { .number = NAN };
    if (random_below(3) == 0)
        return value;
    value.kind = random_below(2) ? 'n' : 's';
    value.text = made->word[random_below(64)];
    if (value.kind == 'n')
        value.number = random_below(1000);
    return value;
}

static void make_list(struct made *made, size_t count)
{
    *made = (struct made){ 0 };
    make_words(made);
    browse_list_init(&made->list, &made->words, 1);
    if (!browse_list_reserve(&made->list, count) || !browse_list_reserve_models(&made->list, 64))
        abort();
    for (size_t i = 0; i < count; i++) {
        uint32_t model = (uint32_t)(i * 64 / count);
        made->list.models[model].name = made->word[model];
        made->list.rows[i] = (struct browse_row){
            .id = (int64_t)i + 1,
            .parent_id = random_below(2) ? random_below(50) : 0,
            .size_bytes = some_number(),
            .latency_ms = some_number(),
            .accuracy = random_below(1000) / 1000.0,
            .version = made->word[random_below(64)],
            .type = random_below(3) ? made->word[random_below(4)] : 0,
            .optimization = made->word[random_below(4)],
            .created_at = random_below(3) ? 1700000000 + random_below(1000000) : 0,
            .model = model & BROWSE_NONE,
            .is_default = random_below(2) & 1,
        };
        made->list.values[0][i] = some_value(made);
    }
    made->list.count = count;
    made->list.model_count = 64;
}

static void done(struct made *made)
{
    browse_list_done(&made->list);
    browse_words_done(&made->words);
}

/* As `pare list` sorts: versions, one after the other. */
static bool same_as_listed(const struct made *made, const struct order *order,
                           const uint32_t *index, size_t count)
{
    struct version *versions = calloc(count, sizeof(*versions));
    const struct version **sorted = calloc(count, sizeof(*sorted));
    char(*created)[BROWSE_TIME_ROOM] = calloc(count, sizeof(*created));
    struct pare_error err;
    for (size_t i = 0; i < count; i++) {
        browse_version(&made->list, i, created[i], &versions[i]);
        sorted[i] = &versions[i];
    }
    bool same = order_sort(order, sorted, count, &err);
    for (size_t i = 0; same && i < count; i++)
        same = sorted[i] == &versions[index[i]];
    free(versions);
    free(sorted);
    free(created);
    return same;
}

static void test_equal(void)
{
    static const char *const keys[] = {
        "",
        "name",
        "name:desc",
        "version",
        "version:desc",
        "type:desc",
        "opt",
        "size",
        "size:desc",
        "lat:desc",
        "accuracy",
        "created",
        "created:desc",
        "id:desc",
        "parent",
        "parent:desc",
        "default",
        "metrics.f1",
        "metrics.f1:desc",
        "type,size:desc,version",
        "opt:desc,metrics.f1:desc,lat,created:desc",
        "default:desc,type:desc,accuracy:desc,id",
    };
    struct made made;
    uint32_t *index = calloc(ROWS, sizeof(*index));
    make_list(&made, ROWS);
    for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
        struct arena arena = { 0 };
        struct field_paths paths = { 0 };
        struct order order;
        struct pare_error err;
        for (uint32_t i = 0; i < ROWS; i++)
            index[i] = ROWS - 1 - i; /* from whatever order it was in */
        OK(order_parse(keys[k], &paths, &arena, &order, &err) &&
               sorting(&made.list, NULL, &order, index, ROWS) &&
               same_as_listed(&made, &order, index, ROWS),
           *keys[k] ? keys[k] : "as listed");
        arena_done(&arena);
    }
    done(&made);
    free(index);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_time(void)
{
    static const char *const keys[] = { "name:desc,version:desc", "size:desc", "metrics.f1",
                                        "type,opt:desc,lat,accuracy:desc" };
    struct made made;
    uint32_t *index = calloc(MANY, sizeof(*index));
    make_list(&made, MANY);
    for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
        struct arena arena = { 0 };
        struct field_paths paths = { 0 };
        struct order order;
        struct pare_error err;
        for (uint32_t i = 0; i < MANY; i++)
            index[i] = i;
        double start = now_ms();
        bool ok = order_parse(keys[k], &paths, &arena, &order, &err) &&
                  sorting(&made.list, NULL, &order, index, MANY);
        printf("# 100 000 rows by %s: %.1f ms of CPU\n", keys[k], now_ms() - start);
        OK(ok, "100 000 rows are sorted");
        arena_done(&arena);
    }
    done(&made);
    free(index);
}

int main(void)
{
    test_equal();
    test_time();
    return tap_done();
}
