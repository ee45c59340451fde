/* SPDX-License-Identifier: MIT */
/* What a goal says of a version: yes, NO, ? or nothing, and when two numbers may be compared. */
#include "registry/goal.h"

#include <math.h>
#include <string.h>

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
static const struct browse_alike measured = { .id = 2,
                                              .latency_ms = 22,
                                              .base_latency_ms = 40,
                                              .accuracy = 0.935,
                                              .base_accuracy = 0.94,
                                              .change = { NAN, NAN },
                                              .ratio = { NAN, NAN } };

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

/* One job judged both: what holds of the numbers must hold of their whole intervals. */
static void test_intervals(void)
{
    const struct version *dflt = &default_version;
    struct browse_alike judged = measured;
    judged.change = (struct browse_interval){ -0.009, -0.001 };
    judged.ratio = (struct browse_interval){ 0.53, 0.57 };
    IS(goal_said("accuracy>=default-1pp", dflt, &judged), "yes", "all of the interval holds");
    IS(goal_said("accuracy>=default-.9pp", dflt, &judged), "yes", "and its end");
    IS(goal_said("accuracy>=default-.7pp", dflt, &judged), "?", "-.5 of -.9 to -.1 is open");
    IS(goal_said("accuracy>=default", dflt, &judged), "NO", "none of it holds");
    IS(goal_said("lat<=default*.6", dflt, &judged), "yes", "a ratio of .53 to .57");
    IS(goal_said("lat<=default*.56", dflt, &judged), "?", "is open there");
    IS(goal_said("lat<=default*.5", dflt, &judged), "NO", "and too much there");
    IS(goal_said("!lat<=default*.56", dflt, &judged), "?", "turned it stays open");
    judged.accuracy = judged.base_accuracy;
    judged.change = (struct browse_interval){ -0.004, 0.004 };
    IS(goal_said("accuracy=default", dflt, &judged), "?",
       "equal numbers are not known to be equal");
}

/* The word of a filter's value for the column goal, or its sentence. */
static const char *filter_says(const char *text)
{
    static struct pare_error err;
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct filter filter;
    const struct version version = { .goal = VERSION_GOAL_NO };
    const char *said = err.text;
    if (filter_parse(text, &paths, &arena, &filter, NULL, &err))
        said = filter_test(&filter, &version, NULL) == FILTER_YES ? "shown" : "hidden";
    arena_done(&arena);
    return said;
}

static void test_asked(void)
{
    IS(filter_says("goal=NO"), "shown", "a filter asks for a goal as the column writes it");
    IS(filter_says("goal=no"), "shown", "or in small letters");
    IS(filter_says("goal!=Yes"), "shown", "or mixed");
    IS(filter_says("goal=yes,undecided"), "hidden", "? has a name");
    OK(strstr(filter_says("goal=maybe"), "yes, no, ? or --") != NULL,
       "what it never is is refused");
}

int main(void)
{
    test_words();
    test_alike();
    test_intervals();
    test_asked();
    return tap_done();
}
