/* SPDX-License-Identifier: MIT */
#include "registry/gate.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "pg/pg.h"
#include "registry/filter.h"
#include "registry/query.auto.h"
#include "registry/registry.h"

static const char rule_accuracy[] = "accuracy >= default - 0.005";
static const char rule_agreement[] = "agreement >= 0.98";
static const char rule_bytes[] = "model_data stays readable";

const char *gate_verdict_word(enum gate_verdict verdict)
{
    static const char *const words[] = {
        [GATE_PASS] = "pass",
        [GATE_FAIL] = "fail",
        [GATE_MISSING] = "missing",
        [GATE_NOT_ASKED] = "not asked",
    };
    return words[verdict];
}

bool gate_list(const struct registry *registry, const char *name, struct arena *arena,
               struct gate **ret_gates, size_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry_allows(registry, REGISTRY_SEE, err) ||
        !pg_read(registry->pg, query_gate_list, PG_ARGS(PG_TEXT(name)), &rows, err))
        return false;
    int count = pg_row_count(rows);
    struct gate *gates = arena_array(arena, (size_t)count + 1, sizeof(*gates));
    if (!gates)
        return error_no_memory(err, (size_t)count * sizeof(*gates));
    for (int i = 0; i < count; i++)
        gates[i] = (struct gate){
            .name = text_clean_dup(arena, pg_text(rows, i, 0)),
            .expression = text_clean_dup(arena, pg_text(rows, i, 1)),
            .actor = text_clean_dup(arena, pg_text(rows, i, 2)),
            .at = arena_strdup(arena, pg_text(rows, i, 3)),
        };
    *ret_gates = gates;
    *ret_count = (size_t)count;
    return true;
}

bool gate_is_for(const struct gate *gate, const struct version *version)
{
    return !strcmp(gate->name, "*") || !strcmp(gate->name, version->name);
}

bool gate_set(const struct registry *registry, const char *name, const char *expression,
              struct pare_error *err)
{
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct filter filter;
    bool ok = filter_parse(expression, &paths, &arena, &filter, NULL, err);
    if (ok && filter.count == 0)
        ok = error_set(err, PARE_ERR_USAGE, "a gate wants a rule such as \"%s\"", rule_accuracy);
    arena_done(&arena);
    return ok && registry_allows(registry, REGISTRY_WRITE, err) &&
           pg_write(registry->pg, query_gate_set,
                    PG_ARGS(PG_TEXT(name), PG_TEXT(expression), PG_TEXT(registry->actor)), NULL,
                    err);
}

bool gate_clear(const struct registry *registry, const char *name, const char *expression,
                int64_t *ret_count, struct pare_error *err)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!registry_allows(registry, REGISTRY_WRITE, err) ||
        !pg_write(registry->pg, query_gate_clear, PG_ARGS(PG_TEXT(name), PG_TEXT(expression)),
                  &rows, err))
        return false;
    *ret_count = pg_affected(rows);
    return true;
}

/* ---- judging ---- */

/* A small JSON object, or NULL: what cannot be read counts as absent. */
static cJSON *parse_facts(const char *text)
{
    cJSON *root = NULL;
    struct pare_error ignored;
    return text && json_parse(text, strlen(text), &root, &ignored) ? root : NULL;
}

/* metrics.a.b or a.b below an object; NULL when it is not there. */
static const cJSON *find_item(const cJSON *object, const char *word)
{
    if (!strncmp(word, "metrics.", 8))
        word += 8;
    char step[VERSION_NAME_MAX + 1];
    while (object && *word) {
        size_t length = strcspn(word, ".");
        if (length >= sizeof(step))
            return NULL;
        memcpy(step, word, length);
        step[length] = '\0';
        object = cJSON_GetObjectItemCaseSensitive(object, step);
        word += length + (word[length] == '.');
    }
    return object;
}

/* NAN when there is no number that counts. */
static double number_of(const cJSON *item)
{
    if (!cJSON_IsNumber(item))
        return NAN;
    double value = item->valuedouble, size = fabs(value);
    return value == 0 || (size >= 1e-300 && size <= 1e300) ? value : NAN;
}

static double find_number(const cJSON *object, const char *word)
{
    return number_of(find_item(object, word));
}

/* A scalar as filters see one; its text lives in the arena, absent without memory. */
static struct version_value value_of(const cJSON *item, struct arena *arena)
{
    struct version_value value = { .number = number_of(item) };
    char digits[32];
    if (cJSON_IsNumber(item)) {
        text_number(item->valuedouble, digits, sizeof(digits));
        value = (struct version_value){ 'n', arena_strdup(arena, digits), value.number };
    } else if (cJSON_IsString(item)) {
        value = (struct version_value){ 's', text_clean_dup(arena, item->valuestring), NAN };
    } else if (cJSON_IsBool(item)) {
        value = (struct version_value){ 'b', cJSON_IsTrue(item) ? "true" : "false", NAN };
    }
    return value;
}

/* One side of the comparison: what was measured comes before what metrics say. */
static struct version with_facts(const struct version *version, const cJSON *measured,
                                 const struct field_paths *paths, struct arena *arena)
{
    struct version facts = *version;
    cJSON *metrics = parse_facts(version->metrics);
    cJSON *config = parse_facts(version->config);
    double accuracy = find_number(measured, "accuracy");
    if (!isnan(accuracy))
        facts.accuracy = accuracy;
    for (int i = 0; i < paths->count; i++) {
        const char *word = paths->words[i];
        const cJSON *item = find_item(measured, word);
        if (isnan(number_of(item)))
            item = !strncmp(word, "config.", 7) ? find_item(config, word + 7)
                                                : find_item(metrics, word);
        facts.values[i] = value_of(item, arena);
    }
    cJSON_Delete(metrics);
    cJSON_Delete(config);
    return facts;
}

struct judge {
    const struct version *candidate, *dflt;
    cJSON *measured, *measured_default;
    struct arena *arena;
    struct gate_result *results;
    size_t count;
};

static enum gate_verdict verdict_of(enum filter_answer answer)
{
    return answer == FILTER_YES ? GATE_PASS : answer == FILTER_NO ? GATE_FAIL : GATE_MISSING;
}

/* Each term of a rule is a line of its own, so that one sees which failed. */
static bool judge_rule(struct judge *judge, const char *rule, bool built_in, struct pare_error *err)
{
    struct field_paths paths = { 0 };
    struct filter filter;
    if (!filter_parse(rule, &paths, judge->arena, &filter, NULL, err)) {
        /* Not set by gate_set(): a rule that nobody can read is not passed. */
        judge->results[judge->count++] =
            (struct gate_result){ .rule = text_clean_dup(judge->arena, rule),
                                  .built_in = built_in,
                                  .verdict = GATE_MISSING,
                                  .found = NAN,
                                  .of_default = NAN };
        return err->code == PARE_ERR_USAGE;
    }
    struct version candidate = with_facts(judge->candidate, judge->measured, &paths, judge->arena);
    struct version dflt = { 0 };
    if (judge->dflt)
        dflt = with_facts(judge->dflt, judge->measured_default, &paths, judge->arena);
    for (size_t i = 0; i < filter.count; i++) {
        const struct field *field = filter_term_field(&filter, i);
        bool of_default = filter_term_uses_default(&filter, i);
        struct gate_result result = {
            .rule = filter_term_text(&filter, i),
            .built_in = built_in,
            .found = field_number(field, &candidate),
            .of_default = judge->dflt && of_default ? field_number(field, &dflt) : NAN,
        };
        result.verdict =
            of_default && !judge->dflt
                ? GATE_NOT_ASKED
                : verdict_of(filter_test_term(&filter, i, &candidate, judge->dflt ? &dflt : NULL));
        judge->results[judge->count++] = result;
    }
    return true;
}

static bool speaks_of(const struct field *field, const char *word)
{
    if (field->kind == FIELD_ACCURACY)
        return !strcmp(word, "accuracy");
    return field->kind == FIELD_JSON &&
           (!strcmp(field->word, word) ||
            (!strncmp(field->word, "metrics.", 8) && !strcmp(field->word + 8, word)));
}

/* Whether somebody's rule speaks of the same fact, which replaces the built-in one. */
static bool is_replaced(const struct gate_facts *facts, struct arena *arena, const char *word)
{
    for (size_t i = 0; i < facts->gate_count; i++) {
        struct field_paths paths = { 0 };
        struct filter filter;
        struct pare_error told_later;
        if (!filter_parse(facts->gates[i].expression, &paths, arena, &filter, NULL, &told_later))
            continue;
        for (size_t term = 0; term < filter.count; term++)
            if (speaks_of(filter_term_field(&filter, term), word))
                return true;
    }
    return false;
}

static bool judge_built_in(struct judge *judge, const struct gate_facts *facts,
                           struct pare_error *err)
{
    bool both = !isnan(find_number(judge->measured, "accuracy")) &&
                !isnan(find_number(judge->measured_default, "accuracy"));
    bool agreement =
        facts->measured_against_default && !isnan(find_number(judge->measured, "agreement"));
    if (both && !is_replaced(facts, judge->arena, "accuracy") &&
        !judge_rule(judge, rule_accuracy, true, err))
        return false;
    if (agreement && !is_replaced(facts, judge->arena, "agreement") &&
        !judge_rule(judge, rule_agreement, true, err))
        return false;
    if (judge->dflt && judge->dflt->has_inline_bytes)
        judge->results[judge->count++] = (struct gate_result){
            .rule = rule_bytes,
            .built_in = true,
            .verdict = judge->candidate->has_inline_bytes ? GATE_PASS : GATE_FAIL,
            .found = NAN,
            .of_default = NAN,
        };
    return true;
}

bool gate_judge(const struct gate_facts *facts, const struct version *candidate,
                const struct version *dflt, struct arena *arena, struct gate_result **ret_results,
                size_t *ret_count, struct pare_error *err)
{
    enum { TERMS_A_RULE = 32, BUILT_IN = 3 };
    struct judge judge = { .candidate = candidate, .dflt = dflt, .arena = arena };
    judge.results =
        arena_array(arena, facts->gate_count * TERMS_A_RULE + BUILT_IN, sizeof(*judge.results));
    if (!judge.results)
        return error_no_memory(err, facts->gate_count * TERMS_A_RULE);
    judge.measured = parse_facts(facts->measured);
    judge.measured_default = parse_facts(facts->measured_default);
    bool ok = judge_built_in(&judge, facts, err);
    for (size_t i = 0; ok && i < facts->gate_count; i++)
        ok = judge_rule(&judge, facts->gates[i].expression, false, err);
    cJSON_Delete(judge.measured);
    cJSON_Delete(judge.measured_default);
    *ret_results = judge.results;
    *ret_count = judge.count;
    return ok;
}

bool gate_all_pass(const struct gate_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (results[i].verdict == GATE_FAIL || results[i].verdict == GATE_MISSING)
            return false;
    return true;
}

void gate_put_open(const struct gate_result *results, size_t count, struct buf *buf)
{
    const char *separator = "";
    for (size_t i = 0; i < count; i++) {
        const struct gate_result *gate = &results[i];
        if (gate->verdict == GATE_PASS || gate->verdict == GATE_NOT_ASKED)
            continue;
        buf_printf(buf, "%s%s", separator, gate->rule);
        if (gate->verdict == GATE_MISSING)
            buf_text(buf, " (not measured)");
        else if (!isnan(gate->found))
            buf_printf(buf, " (found %.6g", gate->found);
        if (gate->verdict == GATE_FAIL && !isnan(gate->found))
            buf_printf(buf, isnan(gate->of_default) ? ")" : ", the default has %.6g)",
                       gate->of_default);
        separator = "; ";
    }
}

void gate_put_json(const struct gate_result *results, size_t count, struct buf *buf)
{
    buf_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        buf_text(buf, i ? ", {\"rule\": " : "{\"rule\": ");
        json_put_string(buf, results[i].rule);
        buf_printf(buf,
                   ", \"verdict\": \"%s\", \"found\": ", gate_verdict_word(results[i].verdict));
        json_put_number(buf, results[i].found);
        buf_text(buf, ", \"of_default\": ");
        json_put_number(buf, results[i].of_default);
        buf_char(buf, '}');
    }
    buf_char(buf, ']');
}
