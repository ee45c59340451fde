/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/versions.h"
#include "cli/visit.h"

/* All are judged before the first goes. */
static bool find_all(const struct cli *cli, const struct visit *visit, struct arena *arena,
                     struct version *versions, struct pare_error *err)
{
    for (int i = 0; i < cli->operand_count; i++) {
        if (!visit_find(cli, visit, cli->operands[i], arena, &versions[i], err) ||
            !catalog_may_delete(&visit->registry, &versions[i], err))
            return false;
        for (int j = 0; j < i; j++)
            if (versions[j].id == versions[i].id)
                return error_set(err, PARE_ERR_USAGE, "%s is given twice", cli->operands[i]);
    }
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct version *versions =
        arena_array(&cli->arena, (size_t)cli->operand_count, sizeof(*versions));
    bool dry_run = cli_has(cli, "dry-run");
    double freed = 0;
    char size[32];
    if (!versions)
        return error_no_memory(err, sizeof(*versions));
    if (!visit_open(cli, &visit, err) ||
        !registry_allows(&visit.registry, dry_run ? REGISTRY_SEE : REGISTRY_WRITE, err) ||
        !find_all(cli, &visit, &cli->arena, versions, err))
        return false;
    for (int i = 0; i < cli->operand_count; i++) {
        if (!dry_run && !catalog_delete(&visit.registry, &versions[i], err)) {
            if (i > 0)
                cli_say("%d of %d deleted before this:", i, cli->operand_count);
            return false;
        }
        freed += isnan(versions[i].size_bytes) ? 0 : versions[i].size_bytes;
    }
    text_size((int64_t)freed, size, sizeof(size));
    cli_say("%s %d version%s, %s (the disk has it back after VACUUM)",
            dry_run ? "would delete" : "deleted", cli->operand_count,
            cli->operand_count == 1 ? "" : "s", size);
    return true;
}

static const struct option_spec options[] = {
    { "dry-run", NULL, "only say what would go" },
    { NULL, NULL, NULL },
};

const struct command command_delete = {
    .name = "delete",
    .operands = "REF...",
    .summary = "remove versions; never the default or an arm of a running test",
    .options = options,
    .operands_min = 1,
    .operands_max = -1,
    .run = run,
};
