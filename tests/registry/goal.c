/* SPDX-License-Identifier: MIT */
/* What a goal says of a version: yes, NO, ? or nothing, and when two numbers may be compared. */
#include "registry/goal.h"

#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "tap.h"

static const struct version default_version = { .id = 1,
                                                .name = "m",
                                                .version = "v1",
                                                .size_bytes = 400e6,
                                                .latency_ms = 40,
                                                .accuracy = 0.94,
                                                .is_default = true };
static const struct browse_alike measured = {
    .id = 2, .latency_ms = 22, .base_latency_ms = 40, .accuracy = 0.935, .base_accuracy = 0.94
};

/* The word, or the sentence of a goal that makes no sense. */
static const char *goal_said(const char *text, const struct version *dflt,
                             const struct browse_alike *alike)
{
    static struct pare_error err;
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct filter goal;
    struct version version = { .id = 2,
                               .name = "m",
                               .version = "v2",
                               .size_bytes = 100e6,
                               .latency_ms = 15,
                               .accuracy = 0.90,
                               .values = { { .number = NAN } } };
    if (!goal_parse(text, &paths, &arena, &goal, NULL, &err)) {
        arena_done(&arena);
        return err.text;
    }
    const char *word = field_goal_word(goal_test(&goal, &version, dflt, alike));
    arena_done(&arena);
    return word;
}

static void test_words(void)
{
    struct filter goal;
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct pare_error err;
    const struct version *dflt = &default_version;
    IS(goal_said("size<200MB", NULL, NULL), "yes", "what holds is a yes");
    IS(goal_said("size<50MB", NULL, NULL), "NO", "what does not is a NO");
    IS(goal_said("metrics.f1>.8", NULL, NULL), "?", "an absent number decides nothing");
    IS(goal_said("size<50MB metrics.f1>.8", NULL, NULL), "NO", "one NO is enough");
    IS(goal_said("metrics.f1>.8 size<50MB", NULL, NULL), "NO", "wherever it stands");
    IS(goal_said("size<200MB metrics.f1>.8", NULL, NULL), "?", "a yes does not help an absent one");
    IS(goal_said("", dflt, NULL), NULL, "no goal says nothing");
    IS(goal_said("goal=yes", dflt, NULL),
       "a goal cannot ask for the goal: a condition such as lat<=default*.5 was expected",
       "a goal does not ask for itself");
    OK(goal_parse("size<1", &paths, &arena, &goal, NULL, &err) &&
           goal_test(&goal, dflt, dflt, NULL) == VERSION_GOAL_ITSELF,
       "of the default itself it says --");
    arena_done(&arena);
}

static void test_alike(void)
{
    const struct version *dflt = &default_version;
    struct browse_alike half = measured;
    half.accuracy = NAN;
    IS(goal_said("lat<=default*.5", dflt, NULL), "?", "measured otherwise is undecided");
    IS(goal_said("lat<=default*.5", NULL, NULL), "?", "so is a model without a default");
    IS(goal_said("lat<=default*.5", dflt, &measured), "NO",
       "measured alike it is those numbers that count: 22 of 40 ms");
    IS(goal_said("lat<=default*.6", dflt, &measured), "yes", "in both directions");
    IS(goal_said("accuracy>=default-1pp", dflt, &measured), "yes", "accuracy in points");
    IS(goal_said("accuracy>=default-1pp", dflt, &half), "?", "one that was not measured is none");
    IS(goal_said("lat<20", dflt, &measured), "yes", "a plain limit asks for the number on record");
    IS(goal_said("size<=default*.5", dflt, NULL), "yes", "a size needs no measurement");
}

int main(void)
{
    test_words();
    test_alike();
    return tap_done();
}
