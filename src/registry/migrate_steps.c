/* SPDX-License-Identifier: MIT */
#include "registry/migrate_steps.h"

#include "registry/migrate.auto.h"

const struct migration *migrate_steps(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(migrations);
    return migrations;
}

int migrate_newest(void)
{
    return migrations[ARRAY_SIZE(migrations) - 1].number;
}
