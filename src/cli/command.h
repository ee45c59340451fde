/* SPDX-License-Identifier: MIT */
/*
 * A command: its words, its options, its run function; and the parsed command line.
 *
 * The list COMMANDS is the only one: it makes the dispatch, `pare --help` and the
 * test that the man page names them all. Data goes to stdout, words to stderr.
 */
#ifndef PARE_CLI_COMMAND_H
#define PARE_CLI_COMMAND_H

#include <signal.h>

#include "base/arena.h"
#include "base/error.h"

enum cli_format { CLI_TABLE, CLI_JSON, CLI_CSV, CLI_TSV, CLI_MD };

enum { CLI_OPTIONS_MAX = 48, CLI_GIVEN_MAX = 256, CLI_OPERANDS_MAX = 4096 };

struct option_spec {
    const char *name;  /* without the dashes; NULL ends the list */
    const char *value; /* what stands for its value in the help; NULL: a flag */
    const char *help;
};

struct cli;

struct command {
    const char *name;
    const char *operands; /* "REF...", "" for none */
    const char *summary;  /* one line */
    const struct option_spec *options;
    int operands_min, operands_max; /* -1: any number */
    bool (*run)(struct cli *cli, struct pare_error *err);
};

/* X(NAME of the struct command, in the order of the help) */
#define COMMANDS(X)                                                                                \
    X(init)                                                                                        \
    X(uninstall)                                                                                   \
    X(doctor)                                                                                      \
    X(import)                                                                                      \
    X(export)                                                                                      \
    X(list)                                                                                        \
    X(show)                                                                                        \
    X(compare)                                                                                     \
    X(best)                                                                                        \
    X(delete)                                                                                      \
    X(verify)                                                                                      \
    X(inspect)                                                                                     \
    X(diff)                                                                                        \
    X(quantize)                                                                                    \
    X(prune)                                                                                       \
    X(run)                                                                                         \
    X(dataset)                                                                                     \
    X(measure)                                                                                     \
    X(promote)                                                                                     \
    X(rollback)                                                                                    \
    X(history)                                                                                     \
    X(adopt)                                                                                       \
    X(gate)                                                                                        \
    X(ab)                                                                                          \
    X(jobs)                                                                                        \
    X(job)                                                                                         \
    X(worker)                                                                                      \
    X(db)

#define COMMAND_DECLARE(name) extern const struct command command_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

/* One invocation. Strings are the process's arguments or live in `arena`. */
struct cli {
    const struct command *command;
    struct arena arena;
    const char *values[CLI_OPTIONS_MAX]; /* beside command->options; "" for a flag given */
    struct {
        int index; /* in command->options */
        const char *value;
    } given[CLI_GIVEN_MAX]; /* all of them in order, for options that may come again */
    int given_count;
    const char *operands[CLI_OPERANDS_MAX];
    int operand_count;
    enum cli_format format;
    const char *db; /* --db, or NULL */
    bool read_only;
    const volatile sig_atomic_t *interrupt;
};

/* The value of an option, NULL when it was not given. A name that the command lacks is a bug. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_has(const struct cli *cli, const char *name);

/* The n-th value (from 0) of an option that may be given again; NULL behind the last. */
const char *cli_option_nth(const struct cli *cli, const char *name, int n);

/* The option as a whole number of at least `least`; `fallback` when not given. */
MUST_CHECK bool cli_number(const struct cli *cli, const char *name, int64_t least, int64_t fallback,
                           int64_t *ret_number, struct pare_error *err);

/* Run the command line; the process's exit code (PRODUCT: 0 1 2 3 4 5 130). */
int cli_main(int argc, char **argv, const volatile sig_atomic_t *interrupt);

/* Words for people, on stderr: "pare: ...". */
void cli_say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Whether such words are welcome: stderr is a terminal. */
bool cli_is_watched(void);

#endif
