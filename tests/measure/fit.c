/* SPDX-License-Identifier: MIT */
#include "measure/fit.h"

#include <string.h>

#include "base/error.h"
#include "tap.h"

#define GIB ((int64_t)1 << 30)

static const char llama[] =
    "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 4096, \"model_type\": \"llama\", "
    "\"num_attention_heads\": 32, \"num_hidden_layers\": 32, \"num_key_value_heads\": 32, "
    "\"max_position_embeddings\": 4096, \"torch_dtype\": \"float16\"}";

static struct fit_config read_config(const char *json)
{
    struct fit_config config = { .no_cache = "not read" };
    struct pare_error err;
    if (!fit_config_read(json, strlen(json), &config, &err))
        printf("# %s\n", err.text);
    return config;
}

static struct fit judge(const char *json, int64_t weights, int64_t device, int64_t tokens,
                        int64_t batch)
{
    struct fit_config config = read_config(json);
    struct fit_request request = { weights, device, &config, tokens, batch };
    struct fit fit = { .needs_bytes = -1 };
    struct pare_error err;
    if (!fit_judge(&request, &fit, &err))
        printf("# %s\n", err.text);
    return fit;
}

static int64_t cache(const char *json, int64_t tokens, int64_t batch)
{
    return judge(json, 0, GIB, tokens, batch).cache_bytes;
}

/* Its nf4 with double quantization is 3.866 GB: issue 6's figures. */
static void test_llama(void)
{
    int64_t nf4 = 3866000000, device = (int64_t)(3.7 * (double)GIB);
    struct fit fit = judge(llama, nf4, device, 2048, 1);
    OK(fit.cache_bytes == GIB, "LLaMA-2-7B keeps 1 GiB of keys and values for 2048 tokens");
    OK(fit.weights_bytes == nf4 && fit.overhead_bytes == nf4 / 5 &&
           fit.needs_bytes == nf4 + GIB + nf4 / 5,
       "weights, cache and overhead are added");
    OK(fit.verdict == FIT_NO, "in nf4 it does not fit 3.7 GiB");
    OK(judge(llama, nf4, 4 * GIB, 2048, 1).verdict == FIT_NO, "nor 4 GiB");
    OK(judge(llama, nf4, 5 * GIB, 2048, 1).verdict == FIT_MAYBE,
       "5 GiB hold weights and cache, but perhaps not the overhead");
    OK(judge(llama, nf4, 6 * GIB, 2048, 1).verdict == FIT_YES, "6 GiB hold all of it");
    OK(judge(llama, nf4, fit.needs_bytes, 2048, 1).verdict == FIT_YES, "what it needs is enough");
    OK(judge(llama, nf4, fit.needs_bytes - 1, 2048, 1).verdict == FIT_MAYBE,
       "one byte less may not be");
    OK(cache(llama, 4096, 4) == 8 * GIB, "twice the tokens and four at a time: eight times that");
}

static void test_names(void)
{
    OK(cache("{\"model_type\": \"gpt2\", \"n_layer\": 12, \"n_head\": 12, \"n_embd\": 768, "
             "\"dtype\": \"float32\"}",
             1024, 1) == 2LL * 12 * 768 * 4 * 1024,
       "GPT-2's names, float32");
    OK(cache("{\"num_hidden_layers\": 32, \"num_attention_heads\": 32, \"num_key_value_heads\": 8, "
             "\"hidden_size\": 4096, \"dtype\": \"bfloat16\"}",
             1, 1) == 2LL * 32 * 8 * 128 * 2,
       "grouped heads");
    OK(cache("{\"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"head_dim\": 256, "
             "\"hidden_size\": 64}",
             1, 1) == 2LL * 2 * 4 * 256 * 2,
       "head_dim counts before hidden_size / heads");
    OK(cache("{\"text_config\": {\"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
             "\"hidden_size\": 64}, \"dtype\": \"float32\"}",
             1, 1) == 2LL * 2 * 64 * 4,
       "the text's part of a config of two");
    struct fit_config quantized =
        read_config("{\"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"hidden_size\": 64, "
                    "\"quantization_config\": {\"bnb_4bit_compute_dtype\": \"float32\"}}");
    OK(quantized.value_bytes == 4 && !quantized.assumed_dtype,
       "the type a quantized checkpoint computes in");
    struct fit_config silent = read_config("{\"num_hidden_layers\": 2}");
    OK(silent.value_bytes == 2 && silent.assumed_dtype, "16 bit where nothing tells, and said so");
}

static void test_windows(void)
{
    static const char base[] = "\"num_hidden_layers\": 4, \"num_attention_heads\": 1, "
                               "\"hidden_size\": 1, \"sliding_window\": 100";
    char json[512];
    snprintf(json, sizeof(json), "{\"model_type\": \"mistral\", %s}", base);
    OK(cache(json, 1000, 1) == 4LL * 4 * 100, "a window keeps no more than its tokens");
    OK(cache(json, 50, 1) == 4LL * 4 * 50, "and fewer where there are fewer");
    snprintf(json, sizeof(json),
             "{\"model_type\": \"x\", %s, \"layer_types\": [\"sliding_attention\", "
             "\"sliding_attention\", \"full_attention\", \"linear_attention\"]}",
             base);
    OK(cache(json, 1000, 1) == 4LL * (2 * 100 + 1000), "layer by layer, where it is told");
    snprintf(json, sizeof(json), "{\"model_type\": \"qwen2\", %s, \"use_sliding_window\": false}",
             base);
    OK(cache(json, 1000, 1) == 4LL * 4 * 1000, "a window that is not used is none");
    snprintf(json, sizeof(json), "{\"model_type\": \"gemma2\", %s}", base);
    OK(cache(json, 1000, 1) == 4LL * 4 * 1000, "nor one of which not all layers are known to be");
}

static bool counts_none(const char *json)
{
    struct fit_config config = read_config(json);
    return config.no_cache && cache(json, 1000, 1) == 0;
}

static bool is_refused(const char *json)
{
    struct fit_config config;
    struct pare_error err;
    return !fit_config_read(json, strlen(json), &config, &err) && err.code == PARE_ERR_FORMAT;
}

static void test_none(void)
{
    struct fit_request alone = { 1000, 1200, NULL, 2048, 1 };
    struct fit fit;
    struct pare_error err;
    OK(fit_judge(&alone, &fit, &err) && fit.cache_bytes == 0 && fit.needs_bytes == 1200,
       "without a config weights and overhead are counted");
    OK(counts_none("{\"model_type\": \"distilbert\", \"num_hidden_layers\": 6, "
                   "\"num_attention_heads\": 12, \"hidden_size\": 384}"),
       "an encoder keeps no cache");
    OK(counts_none("{\"model_type\": \"mamba\", \"num_hidden_layers\": 6}") && counts_none("{}") &&
           counts_none(
               "{\"num_hidden_layers\": 0, \"num_attention_heads\": 1, \"hidden_size\": 1}"),
       "what the config does not tell is not counted");
    OK(counts_none("{\"num_hidden_layers\": -1, \"num_attention_heads\": 1e9, "
                   "\"hidden_size\": \"many\"}"),
       "nor what is no number of that kind");
    OK(is_refused("[1]") && is_refused("{") && is_refused("{} {}"), "what is no object is refused");
    struct fit_config most = {
        .layers = 65536, .kv_heads = 1 << 20, .head_size = 1 << 20, .value_bytes = 4
    };
    struct fit_request huge = { 1, GIB, &most, INT64_MAX, INT64_MAX };
    OK(!fit_judge(&huge, &fit, &err) && strstr(err.text, "beyond"), "no sum runs over");
    huge = (struct fit_request){ INT64_MAX, GIB, NULL, 1, 1 };
    OK(!fit_judge(&huge, &fit, &err), "of weights neither");
}

static int64_t parse(const char *text)
{
    int64_t bytes = -1;
    struct pare_error err = { 0 };
    if (!fit_parse_size(text, &bytes, &err) && err.code != PARE_ERR_USAGE)
        return -2;
    return bytes;
}

static void test_sizes(void)
{
    static const char *const bad[] = {
        "",      "4",      "GiB",   "4G",    "4 Gib/s", "-4GiB", "0GiB", "4.4.4GB",       "nan",
        "infGB", "0x4GiB", "1e3MB", "4  GB", " 4GB",    "4GB ",  ".GiB", "99999999999TiB"
    };
    char text[32], what[64];
    OK(parse("4GiB") == 4 * GIB && parse("512 MiB") == GIB / 2 && parse("1tib") == 1024 * GIB,
       "GiB and its kin are powers of two");
    OK(parse("16GB") == 16000000000 && parse("3.7GB") == 3700000000 && parse("500KB") == 500000,
       "GB and its kin are powers of ten");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        bool refused = parse(bad[i]) == -1;
        snprintf(what, sizeof(what), "\"%s\" is refused", bad[i]);
        OK(refused, what);
    }
    fit_size_text(3865470566, text, sizeof(text));
    OK(!strcmp(text, "3.60 GiB"), "3.60 GiB");
    fit_size_text(500, text, sizeof(text));
    OK(!strcmp(text, "0.49 KiB"), "0.49 KiB");
}

int main(void)
{
    test_llama();
    test_names();
    test_windows();
    test_none();
    test_sizes();
    return tap_done();
}
