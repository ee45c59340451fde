/* SPDX-License-Identifier: MIT */
#include "registry/browse_sample.h"

enum { NEWEST = 50000 };

void browse_ask_sample(struct browse_batch *batch, const struct abtest *test)
{
    struct pg_statement statements[ABTEST_SAMPLE_STATEMENTS];
    struct pg_arg args[ABTEST_SAMPLE_ARGS];
    abtest_ask_sample(test, NEWEST, args, statements);
    for (int i = 0; i < ABTEST_SAMPLE_STATEMENTS; i++)
        browse_ask(batch, statements[i].sql, statements[i].args, statements[i].arg_count);
}

void browse_take_sample(struct pg_rows *const *rows, struct abtest_sample *ret_sample)
{
    abtest_take_sample(rows, ret_sample);
}
