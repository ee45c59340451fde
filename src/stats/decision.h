/* SPDX-License-Identifier: MIT */
/*
 * What a test says to do, from facts: one state, the gate that decided, its number, and what would
 * change it. As data, so that the screen, the command and the stored evidence word the same thing.
 *
 * The gates in their order: enough requests; the split as it was set; requests recorded as they
 * were assigned; no guardrail wholly outside of its margin (harm may stop a test before its time, a
 * win may not); no drift; the minimum runtime; then the primary metric, and the guardrails inside
 * of their margins. A = control, B = candidate.
 */
#ifndef PARE_STATS_DECISION_H
#define PARE_STATS_DECISION_H

#include "stats/sequence.h"

enum decision_state {
    DECISION_WARMING,
    DECISION_INVALID_SRM,
    DECISION_INVALID_RECORD,
    DECISION_STOP_B_HARM,
    DECISION_DRIFT,
    DECISION_EARLY_A,
    DECISION_EARLY_B,
    DECISION_TRADE_OFF,
    DECISION_WAIT_GUARDRAIL,
    DECISION_PROMOTE_B,
    DECISION_KEEP_A,
    DECISION_EQUIVALENT,
    DECISION_RUNNING,
    DECISION_STATES
};

/* What decided. The comment says what a decision's value, limit and wants are then. */
enum decision_gate {
    DECISION_GATE_REQUESTS,  /* requests of the smaller arm, the least wanted, how many more */
    DECISION_GATE_SPLIT,     /* ln p of the sequential SRM, -ln 1000, 0: only a repair helps */
    DECISION_GATE_RECORDED,  /* the larger arm's share that differs, the margin, requests to find */
    DECISION_GATE_GUARDRAIL, /* the bound of guards[guard] in question, its margin, how far to go */
    DECISION_GATE_DRIFT,     /* 0, 0, 0: only a new test helps */
    DECISION_GATE_RUNTIME,   /* hours, minimum hours, hours to go */
    DECISION_GATE_PRIMARY,   /* the running ln p, ln alpha, how much of ln p is missing */
    DECISION_GATES
};

enum decision_verdict {
    DECISION_NONE, /* not known yet */
    DECISION_B,    /* B is better */
    DECISION_A,    /* A is better */
    DECISION_EQUAL /* no difference that matters */
};

enum decision_guard_verdict {
    DECISION_GUARD_OPEN, /* straddles its margin, or has no interval yet */
    DECISION_GUARD_PASS, /* wholly inside */
    DECISION_GUARD_FAIL, /* wholly outside, at alpha divided by the number of guardrails */
};

struct decision_guard {
    enum decision_guard_verdict verdict;
    double best, worst; /* the interval's ends, turned so that more is worse; may be infinite */
    double margin;      /* in the same unit */
};

/* Requests that the router handed to an arm and rows that came back. 0 assigned: nobody counts. */
struct decision_flow {
    int64_t assigned, recorded;
};

struct decision_facts {
    int64_t n_a, n_b, min_n; /* the least an arm */
    double runtime_hours, min_hours;
    double srm_ln_p; /* of the sequential test; 0 when there is none */
    struct decision_flow flow_a, flow_b;
    double flow_margin; /* a share, 0.005 for half a point */
    enum decision_verdict primary;
    bool drift;                          /* the effect was shown to be of either sign */
    double primary_ln_p;                 /* the running one */
    double alpha;                        /* of the primary */
    const struct decision_guard *guards; /* the caller's; NULL when there are none */
    size_t guard_count;
};

struct decision {
    enum decision_state state;
    enum decision_gate gate;
    size_t guard; /* index of the guardrail, for DECISION_GATE_GUARDRAIL */
    double value, limit, wants;
    unsigned open; /* bit 1u << gate for each gate that stands against promoting B */
};

struct decision decision_make(const struct decision_facts *facts);

/*
 * The primary's verdict from all its looks; `margin` > 0 is the difference that begins to matter.
 */
enum decision_verdict decision_verdict_of(const struct sequence *primary, double alpha,
                                          double margin, bool lower_is_better);

/*
 * A guardrail's verdict: it passes by the sequence that runs at alpha and fails by the one that
 * runs at alpha divided by the number of guardrails, over the same contrast.
 */
struct decision_guard decision_guard_of(const struct sequence *at_alpha,
                                        const struct sequence *at_harm_alpha, double margin,
                                        bool lower_is_better);

/*
 * A state in words. `word` is stored and printed ("PROMOTE_B"), `says` is a sentence for people,
 * `change` what would change it, and `arm` what a dialog may preselect: 'A', 'B', or 0 for nothing.
 */
struct decision_words {
    const char *word, *says, *change;
    char arm;
};

const struct decision_words *decision_words(enum decision_state state);

/* "split", "guardrail", ... */
const char *decision_gate_word(enum decision_gate gate);

#endif
