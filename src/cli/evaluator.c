/* SPDX-License-Identifier: MIT */
#include "cli/evaluator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "jobs/job.h"
#include "jobs/spool.h"
#include "pg/pg.h"
#include "registry/dataset.h"
#include "registry/version.h"

enum { OUTPUT_MAX = 1 << 20 };

/* The command's standard output into `output`; its errors stay on ours. */
static bool capture(const char *command, const char *path, const volatile sig_atomic_t *interrupt,
                    struct buf *output, struct pare_error *err)
{
    int ends[2], status;
    if (pipe(ends) != 0)
        return error_errno(err, "cannot make a pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/sh", "sh", "-c", "eval \"$1\" '\"$2\"'", "sh", command, path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char room[4096];
    for (ssize_t n; child > 0 && (n = read(ends[0], room, sizeof(room))) != 0;) {
        if (n > 0)
            buf_add(output, room, (size_t)n);
        else if (errno != EINTR)
            break;
    }
    close(ends[0]);
    if (child < 0)
        return error_errno(err, "cannot start %s", command);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (*interrupt)
        return error_set(err, PARE_ERR_INTERRUPTED, "--exec %s: interrupted", command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return error_set(err, PARE_ERR_FAILED, "--exec %s: it ended with %s %d", command,
                         WIFEXITED(status) ? "code" : "signal",
                         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return buf_ok(output, err) || error_prefix(err, "--exec %s", command);
}

static bool judge(const char *command, const struct buf *output, struct pare_error *err)
{
    enum json_kind kind;
    if (!json_check(buf_string(output), output->length, &kind, err))
        return error_prefix(err, "--exec %s: what it prints is", command);
    if (kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_FORMAT,
                         "--exec %s: it was expected to print a JSON object, such as "
                         "{\"accuracy\": 0.95}",
                         command);
    return true;
}

static bool store(const struct cli *cli, const struct visit *visit, const struct version *version,
                  const char *command, const char *json, struct pare_error *err)
{
    struct buf conditions;
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    buf_init(&conditions, OUTPUT_MAX);
    buf_text(&conditions, "{\"exec\": ");
    json_put_string(&conditions, command);
    buf_text(&conditions, ", \"host\": ");
    json_put_string(&conditions, host);
    buf_char(&conditions, '}');
    const struct measurement measurement = { .model_id = version->id,
                                             .result = json,
                                             .conditions = buf_string(&conditions),
                                             .metrics = json };
    bool ok = buf_ok(&conditions, err) && pg_begin(visit->pg, true, err);
    if (ok) {
        ok = measurement_store(visit->pg, &measurement, visit->registry.actor,
                               cli_has(cli, "replace"), err) &&
             pg_commit(visit->pg, err);
        if (!ok)
            pg_rollback(visit->pg);
    }
    buf_done(&conditions);
    return ok;
}

bool evaluator_run(const struct cli *cli, const struct visit *visit, const struct version *version,
                   const char *command, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct spool spool;
    struct spooled bytes;
    struct buf output;
    if (!spool_open(&spool, err))
        return false;
    buf_init(&output, OUTPUT_MAX);
    struct job_run run = { .registry = &visit->registry,
                           .spool = spool.path,
                           .cancelled = cli->interrupt };
    bool ok = spool_version(&run, version, "version", &arena, &bytes, err) &&
              capture(command, bytes.path, cli->interrupt, &output, err) &&
              judge(command, &output, err) &&
              store(cli, visit, version, command, buf_string(&output), err);
    buf_done(&output);
    spool_close(&spool);
    arena_done(&arena);
    return ok;
}
