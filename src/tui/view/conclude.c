/* SPDX-License-Identifier: MIT */
/*
 * The end of a test: what it says, whom to promote, what that would change; then a word that is typed.
 *
 * Nothing is chosen beforehand unless the verdict names an arm. Between the typed word and the write the
 * results are read and judged once more: if the verdict is another by then, nothing is written. What was
 * written to a connection that broke is looked up after the next connect.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/abtest_change.h"
#include "tui/app.h"
#include "tui/scroll.h"
#include "tui/shell.h"
#include "tui/view/confirm.h"
#include "tui/view/test_choice.h"
#include "tui/view/test_reading.h"
#include "tui/view/test_table.h"

enum stage {
    STAGE_READING, /* the test, then what a promotion would change */
    STAGE_CHOOSING,
    STAGE_TYPING,  /* the confirmation */
    STAGE_JUDGING, /* once more, before it is written */
    STAGE_WRITING,
    STAGE_CHECKING, /* whether a write arrived whose answer did not */
    STAGE_STOPPED,  /* it cannot be done: `error` says why */
};

enum { QUESTION_MAX = PARE_ERROR_TEXT_MAX, WORDS_MAX = 4096, EVIDENCE_MAX = 64 * 1024 };
enum { TABLE_FROM = 20 }; /* lines from which the comparison stands above the preview */

struct conclude {
    struct view view;
    enum stage stage;
    struct test_reading reading;
    struct decision judged; /* what is decided on */
    struct test_choice choice;
    struct scroll scroll;
    struct confirm confirm;
    struct pare_error error;
};

static const struct abtest *test_of(const struct conclude *self)
{
    return &self->reading.found->test;
}

static void stop(struct conclude *self, const struct pare_error *err)
{
    self->error = *err;
    self->stage = STAGE_STOPPED;
    self->view.app->dirty = true;
}

/* ---- the choice ---- */

static void looked(void *owner)
{
    struct conclude *self = owner;
    if (self->choice.error.code)
        stop(self, &self->choice.error);
    else
        self->stage = STAGE_CHOOSING;
}

static void choose(struct conclude *self, char arm)
{
    self->stage = arm == CHOICE_NOBODY ? STAGE_CHOOSING : STAGE_READING;
    test_choice_take(&self->choice, test_of(self), arm);
}

/* ---- writing ---- */

static void say_done(struct conclude *self)
{
    struct app *app = self->view.app;
    const struct promotion *promotion = &self->choice.look.promotion;
    char arm = test_choice_promotes(&self->choice) ? self->choice.arm : 'A';
    const char *word = decision_words(self->judged.state)->word;
    if (test_choice_promotes(&self->choice))
        app_say(app, ROLE_STRONG, "concluded (%s): all requests go to %c; %s:%s is the default%s",
                word, arm, promotion->to.name, promotion->to.version,
                test_choice_is_default(&self->choice) ? " still" : " now");
    else
        app_say(app, ROLE_STRONG, "concluded (%s): all requests go to %c; the default stays", word,
                arm);
    rows_look_again(&app->rows);
    app_close(app, &self->view); /* and gone it is */
}

static struct abtest_conclusion conclusion_of(const struct conclude *self)
{
    return (struct abtest_conclusion){
        .arm = test_choice_promotes(&self->choice) ? self->choice.arm : 'A',
        .promotion = test_choice_promotes(&self->choice) ? &self->choice.look.promotion : NULL,
        .forced = test_choice_is_forced(&self->choice, self->reading.found),
        .mark = self->reading.found->data.mark,
    };
}

static void set_came(void *owner, struct request *request, struct pg_rows *const *rows,
                     const struct pare_error *err)
{
    struct conclude *self = owner;
    const struct abtest_conclusion conclusion = conclusion_of(self);
    struct pare_error problem;
    int64_t rev;
    (void)request;
    self->view.app->dirty = true;
    if (err && err->code == PARE_ERR_NO_DATABASE)
        self->stage = STAGE_CHECKING;
    else if (err)
        stop(self, err);
    else if (abtest_take_conclude(rows, test_of(self), &conclusion, &rev, &problem))
        say_done(self);
    else
        stop(self, &problem);
}

static bool fill_request(struct conclude *self, struct request *request, struct pare_error *err)
{
    const struct browse_test *found = self->reading.found;
    struct abtest_conclusion conclusion = conclusion_of(self);
    struct abtest_change change;
    struct buf evidence;
    buf_init(&evidence, EVIDENCE_MAX);
    abtest_put_evidence(&found->test, &found->data, &found->report, &evidence);
    conclusion.evidence = buf_string(&evidence);
    conclusion.reason = confirm_reason(&self->confirm);
    bool ok =
        buf_ok(&evidence, err) && abtest_ask_conclude(&self->view.app->link.registry, &found->test,
                                                      &conclusion, &request->arena, &change, err);
    if (ok)
        browse_ask_change(&request->batch, &change);
    buf_done(&evidence);
    return ok;
}

static void write_it(struct conclude *self)
{
    struct app *app = self->view.app;
    struct pare_error err;
    struct request *request = app_may_write(app) ? link_request(self, set_came) : NULL;
    if (!request) {
        self->stage = STAGE_CHOOSING;
        return;
    }
    if (!fill_request(self, request, &err)) {
        stop(self, &err);
        link_drop(request);
        return;
    }
    self->stage = STAGE_WRITING;
    link_send(&app->link, request);
}

/* ---- reading ---- */

/* Why a test cannot be concluded now, whatever it says. */
static bool can_end(const struct conclude *self, struct pare_error *err)
{
    const struct test_reading *reading = &self->reading;
    const struct abtest *test = reading->gone || !reading->found ? NULL : test_of(self);
    if (!test)
        return error_set(err, PARE_ERR_NOT_FOUND, "there is no such test any more");
    if (!test->running && test->all_to)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: %s has ended test %lld, all requests go to %c; nothing changed",
                         test->ended_by ? test->ended_by : "somebody", (long long)test->id,
                         test->all_to);
    if (!test->running)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: test %lld does not run (its status is %s)", (long long)test->id,
                         test->status);
    if (reading->roll.error.code)
        return error_set(err, reading->roll.error.code, "%s", reading->roll.error.text);
    if (reading->roll.behind > 0 || reading->found->data.behind > 0)
        return error_set(err, PARE_ERR_REFUSED,
                         "refused: the newest results are not counted yet, for a transaction that "
                         "writes results has not ended, or many have come; r looks again");
    return true;
}

/* The end that the test has come to is the one that was asked for here: then all of it was done. */
static bool is_ours(const struct conclude *self, const struct abtest *test)
{
    const char *reason = confirm_reason(&self->confirm);
    return test->all_to == conclusion_of(self).arm && test->ended_how && test->ended_by &&
           !strcmp(test->ended_how, "conclude") &&
           !strcmp(test->ended_by, self->view.app->link.registry.actor) &&
           !strcmp(test->ended_why ? test->ended_why : "", reason ? reason : "");
}

/* After a write without an answer: did it arrive? */
static void judge_arrival(struct conclude *self)
{
    struct pare_error err;
    if (!self->reading.gone && is_ours(self, test_of(self))) {
        say_done(self);
        return;
    }
    if (can_end(self, &err))
        error_set(&err, PARE_ERR_FAILED,
                  "the connection was lost before the end of the test arrived. Nothing changed; r "
                  "looks again");
    stop(self, &err);
}

/* The results are those that were decided on, as far as the verdict goes. */
static void write_if_same(struct conclude *self)
{
    const struct decision *now = &self->reading.found->report.decision;
    const struct abtest_arm *arm = self->choice.arm == 'B' ? &test_of(self)->b : &test_of(self)->a;
    bool same_arm =
        !test_choice_promotes(&self->choice) || arm->id == self->choice.look.promotion.to.id;
    struct pare_error err;
    if (!same_arm) {
        error_set(&err, PARE_ERR_REFUSED,
                  "refused: arm %c is another version by now; nothing changed, r looks again",
                  self->choice.arm);
        stop(self, &err);
        return;
    }
    if (now->state == self->judged.state && now->open == self->judged.open) {
        write_it(self);
        return;
    }
    self->judged = *now;
    self->stage = STAGE_CHOOSING;
    app_say(self->view.app, ROLE_WARNING,
            "meanwhile the test says something else: %s. Nothing changed; Enter goes on with that",
            decision_words(now->state)->word);
}

static void first_look(struct conclude *self)
{
    char arm = decision_words(self->reading.found->report.decision.state)->arm;
    self->judged = self->reading.found->report.decision;
    self->stage = STAGE_CHOOSING;
    if (arm)
        choose(self, arm);
}

static void came(void *owner)
{
    struct conclude *self = owner;
    struct test_reading *reading = &self->reading;
    struct pare_error err;
    if (reading->error.code == PARE_ERR_NO_DATABASE)
        return; /* again after the next connect */
    if (reading->roll.error.code == PARE_ERR_NO_DATABASE)
        test_reading_start(reading); /* it came back in between */
    else if (reading->error.code)
        stop(self, &reading->error);
    else if (self->stage == STAGE_CHECKING)
        judge_arrival(self);
    else if (!can_end(self, &err))
        stop(self, &err);
    else if (self->stage == STAGE_JUDGING)
        write_if_same(self);
    else
        first_look(self);
}

static void news(struct view *view)
{
    struct conclude *self = (struct conclude *)view;
    bool reading = self->stage == STAGE_READING || self->stage == STAGE_JUDGING ||
                   self->stage == STAGE_CHECKING;
    if (view->app->link.state != LINK_READY)
        return;
    if (self->choice.wanted)
        test_choice_take(&self->choice, test_of(self), self->choice.arm);
    else if (reading && !self->choice.asked && !self->reading.asked &&
             !test_reading_start(&self->reading) && self->reading.error.code)
        stop(self, &self->reading.error);
}

/* ---- keys ---- */

static void confirm(struct conclude *self)
{
    bool forced = test_choice_is_forced(&self->choice, self->reading.found);
    if (!self->choice.arm) {
        app_say(self->view.app, ROLE_ERROR,
                "first choose: A or B promotes that arm's version, N neither");
        return;
    }
    self->stage = STAGE_TYPING;
    confirm_begin(&self->confirm, forced ? self->choice.look.promotion.to.name : "yes",
                  forced ? CONFIRM_MUST_GIVE : CONFIRM_MAY_GIVE);
}

static bool type(struct view *view, const struct key *key)
{
    struct conclude *self = (struct conclude *)view;
    if (self->stage != STAGE_TYPING)
        return false;
    enum confirm_news given = confirm_key(&self->confirm, view->app, key);
    if (given == CONFIRM_LEFT)
        self->stage = STAGE_CHOOSING;
    if (given == CONFIRM_GIVEN && app_may_write(view->app)) {
        self->stage = STAGE_JUDGING;
        test_reading_start(&self->reading);
    }
    return true;
}

static void act(struct view *view, enum action action)
{
    struct conclude *self = (struct conclude *)view;
    bool free = self->stage == STAGE_CHOOSING;
    if (free &&
        (action == ACTION_TAKE_A || action == ACTION_TAKE_B || action == ACTION_TAKE_NONE)) {
        choose(self, action == ACTION_TAKE_A ? 'A' : action == ACTION_TAKE_B ? 'B' : 'N');
    } else if (free && action == ACTION_CONFIRM) {
        confirm(self);
    } else if (action == ACTION_AGAIN && (free || self->stage == STAGE_STOPPED)) {
        self->stage = STAGE_READING;
        self->choice.arm = 0;
        lines_done(&self->choice.lines);
        test_reading_start(&self->reading);
    } else {
        scroll_page(&self->scroll, action);
    }
}

/* ---- drawing ---- */

static const char *question(const struct conclude *self, char to[QUESTION_MAX])
{
    if (self->confirm.wants == CONFIRM_MUST_GIVE)
        snprintf(to, QUESTION_MAX, "To promote %c all the same type %s and a reason.",
                 self->choice.arm, self->confirm.word);
    else
        snprintf(to, QUESTION_MAX, "To end the test type yes, and a reason if there is one.");
    return to;
}

static void draw_panel(const struct conclude *self, struct canvas *canvas, int row)
{
    static const char *const waits[] = {
        [STAGE_READING] = "reading what would change",
        [STAGE_JUDGING] = "judging the newest results",
        [STAGE_WRITING] = "writing",
        [STAGE_CHECKING] = "The connection was lost while the end was written. Whether it arrived "
                           "is looked up as soon as the server is back.",
    };
    struct buf buf;
    char words[QUESTION_MAX];
    int role = ROLE_DIM;
    canvas_rule(canvas, row++);
    canvas_cursor(canvas, row, 0);
    if (self->stage == STAGE_TYPING) {
        confirm_draw(&self->confirm, canvas, row, question(self, words));
        return;
    }
    buf_init(&buf, WORDS_MAX);
    if (self->stage == STAGE_CHOOSING) {
        role = test_choice_put(&self->choice, self->reading.found, &buf);
    } else if (self->stage == STAGE_STOPPED) {
        buf_text(&buf, self->error.text);
        role = ROLE_ERROR;
    } else {
        buf_text(&buf, waits[self->stage]);
    }
    canvas_wrap(canvas, row, 1, canvas->columns - 2, CONFIRM_ROWS, role, buf_string(&buf));
    buf_done(&buf);
}

/* What the test says, and why. Returns the lines it took. */
static int draw_verdict(const struct conclude *self, struct canvas *canvas, int line)
{
    const struct browse_test *found = self->reading.found;
    const struct decision_words *words = decision_words(found->report.decision.state);
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    buf_printf(&buf, "%s  %s: ", words->word, found->test.name);
    abtest_put_reason(&found->test, &found->report, &buf);
    buf_text(&buf, ".");
    int used = canvas_wrap(canvas, line, 1, canvas->columns - 2, 2, ROLE_PLAIN, buf_string(&buf));
    canvas_text(canvas, line, 1, canvas->columns - 2, test_state_role(found->report.decision.state),
                words->word);
    buf_done(&buf);
    return used;
}

/* What makes the numbers mean less than they seem to. Returns the lines it took. */
static int draw_worries(const struct conclude *self, struct canvas *canvas, int line, int rows)
{
    const struct browse_test *found = self->reading.found;
    struct buf buf;
    buf_init(&buf, WORDS_MAX);
    abtest_put_badges(&found->test, &found->data, &found->report, &buf);
    int used = test_table_badges(canvas, line, rows, buf_string(&buf));
    buf_done(&buf);
    return used;
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct conclude *self = (struct conclude *)view;
    char words[QUESTION_MAX];
    int wanted = self->stage == STAGE_TYPING ? confirm_rows(question(self, words), canvas->columns)
                                             : CONFIRM_ROWS;
    int panel = MIN(1 + wanted, area.height), line = area.top;
    int end = area.top + area.height - panel;
    if (self->reading.found && area.height >= TABLE_FROM) {
        line += draw_verdict(self, canvas, line);
        test_table_draw(canvas, (struct view_area){ .top = line, .height = TEST_TABLE_ROWS },
                        self->reading.found);
        line += TEST_TABLE_ROWS;
        line += draw_worries(self, canvas, line, MIN(2, end - line));
    }
    if (line < end && self->choice.lines.count > 0)
        lines_draw(&self->choice.lines, &self->scroll, canvas,
                   (struct view_area){ .top = line, .height = end - line });
    draw_panel(self, canvas, end);
}

static void command(struct view *view, struct buf *buf)
{
    struct conclude *self = (struct conclude *)view;
    const char *reason = confirm_reason(&self->confirm);
    bool forced = self->choice.look.promotion.to.id &&
                  test_choice_is_forced(&self->choice, self->reading.found);
    buf_printf(buf, "pare ab conclude %lld", (long long)self->reading.id);
    if (test_choice_promotes(&self->choice))
        buf_printf(buf, " --promote %c%s", self->choice.arm == 'A' ? 'a' : 'b',
                   forced ? " --force" : "");
    if (reason || forced) {
        buf_text(buf, " --reason ");
        shell_quote(buf, reason ? reason : "...");
    }
}

static void close_view(struct view *view)
{
    struct conclude *self = (struct conclude *)view;
    if (self->stage == STAGE_WRITING || self->stage == STAGE_CHECKING)
        if (!*view->app->message)
            app_say(view->app, ROLE_WARNING, "left before the registry answered: the test tells");
    link_forget(&view->app->link, self);
    test_reading_done(&self->reading);
    test_choice_done(&self->choice);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_CONCLUDE,
    .name = "End of a test",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .command = command,
    .close = close_view,
};

struct view *conclude_open(struct app *app, int64_t id)
{
    struct conclude *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    test_reading_init(&self->reading, app, id, self, came);
    test_choice_init(&self->choice, app, self, looked);
    news(&self->view);
    return &self->view;
}
