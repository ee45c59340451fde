/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/health.h"
#include "runtime/ort.h"

static const struct sheet_column columns[] = {
    { "check", "check", SHEET_TEXT },
    { "state", "state", SHEET_TEXT },
    { "words", "found", SHEET_TEXT },
    { "remedy", "remedy", SHEET_TEXT },
};

static void put(struct sheet *sheet, const struct health_finding *finding)
{
    static const char *const states[] = {
        [HEALTH_OK] = "ok", [HEALTH_NOTE] = "note", [HEALTH_PROBLEM] = "PROBLEM"
    };
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(finding->check);
    cells[1] = sheet_text(states[finding->state]);
    cells[2] = sheet_text(finding->words);
    cells[3] =
        (struct sheet_cell){ .value = finding->remedy, .shown = finding->remedy ? NULL : "" };
}

static bool sweep(const struct visit *visit, struct pare_error *err)
{
    int64_t artifacts, bytes;
    char size[32];
    if (!health_sweep(&visit->registry, &artifacts, &bytes, err))
        return false;
    text_size(bytes, size, sizeof(size));
    cli_say("swept %lld leftovers, %s", (long long)artifacts, size);
    return true;
}

/* Without it everything but measuring works. */
static struct health_finding look_for_runtime(struct arena *arena)
{
    struct runtime *runtime;
    struct pare_error err;
    if (!runtime_open(NULL, &runtime, &err))
        return (struct health_finding){ "ONNX Runtime", HEALTH_NOTE,
                                        "not found: nothing can be measured",
                                        arena_strdup(arena, err.text) };
    struct health_finding found = {
        "ONNX Runtime", HEALTH_OK,
        arena_printf(arena, "%s, %s", runtime_version(runtime), runtime_path(runtime)), NULL
    };
    runtime_close(runtime);
    return found;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct health_finding findings[HEALTH_FINDINGS_MAX];
    struct sheet sheet;
    size_t count;
    int problems = 0;
    if (!visit_open(cli, &visit, err))
        return false;
    if (cli_has(cli, "sweep") && !sweep(&visit, err))
        return false;
    if (!health_look(&visit.registry, &cli->arena, findings, &count, err))
        return false;
    if (count < HEALTH_FINDINGS_MAX)
        findings[count++] = look_for_runtime(&cli->arena);
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < count; i++) {
        put(&sheet, &findings[i]);
        problems += findings[i].state == HEALTH_PROBLEM;
    }
    if (!sheet_print(&sheet, cli->format, err))
        return false;
    return problems == 0 ||
           error_set(err, PARE_ERR_FAILED, "%d problem%s", problems, problems == 1 ? "" : "s");
}

static const struct option_spec options[] = {
    { "sweep", NULL, "free the bytes of vanished versions and abandoned uploads first" },
    { NULL, NULL, NULL },
};

const struct command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "what is there, missing, different, and how to mend it",
    .options = options,
    .run = run,
};
