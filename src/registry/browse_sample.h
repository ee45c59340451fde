/* SPDX-License-Identifier: MIT */
/*
 * abtest_sample.h as an event loop has it: once a minute, and of as many results as take the server a
 * quarter of a second, for the connection answers nothing else meanwhile. When it fails
 * abtest_sample_missed() tells what to say.
 */
#ifndef PARE_REGISTRY_BROWSE_SAMPLE_H
#define PARE_REGISTRY_BROWSE_SAMPLE_H

#include "registry/abtest_sample.h"
#include "registry/browse.h"

/* Wants browse_can_judge(), and a batch that has nothing else: what it sets holds to its end. */
void browse_ask_sample(struct browse_batch *batch, const struct abtest *test);
void browse_take_sample(struct pg_rows *const *rows, struct abtest_sample *ret_sample);

#endif
