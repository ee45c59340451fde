/* SPDX-License-Identifier: MIT */
/* JSON that people and files bring: judged, walked and written without losing a digit. */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "tap.h"

static struct pare_error err;

static bool is_json(const char *text)
{
    enum json_kind kind;
    return json_check(text, strlen(text), &kind, &err);
}

static void test_valid(void)
{
    static const struct {
        const char *text;
        enum json_kind kind;
    } valid[] = {
        { "null", JSON_NULL },
        { "true", JSON_BOOL },
        { " false ", JSON_BOOL },
        { "0", JSON_NUMBER },
        { "-0", JSON_NUMBER },
        { "1.5e-3", JSON_NUMBER },
        { "1E+400", JSON_NUMBER },
        { "\"\"", JSON_STRING },
        { "\"\\u00e9\\n\"", JSON_STRING },
        { "\"\xC3\xA9\"", JSON_STRING },
        { "[]", JSON_ARRAY },
        { "[1, [2], {}]", JSON_ARRAY },
        { "{}", JSON_OBJECT },
        { "\t{\"a\" : 1 }\r\n", JSON_OBJECT },
    };
    for (size_t i = 0; i < ARRAY_SIZE(valid); i++) {
        enum json_kind kind;
        OK(json_check(valid[i].text, strlen(valid[i].text), &kind, &err) && kind == valid[i].kind,
           valid[i].text);
    }
}

static void test_invalid(void)
{
    static const char *const invalid[] = {
        "",
        " ",
        "nul",
        "truex",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "-",
        "--1",
        "0x10",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\x01\"",
        "\"\n\"",
        "\"\xff\"",
        "\"\xc3\"",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "{\"a\"}",
        "{\"a\":",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "1 2",
        "{} x",
        "[]]",
        "/* c */ 1",
        "\xef\xbb\xbf{}",
        "{\"a\":1,\"b\":2,\"a\":3}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
        OK(!is_json(invalid[i]) && err.code == PARE_ERR_FORMAT,
           invalid[i][0] ? "refused" : "empty");
    is_json("{\"a\": 1, \"a\": 2}");
    IS(err.text, "not usable JSON: the key \"a\" comes twice", "a key twice is named");
    is_json("[1, 2");
    IS(err.text, "not JSON: it ends where a comma or ] was expected", "an end is named");
    is_json("[1; 2]");
    IS(err.text, "not JSON: at byte 3 a comma or ] was expected", "a byte is named");
    enum json_kind kind;
    OK(json_check("7x", 1, &kind, &err), "no byte behind the length is read");
    OK(!json_check("1\0", 2, &kind, &err), "a zero byte is no blank");
    OK(!json_check("[\0]", 3, &kind, &err), "nowhere");
}

static void test_depth(void)
{
    char text[2001];
    for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', (size_t)depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', (size_t)depth);
        text[2 * depth + 1] = '\0';
        OK(is_json(text) == (depth == JSON_DEPTH_MAX), "arrays nest to the limit and no deeper");
    }
    memset(text, '[', 2000);
    text[2000] = '\0';
    OK(!is_json(text), "a thousand brackets are refused");
}

struct seen {
    struct buf buf;
    int left;
};

static bool note(void *data, const char *path, const char *text, size_t length)
{
    struct seen *seen = data;
    buf_printf(&seen->buf, "%s=%.*s;", path, (int)length, text);
    return --seen->left != 0;
}

static const char *walk(const char *text, int most)
{
    static struct seen seen;
    buf_done(&seen.buf);
    buf_init(&seen.buf, 1 << 16);
    seen.left = most;
    return json_walk(text, strlen(text), note, &seen, &err) ? buf_string(&seen.buf) : NULL;
}

static void test_walk(void)
{
    IS(walk("{\"a\": {\"b\": [1, 2.50, \"x\\u00e9\"]}, \"c\": {}, \"d\": []}", -1),
       "a.b.0=1;a.b.1=2.50;a.b.2=\"x\\u00e9\";c={};d=[];",
       "each leaf with its path, as it stands there");
    IS(walk("9007199254740993.000", -1), "=9007199254740993.000;", "digits are kept");
    IS(walk("[1, 2, 3]", 2), "0=1;1=2;", "a visit that says false ends it with success");
    OK(walk("[1, 2, 3", -1) == NULL, "what is no JSON fails");
    OK(walk("[1, 2, x]", 1) == NULL, "also behind where the visits ended");
    struct buf big;
    buf_init(&big, 1 << 20);
    buf_text(&big, "{\"");
    for (int i = 0; i < 70000; i++)
        buf_char(&big, 'k');
    buf_text(&big, "\": {\"x\": 1}}");
    OK(walk(buf_string(&big), -1) == NULL, "a path beyond its ceiling fails");
    buf_done(&big);
    walk("1", -1);
}

static void test_documents(void)
{
    cJSON *root = NULL;
    OK(json_parse("{\"a\": 1.5, \"s\": \"t\"}", 20, &root, &err), "a small document");
    OK(json_number(root, "a", 0) == 1.5 && json_number(root, "s", 7) == 7,
       "numbers or the fallback");
    IS(json_string(root, "s", "-"), "t", "texts");
    IS(json_string(root, "a", "-"), "-", "or the fallback");
    json_free(&root);
    OK(!json_parse("{} x", 4, &root, &err), "trailing text is refused");
    OK(!json_parse("{\"a\":1,\"a\":2}", 13, &root, &err), "keys twice are refused");
    char *large = calloc(1, JSON_SMALL_MAX + 2);
    memset(large, ' ', JSON_SMALL_MAX + 1);
    large[0] = '1';
    OK(!json_parse(large, JSON_SMALL_MAX + 1, &root, &err), "a large one is refused");
    free(large);
}

/* Of more digits than every cJSON reads. */
static void test_long_numbers(void)
{
    char text[2000], zeros[401];
    cJSON *root = NULL;
    memset(zeros, '0', 400);
    zeros[400] = '\0';
    snprintf(text, sizeof(text),
             "{\"s\": \"%s\", \"a\": 1%s, \"b\": [-1%s], \"c\": 0.5%s, \"d\": 7}", zeros + 300,
             zeros, zeros, zeros + 300);
    OK(json_parse(text, strlen(text), &root, &err), "numbers of 400 digits");
    OK(isinf(json_number(root, "a", 0)), "more than a double holds");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "b");
    OK(isinf(cJSON_GetArrayItem(list, 0)->valuedouble), "less, too");
    OK(json_number(root, "c", 0) == .5 && json_number(root, "d", 0) == 7, "and no more than long");
    IS(json_string(root, "s", "-"), zeros + 300, "a text of digits stays");
    json_free(&root);
    snprintf(text, sizeof(text), "12345678%s", zeros + 340);
    OK(json_parse(text, strlen(text), &root, &err) && root->valuedouble == 12345678e60,
       "the document itself, at its very end");
    json_free(&root);
}

static const char *written(void (*put)(struct buf *buf, const char *text), const char *text)
{
    static struct buf buf;
    buf_done(&buf);
    buf_init(&buf, 4096);
    if (put)
        put(&buf, text);
    return buf_string(&buf);
}

static const char *number(double value)
{
    static struct buf buf;
    buf_done(&buf);
    buf_init(&buf, 64);
    json_put_number(&buf, value);
    return buf_string(&buf);
}

static void test_writing(void)
{
    IS(written(json_put_string, "a\"b\\c\n\t\x01\x7f"), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\"",
       "escapes");
    IS(written(json_put_string, NULL), "null", "NULL is null");
    IS(written(json_put_string, "\xC3\xA9\xff\xF0\x9F\x98\x80\xE2\x82"),
       "\"\xC3\xA9\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBD\"",
       "UTF-8 stays, other bytes are U+FFFD");
    IS(number(0.1), "0.1", "the shortest digits");
    IS(number(1.0 / 3), "0.3333333333333333", "that read back the same");
    IS(number(1e300), "1e+300", "large");
    IS(number(NAN), "null", "NaN is null");
    IS(number(-INFINITY), "null", "infinite too");
    IS(written(json_put_document, "{\"a\": \"b\", \"c\": [1]}"), "{\"a\": \"b\", \"c\": [1]}",
       "a clean document stays");
    IS(written(json_put_document, "[\"\x7f \xC2\x9B \xE2\x80\xAE \xC3\xA9 \xff\"]"),
       "[\"\\u007f \\u009b \\u202e \xC3\xA9 \xEF\xBF\xBD\"]",
       "what would steer a terminal becomes an escape");
}

int main(void)
{
    test_valid();
    test_invalid();
    test_depth();
    test_walk();
    test_documents();
    test_long_numbers();
    test_writing();
    walk("0", -1);
    return tap_done();
}
