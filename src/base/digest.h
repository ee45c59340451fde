/* SPDX-License-Identifier: MIT */
/* SHA-256, from libcrypto: the door to it. */
#ifndef PARE_BASE_DIGEST_H
#define PARE_BASE_DIGEST_H

#include "base/base.h"

struct pare_error;

enum { DIGEST_BYTES = 32, DIGEST_HEX = 2 * DIGEST_BYTES + 1 };

struct digest {
    void *context; /* libcrypto's, owned here */
};

MUST_CHECK bool digest_init(struct digest *digest, struct pare_error *err);
void digest_done(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t length);

/* The digest of what was added; the struct starts anew. */
void digest_take(struct digest *digest, unsigned char ret_sum[DIGEST_BYTES]);

/* The digest of one stretch of memory. */
void digest_of(const void *bytes, size_t length, unsigned char ret_sum[DIGEST_BYTES]);

/* Lower-case hex with a final zero. */
void digest_hex(const unsigned char sum[DIGEST_BYTES], char ret_hex[DIGEST_HEX]);

#endif
