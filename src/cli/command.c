/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "config.h"

static const struct command *const commands[] = {
#define COMMAND_ENTRY(name) &command_##name,
    COMMANDS(COMMAND_ENTRY)
#undef COMMAND_ENTRY
};

static const struct option_spec global_options[] = {
    { "db", "CONNINFO", "which database: libpq keywords or a URI" },
    { "format", "F", "table, json, csv, tsv or md" },
    { "read-only", NULL, "let the server refuse every write" },
    { "help", NULL, "this help" },
    { NULL, NULL, NULL },
};

static const char *const formats[] = { "table", "json", "csv", "tsv", "md" };

void cli_say(const char *fmt, ...)
{
    char raw[2048], clean[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    text_clean(raw, strlen(raw), clean, sizeof(clean));
    fprintf(stderr, "pare: %s\n", clean);
}

bool cli_is_watched(void)
{
    return isatty(STDERR_FILENO);
}

static int option_index(const struct option_spec *options, const char *name, size_t length)
{
    for (int i = 0; options[i].name; i++)
        if (strlen(options[i].name) == length && !strncmp(options[i].name, name, length))
            return i;
    return -1;
}

const char *cli_option(const struct cli *cli, const char *name)
{
    int index = option_index(cli->command->options, name, strlen(name));
    assert(index >= 0 && index < CLI_OPTIONS_MAX);
    return cli->values[index];
}

bool cli_has(const struct cli *cli, const char *name)
{
    return cli_option(cli, name) != NULL;
}

const char *cli_option_nth(const struct cli *cli, const char *name, int n)
{
    int index = option_index(cli->command->options, name, strlen(name));
    assert(index >= 0);
    for (int i = 0; i < cli->given_count; i++)
        if (cli->given[i].index == index && n-- == 0)
            return cli->given[i].value;
    return NULL;
}

bool cli_number(const struct cli *cli, const char *name, int64_t least, int64_t fallback,
                int64_t *ret_number, struct pare_error *err)
{
    const char *text = cli_option(cli, name);
    int64_t number = fallback;
    if (text && (!text_to_int64(text, &number) || number < least))
        return error_set(err, PARE_ERR_USAGE,
                         "--%s %s: a whole number of at least %lld was expected", name, text,
                         (long long)least);
    *ret_number = number;
    return true;
}

/* ---- help ---- */

static void print_options(const struct option_spec *options, FILE *to)
{
    for (; options->name; options++) {
        char left[64];
        const char *dashes = options->name[1] ? "--" : "-";
        snprintf(left, sizeof(left), "%s%s%s%s", dashes, options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        fprintf(to, "  %-26s %s\n", left, options->help);
    }
}

static void print_help(FILE *to)
{
    fprintf(to,
            "pare " PACKAGE_VERSION
            ": versions of machine-learning models in PostgreSQL, smaller and measured\n\n"
            "usage: pare [--db CONNINFO] [--read-only] [--filter EXPR] [--ascii] [--no-colour]\n"
            "            [--theme NAME] [--mouse] [--plain]   the browser\n"
            "       pare COMMAND ...\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\nEvery command takes:\n");
    print_options(global_options, to);
    fprintf(to, "\nA REF is NAME:VERSION, or NAME alone for its default.\n"
                "The database is --db, else PARE_DB, else libpq's environment (PGHOST ...), else "
                "a private one.\n"
                "More: pare COMMAND --help, man pare\n");
}

static void print_command_help(const struct command *command, FILE *to)
{
    fprintf(to, "usage: pare %s%s%s\n\n%s\n", command->name, *command->operands ? " " : "",
            command->operands, command->summary);
    if (command->options->name)
        fprintf(to, "\n");
    print_options(command->options, to);
    fprintf(to, "\nas every command:\n");
    print_options(global_options, to);
}

/* ---- parsing ---- */

static bool set_format(struct cli *cli, const char *word, struct pare_error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (!strcmp(formats[i], word)) {
            cli->format = (enum cli_format)i;
            return true;
        }
    }
    return error_set(err, PARE_ERR_USAGE, "--format %s: table, json, csv, tsv or md was expected",
                     word);
}

static bool set_global(struct cli *cli, const char *name, const char *value, bool *ret_help,
                       struct pare_error *err)
{
    if (!strcmp(name, "format"))
        return set_format(cli, value, err);
    if (!strcmp(name, "db"))
        cli->db = value;
    else if (!strcmp(name, "read-only"))
        cli->read_only = true;
    else
        *ret_help = true;
    return true;
}

/* One "--name", "--name=value" or "--name value"; how many arguments it took in *ret_taken. */
static bool take_option(struct cli *cli, int left, char **argv, int *ret_taken, bool *ret_help,
                        struct pare_error *err)
{
    const char *name = argv[0] + (argv[0][1] == '-' ? 2 : 1);
    size_t length = strcspn(name, "=");
    const struct option_spec *options = cli->command->options;
    int index = option_index(options, name, length);
    bool global = index < 0;
    if (global) {
        options = global_options;
        index = option_index(options, name, length);
    }
    if (index < 0 || (argv[0][1] != '-' && length != 1))
        return error_set(err, PARE_ERR_USAGE, "%s: no such option; see: pare %s --help", argv[0],
                         cli->command->name);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    *ret_taken = 1;
    if (options[index].value && !value) {
        if (left < 2)
            return error_set(err, PARE_ERR_USAGE, "--%s wants a value: %s", options[index].name,
                             options[index].value);
        value = argv[1];
        *ret_taken = 2;
    }
    if (!options[index].value && value)
        return error_set(err, PARE_ERR_USAGE, "--%s takes no value", options[index].name);
    if (global)
        return set_global(cli, options[index].name, value, ret_help, err);
    cli->values[index] = value ? value : "";
    if (cli->given_count == CLI_GIVEN_MAX)
        return error_set(err, PARE_ERR_USAGE, "more than %d options", CLI_GIVEN_MAX);
    cli->given[cli->given_count].index = index;
    cli->given[cli->given_count++].value = cli->values[index];
    return true;
}

static bool check_operands(const struct cli *cli, struct pare_error *err)
{
    const struct command *command = cli->command;
    if (cli->operand_count < command->operands_min)
        return error_set(err, PARE_ERR_USAGE, "usage: pare %s %s; see: pare %s --help",
                         command->name, command->operands, command->name);
    if (command->operands_max >= 0 && cli->operand_count > command->operands_max)
        return error_set(err, PARE_ERR_USAGE, "\"%s\" is one operand too many; usage: pare %s %s",
                         cli->operands[command->operands_max], command->name, command->operands);
    return true;
}

static bool parse(struct cli *cli, int argc, char **argv, bool *ret_help, struct pare_error *err)
{
    bool only_operands = false;
    for (int i = 0; i < argc;) {
        if (!only_operands && !strcmp(argv[i], "--")) {
            only_operands = true;
            i++;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            int taken = 1;
            if (!take_option(cli, argc - i, argv + i, &taken, ret_help, err))
                return false;
            i += taken;
        } else if (cli->operand_count == CLI_OPERANDS_MAX) {
            return error_set(err, PARE_ERR_USAGE, "more than %d operands", CLI_OPERANDS_MAX);
        } else {
            cli->operands[cli->operand_count++] = argv[i++];
        }
    }
    return *ret_help || check_operands(cli, err);
}

static int exit_code(enum pare_error_code code)
{
    switch (code) {
    case PARE_ERR_USAGE:
        return 2;
    case PARE_ERR_NOT_FOUND:
        return 3;
    case PARE_ERR_REFUSED:
        return 4;
    case PARE_ERR_NO_DATABASE:
        return 5;
    case PARE_ERR_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct pare_error err = { 0 };
    bool help = false;
    bool ok = parse(cli, argc, argv, &help, &err);
    if (ok && help) {
        print_command_help(cli->command, stdout);
        return 0;
    }
    ok = ok && cli->command->run(cli, &err);
    if (fflush(stdout) != 0 && ok)
        ok = error_errno(&err, "cannot write the output");
    if (ok)
        return 0;
    cli_say("%s", err.text);
    return exit_code(err.code);
}

int cli_main(int argc, char **argv, const volatile sig_atomic_t *interrupt)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("pare " PACKAGE_VERSION "\n");
        return 0;
    }
    const struct command *command = find_command(argv[1]);
    if (!command) {
        cli_say("%s: no such command; see: pare --help", argv[1]);
        return 2;
    }
    struct cli *cli = calloc(1, sizeof(*cli));
    if (!cli) {
        cli_say("out of memory");
        return 1;
    }
    cli->command = command;
    cli->interrupt = interrupt;
    int code = run(cli, argc - 2, argv + 2);
    arena_done(&cli->arena);
    free(cli);
    return code;
}
