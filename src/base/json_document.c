/* SPDX-License-Identifier: MIT */
/* pare's own small documents, which cJSON holds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

/* cJSON before 1.7.19 reads no longer number. */
enum { CJSON_NUMBER_MAX = 63 };

/* A document whose long numbers are being shortened. */
struct shortening {
    struct buf out;
    const char *copied; /* up to here */
};

/* A number of many digits says no more than the double nearest to it, or than an infinity. */
static bool shorten_number(void *data, const char *path, const char *text, size_t length)
{
    struct shortening *s = data;
    char digits[32];
    (void)path;
    if (length <= CJSON_NUMBER_MAX || !strchr("-0123456789", *text))
        return true;
    buf_add(&s->out, s->copied, (size_t)(text - s->copied));
    size_t start = s->out.length;
    buf_add(&s->out, text, length);
    if (s->out.over_ceiling || s->out.no_memory)
        return false;
    double value = strtod(s->out.data + start, NULL);
    s->out.length = start;
    s->copied = text + length;
    if (isfinite(value))
        text_number(value, digits, sizeof(digits));
    buf_text(&s->out, isfinite(value) ? digits : value < 0 ? "-1e999" : "1e999");
    return true;
}

bool json_parse(const char *text, size_t length, cJSON **ret_root, struct pare_error *err)
{
    struct shortening s = { .copied = text };
    if (length > JSON_SMALL_MAX)
        return error_set(err, PARE_ERR_FORMAT, "JSON of %zu bytes, more than the limit of %d",
                         length, JSON_SMALL_MAX);
    buf_init(&s.out, 2 * JSON_SMALL_MAX);
    bool ok = json_walk(text, length, shorten_number, &s, err);
    buf_add(&s.out, s.copied, (size_t)(text + length - s.copied));
    ok = ok && buf_ok(&s.out, err);
    cJSON *root = ok ? cJSON_ParseWithLength(s.out.data, s.out.length) : NULL;
    if (ok && !root)
        ok = error_no_memory(err, length);
    buf_done(&s.out);
    if (ok)
        *ret_root = root;
    return ok;
}

void json_free(cJSON **root)
{
    cJSON_Delete(*root);
}

const char *json_string(const cJSON *object, const char *key, const char *fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

double json_number(const cJSON *object, const char *key, double fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}
