/* SPDX-License-Identifier: MIT */
/*
 * Whether bytes are worth compressing where they are stored.
 *
 * Weights mostly are not: the digits of trained numbers are noise. Those of a pruned model are, and
 * so are the texts beside a model. What compresses is the server (LZ4); here is only guessed, from
 * a part of the bytes and in far less time than they take on their way, what that would leave of them.
 */
#ifndef PARE_REGISTRY_GAIN_H
#define PARE_REGISTRY_GAIN_H

#include "base/base.h"

/* About the share of the bytes that LZ4 saves: 0 to 1. */
double gain_of(const void *bytes, size_t length);

/* From a tenth on. */
bool gain_is_worth_it(const void *bytes, size_t length);

#endif
