/* SPDX-License-Identifier: MIT */
#include "base/json_slice.h"

#include "base/arena.h"
#include "pare/error.h"
#include "tap.h"

static struct arena arena;
static struct pare_error err;

static struct json_slice slice_of(const char *text)
{
    struct json_slice slice = { "", 0, JSON_NULL };
    if (!json_slice(text, strlen(text), &slice, &err))
        printf("# %s\n", err.text);
    return slice;
}

/* "key=value" of all members, one behind the other. */
static const char *walk(const char *text)
{
    struct json_slice whole = slice_of(text), key, value;
    struct json_members members = json_members(&whole);
    const char *said = "";
    while (json_member(&members, &key, &value))
        said = arena_printf(&arena, "%s%.*s=%.*s;", said, (int)key.length, key.text,
                            (int)value.length, value.text);
    return said;
}

static const char *text_of(const char *string)
{
    struct json_slice slice = slice_of(string);
    return json_slice_text(&slice, &arena);
}

static int64_t int_of(const char *number)
{
    struct json_slice slice = slice_of(number);
    int64_t value = -77;
    return json_slice_int(&slice, &value) ? value : -77;
}

int main(void)
{
    struct json_slice value = { "", 0, JSON_NULL };
    arena_init(&arena);
    IS(walk(" { \"a\" : [1, {\"b\":\"]}\"}] ,\n\"c\\\"\":-1.50e+3,\"d\":{},\"e\":null } "),
       "\"a\"=[1, {\"b\":\"]}\"}];\"c\\\"\"=-1.50e+3;\"d\"={};\"e\"=null;",
       "an object's members, as they stand there");
    IS(walk("[ 1 , \"x:\" ,[],true]"), "=1;=\"x:\";=[];=true;", "an array's have no keys");
    IS(walk("{ }"), "", "an empty object has none");
    IS(walk("\"{}\""), "", "and a string neither");
    IS(text_of("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\""),
       "a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "escapes are understood");
    IS(text_of("\"\\ud83d\\u0041\\udc00\""),
       "\xef\xbf\xbd"
       "A\xef\xbf\xbd",
       "half a pair is no character");
    struct json_slice object = slice_of("{\"k\\u0065y\":5,\"key2\":6}");
    OK(json_slice_get(&object, "key", &value) && int_of("5") == 5 && *value.text == '5',
       "a key is found however it is spelled");
    OK(!json_slice_get(&object, "ke", &value) && !json_slice_get(&object, "key3", &value),
       "another one is not");
    OK(json_slice_get(&object, "key2", &value) && *value.text == '6', "nor mixed up");
    OK(int_of("-9223372036854775808") == INT64_MIN && int_of("9223372036854775807") == INT64_MAX,
       "the ends of what an integer holds");
    OK(int_of("9223372036854775808") == -77 && int_of("1.0") == -77 && int_of("1e2") == -77 &&
           int_of("\"5\"") == -77,
       "more than that, or another kind, is none");
    OK(!json_slice("{\"a\":1", 6, &value, &err), "what is no JSON is refused");
    arena_done(&arena);
    return tap_done();
}
