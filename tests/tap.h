/* SPDX-License-Identifier: MIT */
/* A test program: a plan-less TAP stream. Call the tests from main, then tap_done(). */
#ifndef PARE_TESTS_TAP_H
#define PARE_TESTS_TAP_H

#include <stdio.h>
#include <string.h>

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

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failures != 0;
}

#endif
