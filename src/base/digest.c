/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/error.h"

/* SHA-256 of libcrypto fails only without memory or without the algorithm: both show at init. */
bool digest_init(struct digest *digest, struct pare_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL)) {
        EVP_MD_CTX_free(context);
        digest->context = NULL;
        return error_set(err, PARE_ERR_FAILED, "libcrypto offers no SHA-256 here");
    }
    digest->context = context;
    return true;
}

void digest_done(struct digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
    int done = EVP_DigestUpdate(digest->context, bytes, length);
    assert(done == 1);
    (void)done;
}

void digest_take(struct digest *digest, unsigned char ret_sum[DIGEST_BYTES])
{
    int done = EVP_DigestFinal_ex(digest->context, ret_sum, NULL) &&
               EVP_DigestInit_ex(digest->context, NULL, NULL);
    assert(done == 1);
    (void)done;
}

void digest_of(const void *bytes, size_t length, unsigned char ret_sum[DIGEST_BYTES])
{
    SHA256(bytes, length, ret_sum);
}

void digest_hex(const unsigned char sum[DIGEST_BYTES], char ret_hex[DIGEST_HEX])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
}
