/* SPDX-License-Identifier: MIT */
/*
 * Rules a version must pass to become the default, in the words of filter.h:
 * "accuracy >= default - 0.005", "p95_ms <= default + 5%".
 *
 * Where both were measured on the same data, two rules hold unasked, until somebody
 * sets one of their own on the same fact: accuracy >= default - 0.005 and agreement
 * >= 0.98. And model_data that clients read must not turn NULL. A set rule whose fact
 * is missing fails; one that speaks of a default asks nothing while there is none.
 */
#ifndef PARE_REGISTRY_GATE_H
#define PARE_REGISTRY_GATE_H

#include "base/base.h"

struct arena;
struct buf;
struct pare_error;
struct registry;
struct version;

enum gate_verdict { GATE_PASS, GATE_FAIL, GATE_MISSING, GATE_NOT_ASKED };

struct gate {
    const char *name; /* the model, "*" for all */
    const char *expression, *actor, *at;
};

struct gate_result {
    const char *rule;
    bool built_in;
    enum gate_verdict verdict;
    double found, of_default; /* NAN when absent */
};

/* "pass", "FAIL", ... for people; lower case in JSON. */
const char *gate_verdict_word(enum gate_verdict verdict);

/* The rules of one model and of all, or of every model (`name` NULL). */
MUST_CHECK bool gate_list(const struct registry *registry, const char *name, struct arena *arena,
                          struct gate **ret_gates, size_t *ret_count, struct pare_error *err);

/* Whether a rule of that list is one for this version. */
bool gate_is_for(const struct gate *gate, const struct version *version);

/* Add a rule (name NULL: for all models). One that is there already is no error. */
MUST_CHECK bool gate_set(const struct registry *registry, const char *name, const char *expression,
                         struct pare_error *err);

/* Remove a model's rules (name NULL: those for all), or the one given. */
MUST_CHECK bool gate_clear(const struct registry *registry, const char *name,
                           const char *expression, int64_t *ret_count, struct pare_error *err);

/* What gate_judge() goes by, already read: rules, and the pair of results measured alike (or NULL). */
struct gate_facts {
    const struct gate *gates;
    size_t gate_count;
    const char *measured, *measured_default; /* JSON results on equal data */
    bool measured_against_default;
};

/* Judge `candidate` against `dflt` (NULL: no default yet). Results in `arena`. */
MUST_CHECK bool gate_judge(const struct gate_facts *facts, const struct version *candidate,
                           const struct version *dflt, struct arena *arena,
                           struct gate_result **ret_results, size_t *ret_count,
                           struct pare_error *err);

/* Whether all pass or were not asked. */
bool gate_all_pass(const struct gate_result *results, size_t count);

/* The rules in the way in words: "accuracy >= default - 0.005 (found 0.86, the default has 0.95); ...". */
void gate_put_open(const struct gate_result *results, size_t count, struct buf *buf);

/* The results as the JSON array that is stored with the event. */
void gate_put_json(const struct gate_result *results, size_t count, struct buf *buf);

#endif
