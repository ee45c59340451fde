/* SPDX-License-Identifier: MIT */
#include "cli/fit.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "cli/sheet.h"
#include "measure/fit.h"
#include "registry/artifact.h"
#include "registry/version.h"

enum { CONFIG_MAX = 1 << 20, TOKENS_DEFAULT = 2048, SIZE_ROOM = 32 };

/* What is asked and what is known of the version. */
struct fitting {
    struct fit_request request;
    struct fit_config config;
    const char *config_from; /* "config.json"; NULL: there is none */
    struct fit fit;
};

/* ---- weights ---- */

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && !strcmp(text + length - wanted, end);
}

/* All files with one of these ends, NULL for all files. */
static int64_t bytes_of(const struct artifact *artifact, const char *const ends[])
{
    int64_t bytes = 0;
    for (size_t i = 0; i < artifact->file_count; i++) {
        bool counts = !ends;
        for (const char *const *end = ends; end && *end; end++)
            counts |= ends_in(artifact->files[i].path, *end);
        bytes += counts ? artifact->files[i].size_bytes : 0;
    }
    return bytes;
}

/* The same weights may be there in two formats: those that would be loaded count. */
static int64_t weights_of(const struct artifact *artifact)
{
    static const char *const safetensors[] = { ".safetensors", NULL };
    static const char *const pytorch[] = { ".bin", ".pt", ".pth", NULL };
    int64_t bytes = bytes_of(artifact, safetensors);
    for (size_t i = 0; i < artifact->file_count; i++)
        if (ends_in(artifact->files[i].path, ".onnx"))
            return bytes_of(artifact, NULL);
    bytes = bytes ? bytes : bytes_of(artifact, pytorch);
    return bytes ? bytes : bytes_of(artifact, NULL);
}

/* ---- config.json ---- */

static bool take(void *data, const void *bytes, size_t length, struct pare_error *err)
{
    struct buf *buf = data;
    buf_add(buf, bytes, length);
    return buf_ok(buf, err);
}

/* That one file of the artifact. */
static bool read_config_file(const struct visit *visit, const struct artifact *artifact,
                             const struct artifact_file *file, struct fitting *f,
                             struct pare_error *err)
{
    struct artifact_file only = *file;
    struct artifact narrowed = *artifact;
    char sha256[DIGEST_HEX];
    struct buf text;
    buf_init(&text, CONFIG_MAX);
    const struct artifact_sink sink = { .bytes = take, .data = &text };
    narrowed.files = &only;
    narrowed.file_count = 1;
    narrowed.sha256 = artifact->file_count == 1 ? artifact->sha256 : NULL;
    bool ok = artifact_read(&visit->registry, &narrowed, &sink, sha256, err) &&
              fit_config_read(buf_string(&text), text.length, &f->config, err);
    buf_done(&text);
    f->config_from = "config.json";
    return ok || error_prefix(err, "config.json");
}

/* The file's word counts before the registry's; without either there is none. */
static bool find_config(const struct visit *visit, const struct version *version,
                        const struct artifact *artifact, struct fitting *f, struct pare_error *err)
{
    struct pare_error ignored;
    for (size_t i = 0; i < artifact->file_count; i++)
        if (!strcmp(artifact->files[i].path, "config.json"))
            return read_config_file(visit, artifact, &artifact->files[i], f, err);
    if (version->config &&
        fit_config_read(version->config, strlen(version->config), &f->config, &ignored) &&
        f->config.layers)
        f->config_from = "the column config";
    return true;
}

static bool look(const struct visit *visit, const struct version *version, struct arena *arena,
                 struct fitting *f, struct pare_error *err)
{
    struct artifact artifact = { 0 };
    if (artifact_get(&visit->registry, version, arena, &artifact, err)) {
        f->request.weights_bytes = weights_of(&artifact);
    } else if (err->code == PARE_ERR_NOT_FOUND && version->size_bytes >= 1 &&
               version->size_bytes < 9e18) {
        f->request.weights_bytes = (int64_t)version->size_bytes; /* as its metrics say */
        artifact = (struct artifact){ 0 };
    } else {
        return false;
    }
    if (!find_config(visit, version, &artifact, f, err))
        return error_prefix(err, "%s:%s", version->name, version->version);
    f->request.config = f->config_from ? &f->config : NULL;
    return true;
}

/* ---- the answer ---- */

static const char *size_text(struct arena *arena, int64_t bytes)
{
    char *text = arena_alloc(arena, SIZE_ROOM);
    if (text)
        fit_size_text(bytes, text, SIZE_ROOM);
    return text ? text : "";
}

/* What the cache stands on, or why it is not counted. */
static const char *cache_words(const struct fitting *f, struct arena *arena)
{
    const struct fit_config *c = &f->config;
    if (!f->config_from)
        return "no config: weights and overhead only, activations are not counted";
    if (c->no_cache)
        return c->no_cache;
    return arena_printf(
        arena, "%lld layers x %lld heads x %lld, %s%s, %lld tokens x %lld%s, by %s",
        (long long)c->layers, (long long)c->kv_heads, (long long)c->head_size,
        c->value_bytes == 4 ? "32 bit" : "16 bit", c->assumed_dtype ? " (assumed)" : "",
        (long long)f->request.tokens, (long long)f->request.batch,
        c->windowed_layers ? arena_printf(arena, " (%lld layers: at most %lld)",
                                          (long long)c->windowed_layers, (long long)c->window)
                           : "",
        f->config_from);
}

static const char *answer(const struct fitting *f, const char *device, struct arena *arena)
{
    static const char *const words[] = {
        [FIT_YES] = "fits", [FIT_MAYBE] = "may not fit", [FIT_NO] = "does not fit"
    };
    const struct fit *fit = &f->fit;
    const char *cache = fit->cache_bytes
                            ? arena_printf(arena, "cache %s", size_text(arena, fit->cache_bytes))
                            : "no cache counted";
    return arena_printf(arena, "%s %s: needs %s%s (weights %s, %s, overhead %s)",
                        words[fit->verdict], device, fit->verdict == FIT_MAYBE ? "up to " : "",
                        size_text(arena, fit->needs_bytes), size_text(arena, fit->weights_bytes),
                        cache ? cache : "", size_text(arena, fit->overhead_bytes));
}

static void put(struct sheet *sheet, const char *fact, const char *value)
{
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(fact);
    cells[1] = sheet_text(value);
}

static bool print_words(struct cli *cli, const struct fitting *f, const char *says,
                        struct pare_error *err)
{
    static const struct sheet_column columns[] = {
        { "fact", "fact", SHEET_TEXT },
        { "value", "value", SHEET_TEXT },
    };
    struct arena *arena = &cli->arena;
    struct sheet sheet;
    sheet_init(&sheet, arena, columns, ARRAY_SIZE(columns));
    put(&sheet, "answer", says);
    put(&sheet, "device", size_text(arena, f->request.device_bytes));
    put(&sheet, "weights", size_text(arena, f->fit.weights_bytes));
    put(&sheet, "cache",
        arena_printf(arena, "%s%s%s",
                     f->fit.cache_bytes ? size_text(arena, f->fit.cache_bytes) : "",
                     f->fit.cache_bytes ? ": " : "", cache_words(f, arena)));
    put(&sheet, "overhead",
        arena_printf(arena, "%s: at most a fifth of the weights",
                     size_text(arena, f->fit.overhead_bytes)));
    put(&sheet, "needs", size_text(arena, f->fit.needs_bytes));
    return sheet_print(&sheet, cli->format, err);
}

static bool print_values(struct cli *cli, const struct fitting *f, const struct version *version,
                         const char *says, struct pare_error *err)
{
    static const struct sheet_column columns[] = {
        { "name", "name", SHEET_TEXT },
        { "version", "version", SHEET_TEXT },
        { "device_bytes", "device", SHEET_NUMBER },
        { "ctx", "ctx", SHEET_NUMBER },
        { "batch", "batch", SHEET_NUMBER },
        { "weights_bytes", "weights", SHEET_NUMBER },
        { "cache_bytes", "cache", SHEET_NUMBER },
        { "overhead_bytes", "overhead", SHEET_NUMBER },
        { "needs_bytes", "needs", SHEET_NUMBER },
        { "fits", "fits", SHEET_TEXT },
        { "answer", "answer", SHEET_TEXT },
        { "cache", "cache", SHEET_TEXT },
    };
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    struct sheet_cell *cells = sheet_row(&sheet);
    const int64_t numbers[] = { f->request.device_bytes, f->request.tokens,  f->request.batch,
                                f->fit.weights_bytes,    f->fit.cache_bytes, f->fit.overhead_bytes,
                                f->fit.needs_bytes };
    cells[0] = sheet_text(version->name);
    cells[1] = sheet_text(version->version);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        cells[2 + i] = sheet_integer(&sheet, numbers[i]);
    if (!f->request.config || f->config.no_cache)
        cells[6] = (struct sheet_cell){ 0 };
    cells[9] = sheet_text(fit_verdict_text(f->fit.verdict));
    cells[10] = sheet_text(says);
    cells[11] = sheet_text(cache_words(f, &cli->arena));
    return sheet_print(&sheet, cli->format, err);
}

bool fit_print(struct cli *cli, const struct visit *visit, const struct version *version,
               struct pare_error *err)
{
    struct fitting f = { 0 };
    if (!fit_parse_size(cli_option(cli, "for"), &f.request.device_bytes, err))
        return error_prefix(err, "--for");
    if (!cli_number(cli, "ctx", 1, TOKENS_DEFAULT, &f.request.tokens, err) ||
        !cli_number(cli, "batch", 1, 1, &f.request.batch, err) ||
        !look(visit, version, &cli->arena, &f, err) || !fit_judge(&f.request, &f.fit, err))
        return false;
    const char *says = answer(&f, size_text(&cli->arena, f.request.device_bytes), &cli->arena);
    return cli->format == CLI_TABLE || cli->format == CLI_MD
               ? print_words(cli, &f, says, err)
               : print_values(cli, &f, version, says, err);
}
