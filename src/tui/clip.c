/* SPDX-License-Identifier: MIT */
#include "tui/clip.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "tui/app.h"
#include "tui/term.h"

enum {
    TEXT_MAX = 4 << 20,
    LINE_MAX = 64 * 1024,
    PATH_ROOM = 512,
    PIECE_BYTES = 240, /* screen takes 256 in one string */
    TMUX_MS = 2000,
    LOOK_EVERY_MS = 10,
};

/* ---- text ---- */

static void clean_line(const char *line, size_t length, struct buf *to)
{
    char clean[3 * 1024 + 1];
    while (length > 0) {
        size_t step = MIN(length, (size_t)1024); /* a byte becomes three at most */
        while (step < length && step > 1000 && ((unsigned char)line[step] & 0xC0) == 0x80)
            step--;
        buf_add(to, clean, text_clean(line, step, clean, sizeof(clean)));
        line += step;
        length -= step;
    }
}

void clip_clean(const char *text, struct buf *to)
{
    for (;;) {
        size_t length = strcspn(text, "\n");
        clean_line(text, length, to);
        if (!text[length])
            return;
        buf_char(to, '\n');
        text += length + 1;
    }
}

void clip_put_sequence(const char *text, size_t length, bool in_screen, struct buf *to)
{
    struct buf whole;
    buf_init(&whole, SIZE_MAX / 2);
    buf_text(&whole, "\033]52;c;");
    base64_put(&whole, text, length);
    buf_char(&whole, '\a');
    for (size_t at = 0; in_screen && at < whole.length; at += PIECE_BYTES) {
        buf_text(to, "\033P");
        buf_add(to, whole.data + at, MIN(whole.length - at, (size_t)PIECE_BYTES));
        buf_text(to, "\033\\");
    }
    if (!in_screen)
        buf_add(to, whole.data, whole.length);
    buf_done(&whole);
}

/* ---- the file ---- */

static bool put_folder(struct buf *path)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        buf_printf(path, "%s/pare", state);
    else if (home && *home == '/')
        buf_printf(path, "%s/.local/state/pare", home);
    return path->length > 0 && !path->over_ceiling;
}

static bool write_file(const char *path, const struct buf *text, struct pare_error *err)
{
    struct file_out out;
    if (!file_out_open(&out, path, err))
        return false;
    out.sync = false; /* a disk is not waited for */
    bool ok = fchmod(out.fd, 0600) == 0 || error_errno(err, "cannot write %s", path);
    ok = ok && file_out_write(&out, text->data, text->length, err) && file_out_commit(&out, err);
    file_out_done(&out);
    return ok;
}

/* Its name in `path`; false: there is no such file, and why. */
static bool keep(struct clip *clip, struct buf *path, struct pare_error *err)
{
    if (!put_folder(path))
        return error_set(err, PARE_ERR_IO, "neither XDG_STATE_HOME nor HOME names a folder");
    if (!file_make_folders(buf_string(path), 0700, err))
        return false;
    buf_text(path, "/copied");
    return buf_ok(path, err) && write_file(buf_string(path), &clip->text, err);
}

/* ---- the ways to the clipboard ---- */

static void become_tmux(int text_fd)
{
    int nowhere = open("/dev/null", O_RDWR);
    dup2(text_fd, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    close_range(3, ~0U, 0);
    execlp("tmux", "tmux", "load-buffer", "-w", "-", (char *)NULL);
    _exit(127);
}

/* It reads the text from the file: no pipe is filled, nobody waits. */
static bool start_tmux(struct app *app, const char *path)
{
    const char *tmux = getenv("TMUX");
    CLEANUP(file_close) int fd = tmux && *tmux ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    pid_t child = fd < 0 ? -1 : fork();
    if (child == 0)
        become_tmux(fd);
    if (child <= 0)
        return false;
    app->clip.tmux = child;
    app->clip.until_ms = app->now_ms + TMUX_MS;
    return true;
}

static void say_copied(struct app *app, const char *to)
{
    struct buf path;
    buf_init(&path, PATH_ROOM);
    bool kept = app->clip.in_file && put_folder(&path);
    app_say(app, ROLE_PLAIN, "copied %zu bytes to %s%s%s%s", app->clip.text.length, to,
            *to && kept ? " and to " : "", kept ? buf_string(&path) : "", kept ? "/copied" : "");
    buf_done(&path);
}

static void ask_terminal(struct app *app)
{
    struct clip *clip = &app->clip;
    const char *screen = getenv("STY");
    struct buf bytes;
    if (base64_length(clip->text.length) > CLIP_BASE64_MAX || app->options->plain) {
        if (clip->in_file)
            say_copied(app, "");
        else
            app_say(app, ROLE_ERROR, "not copied: %s",
                    app->options->plain ? "without a file there is no way from here"
                                        : "too much for a terminal's clipboard");
        return;
    }
    buf_init(&bytes, 4 * CLIP_BASE64_MAX);
    clip_put_sequence(clip->text.data, clip->text.length, screen && *screen, &bytes);
    term_send(app->term, bytes.data, bytes.length);
    buf_done(&bytes);
    say_copied(app, "the terminal, which does not confirm it,");
}

static void stop_tmux(struct clip *clip)
{
    if (!clip->tmux)
        return;
    kill(clip->tmux, SIGKILL);
    waitpid(clip->tmux, NULL, 0);
    clip->tmux = 0;
}

void clip_copy(struct app *app, const char *text)
{
    struct clip *clip = &app->clip;
    struct pare_error err;
    struct buf path;
    stop_tmux(clip);
    clip_done(clip);
    buf_init(&clip->text, TEXT_MAX);
    clip_clean(text, &clip->text);
    if (clip->text.length == 0 || !buf_ok(&clip->text, &err)) {
        app_say(app, ROLE_ERROR, "%s", clip->text.length ? err.text : "there is nothing to copy");
        return;
    }
    buf_init(&path, PATH_ROOM);
    clip->in_file = keep(clip, &path, &err);
    if (!clip->in_file)
        app_say(app, ROLE_ERROR, "not kept in a file: %s", err.text);
    if (!clip->in_file || !start_tmux(app, buf_string(&path)))
        ask_terminal(app);
    buf_done(&path);
}

void clip_copy_view(struct app *app)
{
    const struct view_ops *ops = app->top->ops;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (ops->copy && !ops->copy(app->top, &text))
        buf_clear(&text);
    else if (!ops->copy)
        canvas_row(&app->canvas, app->canvas.cursor_row, &text);
    clip_copy(app, buf_string(&text) + strspn(buf_string(&text), " "));
    buf_done(&text);
}

void clip_step(struct app *app)
{
    struct clip *clip = &app->clip;
    int status = 0;
    if (!clip->tmux)
        return;
    pid_t ended = waitpid(clip->tmux, &status, WNOHANG);
    if (ended == 0 && app->now_ms < clip->until_ms)
        return;
    if (ended == 0)
        stop_tmux(clip);
    clip->tmux = 0;
    if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        say_copied(app, "tmux");
    else
        ask_terminal(app);
}

int64_t clip_deadline(const struct app *app)
{
    return app->clip.tmux ? app->now_ms + LOOK_EVERY_MS : INT64_MAX;
}

void clip_done(struct clip *clip)
{
    buf_done(&clip->text);
    *clip = (struct clip){ 0 };
}
