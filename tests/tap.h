/* SPDX-License-Identifier: MIT */
/* A test program: a plan-less TAP stream. Call the tests from main, then tap_done(). */
#ifndef PARE_TESTS_TAP_H
#define PARE_TESTS_TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_count, tap_failures;

static inline int tap_ok(int pass, const char *what, const char *file, int line)
{
    printf("%sok %d - %s\n", pass ? "" : "not ", ++tap_count, what);
    if (!pass) {
        tap_failures++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return pass;
}

static inline int tap_is(const char *got, const char *want, const char *what, const char *file,
                         int line)
{
    int pass = got && want ? strcmp(got, want) == 0 : got == want;
    tap_ok(pass, what, file, line);
    if (!pass)
        printf("#  got: %s\n# want: %s\n", got ? got : "NULL", want ? want : "NULL");
    return pass;
}

#define OK(cond, what) tap_ok(!!(cond), what, __FILE__, __LINE__)
#define IS(got, want, what) tap_is(got, want, what, __FILE__, __LINE__)

/* For a program that wants a PostgreSQL of its own: it starts itself once more within one. */
static inline void tap_in_server(char *const argv[])
{
    const char *top = getenv("top_srcdir");
    char script[4096];
    if (getenv("PARE_TEST_SERVER"))
        return;
    snprintf(script, sizeof(script), "%s/tests/with-postgres", top ? top : ".");
    setenv("PARE_TEST_SERVER", "yes", 1);
    execl(script, script, argv[0], (char *)NULL);
    printf("Bail out! %s cannot be run\n", script);
    exit(1);
}

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failures != 0;
}

#endif
