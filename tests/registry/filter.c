/* SPDX-License-Identifier: MIT */
/* What people type about versions: filters, orders, names, and which numbers count. */
#include "registry/filter.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "registry/order.h"
#include "tap.h"

static struct pare_error err;
static struct arena arena;

static struct version some_version(void)
{
    return (struct version){ .id = 7,
                             .name = "bert_embedding",
                             .version = "v1.10_int8",
                             .model_type = "onnx",
                             .optimization = "int8",
                             .created_at = "2026-03-01T12:00:00Z",
                             .size_bytes = 110e6,
                             .latency_ms = 18.0,
                             .accuracy = 0.945,
                             .is_default = false,
                             .values = { { 'n', "0.8", 0.8 },
                                         { 's', "cpu", NAN },
                                         { 'b', "true", NAN },
                                         { 0, NULL, NAN } } };
}

/* "yes", "no", "undecided", or the sentence of what cannot be parsed. */
static const char *test(const char *text, const struct version *dflt)
{
    static const char *const answers[] = { "no", "yes", "undecided" };
    struct field_paths paths = { 0 };
    struct filter filter;
    struct version version = some_version();
    if (!filter_parse(text, &paths, &arena, &filter, NULL, &err))
        return err.text;
    return answers[filter_test(&filter, &version, dflt)];
}

static void test_terms(void)
{
    static const struct {
        const char *text, *answer;
    } terms[] = {
        { "", "yes" },
        { "   ", "yes" },
        { "bert", "yes" },
        { "BERT", "yes" },
        { "v1.10", "yes" },
        { "gpt", "no" },
        { "!gpt", "yes" },
        { "name=bert_embedding", "yes" },
        { "name=bert", "no" },
        { "name~bert", "yes" },
        { "name!~bert", "no" },
        { "name~b*g", "yes" },
        { "name~b?g", "no" },
        { "name!=x", "yes" },
        { "opt=int4,int8", "yes" },
        { "opt!=int4,int8", "no" },
        { "type=onnx opt=int8", "yes" },
        { "type=onnx opt=int4", "no" },
        { "size<110MB", "no" },
        { "size<=110MB", "yes" },
        { "size = 0.11GB", "yes" },
        { "size>109999kB", "yes" },
        { "size<111", "yes" },
        { "size_bytes=110000000", "yes" },
        { "lat<20", "yes" },
        { "lat<18000us", "no" },
        { "lat<=0.018s", "yes" },
        { "accuracy>=.945", "yes" },
        { "accuracy>94.4%", "yes" },
        { "acc>94.4", "yes" },
        { "acc>=94.6pp", "no" },
        { "id=7", "yes" },
        { "id=7,8", "yes" },
        { "id!=8", "yes" },
        { "parent=1", "undecided" },
        { "!parent=1", "undecided" },
        { "default", "no" },
        { "!default", "yes" },
        { "created>2026-02", "yes" },
        { "created<2026-03-01", "no" },
        { "name=\"bert_embedding\"", "yes" },
        { "name=\"a b\"", "no" },
        { "f1>=.8", "yes" },
        { "metrics.f1>.8", "no" },
        { "f1=0.8", "yes" },
        { "f1 x=cpu", "no" },
        { "a>0 x=cpu", "yes" },
        { "a>0 x=gpu", "no" },
        { "a>0 x~cp", "yes" },
        { "a>0 b=cpu c=true", "yes" },
        { "a>0 b=cpu c=true d=1", "undecided" },
        { "a>0 b>1", "undecided" },
        { "a>0 b=cpu c=true d!=1", "undecided" },
        { "opt=x parent=1", "no" },
        { "parent=1 opt=x", "no" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(terms); i++)
        IS(test(terms[i].text, NULL), terms[i].answer, terms[i].text);
}

static void test_default(void)
{
    struct version dflt = some_version();
    dflt.accuracy = 0.95;
    dflt.latency_ms = 20;
    dflt.size_bytes = NAN;
    IS(test("accuracy >= default - 0.005", &dflt), "yes",
       "a hair of binary rounding does not decide");
    IS(test("accuracy >= default - 0.5pp", &dflt), "yes", "points");
    IS(test("accuracy >= default - 0.004", &dflt), "no", "less is less");
    IS(test("accuracy>=default-0.5%", &dflt), "no", "per cent are of the default");
    IS(test("lat <= default * 0.9", &dflt), "yes", "a factor");
    IS(test("lat < default*0.9", &dflt), "no", "exactly");
    IS(test("lat < default / 2", &dflt), "no", "a divisor");
    IS(test("lat <= default - 2ms", &dflt), "yes", "units");
    IS(test("lat <= default - 10%", &dflt), "yes", "a tenth less");
    IS(test("size < default", &dflt), "undecided", "what the default lacks is undecided");
    IS(test("lat < default", NULL), "undecided", "and all without a default");
    IS(test("name=default", NULL), "no", "a name may be called so");
    struct field_paths paths = { 0 };
    struct filter filter;
    OK(filter_parse("opt=int8 lat<default,5 f1>1", &paths, &arena, &filter, NULL, &err) &&
           filter.uses_default && filter.count == 3,
       "a filter knows that it uses one");
    OK(!filter_term_uses_default(&filter, 0) && filter_term_uses_default(&filter, 1),
       "and which term");
    IS(filter_term_text(&filter, 1), "lat<default,5", "terms keep their text");
    OK(paths.count == 1, "and the JSON paths are known");
    IS(paths.paths[0], "{\"metrics\",\"f1\"}", "as arrays of PostgreSQL");
}

static size_t column_of(const char *text)
{
    struct field_paths paths = { 0 };
    struct filter filter;
    size_t column = 0;
    return filter_parse(text, &paths, &arena, &filter, &column, &err) ? 0 : column;
}

static void test_errors(void)
{
    static const struct {
        const char *text;
        size_t column;
    } wrong[] = {
        { "size<", 6 },
        { "lat<=default*.5size<3", 16 },
        { "name=\"a\"b", 9 },
        { "!default!opt=int8", 9 },
        { "size<<3", 6 },
        { "size<3XB", 7 },
        { "lat<3MB", 6 },
        { "=3", 1 },
        { "opt= ", 6 },
        { "lat<x", 5 },
        { "name=\"x", 8 },
        { "!", 2 },
        { "a>1 ,", 5 },
        { "lat<default*", 13 },
        { "lat<default/0", 14 },
        { "lat<default-x", 13 },
        { "size<0x10", 6 },
        { "lat<inf", 5 },
        { "lat<nan", 5 },
        { "lat<1e999", 5 },
        { "lat<3)", 6 },
        { "a>1 b>1 c>1 d>1 e>1", 19 },
        { "opt=int4 , int8", 10 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        size_t column = column_of(wrong[i].text);
        OK(column == wrong[i].column && err.code == PARE_ERR_USAGE, wrong[i].text);
        if (column != wrong[i].column)
            printf("# column %zu, %zu wanted: %s\n", column, wrong[i].column, err.text);
    }
    char many[4000] = "";
    for (int i = 0; i < 33; i++)
        strcat(many, "lat<3 ");
    OK(column_of(many) > 0, "too many terms are refused");
    strcpy(many, "opt=a");
    for (int i = 0; i < 64; i++)
        strcat(many, ",a");
    OK(column_of(many) > 0, "too many values too");
    memset(many, 'x', 3999);
    many[3998] = '>';
    many[3999] = '\0';
    column_of(many);
    OK(err.text[0], "a path beyond its ceiling too");
    struct field_paths paths = { 0 };
    struct filter filter;
    OK(filter_parse("metrics.a\xC3\xA9.b>1", &paths, &arena, &filter, NULL, &err),
       "other letters are letters");
    IS(paths.paths[0], "{\"metrics\",\"a\xC3\xA9\",\"b\"}", "in a path");
}

static const char *sorted(const char *keys)
{
    static char names[100];
    static struct version rows[6];
    const struct version *order_of[6];
    struct field_paths paths = { 0 };
    struct order order;
    static const char *const version[] = { "v1.9", "v1.10", "v1.2", "v2", "a", "b" };
    static const double latency[] = { 3, NAN, 1, 3, 2, NAN };
    for (size_t i = 0; i < 6; i++) {
        rows[i] = some_version();
        rows[i].version = version[i];
        rows[i].latency_ms = latency[i];
        rows[i].optimization = i % 2 ? "int8" : NULL;
        order_of[i] = &rows[i];
    }
    if (!order_parse(keys, &paths, &arena, &order, &err) || !order_sort(&order, order_of, 6, &err))
        return NULL;
    names[0] = '\0';
    for (size_t i = 0; i < 6; i++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? " " : "",
                 order_of[i]->version);
    return names;
}

static void test_order(void)
{
    IS(sorted(""), "v1.9 v1.10 v1.2 v2 a b", "no key keeps the order");
    IS(sorted("version"), "a b v1.2 v1.9 v1.10 v2", "versions by their numbers");
    IS(sorted("version:desc"), "v2 v1.10 v1.9 v1.2 b a", "backwards");
    IS(sorted("lat"), "v1.2 a v1.9 v2 v1.10 b", "absent last, equals as they were");
    IS(sorted("lat:desc"), "v1.9 v2 a v1.2 v1.10 b", "absent last backwards too");
    IS(sorted("lat:desc,version:asc"), "v1.9 v2 a v1.2 b v1.10", "a second key");
    IS(sorted("opt,version"), "b v1.10 v2 a v1.2 v1.9", "absent text last");
    static const char *const wrong[] = {
        ",", "lat:", "lat:up", ":desc", "lat,,size", "lat:desc:asc"
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        OK(!sorted(wrong[i]) && err.code == PARE_ERR_USAGE, wrong[i]);
    OK(!sorted("lat,lat,lat,lat,lat,lat,lat,lat,lat"), "too many keys");
    OK(order_compare_text("v1.9", "v1.10") < 0 && order_compare_text("a", "a") == 0 &&
           order_compare_text("b", "a") > 0,
       "texts compare");
}

static void test_metric(void)
{
    static const struct {
        const char *text;
        double value;
    } numbers[] = {
        { "0", 0 },           { "0.000", 0 },       { "-0", 0 },
        { "1", 1 },           { "-2.5", -2.5 },     { "1e300", 1e300 },
        { "1e-300", 1e-300 }, { "-1e300", -1e300 }, { "0.1", 0.1 },
    };
    static const char *const none[] = { "1e301",  "1e400",   "-1e400",   "1e-301",
                                        "1e-400", "-1e-400", "1e999999", "0.0e5x" };
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        OK(version_metric(numbers[i].text) == numbers[i].value, numbers[i].text);
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        OK(isnan(version_metric(none[i])), none[i]);
    OK(isnan(version_metric(NULL)), "what is absent is no number");
    char digits[701];
    memset(digits, '9', 700);
    digits[700] = '\0';
    OK(isnan(version_metric(digits)), "700 digits are too many");
    memset(digits, '0', 700);
    digits[1] = '.';
    OK(isnan(version_metric(digits)), "zeros that may have been cut are not zero");
    digits[699] = '\0';
    OK(version_metric(digits) == 0, "zeros seen to their end are");
    memset(digits, '1', 700);
    digits[1] = '.';
    OK(fabs(version_metric(digits) - 1.1111) < 1e-3, "digits behind the point may be cut");
}

static const char *split(const char *ref)
{
    static char both[100];
    const char *name, *version;
    if (!version_split(ref, &arena, &name, &version, &err))
        return "no";
    snprintf(both, sizeof(both), "%s|%s", name, version ? version : "-");
    return both;
}

static void test_names(void)
{
    IS(split("m:v1"), "m|v1", "a REF");
    IS(split("m"), "m|-", "a name alone");
    IS(split("a:b:c"), "a:b|c", "splits at the last colon");
    IS(split(""), "no", "nothing is no REF");
    IS(split(":v"), "no", "nor is a version alone");
    IS(split("m:"), "no", "nor a name with a colon");
    char name[300];
    memset(name, 'n', 299);
    name[255] = '\0';
    OK(version_name_ok(name, "name", &err), "a name of 255 bytes");
    name[255] = 'n';
    name[256] = '\0';
    OK(!version_name_ok(name, "name", &err) && strstr(err.text, "256 bytes"), "not of 256");
    static const char *const wrong[] = { "",         " a",   "a ",           "a\n",
                                         "a\033[0m", "\xff", "\xE2\x80\xAE", "\x7f" };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        OK(!version_name_ok(wrong[i], "name", &err) && err.code == PARE_ERR_USAGE, "no name");
    OK(version_name_ok("a b:c/\xE6\xBC\xA2 'x'", "name", &err),
       "letters, blanks, quotes and colons are");
}

int main(void)
{
    test_terms();
    test_default();
    test_errors();
    test_order();
    test_metric();
    test_names();
    arena_done(&arena);
    return tap_done();
}
