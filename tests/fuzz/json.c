/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as JSON: judged and walked alike, and what is JSON stays JSON when it is made safe to print.
 *   clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/json.c
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct inside {
    const char *text;
    size_t length;
};

static bool visit(void *data, const char *path, const char *text, size_t length)
{
    const struct inside *whole = data;
    if (!path || text < whole->text || text + length > whole->text + whole->length || length == 0)
        abort();
    return true;
}

static void print_safely(const char *text, size_t length)
{
    struct pare_error err;
    struct buf buf;
    enum json_kind kind;
    char *ended = strndup(text, length);
    buf_init(&buf, SIZE_MAX / 4);
    json_put_document(&buf, ended);
    if (buf_ok(&buf, &err) && !json_check(buf_string(&buf), buf.length, &kind, &err))
        abort();
    buf_done(&buf);
    free(ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct pare_error err;
    enum json_kind kind;
    char *text = malloc(length + 1); /* of just this size, so that a byte too far shows */
    memcpy(text, bytes, length);
    char *exact = realloc(text, length ? length : 1);
    struct inside inside = { exact, length };
    bool judged = json_check(exact, length, &kind, &err);
    bool walked = json_walk(exact, length, visit, &inside, &err);
    if (walked && !judged)
        abort();
    if (judged)
        print_safely(exact, length);
    cJSON *root = NULL;
    if (json_parse(exact, length, &root, &err) && !judged)
        abort();
    cJSON_Delete(root);
    free(exact);
    return 0;
}
