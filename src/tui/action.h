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
    VIEW_COLUMNS = 1024,
    VIEW_COMPARE = 2048,
    VIEW_PALETTE = 4096,
    VIEW_ALL = 4095,
};

/* X(name, key, a word for the footer ("" keeps it out), what it does, where, does it write) */
#define ACTIONS(X)                                                                                 \
    X(OPEN, "Enter", "open", "open what is under the cursor",                                      \
      VIEW_MODELS | VIEW_JOBS | VIEW_TESTS | VIEW_COMPARE, false)                                  \
    X(UNFOLD, "Enter", "open",                                                                     \
      "unfold, fold, or show all of a value; open the version of a line; a tensor's histogram",    \
      VIEW_VERSION, false)                                                                         \
    X(SECTION, "Tab", "facts/tensors", "from the facts to the tensors, and back", VIEW_VERSION,    \
      false)                                                                                       \
    X(FOLD, "h", "", "fold; of a tensor: its values as a histogram, and away again", VIEW_VERSION, \
      false)                                                                                       \
    X(UNFOLD_ONLY, "l", "", "unfold", VIEW_VERSION, false)                                         \
    X(LINEAGE, "u", "lineage", "to the lineage; once more: open the version it was made of",       \
      VIEW_VERSION, false)                                                                         \
    X(NARROW, "/", "", "only tensors with this in their names; a pattern where it has * ? [",      \
      VIEW_VERSION, false)                                                                         \
    X(SORT_TENSORS, "s", "", "sort tensors by the next column", VIEW_VERSION, false)               \
    X(TURN_TENSORS, "o", "", "turn the order of tensors round", VIEW_VERSION, false)               \
    X(CHART, "Tab", "chart", "the next chart", VIEW_TEST, false)                                   \
    X(PLOT, "Tab", "chart", "the chart alone, or the table", VIEW_COMPARE, false)                  \
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
    X(NEXT_CHOICE, "l", "", "the next choice or column; the arrow too",                            \
      VIEW_NEW_JOB | VIEW_COMPARE, false)                                                          \
    X(LAST_CHOICE, "h", "", "the choice or column before; the arrow too",                          \
      VIEW_NEW_JOB | VIEW_COMPARE, false)                                                          \
    X(SUBMIT, "S", "start", "start the job; it runs on without this screen", VIEW_NEW_JOB, true)   \
    X(FILTER, "/", "filter", "show only the versions for which a condition holds", VIEW_MODELS,    \
      false)                                                                                       \
    X(MARK, "Space", "mark", "mark this version, or take its mark away", VIEW_MODELS, false)       \
    X(COMPARE, "c", "compare", "the marked versions, or this one and its default, side by side",   \
      VIEW_MODELS, false)                                                                          \
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
      VIEW_MODELS | VIEW_VERSION | VIEW_COMPARE, true)                                             \
    X(ROLLBACK, "R", "rollback", "go back to the model's default before: preview first",           \
      VIEW_MODELS | VIEW_VERSION, true)                                                            \
    X(UNMARK, "u", "unmark", "take all marks away", VIEW_MODELS, false)                            \
    X(DIFFERENCES, "d", "differences", "only the rows in which they differ, or all", VIEW_COMPARE, \
      false)                                                                                       \
    X(NEXT_DIFFERENCE, "n", "next", "to the next row in which they differ", VIEW_COMPARE, false)   \
    X(BASELINE, "a", "baseline", "compare the others with the next version", VIEW_COMPARE, false)  \
    X(MEASURE, "M", "measure all", "measure all again in turns, in one job", VIEW_COMPARE, true)   \
    X(SORT, "s", "sort", "sort by the next column of numbers", VIEW_MODELS, false)                 \
    X(TURN, "o", "turn", "turn the order round", VIEW_MODELS, false)                               \
    X(COLUMNS, "v", "columns", "choose the columns, their order, widths and several sort keys",    \
      VIEW_MODELS, false)                                                                          \
    X(GROUP, "z", "group", "by model, as trees; again: a line a model; again: a list",             \
      VIEW_MODELS, false)                                                                          \
    X(CLOSE_MODEL, "h", "", "by model: close the model; the arrow too", VIEW_MODELS, false)        \
    X(OPEN_MODEL, "l", "", "by model: open the model; the arrow too", VIEW_MODELS, false)          \
    X(GOAL, "x", "goal", "a condition that hides nothing: a column says yes, NO or ?",             \
      VIEW_MODELS, false)                                                                          \
    X(SIDE_BACK, "<", "", "scroll the columns back", VIEW_MODELS, false)                           \
    X(SIDE_ON, ">", "", "scroll to the columns for which there is no room", VIEW_MODELS, false)    \
    X(TOGGLE, "Enter", "on, off", "the column comes or goes; Space too", VIEW_COLUMNS, false)      \
    X(MOVE_BACK, "<", "left", "the column moves to the left", VIEW_COLUMNS, false)                 \
    X(MOVE_ON, ">", "right", "the column moves to the right", VIEW_COLUMNS, false)                 \
    X(WIDER, "+", "wider", "the column becomes wider", VIEW_COLUMNS, false)                        \
    X(NARROWER, "-", "narrower", "the column becomes narrower", VIEW_COLUMNS, false)               \
    X(FITTED, "=", "", "as wide as its data again", VIEW_COLUMNS, false)                           \
    X(SORT_FIRST, "s", "sort", "the first sort key, the others after it; once more turns it",      \
      VIEW_COLUMNS, false)                                                                         \
    X(SORT_NONE, "o", "unsorted", "no sort key: by name and version as they are listed",           \
      VIEW_COLUMNS, false)                                                                         \
    X(TYPE_PATH, "/", "type one", "a column for a JSON path that is typed, metrics.f1",            \
      VIEW_COLUMNS, false)                                                                         \
    X(DOWN, "j", "", "one line down; the arrow too", VIEW_ALL, false)                              \
    X(UP, "k", "", "one line up; the arrow too", VIEW_ALL, false)                                  \
    X(PAGE_DOWN, "f", "", "a page down; Page Down too", VIEW_ALL, false)                           \
    X(PAGE_UP, "b", "", "a page up; Page Up too", VIEW_ALL, false)                                 \
    X(TOP, "g", "", "to the first line; Home too", VIEW_ALL, false)                                \
    X(BOTTOM, "G", "", "to the last line; End too", VIEW_ALL, false)                               \
    X(NEXT_MODEL, "]", "", "to the next model", VIEW_MODELS, false)                                \
    X(LAST_MODEL, "[", "", "to the model before", VIEW_MODELS, false)                              \
    X(COPY, "y", "", "copy what is under the cursor, or the table: clipboard and file", VIEW_ALL,  \
      false)                                                                                       \
    X(EXPORT, "e", "", "write the table to a file: csv, tsv, json or md", VIEW_ALL, false)         \
    X(FIND, "/", "find", "only the lines that have what is typed; Escape shows all again",         \
      VIEW_HELP, false)                                                                            \
    X(DO, "Enter", "do it", "do what is chosen, exactly as its key would", VIEW_PALETTE, false)    \
    X(COMPLETE, "Tab", "complete", "write out what is chosen", VIEW_PALETTE, false)                \
    X(LEAVE, "Esc", "leave", "back; Rubout on the empty line too", VIEW_PALETTE, false)            \
    X(PALETTE, ":", "more", "everything that can be done, by its name", VIEW_ALL, false)           \
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
