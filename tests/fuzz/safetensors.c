/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as safetensors: a file, or a folder with config.json, an index and shards. They are
 * opened or refused with a sentence; tests/fuzz/models.h says what holds for what opens.
 *
 * An input that begins with { is put together so that fuzzing meets JSON and not lengths: parts
 * are divided by ff ff; a part is a header, a zero byte and values; several parts are config.json,
 * the index (may be empty) and the shards.
 */
#include "models.h"

enum { FOLDER_FILES = 6 };

#define STEPS(text) "{\"steps\": [" text "]}"
#define QUANTIZE(text) "{\"step\": \"quantize\", \"scheme\": " text "}"
#define PRUNE(amount) "{\"step\": \"prune\", \"method\": \"l1\", \"amount\": " amount "}"

static const char *const recipes[] = {
    STEPS(QUANTIZE("\"nf4\"")),
    STEPS(PRUNE("0.5") "," QUANTIZE("\"fp4\", \"block\": 64, \"double_quant\": false")),
    STEPS(QUANTIZE("\"int8\"")),
    STEPS(QUANTIZE("\"fp16\"")),
    STEPS(QUANTIZE("\"bf16\"")),
    STEPS(PRUNE("1")),
    STEPS("{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 0.5}"),
    STEPS("{\"step\": \"prune\", \"method\": \"heads\", \"amount\": 0.5}"),
    STEPS("{\"step\": \"prune\", \"method\": \"global-l1\", \"amount\": 0.5}"),
};

static void try_files(const struct memory_file *files, size_t count, const char *main_name,
                      bool is_folder)
{
    struct pare_error err = { 0 };
    struct subject subject = { .model = open_files(files, count, main_name, is_folder, &err),
                               .name = main_name,
                               .is_folder = is_folder };
    if (!subject.model)
        return;
    look(subject.model);
    for (size_t i = 0; i < ARRAY_SIZE(recipes); i++)
        transform(&subject, recipes[i], NULL);
    pare_model_close(subject.model);
}

/* A header, a zero byte, values: its length goes before it and the zero byte away. */
static void put_shard(struct buf *file, const char *part, size_t length)
{
    size_t header = strnlen(part, length);
    for (int i = 0; i < 8; i++)
        buf_char(file, (char)(header >> 8 * i));
    buf_add(file, part, header);
    if (header < length)
        buf_add(file, part + header + 1, length - header - 1);
}

/* Where the part ends. */
static size_t part_length(const char *at, size_t length)
{
    const char *end = memmem(at, length, "\xff\xff", 2);
    return end ? (size_t)(end - at) : length;
}

static void try_folder(const char *at, size_t length)
{
    struct memory_file files[FOLDER_FILES] = { { .name = "config.json" },
                                               { .name = "model.safetensors.index.json" } };
    size_t count = 0;
    for (bool more = true; more && count < FOLDER_FILES; count++) {
        struct memory_file *file = &files[count];
        size_t n = part_length(at, length);
        buf_init(&file->bytes, OUTPUT_MAX);
        if (count < 2)
            buf_add(&file->bytes, at, n);
        else
            put_shard(&file->bytes, at, n);
        if (count >= 2)
            snprintf(file->name, sizeof(file->name), "%c.safetensors", (int)('a' + count - 2));
        more = n < length;
        at += more ? n + 2 : n;
        length -= more ? n + 2 : n;
    }
    bool has_index = files[1].bytes.length > 0;
    if (count > 2)
        try_files(files, count, files[has_index ? 1 : 2].name, true);
    for (size_t i = 0; i < count; i++)
        buf_done(&files[i].bytes);
}

static void try_file(const char *bytes, size_t length, bool put_together)
{
    struct memory_file file = { .name = "model.safetensors" };
    buf_init(&file.bytes, OUTPUT_MAX);
    if (put_together)
        put_shard(&file.bytes, bytes, length);
    else
        buf_add(&file.bytes, bytes, length);
    try_files(&file, 1, file.name, false);
    buf_done(&file.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    bool put_together = size > 0 && bytes[0] == '{';
    if (put_together && part_length(bytes, size) < size)
        try_folder(bytes, size);
    else
        try_file(bytes, size, put_together);
    return 0;
}
