/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an ONNX file: they are opened or refused with a sentence, never more. What
 * opens is looked at, pruned and quantized in memory; tests/fuzz/models.h says what then must hold.
 */
#include "models.h"

#define STEPS(text) "{\"steps\": [" text "]}"
#define QUANTIZE(text) "{\"step\": \"quantize\", \"scheme\": " text "}"
#define FFN "{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 0.5}"
#define PRUNE(amount) "{\"step\": \"prune\", \"method\": \"l1\", \"amount\": " amount "}"

static const char *const recipes[] = {
    STEPS(QUANTIZE("\"int8\"")),
    STEPS(PRUNE("0.5") "," QUANTIZE("\"int8\", \"per_channel\": false, \"form\": \"weight-only\"")),
    STEPS(QUANTIZE("\"int4\", \"block\": 16, \"symmetric\": false")),
    STEPS(QUANTIZE("\"int4\", \"form\": \"qdq\"")),
    STEPS(QUANTIZE("\"nf4\", \"block\": 16")),
    STEPS(QUANTIZE("\"int4\", \"gather\": true, \"symmetric\": false")),
    STEPS(QUANTIZE("\"bf16\"")),
    STEPS(PRUNE("1")),
    STEPS(QUANTIZE("\"fp16\"")),
    STEPS(
        QUANTIZE("\"fp16\", \"keep_io\": false") "," QUANTIZE("\"int8\", \"include\": [\"*W*\"]")),
    STEPS(QUANTIZE("\"fp16\"") "," QUANTIZE("\"int4\", \"include\": [\"*W*\"]")),
    STEPS(QUANTIZE("\"int8\", \"match\": \"onnxruntime\"")),
    STEPS(QUANTIZE("\"int8\", \"match\": \"onnxruntime\", \"per_channel\": true, "
                   "\"weight_type\": \"quint8\"")),
    STEPS("{\"step\": \"optimize\"}"),
    STEPS("{\"step\": \"optimize\"}," QUANTIZE("\"int8\"")),
    STEPS(FFN),
    STEPS(FFN "," FFN "," PRUNE("0.5") "," QUANTIZE("\"int8\"")),
};

/* With values in a file beside. */
static const char *const recipes_apart[] = {
    STEPS(PRUNE("0.5") "," QUANTIZE("\"int8\"")),
    STEPS(QUANTIZE("\"fp16\"") "," QUANTIZE("\"int4\", \"include\": [\"*W*\"]")),
    STEPS(QUANTIZE("\"int8\", \"match\": \"onnxruntime\"")),
    STEPS(FFN),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pare_error err = { 0 };
    struct memory_file file = { .name = "model.onnx" };
    buf_init(&file.bytes, OUTPUT_MAX);
    buf_add(&file.bytes, data, size);
    struct subject subject = { .model = open_files(&file, 1, file.name, false, &err),
                               .name = file.name };
    if (subject.model) {
        look(subject.model);
        for (size_t i = 0; i < ARRAY_SIZE(recipes); i++)
            transform(&subject, recipes[i], NULL);
        for (size_t i = 0; i < ARRAY_SIZE(recipes_apart); i++)
            transform(&subject, recipes_apart[i],
                      &(struct pare_plan_options){ .external_bytes = 1 });
        pare_model_close(subject.model);
    }
    buf_done(&file.bytes);
    return 0;
}
