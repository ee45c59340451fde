/* SPDX-License-Identifier: MIT */
#include "tui/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void number_count(size_t count, char to[NUMBER_ROOM])
{
    char digits[NUMBER_ROOM];
    size_t used = 0, length = (size_t)snprintf(digits, sizeof(digits), "%zu", count);
    for (size_t i = 0; i < length && used + 2 < NUMBER_ROOM; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            to[used++] = ' ';
        to[used++] = digits[i];
    }
    to[used] = '\0';
}

void number_size(double bytes, char to[NUMBER_ROOM])
{
    to[0] = '\0';
    if (!isnan(bytes) && bytes < 9e18)
        text_size((int64_t)bytes, to, NUMBER_ROOM);
}

void number_latency(double ms, char to[NUMBER_ROOM])
{
    int decimals = fabs(ms) < 9.995 ? 2 : fabs(ms) < 99.95 ? 1 : 0;
    to[0] = '\0';
    if (!isnan(ms))
        snprintf(to, NUMBER_ROOM, fabs(ms) < 1e6 ? "%.*f" : "%.*g", fabs(ms) < 1e6 ? decimals : 2,
                 ms);
}

void number_accuracy(double share, char to[NUMBER_ROOM])
{
    to[0] = '\0';
    if (!isnan(share))
        snprintf(to, NUMBER_ROOM, fabs(share) < 10 ? "%.4f" : "%.2g", share);
}

void number_change(double now, double base, char to[NUMBER_ROOM])
{
    double per_cent = 100 * (now - base) / base;
    to[0] = '\0';
    if (isnan(now) || isnan(base))
        return;
    if (now == base)
        snprintf(to, NUMBER_ROOM, "=");
    else if (base <= 0 || now < 0)
        snprintf(to, NUMBER_ROOM, "~");
    else if (per_cent < 999.5)
        snprintf(to, NUMBER_ROOM, fabs(per_cent) < 0.95 ? "%+.1f%%" : "%+.0f%%", per_cent);
    else if (now / base < 9999.5)
        snprintf(to, NUMBER_ROOM, "x%.0f", now / base);
    else
        snprintf(to, NUMBER_ROOM, ">x9k");
}

void number_points(double now, double base, char to[NUMBER_ROOM])
{
    double points = 100 * (now - base);
    to[0] = '\0';
    if (isnan(points))
        return;
    if (now == base)
        snprintf(to, NUMBER_ROOM, "=");
    else if (fabs(points) < 999)
        snprintf(to, NUMBER_ROOM,
                 fabs(points) < 9.995   ? "%+.2f"
                 : fabs(points) < 99.95 ? "%+.1f"
                                        : "%+.0f",
                 points);
    else
        snprintf(to, NUMBER_ROOM, "~");
}

/* Room for the sign is made by the leading zero, which tells nothing. */
static void put_open(char io_change[NUMBER_ROOM])
{
    char words[NUMBER_ROOM];
    bool zero = io_change[0] && io_change[1] == '0' && io_change[2] == '.';
    snprintf(words, sizeof(words), "%.1s%.*s?", io_change, NUMBER_ROOM - 4,
             io_change[0] ? io_change + 1 + zero : "");
    snprintf(io_change, NUMBER_ROOM, "%s", words);
}

void number_change_open(double now, double base, char to[NUMBER_ROOM])
{
    number_change(now, base, to);
    if (strpbrk(to, "%x"))
        put_open(to);
}

void number_points_open(double now, double base, char to[NUMBER_ROOM])
{
    double points = 100 * (now - base);
    number_points(now, base, to);
    if (!strpbrk(to, "+-"))
        return;
    snprintf(to, NUMBER_ROOM,
             fabs(points) < 0.995  ? "%+.2f"
             : fabs(points) < 9.95 ? "%+.1f"
                                   : "%+.0f",
             points);
    put_open(to);
}

void number_when(const char *iso, char to[NUMBER_ROOM])
{
    if (iso && strlen(iso) >= 16 && iso[10] == 'T')
        snprintf(to, NUMBER_ROOM, "%.10s %.5s", iso, iso + 11);
    else
        snprintf(to, NUMBER_ROOM, "%s", iso ? iso : "");
}
