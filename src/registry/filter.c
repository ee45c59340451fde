/* SPDX-License-Identifier: MIT */
#include "registry/filter.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "registry/filter_parse.h"

static bool contains(const char *text, const char *part)
{
    return strpbrk(part, "*?") ? text_glob(part, text) : strcasestr(text, part) != NULL;
}

static enum filter_answer yes_if(bool holds)
{
    return holds ? FILTER_YES : FILTER_NO;
}

static enum filter_answer compare(enum filter_operator op, double left, double right)
{
    if (isnan(left) || isnan(right))
        return FILTER_UNDECIDED;
    switch (op) {
    case FILTER_EQUAL:
    case FILTER_NOT_EQUAL:
        return yes_if(left == right);
    case FILTER_LESS:
        return yes_if(left < right);
    case FILTER_AT_MOST:
        return yes_if(left <= right);
    case FILTER_MORE:
        return yes_if(left > right);
    default:
        return yes_if(left >= right);
    }
}

/* Dates and names by their bytes: an ISO time compares as it should. */
static enum filter_answer compare_text(enum filter_operator op, const char *left, const char *right)
{
    if (!left)
        return FILTER_UNDECIDED;
    if (op == FILTER_LIKE || op == FILTER_NOT_LIKE)
        return yes_if(contains(left, right));
    if (op == FILTER_EQUAL || op == FILTER_NOT_EQUAL)
        return yes_if(strcmp(left, right) == 0);
    return compare(op, strcmp(left, right), 0);
}

static enum filter_answer test_value(const struct filter_term *term,
                                     const struct filter_value *value,
                                     const struct version *version, const struct version *dflt)
{
    const struct field *field = &term->field;
    if (value->of_default) {
        double base = dflt ? field_number(field, dflt) : NAN;
        /* Decimal fractions on both sides: a hair of binary rounding must not decide. */
        double limit = base * value->factor + value->offset;
        double found = field_number(field, version);
        if (fabs(found - limit) <= 1e-12 * fmax(fabs(found), fabs(limit)))
            found = limit;
        return compare(term->op, found, limit);
    }
    if (!isnan(value->number) && !field_is_text(field) && term->op < FILTER_LIKE)
        return compare(term->op, field_number(field, version), value->number);
    return compare_text(term->op, field_text(field, version), value->text);
}

static enum filter_answer test_bare(const struct filter_term *term, const struct version *version)
{
    if (term->field.kind == FIELD_DEFAULT)
        return yes_if(version->is_default);
    const char *part = term->values[0].text;
    return yes_if(contains(version->name, part) || contains(version->version, part));
}

static enum filter_answer turn(enum filter_answer answer)
{
    return answer == FILTER_UNDECIDED ? answer : yes_if(answer == FILTER_NO);
}

static enum filter_answer test_term(const struct filter_term *term, const struct version *version,
                                    const struct version *dflt)
{
    enum filter_answer answer = FILTER_NO;
    if (term->op == FILTER_IS)
        answer = test_bare(term, version);
    for (size_t i = 0; term->op != FILTER_IS && i < term->value_count; i++) {
        enum filter_answer one = test_value(term, &term->values[i], version, dflt);
        if (one == FILTER_YES || (one == FILTER_UNDECIDED && answer == FILTER_NO))
            answer = one;
        if (one == FILTER_YES)
            break;
    }
    bool turned = term->op == FILTER_NOT_EQUAL || term->op == FILTER_NOT_LIKE;
    return turned != term->negated ? turn(answer) : answer;
}

enum filter_answer filter_test_term(const struct filter *filter, size_t index,
                                    const struct version *version, const struct version *dflt)
{
    return test_term(&filter->terms[index], version, dflt);
}

enum filter_answer filter_test(const struct filter *filter, const struct version *version,
                               const struct version *dflt)
{
    enum filter_answer all = FILTER_YES;
    for (size_t i = 0; i < filter->count && all != FILTER_NO; i++) {
        enum filter_answer one = test_term(&filter->terms[i], version, dflt);
        if (one != FILTER_YES)
            all = one;
    }
    return all;
}

const char *filter_term_text(const struct filter *filter, size_t index)
{
    return filter->terms[index].text;
}

const struct field *filter_term_field(const struct filter *filter, size_t index)
{
    return &filter->terms[index].field;
}

bool filter_term_uses_default(const struct filter *filter, size_t index)
{
    const struct filter_term *term = &filter->terms[index];
    for (size_t i = 0; i < term->value_count; i++)
        if (term->values[i].of_default)
            return true;
    return false;
}
