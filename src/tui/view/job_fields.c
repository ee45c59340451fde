/* SPDX-License-Identifier: MIT */
#include "tui/view/job_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "pare.h"
#include "registry/dataset.h"
#include "registry/version.h"
#include "tui/shell.h"
#include "tui/view/job_choices.h"
#include "tui/view/job_method.h"

enum { GLOBS_MAX = 64, CHOICES_MAX = 1000, RECIPE_MAX = 64 * 1024 };

/* Which fields each kind of job has. */
static const unsigned fields_of[WHAT_COUNT] = {
    [WHAT_QUANTIZE] = 1U << ASK_SCHEME | 1U << ASK_MATCH | 1U << ASK_WEIGHTS | 1U << ASK_INT8_FORM |
                      1U << ASK_SCALES | 1U << ASK_RANGE | 1U << ASK_BORDERS | 1U << ASK_FORM |
                      1U << ASK_BLOCK | 1U << ASK_ZEROS | 1U << ASK_TABLES | 1U << ASK_LEVEL |
                      1U << ASK_FLOAT_BLOCK | 1U << ASK_INCLUDE | 1U << ASK_EXCLUDE |
                      1U << ASK_OPS | 1U << ASK_TENSORS | 1U << ASK_NAME,
    [WHAT_PRUNE] = 1U << ASK_METHOD | 1U << ASK_AMOUNT | 1U << ASK_SEED | 1U << ASK_DIM |
                   1U << ASK_NORM | 1U << ASK_THEN | 1U << ASK_INCLUDE | 1U << ASK_EXCLUDE |
                   1U << ASK_OPS | 1U << ASK_NAME,
    [WHAT_MEASURE] = 1U << ASK_DATASET | 1U << ASK_AGAINST | 1U << ASK_THREADS,
};

/* Which of them belong to some schemes only. */
static const struct {
    enum job_field field;
    const char *scheme;
} scheme_fields[] = {
    { ASK_MATCH, "int8" },      { ASK_WEIGHTS, "int8" }, { ASK_INT8_FORM, "int8" },
    { ASK_SCALES, "int8" },     { ASK_RANGE, "int8" },   { ASK_BORDERS, "fp16" },
    { ASK_FORM, "int4" },       { ASK_BLOCK, "int4" },   { ASK_ZEROS, "int4" },
    { ASK_TABLES, "int4" },     { ASK_LEVEL, "int4" },   { ASK_FLOAT_BLOCK, "nf4" },
    { ASK_FLOAT_BLOCK, "fp4" },
};

enum job_what job_fields_what(const struct job_fields *fields)
{
    return (enum job_what)fields->fields[ASK_WHAT].chosen;
}

static const char *value(const struct job_fields *fields, enum job_field field)
{
    return form_value(&fields->fields[field]);
}

/* What the recipe takes only together with something else. */
static bool is_alone(const struct job_fields *fields, enum job_field field)
{
    return (field == ASK_WEIGHTS && fields->fields[ASK_MATCH].chosen == 0) ||
           ((field == ASK_LEVEL || field == ASK_TABLES) && fields->fields[ASK_FORM].chosen > 0);
}

/* Whether the field asks something of schemes of which none is the chosen one. */
static bool is_beside_scheme(const struct job_fields *fields, enum job_field field)
{
    bool beside = false;
    for (size_t i = 0; i < ARRAY_SIZE(scheme_fields); i++) {
        if (scheme_fields[i].field != field)
            continue;
        if (!strcmp(scheme_fields[i].scheme, value(fields, ASK_SCHEME)))
            return is_alone(fields, field);
        beside = true;
    }
    return beside;
}

/* Whether another choice than the first of a setting of the scheme is the one. */
static bool is_other(const struct job_fields *fields, enum job_field field)
{
    return fields->fields[field].chosen > 0 && !is_beside_scheme(fields, field);
}

/* Id 0: nothing. */
static const struct job_against *against(const struct job_fields *fields)
{
    return &fields->against[fields->fields[ASK_AGAINST].chosen];
}

/* ---- choices ---- */

static void set_choices(struct job_fields *fields, enum job_field field,
                        const struct pare_choice *choices, size_t count)
{
    fields->fields[field].choices = choices;
    fields->fields[field].choice_count = count;
}

/* The engine's own list, behind `first` where that is one. */
static bool set_engine_choices(struct job_fields *fields, enum job_field field,
                               const struct pare_choice *first,
                               const struct pare_choice *each(size_t index))
{
    size_t count = 0, used = 0;
    while (each(count))
        count++;
    struct pare_choice *choices = arena_array(&fields->arena, count + 1, sizeof(*choices));
    if (!choices)
        return false;
    if (first)
        choices[used++] = *first;
    for (size_t i = 0; i < count; i++)
        choices[used++] = *each(i);
    set_choices(fields, field, choices, used);
    return true;
}

static bool set_against(struct job_fields *fields, const struct job_against *list, size_t count)
{
    struct pare_choice *choices = arena_array(&fields->arena, count + 1, sizeof(*choices));
    struct job_against *copy = arena_array(&fields->arena, count + 1, sizeof(*copy));
    if (!choices || !copy)
        return false;
    for (size_t i = 0; i < count; i++) {
        copy[i].id = list[i].id;
        copy[i].name = arena_strdup(&fields->arena, list[i].name);
        copy[i].version = arena_strdup(&fields->arena, list[i].version);
        choices[i] = (struct pare_choice){ copy[i].version, list[i].why };
        if (!copy[i].name || !copy[i].version)
            return false;
    }
    choices[count] = (struct pare_choice){ "nothing", "alone: what changed stays unknown" };
    fields->against = copy;
    set_choices(fields, ASK_AGAINST, choices, count + 1);
    return true;
}

void job_fields_set_datasets(struct job_fields *fields, const struct dataset_row *rows,
                             size_t count)
{
    struct pare_choice *choices = arena_array(&fields->arena, count, sizeof(*choices));
    if (!choices)
        return;
    for (size_t i = 0; i < count; i++)
        choices[i] = (struct pare_choice){
            .name = arena_strdup(&fields->arena, rows[i].name),
            .summary = arena_printf(&fields->arena, "%lld rows", (long long)rows[i].rows),
        };
    if (count > 0)
        set_choices(fields, ASK_DATASET, choices, count);
}

static void take_choices(struct form_field *field, const struct job_choices *choices)
{
    field->label = choices->label;
    field->choices = choices->list;
    field->choice_count = choices->count;
    field->empty = choices->empty;
}

bool job_fields_init(struct job_fields *fields, const char *name, const char *version,
                     const struct job_against *list, size_t count)
{
    static const struct pare_choice nothing = { "nothing", "zeros alone make no smaller file" };
    *fields = (struct job_fields){ .name = name, .version = version };
    fields->form = (struct form){ .fields = fields->fields, .count = ASK_COUNT };
    for (size_t i = 0; i < ASK_COUNT; i++)
        take_choices(&fields->fields[i], job_choices((enum job_field)i));
    prompt_set(&fields->fields[ASK_AMOUNT].prompt, "0.5");
    prompt_set(&fields->fields[ASK_SEED].prompt, "0");
    fields->fields[ASK_AMOUNT].note = "the share that goes, 0 to 1; a whole number: so many";
    return set_engine_choices(fields, ASK_METHOD, NULL, pare_method) &&
           set_engine_choices(fields, ASK_THEN, &nothing, pare_scheme) &&
           set_engine_choices(fields, ASK_SCHEME, NULL, pare_scheme) &&
           set_against(fields, list, count);
}

void job_fields_done(struct job_fields *fields)
{
    arena_done(&fields->arena);
}

/* ---- a recipe ---- */

/* The words of a typed field, NULL behind the last. */
struct globs {
    char text[PROMPT_MAX];
    const char *list[GLOBS_MAX + 1];
};

static void split(const char *typed, struct globs *ret_globs)
{
    char *rest = NULL;
    size_t count = 0;
    snprintf(ret_globs->text, sizeof(ret_globs->text), "%s", typed);
    for (char *word = strtok_r(ret_globs->text, " ", &rest); word && count < GLOBS_MAX;
         word = strtok_r(NULL, " ", &rest))
        ret_globs->list[count++] = word;
    ret_globs->list[count] = NULL;
}

/* The block's size where it is not the scheme's own; else "". */
static const char *other_block(const struct job_fields *fields)
{
    if (is_other(fields, ASK_BLOCK))
        return value(fields, ASK_BLOCK);
    return is_other(fields, ASK_FLOAT_BLOCK) ? value(fields, ASK_FLOAT_BLOCK) : "";
}

static const char *other_form(const struct job_fields *fields)
{
    if (is_other(fields, ASK_FORM))
        return value(fields, ASK_FORM);
    return is_other(fields, ASK_INT8_FORM) ? value(fields, ASK_INT8_FORM) : "";
}

static bool read_settings(const struct job_fields *fields, struct order_settings *ret_settings,
                          struct pare_error *err)
{
    struct order_settings settings = { 0 };
    const struct form_field *then = &fields->fields[ASK_THEN];
    if (job_fields_what(fields) == WHAT_QUANTIZE) {
        settings.scheme = value(fields, ASK_SCHEME);
        settings.per_tensor = is_other(fields, ASK_SCALES);
        settings.match = is_other(fields, ASK_MATCH) ? value(fields, ASK_MATCH) : NULL;
        settings.weight_type = is_other(fields, ASK_WEIGHTS) ? value(fields, ASK_WEIGHTS) : NULL;
        settings.per_channel = settings.match && !settings.per_tensor;
        settings.reduce_range = is_other(fields, ASK_RANGE);
        settings.io16 = is_other(fields, ASK_BORDERS);
        settings.asymmetric = is_other(fields, ASK_ZEROS);
        settings.gather = is_other(fields, ASK_TABLES);
        settings.form = *other_form(fields) ? other_form(fields) : NULL;
        if (*other_block(fields) && !text_to_int64(other_block(fields), &settings.block))
            return error_set(err, PARE_ERR_USAGE, "block: a whole number");
        if (is_other(fields, ASK_LEVEL) &&
            !text_to_int64(value(fields, ASK_LEVEL), &settings.accuracy_level))
            return error_set(err, PARE_ERR_USAGE, "products: 1, 2, 3 or 4");
    } else {
        settings.method = value(fields, ASK_METHOD);
        settings.scheme = then->chosen > 0 ? form_value(then) : NULL;
        if (!job_method_read(fields, &settings, err))
            return false;
    }
    *ret_settings = settings;
    return true;
}

/* What was typed into a field that this job has; else "". */
static const char *shown_value(const struct job_fields *fields, enum job_field field)
{
    bool has = fields_of[job_fields_what(fields)] >> field & 1;
    return has ? value(fields, field) : "";
}

/* Words as head*=fp16: each in its place, cut in two. */
static bool read_tensors(struct globs *words, struct order_tensor *ret_tensors, size_t *ret_count,
                         struct pare_error *err)
{
    size_t count = 0;
    for (; words->list[count]; count++) {
        char *word = words->text + (words->list[count] - words->text), *equals = strrchr(word, '=');
        if (!equals || equals == word || !equals[1])
            return error_set(err, PARE_ERR_USAGE,
                             "tensors: %.60s: a pattern, = and a scheme or keep, as head*=fp16",
                             word);
        *equals = '\0';
        ret_tensors[count] = (struct order_tensor){ word, equals + 1 };
        if (!strcmp(equals + 1, "keep"))
            ret_tensors[count].scheme = NULL;
    }
    *ret_count = count;
    return true;
}

bool job_fields_put_recipe(const struct job_fields *fields, struct buf *recipe,
                           struct pare_error *err)
{
    struct order_settings settings;
    struct globs include, exclude, ops, words;
    struct order_tensor tensors[GLOBS_MAX];
    if (!read_settings(fields, &settings, err))
        return false;
    split(shown_value(fields, ASK_TENSORS), &words);
    settings.tensors = tensors;
    if (!read_tensors(&words, tensors, &settings.tensor_count, err))
        return false;
    split(value(fields, ASK_OPS), &ops);
    settings.ops = ops.list[0] ? ops.list : NULL;
    split(value(fields, ASK_INCLUDE), &include);
    split(value(fields, ASK_EXCLUDE), &exclude);
    settings.include = include.list;
    settings.exclude = exclude.list;
    order_put_recipe(&settings, recipe);
    return buf_ok(recipe, err);
}

static bool parse_recipe(const struct job_fields *fields, struct pare_recipe **ret_recipe,
                         struct pare_error *err)
{
    struct buf text;
    buf_init(&text, RECIPE_MAX);
    bool ok = job_fields_put_recipe(fields, &text, err) &&
              pare_recipe_parse(buf_string(&text), text.length, ret_recipe, err);
    buf_done(&text);
    return ok;
}

/* The name that the recipe gives; "" while there is none. */
static void put_own_name(const struct job_fields *fields, struct buf *name)
{
    struct pare_error ignored;
    struct pare_recipe *recipe;
    struct arena arena = { 0 };
    if (parse_recipe(fields, &recipe, &ignored)) {
        const char *own = order_version(recipe, fields->version, &arena);
        if (own)
            buf_text(name, own);
        pare_recipe_free(recipe);
    }
    arena_done(&arena);
}

void job_fields_follow(struct job_fields *fields)
{
    struct form *form = &fields->form;
    enum job_what what = job_fields_what(fields);
    struct form_field *name = &fields->fields[ASK_NAME];
    for (size_t i = ASK_WHAT + 1; i < ASK_COUNT; i++)
        fields->fields[i].hidden = !(fields_of[what] >> i & 1) ||
                                   is_beside_scheme(fields, (enum job_field)i) ||
                                   job_method_hides(fields, (enum job_field)i);
    form_fit(form);
    if (form->typing && form->cursor == ASK_NAME)
        fields->named = *name->prompt.text != '\0';
    else if (what != WHAT_MEASURE && !fields->named) {
        struct buf own;
        buf_init(&own, VERSION_NAME_MAX);
        put_own_name(fields, &own);
        prompt_set(&name->prompt, buf_string(&own));
        buf_done(&own);
    }
}

/* ---- a job ---- */

static bool put_measure(const struct job_fields *fields, struct buf *spec, struct pare_error *err)
{
    struct order_measure measure = { .dataset = value(fields, ASK_DATASET),
                                     .against_id = against(fields)->id,
                                     .threads = ORDER_MEASURE_THREADS,
                                     .seconds = ORDER_MEASURE_SECONDS };
    if (!text_to_int64(value(fields, ASK_THREADS), &measure.threads))
        return error_set(err, PARE_ERR_USAGE, "threads: a whole number");
    if (!*measure.dataset)
        return error_set(err, PARE_ERR_NOT_FOUND,
                         "there is no dataset to measure on; make one with: pare dataset import "
                         "FILE --name D");
    order_put_measure(&measure, spec);
    return buf_ok(spec, err);
}

bool job_fields_put_spec(const struct job_fields *fields, struct buf *spec, const char **ret_kind,
                         struct pare_error *err)
{
    struct pare_recipe *recipe;
    const char *name = value(fields, ASK_NAME);
    bool measures = job_fields_what(fields) == WHAT_MEASURE;
    *ret_kind = measures ? "measure" : "transform";
    if (measures)
        return put_measure(fields, spec, err);
    if (!version_name_ok(name, "version", err) || !parse_recipe(fields, &recipe, err))
        return false;
    order_put_transform(recipe, fields->name, name, spec);
    pare_recipe_free(recipe);
    return buf_ok(spec, err);
}

/* ---- a command ---- */

static void put_option(struct buf *command, const char *option, const char *word)
{
    buf_printf(command, " --%s ", option);
    shell_quote(command, word);
}

static void put_globs(const struct job_fields *fields, enum job_field field, const char *option,
                      struct buf *command)
{
    struct globs globs;
    split(value(fields, field), &globs);
    for (size_t i = 0; globs.list[i]; i++)
        put_option(command, option, globs.list[i]);
}

/* One option, its words between commas. */
static void put_ops(const struct job_fields *fields, struct buf *command)
{
    struct globs ops;
    char list[PROMPT_MAX] = "";
    split(value(fields, ASK_OPS), &ops);
    for (size_t i = 0; ops.list[i]; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", i ? "," : "", ops.list[i]);
    }
    if (*list)
        put_option(command, "ops", list);
}

static void put_measure_command(const struct job_fields *fields, struct buf *command)
{
    if (*value(fields, ASK_DATASET))
        put_option(command, "dataset", value(fields, ASK_DATASET));
    if (against(fields)->id) {
        buf_text(command, " --against ");
        shell_ref(command, against(fields)->name, against(fields)->version);
    }
    if (is_other(fields, ASK_THREADS))
        put_option(command, "threads", value(fields, ASK_THREADS));
}

static void put_scheme_options(const struct job_fields *fields, struct buf *command)
{
    buf_text(command, is_other(fields, ASK_SCALES) ? " --per-tensor" : "");
    buf_text(command, is_other(fields, ASK_RANGE) ? " --reduce-range" : "");
    buf_text(command, is_other(fields, ASK_BORDERS) ? " --no-keep-io" : "");
    if (*other_form(fields))
        put_option(command, "form", other_form(fields));
    if (is_other(fields, ASK_MATCH)) {
        put_option(command, "match", value(fields, ASK_MATCH));
        buf_text(command, is_other(fields, ASK_SCALES) ? "" : " --per-channel");
    }
    if (is_other(fields, ASK_WEIGHTS))
        put_option(command, "weight-type", value(fields, ASK_WEIGHTS));
    if (*other_block(fields))
        put_option(command, "block", other_block(fields));
    buf_text(command, is_other(fields, ASK_ZEROS) ? " --asymmetric" : "");
    buf_text(command, is_other(fields, ASK_TABLES) ? " --gather" : "");
    if (is_other(fields, ASK_LEVEL))
        put_option(command, "accuracy-level", value(fields, ASK_LEVEL));
}

void job_fields_put_command(const struct job_fields *fields, struct buf *command)
{
    struct buf own;
    enum job_what what = job_fields_what(fields);
    buf_printf(command, "pare %s ", value(fields, ASK_WHAT));
    shell_ref(command, fields->name, fields->version);
    if (what == WHAT_MEASURE) {
        put_measure_command(fields, command);
        return;
    }
    if (what == WHAT_QUANTIZE) {
        put_option(command, "scheme", value(fields, ASK_SCHEME));
        put_scheme_options(fields, command);
    } else {
        put_option(command, "method", value(fields, ASK_METHOD));
        job_method_put_options(fields, command);
        if (fields->fields[ASK_THEN].chosen)
            put_option(command, "then", value(fields, ASK_THEN));
    }
    put_globs(fields, ASK_INCLUDE, "include", command);
    put_globs(fields, ASK_EXCLUDE, "exclude", command);
    put_ops(fields, command);
    if (what == WHAT_QUANTIZE)
        put_globs(fields, ASK_TENSORS, "tensor", command);
    buf_init(&own, VERSION_NAME_MAX);
    put_own_name(fields, &own);
    if (strcmp(buf_string(&own), value(fields, ASK_NAME)) != 0)
        put_option(command, "as", value(fields, ASK_NAME));
    buf_done(&own);
}
