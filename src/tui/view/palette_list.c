/* SPDX-License-Identifier: MIT */
#include "tui/view/palette_list.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "registry/abtest.h"
#include "tui/app.h"
#include "tui/number.h"

enum { BEHIND = 1 << 16 }; /* every name comes before what is only said of something */

static const char *const names[ACTION_NONE] = {
#define ACTION_NAME(name, key, word, what, views, writes) #name,
    ACTIONS(ACTION_NAME)
#undef ACTION_NAME
};

static const struct {
    enum view_kind kind;
    const char *text, *what;
} screens[] = {
    { VIEW_MODELS, "models", "back to the list of all versions" },
    { VIEW_JOBS, "jobs", "the work under way and past" },
    { VIEW_TESTS, "tests", "the A/B tests that run, and the past ones" },
};

static const struct {
    enum palette_kind of;
    const char *word, *text, *what;
} words[] = {
    { PALETTE_VERSION, "open ", "open NAME:VERSION", "a version: type some letters of it" },
    { PALETTE_JOB, "job ", "job ID", "the job of this number" },
    { PALETTE_TEST, "test ", "test NAME",
      "an A/B test: type some letters of its name, or its number" },
};

const char *palette_word_of(const char *typed)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (!strncmp(typed, words[i].word, strlen(words[i].word)))
            return words[i].word;
    return "";
}

const char *palette_word_for(enum palette_kind kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (words[i].of == kind)
            return words[i].word;
    return "";
}

/* ---- what has a name ---- */

/* Among those that are there, behind all that are as good. */
static void put(struct palette_list *list, const struct palette_entry *entry)
{
    size_t at = list->count;
    list->total++;
    if (list->count == PALETTE_ENTRIES_MAX)
        return;
    while (at > 0 && list->entries[at - 1].match.score < entry->match.score)
        at--;
    memmove(&list->entries[at + 1], &list->entries[at],
            (list->count - at) * sizeof(list->entries[0]));
    list->entries[at] = *entry;
    list->count++;
}

/* Of a sentence its words are meant, from their starts on: single letters are in every one. */
static bool is_words(const char *text, const struct fuzzy_match *match)
{
    for (size_t i = 0; i < match->count; i++) {
        size_t at = match->at[i];
        bool next = i > 0 && at == (size_t)match->at[i - 1] + 1;
        if (!next && at > 0 && text[at - 1] != ' ')
            return false;
    }
    return true;
}

/* If it was meant: by its name, or else by words of its sentence. */
static void offer(struct palette_list *list, struct palette_entry *entry)
{
    const struct fuzzy *fuzzy = &list->fuzzy;
    entry->in_what = !fuzzy_match(fuzzy, entry->text, &entry->match);
    if (entry->in_what) {
        if (!fuzzy_match(fuzzy, entry->what, &entry->match) ||
            !is_words(entry->what, &entry->match))
            return;
        entry->match.score -= BEHIND;
    }
    put(list, entry);
}

/* "NEW_JOB" -> "new job" */
static void name_in_words(enum action action, char *to, size_t room)
{
    snprintf(to, room, "%s", names[action]);
    for (; *to; to++)
        *to = *to == '_' ? ' ' : (char)(*to >= 'A' && *to <= 'Z' ? *to + 32 : *to);
}

static void offer_actions(struct palette_list *list, bool everywhere)
{
    for (int i = 0; i < ACTION_NONE; i++) {
        const struct action_entry *action = &actions[i];
        struct palette_entry entry = { .kind = PALETTE_ACTION, .id = i, .key = action->key };
        if (!(action->views & (int)list->of) || (action->views == VIEW_ALL) != everywhere ||
            i == ACTION_PALETTE)
            continue;
        if (*action->word)
            snprintf(entry.text, sizeof(entry.text), "%s", action->word);
        else
            name_in_words((enum action)i, entry.text, sizeof(entry.text));
        snprintf(entry.what, sizeof(entry.what), "%s%s", action->what,
                 action->writes ? " (writes)" : "");
        offer(list, &entry);
    }
}

static void offer_named(struct palette_list *list, enum palette_kind kind, int64_t id,
                        const char *before, const char *text, const char *what)
{
    struct palette_entry entry = { .kind = kind, .id = id, .key = "" };
    snprintf(entry.text, sizeof(entry.text), "%s%s", before, text);
    snprintf(entry.what, sizeof(entry.what), "%s", what);
    offer(list, &entry);
}

/* A screen that a key of this view goes to is there as that action. */
static bool has_action(const struct palette_list *list, enum view_kind screen)
{
    enum action action = screen == VIEW_JOBS    ? ACTION_JOBS
                         : screen == VIEW_TESTS ? ACTION_TESTS
                                                : ACTION_NONE;
    return action != ACTION_NONE && actions[action].views & (int)list->of;
}

static void fill_names(struct palette_list *list, const char *typed)
{
    fuzzy_init(&list->fuzzy, typed);
    offer_actions(list, false);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        offer_named(list, PALETTE_WORD, (int64_t)i, "", words[i].text, words[i].what);
    for (size_t i = 0; i < ARRAY_SIZE(screens); i++)
        if (!has_action(list, screens[i].kind))
            offer_named(list, PALETTE_SCREEN, screens[i].kind, "", screens[i].text,
                        screens[i].what);
    for (int i = 0; i < THEME_COUNT; i++)
        offer_named(list, PALETTE_THEME, i, "theme ", theme_word((enum theme)i),
                    theme_what((enum theme)i));
    offer_actions(list, true);
}

/* ---- versions ---- */

static size_t raw_ref(const struct browse_list *rows, const struct browse_row *row,
                      char to[FUZZY_TEXT_MAX])
{
    const char *name = browse_name(rows, row), *version = browse_word(rows, row->version);
    size_t first = strnlen(name, FUZZY_TEXT_MAX - 2);
    size_t second = strnlen(version, FUZZY_TEXT_MAX - 2 - first);
    memcpy(to, name, first);
    to[first] = ':';
    memcpy(to + first + 1, version, second);
    to[first + 1 + second] = '\0';
    return first + 1 + second;
}

static void keep_best(struct palette_best *best, int score, size_t place)
{
    size_t at = MIN(best->count, (size_t)PALETTE_VERSIONS_MAX - 1);
    best->total++;
    if (best->count == PALETTE_VERSIONS_MAX && best->best[at].score >= score)
        return;
    while (at > 0 && best->best[at - 1].score < score) {
        best->best[at] = best->best[at - 1];
        at--;
    }
    best->best[at].score = score;
    best->best[at].place = (uint32_t)place;
    best->count += best->count < PALETTE_VERSIONS_MAX;
}

/* Each row once; those that have come since in their turn. */
static void look_at_rows(struct palette_list *list)
{
    const struct rows *all = &list->app->rows;
    struct palette_best *best = &list->versions;
    char ref[FUZZY_TEXT_MAX];
    if (best->generation != all->generation || best->seen > all->list->count)
        *best = (struct palette_best){ .generation = all->generation };
    for (; best->seen < all->list->count; best->seen++) {
        int score;
        size_t length = raw_ref(all->list, &all->list->rows[best->seen], ref);
        if (fuzzy_score(&list->fuzzy, ref, length, &score))
            keep_best(best, score, best->seen);
    }
}

static void put_facts(const struct browse_list *rows, const struct browse_row *row, char *to,
                      size_t room)
{
    char size[NUMBER_ROOM] = "", words_of[80];
    if (row->size_bytes >= 0)
        number_size(row->size_bytes, size);
    snprintf(words_of, sizeof(words_of), "%s", browse_word(rows, row->optimization));
    char clean[sizeof(words_of) * 3];
    text_clean(words_of, strlen(words_of), clean, sizeof(clean));
    snprintf(to, room, "%.60s%s%s%s", clean, *clean && *size ? "  " : "", size,
             row->is_default ? "  the default" : "");
}

static void fill_versions(struct palette_list *list, const char *typed, bool anew)
{
    const struct browse_list *rows = list->app->rows.list;
    fuzzy_init(&list->fuzzy, typed);
    if (anew)
        list->versions.seen = SIZE_MAX; /* nothing of it holds */
    look_at_rows(list);
    for (size_t i = 0; i < list->versions.count; i++) {
        const struct browse_row *row = &rows->rows[list->versions.best[i].place];
        struct palette_entry *entry = &list->entries[list->count++];
        char ref[FUZZY_TEXT_MAX];
        *entry = (struct palette_entry){ .kind = PALETTE_VERSION, .id = row->id, .key = "" };
        text_clean(ref, raw_ref(rows, row, ref), entry->text, sizeof(entry->text));
        put_facts(rows, row, entry->what, sizeof(entry->what));
        if (!fuzzy_match(&list->fuzzy, entry->text, &entry->match))
            entry->match.count = 0; /* cleaning changed it: nothing to mark */
    }
    list->total = list->versions.total;
}

/* ---- jobs and tests ---- */

static void fill_job(struct palette_list *list, const char *typed)
{
    int64_t id;
    fuzzy_init(&list->fuzzy, "");
    if (text_to_int64(typed, &id) && id > 0)
        offer_named(list, PALETTE_JOB, id, "job ", typed, "its progress, its log, what it made");
}

static void fill_tests(struct palette_list *list, const char *typed)
{
    palette_tests_want(&list->tests);
    fuzzy_init(&list->fuzzy, typed);
    for (size_t i = 0; i < list->tests.count; i++) {
        const struct abtest *test = &list->tests.tests[i];
        char name[FUZZY_TEXT_MAX], what[PALETTE_WHAT_MAX];
        snprintf(name, sizeof(name), "%lld %s", (long long)test->id, test->name);
        snprintf(what, sizeof(what), "%.40s", test->status ? test->status : "");
        offer_named(list, PALETTE_TEST, test->id, "", name, what);
    }
}

void palette_list_fill(struct palette_list *list, const char *typed, bool anew)
{
    const char *word = palette_word_of(typed), *rest = typed + strlen(word);
    list->count = list->total = 0;
    if (word == palette_word_for(PALETTE_VERSION))
        fill_versions(list, rest, anew);
    else if (word == palette_word_for(PALETTE_JOB))
        fill_job(list, rest);
    else if (word == palette_word_for(PALETTE_TEST))
        fill_tests(list, rest);
    else
        fill_names(list, typed);
}
