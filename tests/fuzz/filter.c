/* SPDX-License-Identifier: MIT */
/*
 * Any text as a filter and as an order: refused with a column inside it, or judged.
 *   clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/filter.c
 */
#include "registry/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "registry/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void judge(const struct filter *filter)
{
    struct version version = { .id = 1,
                               .name = "name",
                               .version = "v1",
                               .size_bytes = 1e6,
                               .latency_ms = NAN,
                               .accuracy = 0.9,
                               .values = { { 'n', "1", 1 }, { 's', "x", NAN } } };
    for (size_t i = 0; i < filter->count; i++)
        if (!filter_term_text(filter, i) || !*filter_term_text(filter, i))
            abort();
    filter_test(filter, &version, &version);
    filter_test(filter, &version, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct pare_error err;
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct filter filter;
    struct order order;
    size_t column = 0;
    char *text = malloc(length + 1);
    memcpy(text, bytes, length);
    text[length] = '\0';
    if (filter_parse(text, &paths, &arena, &filter, &column, &err))
        judge(&filter);
    else if (column < 1 || column > strlen(text) + 1)
        abort();
    paths = (struct field_paths){ 0 };
    if (order_parse(text, &paths, &arena, &order, &err) && order.count > ORDER_KEYS_MAX)
        abort();
    arena_done(&arena);
    free(text);
    return 0;
}
