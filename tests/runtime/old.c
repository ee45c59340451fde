/* SPDX-License-Identifier: MIT */
/* A library that looks like an ONNX Runtime of 2022, for the test of what is too old. */
#include <stddef.h>
#include <stdint.h>

struct base {
    const void *(*get_api)(uint32_t version);
    const char *(*version_string)(void);
};

const struct base *OrtGetApiBase(void);

static const void *get_api(uint32_t version)
{
    (void)version;
    return NULL;
}

static const char *version_string(void)
{
    return "1.12.1";
}

__attribute__((visibility("default"))) const struct base *OrtGetApiBase(void)
{
    static const struct base base = { get_api, version_string };
    return &base;
}
