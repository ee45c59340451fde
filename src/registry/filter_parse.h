/* SPDX-License-Identifier: MIT */
/* The inside of a filter: what filter_parse.c makes and filter.c judges. */
#ifndef PARE_REGISTRY_FILTER_PARSE_H
#define PARE_REGISTRY_FILTER_PARSE_H

#include "registry/filter.h"

enum filter_operator {
    FILTER_EQUAL,
    FILTER_NOT_EQUAL,
    FILTER_LESS,
    FILTER_AT_MOST,
    FILTER_MORE,
    FILTER_AT_LEAST,
    FILTER_LIKE, /* contains, or matches * and ? */
    FILTER_NOT_LIKE,
    FILTER_IS, /* a bare word or `default` */
};

/* A literal, or the default's fact times `factor` plus `offset`. */
struct filter_value {
    const char *text;
    double number; /* in the field's unit; NAN when it is no number */
    bool of_default;
    double factor, offset;
};

struct filter_term {
    const char *text; /* as written */
    struct field field;
    enum filter_operator op;
    bool negated;
    struct filter_value *values;
    size_t value_count;
};

#endif
