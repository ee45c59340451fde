/* SPDX-License-Identifier: MIT */
#include "tui/view/job_method.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "tui/shell.h"

static const char *value(const struct job_fields *fields, enum job_field field)
{
    return form_value(&fields->fields[field]);
}

bool job_method_hides(const struct job_fields *fields, enum job_field field)
{
    const char *method = value(fields, ASK_METHOD);
    if (field == ASK_AMOUNT)
        return !strcmp(method, "2:4");
    if (field == ASK_SEED)
        return strcmp(method, "random") != 0;
    return (field == ASK_DIM || field == ASK_NORM) && strcmp(method, "ln") != 0;
}

/* What the field says where the method has it, else NULL. */
static const char *own_value(const struct job_fields *fields, enum job_field field)
{
    return job_method_hides(fields, field) ? NULL : value(fields, field);
}

/* A whole number is one of weights, as torch has it. */
static bool read_amount(const char *word, struct order_settings *io_settings,
                        struct pare_error *err)
{
    if (text_to_int64(word, &io_settings->count) && io_settings->count >= 0)
        return true;
    io_settings->count = 0;
    if (text_to_double(word, &io_settings->amount) && io_settings->amount >= 0 &&
        io_settings->amount <= 1)
        return true;
    return error_set(err, PARE_ERR_USAGE,
                     "amount: a share from 0 to 1, such as 0.5, or a number of weights");
}

bool job_method_read(const struct job_fields *fields, struct order_settings *io_settings,
                     struct pare_error *err)
{
    const char *amount = own_value(fields, ASK_AMOUNT);
    int64_t seed;
    io_settings->seed = own_value(fields, ASK_SEED);
    io_settings->dim = own_value(fields, ASK_DIM);
    io_settings->norm = own_value(fields, ASK_NORM);
    if (io_settings->seed && !text_to_int64(io_settings->seed, &seed))
        return error_set(err, PARE_ERR_USAGE, "seed: a whole number");
    return !amount || read_amount(amount, io_settings, err);
}

void job_method_put_options(const struct job_fields *fields, struct buf *command)
{
    static const struct {
        enum job_field field;
        const char *option;
    } options[] = {
        { ASK_AMOUNT, "amount" }, { ASK_SEED, "seed" }, { ASK_DIM, "dim" }, { ASK_NORM, "n" }
    };
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        const char *word = own_value(fields, options[i].field);
        if (!word)
            continue;
        buf_printf(command, " --%s ", options[i].option);
        shell_quote(command, word);
    }
}
