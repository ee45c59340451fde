/* SPDX-License-Identifier: MIT */
#include "tui/export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/shell.h"

enum {
    COMMAND_MAX = 64 * 1024,
    WORDS_MAX = 256, /* of a command */
    SAID_MAX = 1000,
    LOOK_EVERY_MS = 20,
    TELL_EVERY_MS = 250,
};

static const char *const formats[] = { "csv", "tsv", "json", "md" };

const char *export_format(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < ARRAY_SIZE(formats); i++)
        if (!strcasecmp(dot + 1, formats[i]))
            return formats[i];
    return NULL;
}

/* ---- the process that writes ---- */

struct order {
    const char *words[WORDS_MAX + 1]; /* the command's, NULL behind the last */
    const char *conninfo;
    int file, said;
};

static void become_command(const struct order *order)
{
    int nowhere = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    setenv("PARE_DB", order->conninfo, 1);
    dup2(nowhere, STDIN_FILENO);
    dup2(order->file, STDOUT_FILENO);
    dup2(order->said, STDERR_FILENO);
    close_range(3, ~0U, 0);
    execv("/proc/self/exe", (char *const *)order->words);
    _exit(127);
}

/* Its process waits for the command, then for the disk, so that the loop waits for neither. */
static void become_writer(const struct order *order)
{
    int status = 0;
    setsid();       /* one kill ends both */
    (void)!nice(5); /* keys come first */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t child = fork();
    if (child == 0)
        become_command(order);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    bool ok = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    _exit(ok && fsync(order->file) == 0 ? 0 : 1);
}

/* The command of the view on top as words. */
static bool put_words(struct app *app, const char *format, struct arena *arena, struct order *order,
                      struct pare_error *err)
{
    struct buf command;
    size_t count = 0;
    buf_init(&command, COMMAND_MAX);
    if (app->top->ops->table) /* the view may be another one by now */
        app->top->ops->table(app->top, &command);
    if (command.length == 0)
        return error_set(err, PARE_ERR_USAGE, "there is no table on this screen");
    buf_printf(&command, " --format %s%s", format, app->link.read_only ? " --read-only" : "");
    bool ok = buf_ok(&command, err);
    if (ok && !shell_split(buf_string(&command), arena, order->words, WORDS_MAX, &count))
        ok = error_set(err, PARE_ERR_USAGE, "this screen's command cannot be run as it stands");
    order->words[count] = NULL;
    buf_done(&command);
    return ok;
}

static bool start(struct app *app, const char *path, struct pare_error *err)
{
    struct export *export = &app->export;
    struct order order;
    struct arena arena = { 0 };
    struct buf conninfo;
    buf_init(&conninfo, COMMAND_MAX);
    link_put_conninfo(&app->link, &conninfo);
    order.conninfo = buf_string(&conninfo);
    bool ok = buf_ok(&conninfo, err) && put_words(app, export_format(path), &arena, &order, err) &&
              file_out_open(&export->out, path, err);
    if (ok) {
        export->out.sync = false; /* the writer has done it */
        export->words_fd = order.said = memfd_create("said", MFD_CLOEXEC);
        order.file = export->out.fd;
        fflush(NULL);
        export->pid = order.said < 0 ? -1 : fork();
        if (export->pid == 0)
            become_writer(&order);
        if (export->pid < 0) {
            ok = error_errno(err, "cannot start a process for the file");
            export->pid = 0;
            export_done(export);
        }
    }
    buf_done(&conninfo);
    arena_done(&arena);
    return ok;
}

/* ---- the name ---- */

/* As a shell would take it: ~ is the home folder, and a link to a file is that file. */
static bool resolve(const char *typed, char path[PATH_MAX], struct pare_error *err)
{
    const char *home = getenv("HOME");
    struct stat st;
    char full[PATH_MAX];
    bool below = typed[0] == '~' && typed[1] == '/' && home;
    int length = snprintf(full, sizeof(full), "%s%s", below ? home : "", typed + below);
    if (length >= (int)sizeof(full))
        return error_set(err, PARE_ERR_USAGE, "the file's name is too long");
    bool is_link = lstat(full, &st) == 0 && S_ISLNK(st.st_mode);
    if (is_link && !realpath(full, path))
        return error_set(err, PARE_ERR_REFUSED, "%s is a link that leads nowhere", full);
    if (!is_link)
        memcpy(path, full, (size_t)length + 1);
    if (!export_format(path))
        return error_set(err, PARE_ERR_USAGE,
                         "%s: the suffix says what is written: .csv, .tsv, .json or .md", path);
    return true;
}

void export_ask(struct app *app)
{
    const struct view_ops *ops = app->top->ops;
    struct export *export = &app->export;
    char name[64];
    struct buf command;
    buf_init(&command, COMMAND_MAX);
    if (ops->table)
        ops->table(app->top, &command);
    bool any = command.length > 0;
    buf_done(&command);
    if (!any || export->pid || app->link.state != LINK_READY) {
        app_say(app, ROLE_ERROR, "%s",
                !any          ? "there is no table on this screen"
                : export->pid ? "a file is still being written"
                              : "there is no connection to the registry now");
        return;
    }
    snprintf(name, sizeof(name), "%s.csv", *ops->name ? ops->name : "models");
    for (char *c = name; *c; c++)
        *c = *c == ' ' ? '-' : (char)(*c | (*c >= 'A' && *c <= 'Z' ? 0x20 : 0));
    prompt_set(&export->prompt, name);
    app_say(app, ROLE_PLAIN,
            "the suffix says the format: .csv .tsv .json .md; Enter writes, Escape leaves");
    export->asking = true;
    export->warned = false;
}

static void entered(struct app *app)
{
    struct export *export = &app->export;
    char path[PATH_MAX];
    struct pare_error err;
    struct stat st;
    if (!resolve(export->prompt.text, path, &err)) {
        app_say(app, ROLE_ERROR, "%s", err.text);
        return;
    }
    bool there = stat(path, &st) == 0;
    if (there && S_ISREG(st.st_mode) && !export->warned) {
        export->warned = true;
        app_say(app, ROLE_WARNING, "%s exists: Enter again overwrites it, Escape leaves it", path);
        return;
    }
    export->over = there;
    export->told_ms = app->now_ms;
    if (start(app, path, &err))
        export->asking = false;
    else
        app_say(app, ROLE_ERROR, "%s", err.text);
}

void export_key(struct app *app, const struct key *key)
{
    struct export *export = &app->export;
    app->message[0] = '\0';
    switch (prompt_key(&export->prompt, key)) {
    case PROMPT_ENTERED:
        entered(app);
        break;
    case PROMPT_EDITED:
        export->warned = false;
        break;
    case PROMPT_LEFT:
        export->asking = false;
        break;
    default:
        break;
    }
}

void export_draw(const struct export *export, struct canvas *canvas, int row)
{
    canvas_fill(canvas, row, 0, canvas->columns, ROLE_PLAIN, ' ');
    int column = 1 + canvas_text(canvas, row, 1, canvas->columns - 2, ROLE_KEY, "write to ");
    prompt_draw(&export->prompt, canvas, row, column, canvas->columns - column - 1);
}

/* ---- its end ---- */

/* The last line that the command said. */
static void read_said(int fd, char said[SAID_MAX + 1])
{
    struct stat st;
    off_t from = fstat(fd, &st) == 0 ? MAX(st.st_size - SAID_MAX, (off_t)0) : 0;
    ssize_t got = pread(fd, said, SAID_MAX, from);
    size_t length = got > 0 ? (size_t)got : 0;
    while (length > 0 && said[length - 1] == '\n')
        length--;
    said[length] = '\0';
    char *line = strrchr(said, '\n');
    line = line ? line + 1 : said;
    if (!strncmp(line, "pare: ", 6))
        line += 6;
    memmove(said, line, strlen(line) + 1);
}

static bool finish(struct export *export, int status, struct pare_error *err)
{
    char said[SAID_MAX + 1];
    struct stat st;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        read_said(export->words_fd, said);
        return error_set(err, PARE_ERR_IO, "%s", *said ? said : "the command was ended");
    }
    if (!export->over && lstat(export->out.path, &st) == 0)
        return error_set(err, PARE_ERR_REFUSED, "a file of that name has come meanwhile");
    return file_out_commit(&export->out, err);
}

static void tell(struct app *app)
{
    char size[32];
    struct stat st;
    if (app->now_ms - app->export.told_ms < TELL_EVERY_MS || fstat(app->export.out.fd, &st) != 0)
        return;
    app->export.told_ms = app->now_ms;
    text_size((int64_t)st.st_size, size, sizeof(size));
    app_say(app, ROLE_PLAIN, "writing %s: %s so far", app->export.out.path, size);
}

void export_step(struct app *app)
{
    struct export *export = &app->export;
    struct pare_error err;
    struct stat st = { 0 };
    int status;
    if (!export->pid)
        return;
    pid_t ended = waitpid(export->pid, &status, WNOHANG);
    if (ended == 0) {
        tell(app);
        return;
    }
    export->pid = 0;
    (void)!fstat(export->out.fd, &st);
    if (finish(export, ended < 0 ? -1 : status, &err))
        app_say(app, ROLE_PLAIN, "wrote %lld bytes to %s", (long long)st.st_size, export->out.path);
    else
        app_say(app, ROLE_ERROR, "%s was not written: %s", export->out.path, err.text);
    export_done(export);
}

int64_t export_deadline(const struct app *app)
{
    return app->export.pid ? app->now_ms + LOOK_EVERY_MS : INT64_MAX;
}

bool export_done(struct export *export)
{
    bool any = export->pid > 0;
    if (any) {
        kill(-export->pid, SIGKILL);
        kill(export->pid, SIGKILL); /* before it has a group of its own */
        waitpid(export->pid, NULL, 0);
    }
    if (export->words_fd > 0)
        close(export->words_fd);
    if (export->out.temporary)
        file_out_done(&export->out);
    export->pid = 0;
    export->words_fd = 0;
    return any;
}
