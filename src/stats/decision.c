/* SPDX-License-Identifier: MIT */
#include "stats/decision.h"

#include <assert.h>
#include <math.h>

/* A sample ratio off by chance in one of a thousand tests, however often it is looked at. */
static const double srm_limit = -6.907755278982137; /* -ln 1000 */

static struct decision made(enum decision_state state, enum decision_gate gate, double value,
                            double limit, double wants)
{
    return (struct decision){
        .state = state, .gate = gate, .value = value, .limit = limit, .wants = wants
    };
}

static bool are_few(const struct decision_facts *facts)
{
    return MIN(facts->n_a, facts->n_b) < facts->min_n;
}

static bool is_early(const struct decision_facts *facts)
{
    return !(facts->runtime_hours >= facts->min_hours);
}

/*
 * The share of an arm's assigned requests that no row answers, or that rows exceed; 0 when
 * uncounted.
 */
static double flow_off(const struct decision_flow *flow)
{
    double off = fabs((double)flow->assigned - (double)flow->recorded);
    return flow->assigned > 0 ? off / (double)flow->assigned : 0;
}

static double worst_flow(const struct decision_facts *facts, double *ret_requests)
{
    double off_a = flow_off(&facts->flow_a), off_b = flow_off(&facts->flow_b);
    const struct decision_flow *flow = off_a > off_b ? &facts->flow_a : &facts->flow_b;
    double excess = fmax(off_a, off_b) - facts->flow_margin;
    *ret_requests = ceil(fmax(0, excess) * (double)flow->assigned);
    return fmax(off_a, off_b);
}

/* The first guardrail of a verdict; the count when there is none. */
static size_t guard_first(const struct decision_facts *facts, enum decision_guard_verdict verdict)
{
    size_t i = 0;
    while (i < facts->guard_count && facts->guards[i].verdict != verdict)
        i++;
    return i;
}

static struct decision by_guard(const struct decision_facts *facts, enum decision_state state,
                                size_t i)
{
    const struct decision_guard *guard = &facts->guards[i];
    double bound = guard->verdict == DECISION_GUARD_FAIL ? guard->best : guard->worst;
    struct decision decision =
        made(state, DECISION_GATE_GUARDRAIL, bound, guard->margin, fabs(bound - guard->margin));
    decision.guard = i;
    return decision;
}

static struct decision by_runtime(const struct decision_facts *facts, enum decision_state state)
{
    return made(state, DECISION_GATE_RUNTIME, facts->runtime_hours, facts->min_hours,
                facts->min_hours - facts->runtime_hours);
}

static struct decision by_primary(const struct decision_facts *facts, enum decision_state state)
{
    double limit = log(facts->alpha);
    return made(state, DECISION_GATE_PRIMARY, facts->primary_ln_p, limit,
                fmax(0, facts->primary_ln_p - limit));
}

/* What forbids any verdict but, for the last, that of harm. False: nothing does. */
static bool is_barred(const struct decision_facts *facts, struct decision *ret_decision)
{
    size_t failed = guard_first(facts, DECISION_GUARD_FAIL);
    int64_t least = MIN(facts->n_a, facts->n_b);
    double requests, off = worst_flow(facts, &requests);
    bool wins = facts->primary == DECISION_B && !is_early(facts) && !facts->drift;
    if (are_few(facts))
        *ret_decision = made(DECISION_WARMING, DECISION_GATE_REQUESTS, (double)least,
                             (double)facts->min_n, (double)facts->min_n - (double)least);
    else if (facts->srm_ln_p <= srm_limit)
        *ret_decision =
            made(DECISION_INVALID_SRM, DECISION_GATE_SPLIT, facts->srm_ln_p, srm_limit, 0);
    else if (off > facts->flow_margin)
        *ret_decision = made(DECISION_INVALID_RECORD, DECISION_GATE_RECORDED, off,
                             facts->flow_margin, requests);
    else if (failed < facts->guard_count && !wins)
        *ret_decision = by_guard(facts, DECISION_STOP_B_HARM, failed);
    else if (facts->drift)
        *ret_decision = made(DECISION_DRIFT, DECISION_GATE_DRIFT, 0, 0, 0);
    else
        return false;
    return true;
}

static struct decision of_a_win(const struct decision_facts *facts)
{
    size_t failed = guard_first(facts, DECISION_GUARD_FAIL);
    size_t open = guard_first(facts, DECISION_GUARD_OPEN);
    if (is_early(facts))
        return by_runtime(facts, DECISION_EARLY_B);
    if (failed < facts->guard_count)
        return by_guard(facts, DECISION_TRADE_OFF, failed);
    if (open < facts->guard_count)
        return by_guard(facts, DECISION_WAIT_GUARDRAIL, open);
    return by_primary(facts, DECISION_PROMOTE_B);
}

static struct decision decide(const struct decision_facts *facts)
{
    struct decision decision;
    if (is_barred(facts, &decision))
        return decision;
    switch (facts->primary) {
    case DECISION_B:
        return of_a_win(facts);
    case DECISION_A:
        return is_early(facts) ? by_runtime(facts, DECISION_EARLY_A)
                               : by_primary(facts, DECISION_KEEP_A);
    case DECISION_EQUAL:
        return is_early(facts) ? by_runtime(facts, DECISION_RUNNING)
                               : by_primary(facts, DECISION_EQUIVALENT);
    case DECISION_NONE:
        break;
    }
    return by_primary(facts, DECISION_RUNNING);
}

/* Each gate by itself, whatever decided: what a dialog lists before somebody promotes B. */
static unsigned open_gates(const struct decision_facts *facts)
{
    double requests;
    bool open[DECISION_GATES] = {
        [DECISION_GATE_REQUESTS] = are_few(facts),
        [DECISION_GATE_SPLIT] = facts->srm_ln_p <= srm_limit,
        [DECISION_GATE_RECORDED] = worst_flow(facts, &requests) > facts->flow_margin,
        [DECISION_GATE_GUARDRAIL] = guard_first(facts, DECISION_GUARD_FAIL) < facts->guard_count ||
                                    guard_first(facts, DECISION_GUARD_OPEN) < facts->guard_count,
        [DECISION_GATE_DRIFT] = facts->drift,
        [DECISION_GATE_RUNTIME] = is_early(facts),
        [DECISION_GATE_PRIMARY] = facts->primary != DECISION_B,
    };
    unsigned bits = 0;
    for (unsigned gate = 0; gate < DECISION_GATES; gate++)
        bits |= open[gate] ? 1u << gate : 0;
    return bits;
}

struct decision decision_make(const struct decision_facts *facts)
{
    struct decision decision = decide(facts);
    decision.open = open_gates(facts);
    return decision;
}

enum decision_verdict decision_verdict_of(const struct sequence *primary, double alpha,
                                          double margin, bool lower_is_better)
{
    if (primary->looks == 0 || primary->empty)
        return DECISION_NONE;
    if (primary->ln_p <= log(alpha) && (primary->low > 0 || primary->high < 0))
        return (primary->high < 0) == lower_is_better ? DECISION_B : DECISION_A;
    return margin > 0 && sequence_is_equivalent(primary, margin) ? DECISION_EQUAL : DECISION_NONE;
}

struct decision_guard decision_guard_of(const struct sequence *at_alpha,
                                        const struct sequence *at_harm_alpha, double margin,
                                        bool lower_is_better)
{
    struct decision_guard guard = { .margin = margin };
    const struct sequence *shown = at_alpha;
    if (sequence_side(at_harm_alpha, margin, lower_is_better) == SEQUENCE_OUTSIDE) {
        guard.verdict = DECISION_GUARD_FAIL;
        shown = at_harm_alpha;
    } else if (sequence_side(at_alpha, margin, lower_is_better) == SEQUENCE_INSIDE) {
        guard.verdict = DECISION_GUARD_PASS;
    }
    guard.best = lower_is_better ? shown->low : -shown->high;
    guard.worst = lower_is_better ? shown->high : -shown->low;
    return guard;
}

static const struct decision_words words[DECISION_STATES] = {
    [DECISION_WARMING] = { "WARMING", "Too few requests to say anything.",
                           "more requests in the smaller arm", 0 },
    [DECISION_INVALID_SRM] = { "INVALID_SRM",
                               "The arms do not get the shares they were set to get, so they "
                               "cannot "
                               "be compared.",
                               "find where requests go astray, then start a new test", 0 },
    [DECISION_INVALID_RECORD] = { "INVALID_RECORD",
                                  "Requests were assigned that nobody recorded, so the arms cannot "
                                  "be compared.",
                                  "record every request, the failed ones too", 0 },
    [DECISION_STOP_B_HARM] = { "STOP_B_HARM",
                               "B does harm: a guardrail is wholly outside its margin.",
                               "nothing that is likely: send all requests to A", 0 },
    [DECISION_DRIFT] = { "DRIFT", "The effect has moved while the test ran; no one answer fits.",
                         "find what changed, then start a new test", 0 },
    [DECISION_EARLY_A] = { "EARLY_A", "A is better so far, but the minimum runtime is not reached.",
                           "time: a whole cycle of traffic", 0 },
    [DECISION_EARLY_B] = { "EARLY_B", "B is better so far, but the minimum runtime is not reached.",
                           "time: a whole cycle of traffic", 0 },
    [DECISION_TRADE_OFF] = { "TRADE_OFF", "B is better, and a guardrail says what that costs.",
                             "a person who weighs the two", 0 },
    [DECISION_WAIT_GUARDRAIL] = { "WAIT_GUARDRAIL",
                                  "B is better, but a guardrail is not yet shown to hold.",
                                  "more requests, until the guardrail is inside or outside", 0 },
    [DECISION_PROMOTE_B] = { "PROMOTE_B", "B is better and all guardrails hold.", "nothing", 'B' },
    [DECISION_KEEP_A] = { "KEEP_A", "A is better.", "nothing", 'A' },
    [DECISION_EQUIVALENT] = { "EQUIVALENT", "The arms do not differ by as much as matters.",
                              "nothing: choose by what else they cost", 0 },
    [DECISION_RUNNING] = { "RUNNING", "No difference is shown yet.", "more requests", 0 },
};

const struct decision_words *decision_words(enum decision_state state)
{
    assert((unsigned)state < DECISION_STATES);
    return &words[state];
}

const char *decision_gate_word(enum decision_gate gate)
{
    static const char *const names[DECISION_GATES] = {
        [DECISION_GATE_REQUESTS] = "requests", [DECISION_GATE_SPLIT] = "split",
        [DECISION_GATE_RECORDED] = "recorded", [DECISION_GATE_GUARDRAIL] = "guardrail",
        [DECISION_GATE_DRIFT] = "drift",       [DECISION_GATE_RUNTIME] = "runtime",
        [DECISION_GATE_PRIMARY] = "primary",
    };
    assert((unsigned)gate < DECISION_GATES);
    return names[gate];
}
