/* SPDX-License-Identifier: MIT */
/*
 * A checkpoint with the tensors of LLaMA-2-7B, their values seeded and normal: for what needs gigabytes
 * and no meaning.
 *
 *     checkpoint f16|f32 FIRST END FOLDER
 *
 * Layers FIRST to END of 32. Layer 0 has the embedding before it, layer 31 the last norm and lm_head
 * behind it. All of them are 13.48 GB in float16, in shards of 5 GB at most, with config.json and index;
 * fewer are the one file part.safetensors.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LAYERS = 32, HIDDEN = 4096, INNER = 11008, WORDS = 32000 };
enum { NORMALS = 1 << 16, ROOM = 1 << 18, TENSORS_MAX = 9 * LAYERS + 3 };

static const int64_t shard_bytes_max = 5000000000;

struct tensor {
    char name[64];
    int rows, columns; /* 1 row: a vector of ones, as norms begin */
    int shard;
};

struct maker {
    const char *folder;
    size_t size; /* of an element */
    bool whole;
    struct tensor tensors[TENSORS_MAX];
    int count, shards;
    uint64_t state;
    float normals[NORMALS];
    uint16_t halves[NORMALS];
    unsigned char room[ROOM];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- values ---- */

static uint64_t draw(struct maker *m)
{
    m->state ^= m->state << 13;
    m->state ^= m->state >> 7;
    m->state ^= m->state << 17;
    return m->state;
}

/* The weights are drawn from these: normal numbers of deviation .02, by Box and Muller's method. */
static void make_normals(struct maker *m)
{
    const double turn = 2 * acos(-1);
    for (int i = 0; i < NORMALS; i++) {
        double u = ((double)(draw(m) >> 11) + 1) * 0x1p-53, v = (double)(draw(m) >> 11) * 0x1p-53;
        _Float16 half = (_Float16)(0.02 * sqrt(-2 * log(u)) * cos(turn * v));
        memcpy(&m->halves[i], &half, sizeof(half));
        m->normals[i] = (float)half * 1.0001f; /* no float16 */
    }
}

static int64_t bytes_of(const struct maker *m, const struct tensor *t)
{
    return (int64_t)t->rows * t->columns * (int64_t)m->size;
}

static void fill_room(struct maker *m, bool ones)
{
    for (size_t at = 0; at < ROOM / m->size; at += 4) {
        uint64_t bits = draw(m);
        for (size_t i = at; i < at + 4; i++, bits >>= 16) {
            uint16_t half = ones ? 0x3c00 : m->halves[bits & 0xffff];
            float x = ones ? 1 : m->normals[bits & 0xffff];
            memcpy(m->room + i * m->size, m->size == 2 ? (void *)&half : (void *)&x, m->size);
        }
    }
}

/* ---- which tensors ---- */

static void add(struct maker *m, int layer, const char *name, int rows, int columns)
{
    struct tensor *t = &m->tensors[m->count++];
    t->rows = rows;
    t->columns = columns;
    if (layer < 0)
        snprintf(t->name, sizeof(t->name), "%s.weight", name);
    else
        snprintf(t->name, sizeof(t->name), "model.layers.%d.%s.weight", layer, name);
}

static void add_layer(struct maker *m, int layer)
{
    add(m, layer, "input_layernorm", 1, HIDDEN);
    add(m, layer, "mlp.down_proj", HIDDEN, INNER);
    add(m, layer, "mlp.gate_proj", INNER, HIDDEN);
    add(m, layer, "mlp.up_proj", INNER, HIDDEN);
    add(m, layer, "post_attention_layernorm", 1, HIDDEN);
    add(m, layer, "self_attn.k_proj", HIDDEN, HIDDEN);
    add(m, layer, "self_attn.o_proj", HIDDEN, HIDDEN);
    add(m, layer, "self_attn.q_proj", HIDDEN, HIDDEN);
    add(m, layer, "self_attn.v_proj", HIDDEN, HIDDEN);
}

static void list_tensors(struct maker *m, int first, int end)
{
    int64_t bytes = 0;
    if (first == 0)
        add(m, -1, "model.embed_tokens", WORDS, HIDDEN);
    for (int layer = first; layer < end; layer++)
        add_layer(m, layer);
    if (end == LAYERS) {
        add(m, -1, "model.norm", 1, HIDDEN);
        add(m, -1, "lm_head", WORDS, HIDDEN);
    }
    for (int i = 0; i < m->count; i++) {
        int64_t size = bytes_of(m, &m->tensors[i]);
        bool full = m->whole && bytes + size > shard_bytes_max;
        bytes = full ? size : bytes + size;
        m->shards += full;
        m->tensors[i].shard = m->shards;
    }
    m->shards++;
}

/* ---- files ---- */

static void name_shard(const struct maker *m, int shard, char *ret_name, size_t room)
{
    if (m->whole)
        snprintf(ret_name, room, "model-%05d-of-%05d.safetensors", shard + 1, m->shards);
    else
        snprintf(ret_name, room, "part.safetensors");
}

static FILE *create(const struct maker *m, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", m->folder, name);
    FILE *file = fopen(path, "wb");
    if (!file)
        fail(path);
    return file;
}

static void finish(FILE *file)
{
    if (ferror(file) || fclose(file) != 0)
        fail("the checkpoint");
}

static void write_header(const struct maker *m, int shard, FILE *file)
{
    char *text;
    size_t size;
    int64_t at = 0;
    FILE *header = open_memstream(&text, &size);
    if (!header)
        fail("the header");
    fputs("{\"__metadata__\":{\"format\":\"pt\"}", header);
    for (int i = 0; i < m->count; i++) {
        const struct tensor *t = &m->tensors[i];
        if (t->shard != shard)
            continue;
        fprintf(header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name,
                m->size == 2 ? "F16" : "F32");
        if (t->rows > 1)
            fprintf(header, "%d,", t->rows);
        fprintf(header, "%d],\"data_offsets\":[%lld,%lld]}", t->columns, (long long)at,
                (long long)(at + bytes_of(m, t)));
        at += bytes_of(m, t);
    }
    fputc('}', header);
    finish(header);
    uint64_t length = (size + 7) / 8 * 8;
    fwrite(&length, sizeof(length), 1, file);
    fprintf(file, "%s%*s", text, (int)(length - size), "");
    free(text);
}

static void write_shard(struct maker *m, int shard)
{
    char name[64];
    name_shard(m, shard, name, sizeof(name));
    FILE *file = create(m, name);
    write_header(m, shard, file);
    for (int i = 0; i < m->count; i++) {
        const struct tensor *t = &m->tensors[i];
        int64_t left = t->shard == shard ? bytes_of(m, t) : 0;
        for (int64_t n; left > 0; left -= n) {
            n = MIN(left, (int64_t)ROOM);
            fill_room(m, t->rows == 1);
            fwrite(m->room, 1, (size_t)n, file);
        }
    }
    finish(file);
}

static void write_index(const struct maker *m)
{
    int64_t bytes = 0;
    for (int i = 0; i < m->count; i++)
        bytes += bytes_of(m, &m->tensors[i]);
    FILE *file = create(m, "model.safetensors.index.json");
    fprintf(file, "{\n  \"metadata\": {\n    \"total_size\": %lld\n  },\n  \"weight_map\": {",
            (long long)bytes);
    for (int i = 0; i < m->count; i++) {
        char name[64];
        name_shard(m, m->tensors[i].shard, name, sizeof(name));
        fprintf(file, "%s\n    \"%s\": \"%s\"", i ? "," : "", m->tensors[i].name, name);
    }
    fputs("\n  }\n}\n", file);
    finish(file);
}

static void write_config(const struct maker *m)
{
    FILE *file = create(m, "config.json");
    fprintf(file,
            "{\n  \"architectures\": [\n    \"LlamaForCausalLM\"\n  ],\n"
            "  \"hidden_act\": \"silu\",\n  \"hidden_size\": %d,\n  \"intermediate_size\": %d,\n"
            "  \"max_position_embeddings\": 4096,\n  \"model_type\": \"llama\",\n"
            "  \"num_attention_heads\": 32,\n  \"num_hidden_layers\": %d,\n"
            "  \"num_key_value_heads\": 32,\n  \"rms_norm_eps\": 1e-05,\n"
            "  \"tie_word_embeddings\": false,\n  \"torch_dtype\": \"%s\",\n"
            "  \"vocab_size\": %d\n}\n",
            HIDDEN, INNER, LAYERS, m->size == 2 ? "float16" : "float32", WORDS);
    finish(file);
}

int main(int argc, char **argv)
{
    static struct maker m = { .state = 20260101 };
    int first = argc == 5 ? atoi(argv[2]) : -1, end = argc == 5 ? atoi(argv[3]) : -1;
    if (first < 0 || end <= first || end > LAYERS) {
        fputs("usage: checkpoint f16|f32 FIRST END FOLDER\n", stderr);
        return 2;
    }
    m.folder = argv[4];
    m.size = strcmp(argv[1], "f32") == 0 ? sizeof(float) : sizeof(uint16_t);
    m.whole = end - first == LAYERS;
    make_normals(&m);
    list_tensors(&m, first, end);
    for (int shard = 0; shard < m.shards; shard++)
        write_shard(&m, shard);
    if (m.whole) {
        write_index(&m);
        write_config(&m);
    }
    return 0;
}
