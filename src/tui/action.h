/* SPDX-License-Identifier: MIT */
/*
 * Everything a key can do, once: the keys, the footers and the help screen are made of it.
 *
 * Small letters look, capital letters write; G is the one that everybody knows. Nothing
 * needs Esc, Ctrl or a function key.
 */
#ifndef PARE_TUI_ACTION_H
#define PARE_TUI_ACTION_H

#include "base/base.h"
#include "tui/key.h"

/* Where an action is there: a bit for each view. */
enum view_kind {
    VIEW_MODELS = 1,
    VIEW_VERSION = 2,
    VIEW_PROMOTE = 4,
    VIEW_HELP = 8,
    VIEW_NEW_JOB = 16,
    VIEW_JOBS = 32,
    VIEW_JOB = 64,
    VIEW_TESTS = 128,
    VIEW_TEST = 256,
    VIEW_CONCLUDE = 512,
    VIEW_ALL = 1023,
};

/* X(name, key, a word for the footer ("" keeps it out), what it does, where, does it write) */
#define ACTIONS(X)                                                                                 \
    X(OPEN, "Enter", "open", "open what is under the cursor",                                      \
      VIEW_MODELS | VIEW_JOBS | VIEW_TESTS, false)                                                 \
    X(CHART, "Tab", "chart", "the next chart", VIEW_TEST, false)                                   \
    X(HISTOGRAM, "h", "histogram", "latencies as a histogram, or as the share that is slower",     \
      VIEW_TEST, false)                                                                            \
    X(SPLIT, "S", "split", "another share of the requests for A: it is typed", VIEW_TEST, true)    \
    X(KILL, "K", "all to A", "the kill switch: all requests to A, the test ends", VIEW_TEST, true) \
    X(CONCLUDE, "P", "end", "end the test and promote an arm: preview first", VIEW_TEST, true)     \
    X(TAKE_A, "A", "promote A", "the test ends with A's version as the default", VIEW_CONCLUDE,    \
      true)                                                                                        \
    X(TAKE_B, "B", "promote B", "the test ends with B's version as the default", VIEW_CONCLUDE,    \
      true)                                                                                        \
    X(TAKE_NONE, "N", "neither", "the test ends, the default stays as it is", VIEW_CONCLUDE, true) \
    X(CONFIRM, "Enter", "confirm", "go on to the typed confirmation",                              \
      VIEW_PROMOTE | VIEW_CONCLUDE, false)                                                         \
    X(CHANGE, "Enter", "change", "type into the field, or its next choice", VIEW_NEW_JOB, false)   \
    X(NEXT_CHOICE, "l", "", "the next choice; the arrow too", VIEW_NEW_JOB, false)                 \
    X(LAST_CHOICE, "h", "", "the choice before; the arrow too", VIEW_NEW_JOB, false)               \
    X(SUBMIT, "S", "start", "start the job; it runs on without this screen", VIEW_NEW_JOB, true)   \
    X(FILTER, "/", "filter", "show only the versions for which a condition holds", VIEW_MODELS,    \
      false)                                                                                       \
    X(NEW_JOB, "n", "new job", "quantize, prune or measure this version: the plan first",          \
      VIEW_MODELS | VIEW_VERSION, false)                                                           \
    X(JOBS, "w", "jobs", "the work under way and past", VIEW_MODELS | VIEW_VERSION, false)         \
    X(TESTS, "t", "tests", "the A/B tests that run, and the past ones",                            \
      VIEW_MODELS | VIEW_VERSION, false)                                                           \
    X(CANCEL, "K", "cancel", "ask the job to stop", VIEW_JOBS | VIEW_JOB, true)                    \
    X(RETRY, "T", "try again", "a job that failed or was cancelled waits again",                   \
      VIEW_JOBS | VIEW_JOB, true)                                                                  \
    X(RESULT, "v", "version", "the version it made, or else the one it is about",                  \
      VIEW_JOBS | VIEW_JOB, false)                                                                 \
    X(PROMOTE, "P", "promote", "make this version its model's default: preview first",             \
      VIEW_MODELS | VIEW_VERSION, true)                                                            \
    X(ROLLBACK, "R", "rollback", "go back to the model's default before: preview first",           \
      VIEW_MODELS | VIEW_VERSION, true)                                                            \
    X(SORT, "s", "sort", "sort by the next column", VIEW_MODELS, false)                            \
    X(TURN, "o", "turn", "turn the order round", VIEW_MODELS, false)                               \
    X(DOWN, "j", "", "one line down; the arrow too", VIEW_ALL, false)                              \
    X(UP, "k", "", "one line up; the arrow too", VIEW_ALL, false)                                  \
    X(PAGE_DOWN, "f", "", "a page down; Page Down too", VIEW_ALL, false)                           \
    X(PAGE_UP, "b", "", "a page up; Page Up too", VIEW_ALL, false)                                 \
    X(TOP, "g", "", "to the first line; Home too", VIEW_ALL, false)                                \
    X(BOTTOM, "G", "", "to the last line; End too", VIEW_ALL, false)                               \
    X(NEXT_MODEL, "]", "", "to the next model", VIEW_MODELS, false)                                \
    X(LAST_MODEL, "[", "", "to the model before", VIEW_MODELS, false)                              \
    X(AGAIN, "r", "", "read again now", VIEW_ALL, false)                                           \
    X(HELP, "?", "help", "this list of keys", VIEW_ALL, false)                                     \
    X(BACK, "q", "back", "one step back; from the first screen out of pare", VIEW_ALL, false)

enum action {
#define ACTION_ENUM(name, key, word, what, views, writes) ACTION_##name,
    ACTIONS(ACTION_ENUM)
#undef ACTION_ENUM
        ACTION_NONE,
};

struct action_entry {
    const char *key, *word, *what;
    int views;
    bool writes;
};

extern const struct action_entry actions[ACTION_NONE];

/* What a key means in a view; ACTION_NONE when nothing. A pasted character is no key. */
enum action action_of(const struct key *key, enum view_kind view);

#endif
