/* SPDX-License-Identifier: MIT */
/* The clock that only goes forward. */
#include "base/clock.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "tap.h"

static void test_now(void)
{
    bool forward = true;
    int64_t last = clock_now_ms();
    OK(last > 0, "no reading is 0");
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_now_ms();
        forward &= now >= last;
        last = now;
    }
    OK(forward, "it never goes back");
}

static void test_units(void)
{
    struct timespec second = { .tv_sec = 1 }, before, after;
    int64_t from = clock_now_ms();
    clock_gettime(CLOCK_BOOTTIME, &before);
    nanosleep(&second, NULL);
    clock_gettime(CLOCK_BOOTTIME, &after);
    double passed_ms = (double)(after.tv_sec - before.tv_sec) * 1000 +
                       (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    int64_t told_ms = clock_now_ms() - from;
    OK(told_ms >= 999 && (double)told_ms - passed_ms < 200, "it counts milliseconds");
}

static void test_pause(void)
{
    int64_t from = clock_now_ms();
    clock_pause_ms(0);
    clock_pause_ms(30);
    OK(clock_now_ms() - from >= 29, "a pause lasts as long as it was asked to");
    from = clock_now_ms();
    clock_pause_ms(1020);
    OK(clock_now_ms() - from >= 1019, "one beyond a second too");
}

static void woken(int number)
{
    (void)number;
}

static void test_signal(void)
{
    const struct itimerval soon = { .it_value = { .tv_usec = 50000 } };
    int64_t from = clock_now_ms();
    signal(SIGALRM, woken);
    setitimer(ITIMER_REAL, &soon, NULL);
    clock_pause_ms(20000);
    OK(clock_now_ms() - from < 10000, "a signal ends it early");
}

int main(void)
{
    test_now();
    test_units();
    test_pause();
    test_signal();
    return tap_done();
}
