/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the pickle of a PyTorch state dict, in an archive that is true: with storages "0",
 * "1" and "2" of 96, 64 and 32 bytes, which its tensors may name. tests/fuzz/models.h says what
 * holds for one that opens.
 */
#include "../format/archive.h"
#include "models.h"

#define STEPS(text) "{\"steps\": [" text "]}"

static const char *const recipes[] = {
    STEPS("{\"step\": \"quantize\", \"scheme\": \"nf4\", \"block\": 16}"),
    STEPS("{\"step\": \"quantize\", \"scheme\": \"int8\"}"),
    STEPS("{\"step\": \"quantize\", \"scheme\": \"fp16\"}"),
    STEPS("{\"step\": \"quantize\", \"scheme\": \"bf16\"}"),
    STEPS("{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}"),
};

static const unsigned char values[96] = { 0, 0, 128, 63, 0, 0, 128, 191, 1, 2, 3, 4, 5, 6, 7, 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pare_error err = { 0 };
    struct archive a;
    struct memory_file file = { .name = "model.pt" };
    struct subject subject = { .name = file.name };
    archive_init(&a);
    archive_add(&a, "model/data.pkl", data, size, NULL);
    archive_add(&a, "model/data/0", values, 96, NULL);
    archive_add(&a, "model/data/1", values, 64, NULL);
    archive_add(&a, "model/data/2", values, 32, NULL);
    archive_end(&a);
    file.bytes = a.file;
    subject.model = open_files(&file, 1, file.name, false, &err);
    if (subject.model) {
        look(subject.model);
        for (size_t i = 0; i < ARRAY_SIZE(recipes); i++)
            transform(&subject, recipes[i], NULL);
        pare_model_close(subject.model);
    }
    archive_done(&a);
    return 0;
}
