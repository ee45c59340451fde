/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a .npz: refused or read, nothing else. Seeds: tests/data/measure, the .npz files
 *   clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/npz.c
 */
#include <stdlib.h>

#include "base/error.h"
#include "format/npz.h"
#include "format/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void read_arrays(struct npz *npz)
{
    struct pare_error err;
    for (size_t i = 0; i < npz->count; i++) {
        const char *const *texts;
        void *data = NULL;
        if (npz->arrays[i].type == NPZ_TEXT)
            (void)!npz_load_text(npz, &npz->arrays[i], &npz->arena, &texts, &err);
        else if (npz_load(npz, &npz->arrays[i], &data, &err))
            free(data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct pare_error err;
    struct source *source;
    struct npz npz;
    size_t file;
    if (!source_open_memory("x.npz", bytes, length, &source, &err))
        return 0;
    if (source_file(source, source->main_name, &file, &err) && npz_open(source, file, &npz, &err)) {
        read_arrays(&npz);
        npz_close(&npz);
    }
    source_close(source);
    return 0;
}
