/* SPDX-License-Identifier: MIT */
#include "registry/browse_tests.h"

#include "base/error.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

enum { TEST_MOMENT, TEST_ROW, TEST_READ };

static void ask_all(struct browse_batch *batch, const struct pg_statement *statements, int count)
{
    for (int i = 0; i < count; i++)
        browse_ask(batch, statements[i].sql, statements[i].args, statements[i].arg_count)->kept =
            statements[i].kept;
}

void browse_ask_test_tables(struct browse_batch *batch)
{
    browse_ask(batch, query_abtest_tables, PG_NO_ARGS);
}

bool browse_take_test_tables(struct pg_rows *const *rows)
{
    return pg_row_count(rows[0]) > 0 && pg_bool(rows[0], 0, 0);
}

void browse_ask_tests(struct browse_batch *batch, const struct registry *registry)
{
    browse_ask(batch, abtest_list_sql(registry), PG_ARGS(PG_NULL, PG_NULL));
}

bool browse_can_judge(const struct registry *registry, struct pare_error *err)
{
    if (!registry_allows(registry, REGISTRY_SEE, err))
        return false;
    if (registry_is_guest(registry) || registry->schema < ABTEST_SCHEMA)
        return error_set(err, PARE_ERR_REFUSED,
                         "what tests add up to is not kept here: pare init makes the tables");
    return true;
}

void browse_ask_test(struct browse_batch *batch, const struct registry *registry, int64_t id,
                     bool coarse)
{
    const struct abtest test = { .id = id, .plan = { .coarse = coarse } };
    struct pg_statement statements[ABTEST_READ_STATEMENTS];
    struct pg_arg arg;
    browse_ask(batch, query_abtest_moment, PG_NO_ARGS);
    browse_ask(batch, abtest_list_sql(registry), PG_ARGS(PG_INT(id), PG_NULL));
    abtest_ask_read(&test, &arg, statements);
    ask_all(batch, statements, ABTEST_READ_STATEMENTS);
}

bool browse_take_test(struct pg_rows *const *rows, bool coarse, struct arena *arena,
                      struct browse_test *ret_test, struct pare_error *err)
{
    struct abtest *tests;
    struct abtest_data data;
    size_t count;
    if (!abtest_list_take(rows[TEST_ROW], arena, &tests, &count, err))
        return false;
    if (count == 0 || tests[0].plan.coarse != coarse) {
        *ret_test = (struct browse_test){ .again = count > 0 };
        if (count > 0)
            ret_test->test = tests[0];
        return true;
    }
    if (!abtest_take_read(&tests[0], rows + TEST_READ, arena, &data, err))
        return false;
    ret_test->test = tests[0];
    ret_test->again = false;
    ret_test->data = data;
    abtest_judge(&ret_test->test, &ret_test->data, &ret_test->report);
    return true;
}

void browse_ask_rollup_rights(struct browse_batch *batch)
{
    struct pg_statement statement;
    rollup_ask_rights(&statement);
    ask_all(batch, &statement, 1);
}

void browse_ask_change(struct browse_batch *batch, const struct abtest_change *change)
{
    batch->write = true;
    ask_all(batch, change->statements, (int)change->count);
}

void browse_ask_rollup_look(struct browse_batch *batch)
{
    struct pg_statement statements[ROLLUP_LOOK_STATEMENTS];
    rollup_ask_look(statements);
    ask_all(batch, statements, ROLLUP_LOOK_STATEMENTS);
}

void browse_ask_rollup_step(struct browse_batch *batch, struct rollup *rollup)
{
    struct pg_statement statements[ROLLUP_STEP_STATEMENTS];
    rollup_ask_step(rollup, statements);
    batch->write = true;
    ask_all(batch, statements, ROLLUP_STEP_STATEMENTS);
}

void browse_ask_rollup_notice(struct browse_batch *batch, const struct registry *registry)
{
    struct pg_statement statements[ROLLUP_NOTICE_STATEMENTS];
    struct pg_arg actor;
    rollup_ask_notice(registry, &actor, statements);
    batch->write = true;
    ask_all(batch, statements, ROLLUP_NOTICE_STATEMENTS);
}
