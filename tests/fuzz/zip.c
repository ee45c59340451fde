/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a zip archive: its members are read to their end, and all of it as a PyTorch state
 * dict; tests/fuzz/models.h says what holds for one that opens.
 */
#include "format/zip.h"
#include "models.h"

static void read_member(const struct zip *zip, const struct zip_entry *entry)
{
    struct pare_error err;
    struct zip_stream *stream;
    char bytes[READ_MAX];
    if (!zip_begin(zip, entry, &stream, &err))
        return;
    int64_t left = MIN(entry->size_bytes, (int64_t)OUTPUT_MAX);
    bool ok = true;
    for (size_t n; ok && left > 0; left -= (int64_t)n) {
        n = (size_t)MIN(left, (int64_t)sizeof(bytes));
        ok = zip_read(stream, bytes, n, &err);
    }
    if (ok && entry->size_bytes <= OUTPUT_MAX)
        (void)!zip_finish(stream, &err);
    zip_end(stream);
}

static void read_members(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct pare_error err;
    struct source *source;
    struct zip zip;
    size_t file;
    if (!source_open_memory("x.zip", data, size, &source, &err))
        return;
    if (source_file(source, source->main_name, &file, &err) &&
        zip_open(source, file, &arena, &zip, &err))
        for (size_t i = 0; i < zip.count; i++)
            read_member(&zip, &zip.entries[i]);
    source_close(source);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pare_error err = { 0 };
    struct memory_file file = { .name = "model.pt" };
    struct subject subject = { .name = file.name };
    read_members(data, size);
    buf_init(&file.bytes, OUTPUT_MAX);
    buf_add(&file.bytes, data, size);
    subject.model = open_files(&file, 1, file.name, false, &err);
    if (subject.model) {
        look(subject.model);
        transform(&subject, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}]}", NULL);
        pare_model_close(subject.model);
    }
    buf_done(&file.bytes);
    return 0;
}
