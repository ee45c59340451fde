/* SPDX-License-Identifier: MIT */
#include "cluster/binaries.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cluster/process.h"

enum { CANDIDATES_MAX = 64, OLDEST_MAJOR = 14 };

/* Debian and Ubuntu; the PGDG packages of Fedora and its kin; Alpine; SUSE; Homebrew. */
static const char *const PACKAGES[] = {
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/usr/lib/postgresql*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
    NULL,
};

struct candidates {
    struct arena arena; /* of the folders' names */
    const char *folders[CANDIDATES_MAX];
    size_t count;
};

struct binaries_sources binaries_sources(void)
{
    const char *forced = getenv("PARE_PG_BINDIR");
    return (struct binaries_sources){
        .forced = forced && forced[0] ? forced : NULL,
        .path = getenv("PATH"),
        .patterns = PACKAGES,
    };
}

static bool is_program(const char *folder, const char *name)
{
    char path[CLUSTER_PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    return length < (int)sizeof(path) && access(path, X_OK) == 0;
}

/* ---- candidates ---- */

static void add_folder(struct candidates *candidates, const char *folder)
{
    if (folder[0] != '/' || candidates->count == CANDIDATES_MAX || !is_program(folder, "initdb") ||
        !is_program(folder, "postgres"))
        return;
    for (size_t i = 0; i < candidates->count; i++)
        if (strcmp(candidates->folders[i], folder) == 0)
            return;
    const char *copy = arena_strdup(&candidates->arena, folder);
    if (copy)
        candidates->folders[candidates->count++] = copy;
}

/* Call `each` with the absolute folders of a PATH. */
static void walk_path(struct candidates *candidates, const char *path,
                      void (*each)(struct candidates *, const char *folder))
{
    char folder[CLUSTER_PATH_MAX];
    while (path && *path) {
        size_t length = strcspn(path, ":");
        if (length > 0 && length < sizeof(folder) && path[0] == '/') {
            memcpy(folder, path, length);
            folder[length] = '\0';
            each(candidates, folder);
        }
        path += length + (path[length] == ':');
    }
}

static void ask_pg_config(struct candidates *candidates, const char *folder)
{
    char program[CLUSTER_PATH_MAX];
    if (!is_program(folder, "pg_config") ||
        snprintf(program, sizeof(program), "%s/pg_config", folder) >= (int)sizeof(program))
        return;
    const char *argv[] = { program, "--bindir", NULL };
    struct buf output;
    buf_init(&output, CLUSTER_PATH_MAX);
    struct pare_error ignored;
    int code;
    if (process_run(argv, &output, &code, &ignored) && code == 0 && output.length > 0) {
        output.data[strcspn(output.data, "\n")] = '\0';
        add_folder(candidates, output.data);
    }
    buf_done(&output);
}

static int newest_first(const void *a, const void *b)
{
    return strverscmp(*(char *const *)b, *(char *const *)a);
}

static void add_pattern(struct candidates *candidates, const char *pattern)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), newest_first);
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_folder(candidates, found.gl_pathv[i]);
    globfree(&found);
}

static void gather(struct candidates *candidates, const struct binaries_sources *sources)
{
    if (sources->forced) {
        add_folder(candidates, sources->forced);
        return;
    }
    walk_path(candidates, sources->path, ask_pg_config);
    for (const char *const *pattern = sources->patterns; *pattern; pattern++)
        add_pattern(candidates, *pattern);
    walk_path(candidates, sources->path, add_folder);
}

/* ---- versions ---- */

/* "postgres (PostgreSQL) 15.18 (Debian ...)": 17beta1 is of 17, 9.6.24 of 9.6. */
static bool parse_version(const char *text, struct binaries *binaries)
{
    static const char before[] = "(PostgreSQL) ";
    const char *at = strstr(text, before);
    if (!at)
        return false;
    at += strlen(before);
    text_clean(at, strcspn(at, "\n"), binaries->version, sizeof(binaries->version));
    size_t length = strspn(at, "0123456789");
    if (length == 1 && at[1] == '.')
        length += 1 + strspn(at + 2, "0123456789");
    if (length == 0 || length >= sizeof(binaries->major))
        return false;
    memcpy(binaries->major, at, length);
    binaries->major[length] = '\0';
    return true;
}

static bool ask_version(const char *folder, struct binaries *ret_binaries)
{
    struct binaries binaries = { 0 };
    char program[CLUSTER_PATH_MAX];
    int length = snprintf(program, sizeof(program), "%s/postgres", folder);
    if (length >= (int)sizeof(program))
        return false;
    const char *argv[] = { program, "-V", NULL };
    struct buf output;
    buf_init(&output, 512);
    struct pare_error ignored;
    int code;
    bool ok = process_run(argv, &output, &code, &ignored) && code == 0 &&
              parse_version(buf_string(&output), &binaries);
    buf_done(&output);
    if (!ok)
        return false;
    snprintf(binaries.folder, sizeof(binaries.folder), "%s", folder);
    *ret_binaries = binaries;
    return true;
}

static double major_number(const char *major)
{
    double number;
    return text_to_double(major, &number) ? number : 0;
}

static bool serves(const struct binaries *binaries, const char *data_major)
{
    if (data_major[0])
        return strcmp(binaries->major, data_major) == 0;
    return major_number(binaries->major) >= OLDEST_MAJOR;
}

/* ---- refusals ---- */

static bool refuse_nothing(const struct binaries_sources *sources, struct pare_error *err)
{
    if (sources->forced)
        return error_set(
            err, PARE_ERR_NO_DATABASE,
            "PARE_PG_BINDIR is %s, and that folder holds no initdb and postgres that "
            "run: set it to the absolute path of a PostgreSQL server's bin folder, or unset it",
            sources->forced);
    return error_set(err, PARE_ERR_NO_DATABASE,
                     "no PostgreSQL server on this machine: install it (Debian, Ubuntu: apt "
                     "install postgresql; Fedora: dnf install postgresql-server; macOS: brew "
                     "install postgresql), set PARE_PG_BINDIR to its bin folder, or name a "
                     "database with --db or PARE_DB");
}

/* /usr/lib/postgresql/18/bin -> /usr/lib/postgresql/15/bin, where packages put them so; else OLDBIN */
static void guess_old_folder(const struct binaries *there, const char *data_major, char *to,
                             size_t room)
{
    char part[32];
    snprintf(part, sizeof(part), "/%s/", there->major);
    const char *at = strstr(there->folder, part);
    if (at)
        snprintf(to, room, "%.*s/%s/%s", (int)(at - there->folder), there->folder, data_major,
                 at + strlen(part));
    else
        snprintf(to, room, "OLDBIN");
}

/*
 * The command was run on data of 15 with programs of 18. Its last step removes pg_upgrade's script,
 * which would delete the new data under the old name.
 */
static bool refuse_older(const struct cluster *cluster, const char *data_major,
                         const struct binaries *there, struct pare_error *err)
{
    const char *role = cluster->role, *bin = there->folder, *major = there->major;
    char old[CLUSTER_PATH_MAX];
    guess_old_folder(there, data_major, old, sizeof(old));
    return error_set(
        err, PARE_ERR_REFUSED,
        "%s/data are of PostgreSQL %s, and this machine has PostgreSQL %s (%s); nothing was "
        "touched: install PostgreSQL %s beside it, and stay; or then move on, as the user %s: cd "
        "%s && %s/initdb -D data.%s -U %s -E UTF8 --locale=C -k && %s/pg_upgrade -b %s -B %s -d "
        "data -D data.%s -U %s && cp data/pg_hba.conf data/pg_ident.conf data.%s && mv data "
        "data.%s && mv data.%s data && rm delete_old_cluster.sh",
        cluster->folder, data_major, major, bin, data_major, cluster->account, cluster->folder, bin,
        major, role, bin, old, bin, major, role, major, data_major, major);
}

static bool refuse_version(const struct cluster *cluster, const char *data_major,
                           const struct binaries *there, struct pare_error *err)
{
    if (!data_major[0])
        return error_set(err, PARE_ERR_NO_DATABASE,
                         "PostgreSQL %s in %s is too old for pare: install PostgreSQL %d or newer",
                         there->major, there->folder, OLDEST_MAJOR);
    if (major_number(there->major) > major_number(data_major) && major_number(data_major) > 0)
        return refuse_older(cluster, data_major, there, err);
    return error_set(err, PARE_ERR_REFUSED,
                     "%s/data are of PostgreSQL %s, and this machine has PostgreSQL %s (%s), which "
                     "cannot read them; nothing was touched: install PostgreSQL %s",
                     cluster->folder, data_major, there->major, there->folder, data_major);
}

bool binaries_find(const struct binaries_sources *sources, const struct cluster *cluster,
                   const char *data_major, struct binaries *ret_binaries, struct pare_error *err)
{
    struct candidates candidates = { .count = 0 };
    struct binaries binaries, other;
    bool found = false, have_other = false;
    gather(&candidates, sources);
    for (size_t i = 0; !found && i < candidates.count; i++) {
        if (!ask_version(candidates.folders[i], &binaries))
            continue;
        found = serves(&binaries, data_major);
        if (!found && !have_other) {
            other = binaries;
            have_other = true;
        }
    }
    arena_done(&candidates.arena);
    if (found) {
        *ret_binaries = binaries;
        return true;
    }
    return have_other ? refuse_version(cluster, data_major, &other, err)
                      : refuse_nothing(sources, err);
}
