/* SPDX-License-Identifier: MIT */
#include "tui/view/test_choice.h"

#include "base/buf.h"
#include "base/error.h"
#include "registry/abtest_change.h"
#include "tui/app.h"
#include "tui/view/preview.h"

void test_choice_init(struct test_choice *choice, struct app *app, void *owner,
                      void (*done)(void *owner))
{
    *choice = (struct test_choice){ .app = app, .owner = owner, .done = done };
}

void test_choice_done(struct test_choice *choice)
{
    link_forget(&choice->app->link, choice);
    lines_done(&choice->lines);
    arena_done(&choice->arena);
}

bool test_choice_promotes(const struct test_choice *choice)
{
    return choice->arm == 'A' || choice->arm == 'B';
}

bool test_choice_is_default(const struct test_choice *choice)
{
    const struct promotion *promotion = &choice->look.promotion;
    return test_choice_promotes(choice) && promotion->dflt.id &&
           promotion->dflt.id == promotion->to.id;
}

bool test_choice_is_forced(const struct test_choice *choice, const struct browse_test *found)
{
    return test_choice_promotes(choice) &&
           !abtest_is_free(&found->data, &found->report, choice->arm, &choice->look.promotion);
}

/* ---- the look ---- */

static void vanished(struct test_choice *choice)
{
    error_set(&choice->error, PARE_ERR_NOT_FOUND, "the version of arm %c has vanished",
              choice->arm);
    choice->done(choice->owner);
}

static void look_came(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct test_choice *choice = owner;
    struct arena arena = { 0 };
    struct browse_look look;
    choice->app->dirty = true;
    choice->asked = false;
    if (err && err->code == PARE_ERR_NO_DATABASE) {
        choice->wanted = true;
        return;
    }
    if (err)
        choice->error = *err;
    if (err || !browse_take_look(rows, request->batch.count, &arena, &look, &choice->error)) {
        arena_done(&arena);
        choice->done(choice->owner);
        return;
    }
    if (look.promotion.to.id == 0) {
        arena_done(&arena);
        vanished(choice);
        return;
    }
    arena_done(&choice->arena);
    choice->arena = arena;
    choice->look = look;
    preview_fill(&choice->lines, &choice->look, NULL,
                 preview_width_for(choice->app->canvas.columns), choice->app->canvas.ascii);
    choice->done(choice->owner);
}

static void ask_look(struct test_choice *choice, const struct abtest_arm *arm)
{
    struct app *app = choice->app;
    struct request *request = link_request(choice, look_came);
    const char *name = request && arm->name ? arena_strdup(&request->arena, arm->raw_name) : NULL;
    const char *version = name ? arena_strdup(&request->arena, arm->raw_version) : NULL;
    if (!version) {
        if (request)
            link_drop(request);
        vanished(choice);
        return;
    }
    browse_ask_look(&request->batch, name, version, rows_default_id(&app->rows, name), 0);
    choice->asked = true;
    link_send(&app->link, request);
}

void test_choice_take(struct test_choice *choice, const struct abtest *test, char arm)
{
    choice->arm = arm;
    choice->wanted = false;
    choice->error.code = PARE_OK;
    choice->look = (struct browse_look){ 0 };
    lines_done(&choice->lines);
    if (test_choice_promotes(choice))
        ask_look(choice, arm == 'A' ? &test->a : &test->b);
}

/* ---- in words ---- */

/* The verdict stands above with its reason. */
static void put_against(const struct test_choice *choice, const struct browse_test *found,
                        struct buf *buf)
{
    const struct promotion *promotion = &choice->look.promotion;
    const struct decision_words *words = decision_words(found->report.decision.state);
    const char *between = "";
    buf_printf(buf, "Against %c: ", choice->arm);
    if (abtest_is_stale(&found->data)) {
        buf_printf(buf, "the numbers are %.0f min old", found->data.mark_age_seconds / 60);
        between = "; ";
    }
    if (words->arm != choice->arm) {
        buf_printf(buf, "%sthe test says %s", between, words->word);
        between = "; ";
    }
    if (!gate_all_pass(promotion->gates, promotion->gate_count)) {
        buf_text(buf, between);
        gate_put_open(promotion->gates, promotion->gate_count, buf);
    }
    buf_text(buf, ". Enter goes on all the same, q leaves.");
}

static int put_promotion(const struct test_choice *choice, const struct browse_test *found,
                         struct buf *buf)
{
    const struct promotion *promotion = &choice->look.promotion;
    if (test_choice_is_forced(choice, found)) {
        put_against(choice, found, buf);
        return ROLE_WARNING;
    }
    buf_printf(buf, "%s:%s %s, all requests go to %c, the test ends. Enter goes on, q leaves.",
               promotion->to.name, promotion->to.version,
               test_choice_is_default(choice) ? "stays the default" : "becomes the default",
               choice->arm);
    return ROLE_PLAIN;
}

int test_choice_put(const struct test_choice *choice, const struct browse_test *found,
                    struct buf *buf)
{
    if (!choice->arm) {
        buf_text(buf, "The test names nobody to promote. A or B promotes that arm's version all "
                      "the same, N neither: then the test ends and all requests go to A.");
        return ROLE_WARNING;
    }
    if (test_choice_promotes(choice))
        return put_promotion(choice, found, buf);
    buf_text(buf, "The test ends, all requests go to A, the default stays as it is. Enter goes on "
                  "to the confirmation, q leaves.");
    return ROLE_PLAIN;
}
