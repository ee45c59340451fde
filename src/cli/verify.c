/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/artifact.h"
#include "registry/catalog.h"

static const struct sheet_column columns[] = {
    { "name", "name", SHEET_TEXT },         { "version", "version", SHEET_TEXT },
    { "size_bytes", "size", SHEET_NUMBER }, { "files", "files", SHEET_NUMBER },
    { "sha256", "sha256", SHEET_TEXT },     { "state", "state", SHEET_TEXT },
};

static bool count_bytes(void *data, const void *bytes, size_t length, struct pare_error *err)
{
    (void)bytes;
    (void)err;
    progress_add(data, (int64_t)length);
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct version version;
    struct artifact artifact;
    struct progress progress;
    struct sheet sheet;
    char sha256[DIGEST_HEX];
    if (!visit_open(cli, &visit, err) ||
        !visit_find_operand(cli, &visit, 0, &cli->arena, &version, err) ||
        !artifact_get(&visit.registry, &version, &cli->arena, &artifact, err))
        return false;
    progress_init(&progress, "verifying", artifact.size_bytes);
    struct artifact_sink sink = { .bytes = count_bytes, .data = &progress };
    bool ok = artifact_read(&visit.registry, &artifact, &sink, sha256, err);
    progress_done(&progress);
    if (!ok)
        return error_prefix(err, "%s:%s", version.name, version.version);
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    struct sheet_cell *cells = sheet_row(&sheet);
    cells[0] = sheet_text(version.name);
    cells[1] = sheet_text(version.version);
    cells[2] = sheet_number(&sheet, (double)artifact.size_bytes,
                            sheet_size(&sheet, (double)artifact.size_bytes));
    cells[3] = sheet_integer(&sheet, (int64_t)artifact.file_count);
    cells[4] = sheet_text(sha256);
    cells[5] = sheet_text(artifact.sha256 ? "intact" : "nothing on record");
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec options[] = {
    { "name", "N", "instead of REF, with --version" },
    { "version", "V", "instead of REF, with --name" },
    { NULL, NULL, NULL },
};

const struct command command_verify = {
    .name = "verify",
    .operands = "REF",
    .summary = "read a version's bytes and check them against the digests on record",
    .options = options,
    .operands_max = 1,
    .run = run,
};
