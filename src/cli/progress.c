/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"

enum { DRAW_EVERY_MS = 100, BAR_COLUMNS = 30 };

void progress_init(struct progress *progress, const char *verb, int64_t total_bytes)
{
    *progress = (struct progress){ .verb = verb,
                                   .total_bytes = total_bytes,
                                   .started_ms = clock_now_ms(),
                                   .watched = cli_is_watched() };
}

static void draw(const struct progress *p)
{
    char done[32], total[32], rate[32], bar[BAR_COLUMNS + 1];
    double share = p->total_bytes ? (double)p->done_bytes / (double)p->total_bytes : 1;
    int filled = (int)(share * BAR_COLUMNS);
    for (int i = 0; i < BAR_COLUMNS; i++)
        bar[i] = i < filled ? '#' : '-';
    bar[BAR_COLUMNS] = '\0';
    text_size(p->done_bytes, done, sizeof(done));
    text_size(p->total_bytes, total, sizeof(total));
    text_size(p->done_bytes * 1000 / MAX(p->shown_ms - p->started_ms, 1), rate, sizeof(rate));
    fprintf(stderr, "\r\033[K%s [%s] %3.0f %%  %s of %s  %s/s", p->verb, bar, 100 * share, done,
            total, rate);
}

void progress_add(struct progress *progress, int64_t bytes)
{
    progress->done_bytes += bytes;
    if (!progress->watched)
        return;
    int64_t now = clock_now_ms();
    if (now - progress->shown_ms < DRAW_EVERY_MS)
        return;
    progress->shown_ms = now;
    draw(progress);
}

void progress_done(struct progress *progress)
{
    if (progress->watched && progress->shown_ms)
        fputs("\r\033[K", stderr);
}
