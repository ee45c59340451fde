/* SPDX-License-Identifier: MIT */
/*
 * Clients that route by hashing where they are and record what came of it: src/cli/snippet, where @TEST@,
 * @SALT@, @A@ and @B@ stand for the test and its arms' numbers.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/ab.h"
#include "cli/snippet.auto.h"

enum { SNIPPET_MAX = 64 * 1024 };

/* A word for a shell: in single quotes. */
static void put_word(struct buf *buf, const char *text)
{
    buf_text(buf, "'");
    for (; *text; text++)
        if (*text == '\'')
            buf_text(buf, "'\\''");
        else
            buf_char(buf, *text);
    buf_text(buf, "'");
}

static void fill(struct buf *buf, const char *text, const struct abtest *test, bool is_shell)
{
    const char *at;
    for (; (at = strchr(text, '@')); text = strchr(at + 1, '@') + 1) {
        buf_add(buf, text, (size_t)(at - text));
        if (!strncmp(at, "@TEST@", 6))
            buf_printf(buf, "%lld", (long long)test->id);
        else if (!strncmp(at, "@A@", 3))
            buf_printf(buf, "%lld", (long long)test->a.id);
        else if (!strncmp(at, "@B@", 3))
            buf_printf(buf, "%lld", (long long)test->b.id);
        else if (is_shell)
            put_word(buf, test->plan.salt);
        else
            json_put_string(buf, test->plan.salt);
    }
    buf_text(buf, text);
}

bool ab_snippet(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    const char *lang = cli_option(cli, "lang");
    struct abtest test;
    struct buf buf;
    bool is_shell = lang && !strcmp(lang, "sh");
    if (lang && !is_shell && strcmp(lang, "python") != 0)
        return error_set(err, PARE_ERR_USAGE, "--lang %s: python or sh was expected", lang);
    if (!ab_find(cli, visit, &test, err))
        return false;
    if (registry_is_guest(&visit->registry) || visit->registry.schema < ABTEST_SCHEMA)
        return error_set(
            err, PARE_ERR_REFUSED,
            "the test's salt cannot be read here: a client would route by another one");
    buf_init(&buf, SNIPPET_MAX);
    fill(&buf, is_shell ? snippet_sh : snippet_py, &test, is_shell);
    bool ok = buf_ok(&buf, err);
    if (ok)
        fputs(buf_string(&buf), stdout);
    buf_done(&buf);
    return ok;
}
