/* SPDX-License-Identifier: MIT */
/* What tests with a real ONNX Runtime share: where the data are, and how to do without it. */
#ifndef PARE_TESTS_RUNTIME_FIXTURE_H
#define PARE_TESTS_RUNTIME_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "runtime/ort.h"

/* The path of a file of tests/data/measure; the last four results are kept. */
static inline const char *data_path(const char *name)
{
    static char paths[4][4096];
    static unsigned turn;
    const char *top = getenv("top_srcdir");
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/tests/data/measure/%s", top ? top : ".", name);
    return path;
}

/* A runtime, or the end of the test: skipped, saying what is missing. */
static inline struct runtime *runtime_or_skip(void)
{
    struct runtime *runtime;
    struct pare_error err;
    if (!runtime_open(NULL, &runtime, &err)) {
        printf("1..0 # SKIP %s\n", err.text);
        exit(0);
    }
    printf("# ONNX Runtime %s at %s\n", runtime_version(runtime), runtime_path(runtime));
    return runtime;
}

/* Whether the error's text has the part; shows it when not. */
static inline bool error_says(const struct pare_error *err, const char *part)
{
    if (strstr(err->text, part))
        return true;
    printf("# the error: %s\n", err->text);
    return false;
}

#endif
