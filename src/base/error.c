/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *pare_error_name(enum pare_error_code code)
{
    static const char *const names[] = { [PARE_OK] = "no error",
#define ERROR_NAME(name, text) [PARE_ERR_##name] = text,
                                         PARE_ERROR_CODES(ERROR_NAME)
#undef ERROR_NAME
    };
    return (size_t)code < ARRAY_SIZE(names) ? names[code] : "unknown error";
}

static void set_text(struct pare_error *err, const char *fmt, va_list args)
{
    char raw[PARE_ERROR_TEXT_MAX];
    vsnprintf(raw, sizeof(raw), fmt, args);
    text_clean(raw, strlen(raw), err->text, sizeof(err->text));
}

void error_write(struct pare_error *err, enum pare_error_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->code = code;
    set_text(err, fmt, args);
    va_end(args);
}

void error_write_prefix(struct pare_error *err, const char *fmt, ...)
{
    struct pare_error before = *err;
    va_list args;
    va_start(args, fmt);
    set_text(err, fmt, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", before.text);
}

void error_write_errno(struct pare_error *err, const char *fmt, ...)
{
    int number = errno;
    va_list args;
    va_start(args, fmt);
    err->code = PARE_ERR_IO;
    set_text(err, fmt, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(number));
}

void error_write_no_memory(struct pare_error *err, size_t size)
{
    error_write(err, PARE_ERR_MEMORY, "out of memory: %zu bytes could not be had", size);
}
