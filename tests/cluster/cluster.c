/* SPDX-License-Identifier: MIT */
/* Where the private PostgreSQL would be and which server would run it; nothing is started here. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cluster/binaries.h"
#include "cluster/cluster.h"
#include "cluster/place.h"
#include "cluster/process.h"
#include "cluster/server.h"
#include "tap.h"

static char work[64] = "/tmp/pare-cc.XXXXXX";
static struct pare_error err;

static char *in_work(const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", work, name);
    return path;
}

static bool run(const char *const argv[])
{
    struct buf output;
    buf_init(&output, 4096);
    int code = 1;
    bool ok = process_run(argv, &output, &code, &err) && code == 0;
    buf_done(&output);
    return ok;
}

static void write_program(const char *folder, const char *name, const char *script)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct file_out out;
    if (!file_out_open(&out, path, &err) || !file_out_write(&out, script, strlen(script), &err) ||
        !file_out_commit(&out, &err) || chmod(path, 0755) != 0)
        printf("Bail out! cannot write %s\n", path);
    file_out_done(&out);
}

/* A folder that looks like PostgreSQL's programs of a version. */
static void write_server(const char *name, const char *version)
{
    char folder[512], script[256];
    if (!file_make_folders(in_work(name, folder), 0755, &err))
        printf("Bail out! %s\n", err.text);
    snprintf(script, sizeof(script), "#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version);
    write_program(folder, "postgres", script);
    write_program(folder, "initdb", script);
}

/* ---- which server ---- */

static const char *found(const struct binaries_sources *sources, const char *data_major)
{
    static struct binaries binaries;
    struct cluster cluster = { .folder = "/home/u/pare/cluster", .role = "u" };
    return binaries_find(sources, &cluster, data_major, &binaries, &err) ? binaries.version : NULL;
}

static void test_search(void)
{
    char pattern[512], path[1024], odd[512], config[600];
    const char *const patterns[] = { in_work("lib/*/bin", pattern), NULL };
    const char *const none[] = { NULL };
    write_server("lib/9.6/bin", "9.6.24");
    write_server("lib/14/bin", "14.9");
    write_server("lib/16/bin", "16.3 (Debian 16.3-1)");
    write_server("lib/17/bin", "17beta2");
    write_server("odd", "15.1");
    struct binaries_sources sources = { .path = NULL, .patterns = patterns };
    IS(found(&sources, ""), "17beta2", "without data the newest serves");
    IS(found(&sources, "14"), "14.9", "data are served by their own major version");
    IS(found(&sources, "9.6"), "9.6.24", "before 10 the major version has two numbers");
    OK(!found(&sources, "15") && err.code == PARE_ERR_REFUSED, "data of a missing one are refused");
    OK(strstr(err.text, "PostgreSQL 15") && strstr(err.text, "PostgreSQL 17"),
       "and both versions named");
    OK(strstr(err.text, "pg_upgrade"), "and the way to move on");
    OK(!found(&sources, "18") && !strstr(err.text, "pg_upgrade"),
       "there is no way back from newer");
    snprintf(path, sizeof(path), "/nowhere::%s", in_work("odd", odd));
    sources.path = path;
    IS(found(&sources, "15"), "15.1", "the PATH is searched too");
    IS(found(&sources, ""), "17beta2", "after the packages' places");
    snprintf(config, sizeof(config), "#!/bin/sh\necho %s/lib/16/bin\n", work);
    write_program(odd, "pg_config", config);
    IS(found(&sources, ""), "16.3 (Debian 16.3-1)", "pg_config is asked first");
    sources.forced = odd;
    IS(found(&sources, ""), "15.1", "PARE_PG_BINDIR decides alone");
    sources = (struct binaries_sources){ .path = "/nowhere", .patterns = none };
    OK(!found(&sources, "") && err.code == PARE_ERR_NO_DATABASE,
       "no PostgreSQL at all: no database");
    OK(strstr(err.text, "apt install postgresql"), "and what to install");
}

static void test_bad_programs(void)
{
    char folder[512], pattern[512];
    const char *const patterns[] = { in_work("bad/*", pattern), NULL };
    write_server("bad/a", "15.1");
    write_program(in_work("bad/a", folder), "postgres", "#!/bin/sh\nexit 3\n");
    write_server("bad/b", "1234567890123456789012345678901234567890");
    write_server("bad/c", "15.1");
    write_program(in_work("bad/c", folder), "postgres", "#!/bin/sh\nyes postgres | head -100000\n");
    struct binaries_sources sources = { .patterns = patterns };
    OK(!found(&sources, "") && err.code == PARE_ERR_NO_DATABASE,
       "programs that fail, or answer nonsense or too much, are no PostgreSQL");
}

/* ---- where ---- */

static bool find_at(const char *home, const char *data_home, struct cluster *ret_cluster)
{
    setenv("HOME", home, 1);
    if (data_home)
        setenv("XDG_DATA_HOME", data_home, 1);
    else
        unsetenv("XDG_DATA_HOME");
    return place_find(ret_cluster, &err);
}

static void test_place(void)
{
    struct cluster a, b;
    char home[512], other[512], want[1024], long_home[CLUSTER_PATH_MAX];
    unsetenv("PARE_IDLE_SECONDS");
    OK(find_at(in_work("home", home), NULL, &a), "a home that is not there yet is fine");
    snprintf(want, sizeof(want), "%s/.local/share/pare/cluster", home);
    IS(a.folder, want, "the folder is below ~/.local/share");
    OK(a.idle_seconds == 60, "the idle time is a minute");
    OK(find_at(home, in_work("xdg", other), &b), "XDG_DATA_HOME is followed");
    snprintf(want, sizeof(want), "%s/pare/cluster", other);
    IS(b.folder, want, "to its own pare/cluster");
    OK(find_at(home, "relative", &b) && !strcmp(a.folder, b.folder),
       "unless it is relative, as the standard says");
    OK(access(home, F_OK) != 0 && access(other, F_OK) != 0, "looking makes nothing");
    memset(long_home, 'x', sizeof(long_home));
    long_home[0] = '/';
    long_home[sizeof(long_home) - 1] = '\0';
    OK(!find_at(long_home, NULL, &b) && strstr(err.text, "XDG_DATA_HOME"),
       "a home beyond PostgreSQL's paths is refused");
    setenv("PARE_IDLE_SECONDS", "7", 1);
    OK(find_at(home, NULL, &b) && b.idle_seconds == 7, "PARE_IDLE_SECONDS is followed");
    setenv("PARE_IDLE_SECONDS", "0", 1);
    OK(!find_at(home, NULL, &b) && err.code == PARE_ERR_USAGE, "but not to 0");
    unsetenv("PARE_IDLE_SECONDS");
}

static void test_sockets(void)
{
    char path[CLUSTER_PATH_MAX];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[93] = '\0';
    OK(place_fits_socket(path), "a folder of 93 bytes makes a socket of 107");
    path[93] = 'x';
    path[94] = '\0';
    OK(!place_fits_socket(path), "one of 94 does not");
    OK(!place_fits_socket("/a,b") && !place_fits_socket("/a\"b") && !place_fits_socket("/a\nb"),
       "nor do commas, quotes, control bytes");
    OK(place_fits_socket("/home/an na/\303\274"), "blanks and other letters do");
}

static void test_names(void)
{
    struct cluster cluster = { .socket_folder = "/r un/50%", .role = "o'ne@x", .account = "pg" };
    struct buf buf;
    buf_init(&buf, CLUSTER_CONNINFO_MAX);
    cluster_conninfo(&cluster, &buf);
    IS(buf_string(&buf),
       "host='/r un/50%' hostaddr='' port='5432' dbname='pare' user='o\\'ne@x' requirepeer='pg' ",
       "libpq's keywords are quoted");
    buf_clear(&buf);
    cluster_uri(&cluster, &buf);
    IS(buf_string(&buf), "postgresql://o%27ne%40x@/pare?host=/r%20un/50%25&port=5432",
       "the URI is escaped");
    buf_done(&buf);
}

/* ---- what the server left ---- */

static void write_text(const char *name, const char *text)
{
    char path[512];
    struct file_out out;
    if (!file_out_open(&out, in_work(name, path), &err) ||
        !file_out_write(&out, text, strlen(text), &err) || !file_out_commit(&out, &err))
        printf("Bail out! %s\n", err.text);
    file_out_done(&out);
}

static void test_pid_files(void)
{
    struct cluster cluster = { .socket_folder = "/tmp" };
    struct server server;
    char folder[512], text[256];
    snprintf(cluster.folder, sizeof(cluster.folder), "%s", work);
    if (!file_make_folders(in_work("data", folder), 0700, &err))
        printf("Bail out! %s\n", err.text);
    OK(!server_find(&cluster, &server), "no pid file: no server");
    snprintf(text, sizeof(text), "%d\n/\n1\n5432\n/tmp\n\n\nready\n", (int)getpid());
    write_text("data/postmaster.pid", text);
    OK(!server_find(&cluster, &server), "a living process that is no postgres here: no server");
    static const char *const bad[] = { "", "\n", "0\n", "-1\n", "1\n", "99999999999\n", "x\n" };
    bool none = true;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        write_text("data/postmaster.pid", bad[i]);
        none = none && !server_find(&cluster, &server);
    }
    OK(none, "an empty or spoilt pid file: no server");
    char major[16];
    place_data_major(&cluster, major);
    IS(major, "", "no PG_VERSION: no data");
    write_text("data/PG_VERSION", "16\n");
    place_data_major(&cluster, major);
    IS(major, "16", "PG_VERSION is read");
    write_text("data/PG_VERSION", "");
    place_data_major(&cluster, major);
    IS(major, "?", "an empty one is still some data");
}

static void is_telling(const char *text, const char *want, const char *what)
{
    char line[128];
    server_telling_line(text, strlen(text), line, sizeof(line));
    IS(line, want, what);
}

static void test_log(void)
{
    is_telling("", "", "no output has no line");
    is_telling("creating folder ... ok\nrunning bootstrap script ... ",
               "running bootstrap script ... ", "without an error the last line tells most");
    is_telling("2026-01-02 03:04:05.6 UTC [9] LOG:  starting\n"
               "2026-01-02 03:04:05.7 UTC [9] FATAL:  could not write: No space left on device\n"
               "2026-01-02 03:04:05.8 UTC [9] LOG:  database system is shut down\n",
               "could not write: No space left on device", "else the last that names an error");
    is_telling("FATAL:  a\033[31mb\n", "a\302\267[31mb", "control bytes are taken out");
}

static void test_run(void)
{
    struct buf output;
    buf_init(&output, 1000);
    int code = 0;
    const char *const many[] = { "/bin/sh", "-c", "yes | head -5000; echo the end >&2; exit 7",
                                 NULL };
    OK(process_run(many, &output, &code, &err) && code == 7, "a program's exit code is told");
    OK(output.length > 8 && !strcmp(output.data + output.length - 8, "the end\n"),
       "of much output the newest stays, errors too");
    OK(buf_ok(&output, &err), "within the ceiling");
    buf_clear(&output);
    setenv("PGPORT", "1", 1);
    const char *const show[] = { "/usr/bin/env", NULL };
    OK(process_run(show, &output, &code, &err) && !strstr(buf_string(&output), "PGPORT"),
       "programs do not get the caller's PG variables");
    const char *const killed[] = { "/bin/sh", "-c", "kill -9 $$", NULL };
    OK(process_run(killed, &output, &code, &err) && code == 137, "nor is a killed one a success");
    const char *const missing[] = { "/nowhere/initdb", NULL };
    OK(!process_run(missing, &output, &code, &err) && strstr(err.text, "/nowhere/initdb"),
       "a missing one is named");
    buf_done(&output);
}

int main(void)
{
    if (!mkdtemp(work) || chmod(work, 0755) != 0) {
        printf("Bail out! cannot make %s\n", work);
        return 1;
    }
    test_search();
    test_bad_programs();
    test_place();
    test_sockets();
    test_names();
    test_pid_files();
    test_log();
    test_run();
    const char *const clean_up[] = { "/bin/rm", "-rf", "--", work, NULL };
    OK(run(clean_up), "the test leaves nothing");
    return tap_done();
}
