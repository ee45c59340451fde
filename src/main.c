/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <signal.h>
#include <stddef.h>

#include "cli/command.h"

static volatile sig_atomic_t interrupted;

/* The first Ctrl-C asks, the second asks more firmly, a third one ends the process as usual. */
static void on_interrupt(int number)
{
    interrupted = interrupted + 1;
    if (interrupted >= 2)
        signal(number, SIG_DFL);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_interrupt };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setlocale(LC_CTYPE, "");
    return cli_main(argc, argv, &interrupted);
}
