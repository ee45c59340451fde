/* SPDX-License-Identifier: MIT */
#include "measure/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/dataset.h"
#include "registry/upload.h"
#include "registry/version.h"

enum { READ_BYTES = 256 * 1024 };

static const struct sheet_column columns[] = {
    { "name", "name", SHEET_TEXT },         { "rows", "rows", SHEET_NUMBER },
    { "size_bytes", "size", SHEET_NUMBER }, { "digest", "sha256", SHEET_TEXT },
    { "actor", "by", SHEET_TEXT },          { "created_at", "created", SHEET_TEXT },
};

static bool list(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct dataset_row *rows;
    struct sheet sheet;
    size_t count;
    if (!dataset_list(&visit->registry, NULL, &cli->arena, &rows, &count, err))
        return false;
    if (count == 0 && cli->format == CLI_TABLE) {
        cli_say("no datasets yet; see: pare dataset --help");
        return true;
    }
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < count; i++) {
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = sheet_text(rows[i].name);
        cells[1] = sheet_integer(&sheet, rows[i].rows);
        cells[2] = sheet_number(&sheet, (double)rows[i].size_bytes,
                                sheet_size(&sheet, (double)rows[i].size_bytes));
        cells[3] = sheet_text(rows[i].digest);
        cells[4] = sheet_text(rows[i].actor);
        cells[5] = sheet_time(&sheet, rows[i].created_at);
    }
    return sheet_print(&sheet, cli->format, err);
}

static bool send(struct upload *upload, const char *path, struct pare_error *err)
{
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *room = malloc(READ_BYTES);
    bool ok = room != NULL || error_no_memory(err, READ_BYTES);
    if (ok && fd < 0)
        ok = error_errno(err, "cannot open %s", path);
    for (ssize_t n = 1; ok && n > 0;) {
        n = read(fd, room, READ_BYTES);
        if (n < 0)
            ok = error_errno(err, "cannot read %s", path);
        else
            ok = upload_add(upload, room, (size_t)n, err);
    }
    free(room);
    return ok;
}

static bool import(struct cli *cli, const struct visit *visit, const char *path,
                   struct pare_error *err)
{
    struct dataset dataset = { 0 };
    struct upload *upload;
    const char *name = cli_option(cli, "name"), *slash = strrchr(path, '/');
    if (!dataset_open(path, &dataset, err))
        return false;
    int64_t rows = dataset.rows;
    dataset_close(&dataset);
    if (!upload_begin(&visit->registry, 0, UPLOAD_DATASET, &upload, err))
        return false;
    bool ok = upload_file(upload, slash ? slash + 1 : path, err) && send(upload, path, err) &&
              upload_publish_dataset(upload, name, rows, err);
    upload_free(upload);
    if (ok)
        cli_say("dataset %s: %lld rows", name, (long long)rows);
    return ok;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    const char *verb = cli->operands[0], *path = cli->operands[1];
    bool is_import = !strcmp(verb, "import");
    if (!is_import && strcmp(verb, "list") != 0)
        return error_set(err, PARE_ERR_USAGE, "dataset %s: import or list was expected", verb);
    if (is_import && (!path || !cli_has(cli, "name")))
        return error_set(err, PARE_ERR_USAGE, "usage: pare dataset import FILE --name D");
    if (is_import && !version_name_ok(cli_option(cli, "name"), "name", err))
        return false;
    if (is_import && access(path, F_OK) != 0) {
        error_errno(err, "cannot open %s", path);
        err->code = PARE_ERR_NOT_FOUND;
        return false;
    }
    return visit_open(cli, &visit, err) &&
           (is_import ? import(cli, &visit, path, err) : list(cli, &visit, err));
}

static const struct option_spec options[] = {
    { "name", "D", "what to call it" },
    { NULL, NULL, NULL },
};

const struct command command_dataset = {
    .name = "dataset",
    .operands = "import FILE | list",
    .summary = "labelled data to measure on: .npz, or .csv for one float input",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
