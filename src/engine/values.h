/* SPDX-License-Identifier: MIT */
/*
 * A tensor's values one after the other, whatever it holds them in: a step of doubles at a time, so
 * that the memory is the same for any tensor. Integers are the integers that are stored, not what
 * a scale makes of them.
 */
#ifndef PARE_ENGINE_VALUES_H
#define PARE_ENGINE_VALUES_H

#include "base/base.h"

struct model;
struct pare_error;
struct tensor;

struct values {
    const struct model *model;
    const struct tensor *tensor;
    bool is_integer;
    bool is_wide;           /* a float does not hold each value exactly */
    double *numbers;        /* of the step at hand */
    size_t count;           /* of them; 0 behind the last step */
    int64_t zero_count;     /* of the step: numbers that stand for 0, see values_next() */
    int64_t next;           /* the element after the step */
    unsigned char *bytes;   /* as they come */
    float *floats;          /* between 16 bits and 64 */
    int *zero_points;       /* of quantized integers; NULL: 0 */
    size_t channels, inner; /* a zero point for each of so many stretches of `inner` elements */
};

/* Why nothing can be said of its values, a sentence's end; NULL: something can. */
const char *values_refusal(const struct tensor *tensor);

/* The caller closes it, also after a failure. */
MUST_CHECK bool values_open(const struct model *model, const struct tensor *tensor,
                            struct values *ret_values, struct pare_error *err);
void values_close(struct values *values);

/* Begin again before the first value. */
void values_rewind(struct values *values);

/*
 * The next step. What stands for 0 is 0, or, of integers that go with a zero point, that one: it is
 * what makes a weight sparse.
 */
MUST_CHECK bool values_next(struct values *values, struct pare_error *err);

/* The bytes of the step at hand, for a meter. */
int64_t values_step_bytes(const struct values *values);

#endif
