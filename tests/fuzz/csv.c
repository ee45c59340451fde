/* SPDX-License-Identifier: MIT */
/*
 * Any text as a .csv: refused or read, nothing else. Seed: tests/data/measure/points.csv
 *   clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/csv.c
 */
#include "measure/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct pare_error err;
    struct arena arena;
    struct csv csv;
    char *text = malloc(length + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, length);
    text[length] = '\0';
    arena_init(&arena);
    if (csv_read(text, &arena, &csv, &err)) {
        size_t letters = 0;
        for (size_t i = 0; i < csv.rows * csv.columns; i++)
            if (!isfinite(csv.values[i]))
                abort();
        for (size_t i = 0; csv.labels && i < csv.rows; i++)
            letters += strlen(csv.labels[i]);
        if (letters > length)
            abort();
        free(csv.values);
    }
    arena_done(&arena);
    free(text);
    return 0;
}
