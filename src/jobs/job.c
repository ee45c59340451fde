/* SPDX-License-Identifier: MIT */
#include "jobs/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { TELL_EVERY_MS = 100 };

const char job_kinds[] = "{transform,measure,replay}";

static const struct job_kind *const kinds[] = { &job_transform, &job_measure, &job_replay };

const struct job_kind *job_kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

bool job_tell(struct job_run *run, double done_fraction, const char *words)
{
    int64_t now = clock_now_ms();
    if (run->told && now - run->told_ms >= TELL_EVERY_MS) {
        struct job_news news = { .done_fraction = done_fraction };
        run->told_ms = now;
        text_clean(words, strlen(words), news.words, sizeof(news.words));
        run->told(run->data, &news);
    }
    return !*run->cancelled;
}

#ifdef PARE_HOLDS
void job_hold(const char *moment)
{
    const char *wanted = getenv("PARE_HOLD"), *path = getenv("PARE_HOLD_FILE");
    if (!wanted || !path || strcmp(wanted, moment) != 0)
        return;
    FILE *file = fopen(path, "wx");
    if (!file)
        return; /* held once already */
    fprintf(file, "%d %d\n", (int)getpid(), (int)getppid());
    fclose(file);
    while (access(path, F_OK) == 0)
        clock_pause_ms(10);
}
#endif
