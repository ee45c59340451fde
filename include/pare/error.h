/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in one sentence and one code.
 *
 * Every function of libpare that can fail takes a `struct pare_error *err`,
 * owned by the caller, and writes it only on failure. The library never prints.
 */
#ifndef PARE_ERROR_H
#define PARE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PARE_API __attribute__((visibility("default")))
#else
#define PARE_API
#endif

/* X(name, what it stands for): the codes, once for the enum and once for their texts. */
#define PARE_ERROR_CODES(X)                                                                        \
    X(FAILED, "failed")                                                                            \
    X(USAGE, "wrong usage")                                                                        \
    X(NOT_FOUND, "not found")                                                                      \
    X(REFUSED, "refused")                                                                          \
    X(NO_DATABASE, "no database")                                                                  \
    X(INTERRUPTED, "interrupted")                                                                  \
    X(FORMAT, "malformed data")                                                                    \
    X(UNSUPPORTED, "not supported")                                                                \
    X(IO, "input or output failed")                                                                \
    X(MEMORY, "out of memory")

enum pare_error_code {
    PARE_OK = 0,
#define PARE_ERROR_ENUM(name, text) PARE_ERR_##name,
    PARE_ERROR_CODES(PARE_ERROR_ENUM)
#undef PARE_ERROR_ENUM
};

enum { PARE_ERROR_TEXT_MAX = 1024 };

struct pare_error {
    enum pare_error_code code;
    char text[PARE_ERROR_TEXT_MAX]; /* UTF-8, no control characters, no final newline */
};

/* The kind of failure in two or three words, "malformed data"; never NULL. */
PARE_API const char *pare_error_name(enum pare_error_code code);

#ifdef __cplusplus
}
#endif

#endif
