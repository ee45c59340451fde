/* SPDX-License-Identifier: MIT */
#include "cli/pick.h"

#include <string.h>

#include "base/error.h"
#include "cli/transform.h"
#include "engine/choice.h"
#include "engine/engine.h"
#include "jobs/order.h"

static const struct pare_choice *scheme_or_keep(size_t index)
{
    static const struct pare_choice keep = { "keep", "as it is" };
    return index == 0 ? &keep : pare_scheme(index - 1);
}

/* Every --name, NULL behind the last; NULL when memory ends. */
static const char *const *read_all(struct cli *cli, const char *name, size_t *ret_count)
{
    int count = 0;
    while (cli_option_nth(cli, name, count))
        count++;
    const char **all = arena_array(&cli->arena, (size_t)count + 1, sizeof(*all));
    for (int n = 0; all && n < count; n++)
        all[n] = cli_option_nth(cli, name, n);
    *ret_count = (size_t)count;
    return all;
}

/* GLOB=SCHEME, split at the last "=": names have such, schemes do not. */
static bool read_tensor(struct cli *cli, const char *word, struct order_tensor *ret_tensor,
                        struct pare_error *err)
{
    const char *equals = strrchr(word, '=');
    if (!equals || equals == word)
        return error_set(err, PARE_ERR_USAGE,
                         "--tensor %.200s: GLOB=SCHEME was expected, such as '*head*=fp16'", word);
    if (!transform_check_choice("tensor GLOB=S", equals + 1, scheme_or_keep, err))
        return false;
    ret_tensor->glob = arena_strndup(&cli->arena, word, (size_t)(equals - word));
    ret_tensor->scheme = strcmp(equals + 1, scheme_or_keep(0)->name) != 0 ? equals + 1 : NULL;
    return ret_tensor->glob || error_no_memory(err, strlen(word));
}

static bool read_tensors(struct cli *cli, struct order_settings *io_settings,
                         struct pare_error *err)
{
    size_t count;
    const char *const *words = read_all(cli, "tensor", &count);
    struct order_tensor *tensors = arena_array(&cli->arena, count + 1, sizeof(*tensors));
    if (!words || !tensors)
        return error_no_memory(err, count * sizeof(*tensors));
    for (size_t i = 0; i < count; i++)
        if (!read_tensor(cli, words[i], &tensors[i], err))
            return false;
    io_settings->tensors = tensors;
    io_settings->tensor_count = count;
    return true;
}

/* The words between the commas of one list; blanks around them are none of theirs. */
static bool add_ops(struct cli *cli, const char *list, const char **ops, size_t *io_count,
                    struct pare_error *err)
{
    const char *end;
    for (const char *at = list; at; at = *end ? end + 1 : NULL) {
        at += strspn(at, " ");
        end = at + strcspn(at, ",");
        size_t length = strcspn(at, " ,");
        if (length == 0 || at + length + strspn(at + length, " ") != end)
            return error_set(err, PARE_ERR_USAGE,
                             "--ops %.200s: operators were expected, such as MatMul,Conv", list);
        ops[*io_count] = arena_strndup(&cli->arena, at, length);
        if (!ops[(*io_count)++])
            return error_no_memory(err, length);
    }
    return true;
}

static bool read_ops(struct cli *cli, struct order_settings *io_settings, struct pare_error *err)
{
    size_t lists, count = 0, room = 1;
    const char *const *all = read_all(cli, "ops", &lists);
    for (size_t i = 0; all && i < lists; i++)
        room += strlen(all[i]) + 1;
    const char **ops = arena_array(&cli->arena, room, sizeof(*ops));
    if (!all || !ops)
        return error_no_memory(err, room * sizeof(*ops));
    for (size_t i = 0; i < lists; i++)
        if (!add_ops(cli, all[i], ops, &count, err))
            return false;
    io_settings->ops = count ? ops : NULL;
    return true;
}

bool pick_read(struct cli *cli, struct order_settings *io_settings, struct pare_error *err)
{
    size_t count;
    io_settings->include = read_all(cli, "include", &count);
    io_settings->exclude = read_all(cli, "exclude", &count);
    if (!io_settings->include || !io_settings->exclude)
        return error_no_memory(err, count * sizeof(*io_settings->include));
    return read_ops(cli, io_settings, err) && read_tensors(cli, io_settings, err);
}

/* ---- beside a model ---- */

/* As typed; of --tensor without the scheme. */
static bool check_names(struct cli *cli, const struct model *model, const char *option,
                        struct pare_error *err)
{
    for (int n = 0; cli_option_nth(cli, option, n); n++) {
        const char *word = cli_option_nth(cli, option, n), *equals = strrchr(word, '=');
        bool cut = !strcmp(option, "tensor") && equals;
        const char *glob = cut ? arena_strndup(&cli->arena, word, (size_t)(equals - word)) : word;
        if (!glob)
            return error_no_memory(err, strlen(word));
        if (!choice_hits_name(model, glob))
            return error_set(err, PARE_ERR_USAGE,
                             "--%s %.200s: \"%.200s\" matches no tensor and no node of the model; "
                             "pare inspect lists them",
                             option, word, glob);
    }
    return true;
}

bool pick_check(struct cli *cli, const struct pare_model *model, struct pare_error *err)
{
    struct order_settings settings = { 0 };
    if (!check_names(cli, model->model, "include", err) ||
        !check_names(cli, model->model, "exclude", err) ||
        !check_names(cli, model->model, "tensor", err) || !read_ops(cli, &settings, err))
        return false;
    for (size_t i = 0; settings.ops && settings.ops[i]; i++)
        if (!choice_hits_op(model->model, settings.ops[i]))
            return error_set(err, PARE_ERR_USAGE,
                             "--ops: no tensor of the model feeds an operator \"%.200s\"",
                             settings.ops[i]);
    return true;
}
