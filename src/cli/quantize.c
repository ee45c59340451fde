/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/text.h"
#include "cli/pick.h"
#include "cli/transform.h"
#include "jobs/order.h"
#include "pare.h"

enum { RECIPE_MAX = 1 << 20 };

/* A whole number above 0; which of them can be, the recipe says. */
static bool read_number(const struct cli *cli, const char *option, int64_t *ret_value,
                        struct pare_error *err)
{
    const char *word = cli_option(cli, option);
    if (!word)
        return true;
    if (text_to_int64(word, ret_value) && *ret_value > 0)
        return true;
    return error_set(err, PARE_ERR_USAGE, "--%s %.100s: a whole number was expected", option, word);
}

static bool run(struct cli *cli, struct pare_error *err)
{
    struct order_settings settings = {
        .scheme = cli_option(cli, "scheme"),
        .per_tensor = cli_has(cli, "per-tensor"),
        .match = cli_option(cli, "match"),
        .per_channel = cli_has(cli, "per-channel"),
        .weight_type = cli_option(cli, "weight-type"),
        .reduce_range = cli_has(cli, "reduce-range"),
        .io16 = cli_has(cli, "no-keep-io"),
        .asymmetric = cli_has(cli, "asymmetric"),
        .single_quant = cli_has(cli, "no-double-quant"),
        .gather = cli_has(cli, "gather"),
        .form = cli_option(cli, "form"),
    };
    struct buf recipe;
    if (!settings.scheme)
        return error_set(err, PARE_ERR_USAGE,
                         "quantize wants --scheme int8, fp16, bf16, int4, nf4 or fp4");
    if (settings.per_tensor && settings.per_channel)
        return error_set(err, PARE_ERR_USAGE, "--per-tensor and --per-channel exclude each other");
    if (settings.io16 && cli_has(cli, "keep-io"))
        return error_set(err, PARE_ERR_USAGE, "--keep-io and --no-keep-io exclude each other");
    if (settings.single_quant && cli_has(cli, "double-quant"))
        return error_set(err, PARE_ERR_USAGE,
                         "--double-quant and --no-double-quant exclude each other");
    if (!transform_check_choice("scheme", settings.scheme, pare_scheme, err) ||
        !read_number(cli, "block", &settings.block, err) ||
        !read_number(cli, "accuracy-level", &settings.accuracy_level, err))
        return false;
    if (!pick_read(cli, &settings, err))
        return false;
    buf_init(&recipe, RECIPE_MAX);
    order_put_recipe(&settings, &recipe);
    bool ok = buf_ok(&recipe, err) && transform_do(cli, buf_string(&recipe), err);
    buf_done(&recipe);
    return ok;
}

static const struct option_spec options[] = {
    { "scheme", "S",
      "int8, fp16 (no faster on CPUs), bf16, int4, or nf4 and fp4 (in ONNX slow on CPUs)" },
    { "per-tensor", NULL, "int8: one scale a tensor instead of one a channel" },
    { "match", "PEER", "int8: onnxruntime, exactly what its quantize_dynamic gives, or a refusal" },
    { "per-channel", NULL, "int8: one scale a channel; without --match the default" },
    { "weight-type", "T", "int8 with --match: qint8 or quint8; else qint8" },
    { "reduce-range", NULL, "int8: 7 bits, for CPUs before VNNI, where 8 can overflow" },
    { "keep-io", NULL, "fp16: inputs and outputs stay F32, with Casts; the default" },
    { "no-keep-io", NULL, "fp16: inputs and outputs become F16 too" },
    { "form", "F", "int8: auto, dynamic, weight-only; int4: matmulnbits, or qdq of opset 21" },
    { "block", "N", "int4, nf4, fp4: weights that share a scale, 16 to 256" },
    { "double-quant", NULL, "nf4, fp4 of checkpoints: their scales in 8 bits; the default" },
    { "no-double-quant", NULL, "nf4, fp4 of checkpoints: their scales in float32" },
    { "asymmetric", NULL, "int4: with zero points, a little larger and more exact" },
    { "gather", NULL, "int4: tables of embeddings too, as GatherBlockQuantized" },
    { "accuracy-level", "L", "int4: how products are computed, 1 float to 4 int8; else 4" },
    CHOICE_OPTIONS,
    TRANSFORM_OPTIONS,
    { NULL, NULL, NULL },
};

const struct command command_quantize = {
    .name = "quantize",
    .operands = "REF|FILE",
    .summary = "make a version of fewer bits",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
