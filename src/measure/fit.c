/* SPDX-License-Identifier: MIT */
#include "measure/fit.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/json_slice.h"
#include "base/text.h"

enum { LAYERS_MAX = 1 << 16, HEADS_MAX = 1 << 20, OVERHEAD_PARTS = 5, NUMBER_ROOM = 32 };

static const double bytes_max = 9.0e18; /* below 2^63 */

/* ---- config.json ---- */

/* The first of these members that is a whole number from 1 to `most`; 0 when none is. */
static int64_t number_of(const struct json_slice *config, const char *const names[], int64_t most)
{
    for (; *names; names++) {
        struct json_slice value;
        int64_t number;
        if (json_slice_get(config, *names, &value) && json_slice_int(&value, &number) &&
            number >= 1 && number <= most)
            return number;
    }
    return 0;
}

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static bool is_true(const struct json_slice *config, const char *name)
{
    struct json_slice value;
    return json_slice_get(config, name, &value) && value.length == 4 && *value.text == 't';
}

static bool is_false(const struct json_slice *config, const char *name)
{
    struct json_slice value;
    return json_slice_get(config, name, &value) && value.length == 5 && *value.text == 'f';
}

/* Whether the string of that name holds the word, in its plain spelling. */
static bool says(const struct json_slice *config, const char *name, const char *word)
{
    struct json_slice value;
    return json_slice_get(config, name, &value) && value.kind == JSON_STRING &&
           memmem(value.text, value.length, word, strlen(word)) != NULL;
}

static const char *why_no_cache(const struct json_slice *config)
{
    static const char *const encoders[] = { "bert", "electra", "mpnet", "vit", "clip", "wav2vec" };
    struct json_slice ignored;
    if (is_true(config, "is_encoder_decoder"))
        return "the cache of an encoder-decoder is not counted";
    if (json_slice_get(config, "kv_lora_rank", &ignored))
        return "the cache of latent attention is not counted";
    for (size_t i = 0; i < ARRAY_SIZE(encoders); i++)
        if (says(config, "model_type", encoders[i]) && !is_true(config, "is_decoder"))
            return "an encoder keeps no cache";
    return NULL;
}

/* Bytes of a value; 0: nothing tells. */
static int value_bytes(const struct json_slice *config, const char *name)
{
    if (says(config, name, "float32"))
        return 4;
    if (says(config, name, "float16")) /* and bfloat16 */
        return 2;
    return 0;
}

static int find_value_bytes(const struct json_slice *whole, const struct json_slice *config)
{
    struct json_slice quantization;
    int bytes = 0;
    if (json_slice_get(whole, "quantization_config", &quantization))
        bytes = value_bytes(&quantization, "bnb_4bit_compute_dtype");
    for (int i = 0; i < 4 && bytes == 0; i++)
        bytes = value_bytes(i < 2 ? config : whole, i % 2 ? "torch_dtype" : "dtype");
    return bytes;
}

/* Layers by what layer_types calls them; those of a kind without a cache have none. */
static void count_layers(const struct json_slice *types, struct fit_config *io_config)
{
    struct json_members members = json_members(types);
    struct json_slice key, type;
    int64_t windowed = 0, full = 0;
    while (json_member(&members, &key, &type)) {
        windowed +=
            json_slice_is(&type, "sliding_attention") || json_slice_is(&type, "chunked_attention");
        full += json_slice_is(&type, "full_attention");
    }
    if (windowed + full == 0 || windowed + full > io_config->layers)
        return;
    io_config->layers = windowed + full;
    io_config->windowed_layers = windowed;
}

/* Models of which all layers look through the window, where nothing says it layer by layer. */
static bool all_windowed(const struct json_slice *config)
{
    static const char *const types[] = { "mistral", "mixtral", "phi3", "starcoder2" };
    struct json_slice type;
    for (size_t i = 0; json_slice_get(config, "model_type", &type) && i < ARRAY_SIZE(types); i++)
        if (json_slice_is(&type, types[i]))
            return true;
    return false;
}

static void read_window(const struct json_slice *config, struct fit_config *io_config)
{
    struct json_slice types;
    io_config->window =
        number_of(config, NAMES("sliding_window", "attention_chunk_size"), INT64_MAX);
    if (json_slice_get(config, "layer_types", &types))
        count_layers(&types, io_config);
    else if (all_windowed(config))
        io_config->windowed_layers = io_config->layers;
    if (io_config->window == 0 || is_false(config, "use_sliding_window"))
        io_config->windowed_layers = 0;
}

bool fit_config_read(const char *json, size_t length, struct fit_config *ret_config,
                     struct pare_error *err)
{
    struct json_slice whole, config, value;
    struct fit_config c = { 0 };
    if (!json_slice(json, length, &whole, err))
        return false;
    if (whole.kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_FORMAT, "a JSON object was expected");
    config =
        json_slice_get(&whole, "text_config", &value) && value.kind == JSON_OBJECT ? value : whole;
    int64_t heads = number_of(&config, NAMES("num_attention_heads", "n_head"), HEADS_MAX);
    int64_t width = number_of(&config, NAMES("hidden_size", "n_embd"), INT64_MAX);
    c.layers = number_of(&config, NAMES("num_hidden_layers", "n_layer"), LAYERS_MAX);
    c.kv_heads = number_of(&config, NAMES("num_key_value_heads"), HEADS_MAX);
    c.head_size = number_of(&config, NAMES("head_dim"), HEADS_MAX);
    if (c.kv_heads == 0)
        c.kv_heads = is_true(&config, "multi_query") ? 1 : heads;
    if (c.head_size == 0 && heads)
        c.head_size = width / heads;
    c.value_bytes = find_value_bytes(&whole, &config);
    c.assumed_dtype = c.value_bytes == 0;
    if (c.assumed_dtype)
        c.value_bytes = 2;
    read_window(&config, &c);
    c.no_cache = why_no_cache(&config);
    if (!c.no_cache && (!c.layers || !c.kv_heads || !c.head_size))
        c.no_cache = "the config does not tell the cache's size, which is not counted";
    *ret_config = c;
    return true;
}

/* ---- the sum ---- */

static bool multiply(int64_t *io_product, int64_t factor)
{
    return !__builtin_mul_overflow(*io_product, factor, io_product);
}

static bool cache_bytes(const struct fit_request *r, int64_t *ret_bytes)
{
    const struct fit_config *c = r->config;
    *ret_bytes = 0;
    if (!c || c->no_cache)
        return true;
    int64_t windowed = c->windowed_layers, full = c->layers - c->windowed_layers, bytes;
    return multiply(&windowed, MIN(r->tokens, c->window)) && multiply(&full, r->tokens) &&
           !__builtin_add_overflow(windowed, full, &bytes) && multiply(&bytes, 2) &&
           multiply(&bytes, c->kv_heads) && multiply(&bytes, c->head_size) &&
           multiply(&bytes, c->value_bytes) && multiply(&bytes, r->batch) &&
           (*ret_bytes = bytes, true);
}

bool fit_judge(const struct fit_request *request, struct fit *ret_fit, struct pare_error *err)
{
    struct fit fit = { .weights_bytes = request->weights_bytes };
    int64_t least;
    fit.overhead_bytes = fit.weights_bytes / OVERHEAD_PARTS;
    if (!cache_bytes(request, &fit.cache_bytes) ||
        __builtin_add_overflow(fit.weights_bytes, fit.cache_bytes, &least) ||
        __builtin_add_overflow(least, fit.overhead_bytes, &fit.needs_bytes))
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "a cache for %lld tokens x %lld is beyond all memory",
                         (long long)request->tokens, (long long)request->batch);
    fit.verdict = fit.needs_bytes <= request->device_bytes ? FIT_YES
                  : least <= request->device_bytes         ? FIT_MAYBE
                                                           : FIT_NO;
    *ret_fit = fit;
    return true;
}

const char *fit_verdict_text(enum fit_verdict verdict)
{
    static const char *const words[] = {
        [FIT_YES] = "yes", [FIT_MAYBE] = "maybe", [FIT_NO] = "no"
    };
    return words[verdict];
}

/* ---- sizes ---- */

static const struct unit {
    const char *name;
    double bytes;
} units[] = {
    { "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 }, { "TiB", 0x1p40 },
    { "KB", 1e3 },     { "MB", 1e6 },     { "GB", 1e9 },     { "TB", 1e12 },
};

bool fit_parse_size(const char *text, int64_t *ret_bytes, struct pare_error *err)
{
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits + (text[digits] == ' ');
    char number[NUMBER_ROOM];
    double value = 0, scale = 0;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (!strcasecmp(unit, units[i].name))
            scale = units[i].bytes;
    if (digits > 0 && digits < sizeof(number)) {
        snprintf(number, sizeof(number), "%.*s", (int)digits, text);
        if (!text_to_double(number, &value))
            value = 0;
    }
    value *= scale;
    if (!(value >= 1 && value < bytes_max))
        return error_set(err, PARE_ERR_USAGE,
                         "%s: a size with its unit was expected, such as 4GiB, 3.7GiB or 16GB",
                         text);
    *ret_bytes = (int64_t)value;
    return true;
}

void fit_size_text(int64_t bytes, char *to, size_t room)
{
    size_t i = 0;
    while (i + 1 < 4 && (double)bytes >= units[i + 1].bytes)
        i++;
    double value = (double)bytes / units[i].bytes;
    snprintf(to, room, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[i].name);
}
