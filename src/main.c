/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/where.h"
#include "tui/app.h"

static volatile sig_atomic_t interrupted;

/* The first Ctrl-C asks, the second asks more firmly, a third one ends the process as usual. */
static void on_interrupt(int number)
{
    interrupted = interrupted + 1;
    if (interrupted >= 2)
        signal(number, SIG_DFL);
}

/* Nothing but the browser's own options: *ret_options is what they say. */
static bool is_browser(int argc, char **argv, struct tui_options *ret_options, const char **ret_db)
{
    struct tui_options options = { 0 };
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--read-only"))
            options.read_only = true;
        else if (!strcmp(argv[i], "--ascii"))
            options.ascii = true;
        else if (!strcmp(argv[i], "--plain"))
            options.plain = true;
        else if (!strcmp(argv[i], "--no-colour"))
            options.no_colour = true;
        else if (!strcmp(argv[i], "--mouse"))
            options.mouse = true;
        else if (!strcmp(argv[i], "--theme") && i + 1 < argc)
            options.theme = argv[++i];
        else if (!strcmp(argv[i], "--db") && i + 1 < argc)
            *ret_db = argv[++i];
        else if (!strcmp(argv[i], "--filter") && i + 1 < argc)
            options.filter = argv[++i];
        else
            return false;
    }
    *ret_options = options;
    return true;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_interrupt };
    struct tui_options options;
    const char *db = NULL;
    setlocale(LC_CTYPE, "");
    if (is_browser(argc, argv, &options, &db)) {
        options.conninfo = where_conninfo(db);
        return tui_main(&options);
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (signal(SIGHUP, SIG_IGN) != SIG_IGN) /* else nohup wants it so */
        sigaction(SIGHUP, &action, NULL);
    return cli_main(argc, argv, &interrupted);
}
