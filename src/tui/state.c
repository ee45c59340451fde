/* SPDX-License-Identifier: MIT */
#include "tui/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

enum { FOLDER_MODE = 0700, FILE_MODE = 0600 };

/* The caller's; NULL without a home. */
static char *find_path(void)
{
    const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
    char *path = NULL;
    bool own = state && state[0] == '/'; /* the standard: ignored unless absolute */
    if (!own && (!home || home[0] != '/'))
        return NULL;
    int length = own ? asprintf(&path, "%s/pare/browser.json", state)
                     : asprintf(&path, "%s/.local/state/pare/browser.json", home);
    return length < 0 ? NULL : path;
}

/* An object whose members are objects whose members are objects; all else is none of ours. */
static bool is_ours(const cJSON *root)
{
    const cJSON *section, *entry;
    if (!cJSON_IsObject(root))
        return false;
    cJSON_ArrayForEach(section, root)
    {
        if (!cJSON_IsObject(section))
            return false;
        cJSON_ArrayForEach(entry, section) if (!cJSON_IsObject(entry)) return false;
    }
    return true;
}

/* What cannot be there: a pipe would make one wait, and a file of somebody else's say anything. */
static bool is_readable(int fd, const char *path, struct pare_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, PARE_ERR_FORMAT, "%s is no file: nothing is remembered", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return error_set(err, PARE_ERR_FORMAT, "%s belongs to another user: it is not read", path);
    if (st.st_size > STATE_BYTES_MAX)
        return error_set(err, PARE_ERR_FORMAT,
                         "%s is larger than %d bytes: it is not read, and written anew when "
                         "something changes",
                         path, STATE_BYTES_MAX);
    return true;
}

/* *ret_root NULL: there is no file yet. */
static bool read_file(const char *path, cJSON **ret_root, struct pare_error *err)
{
    struct buf buf;
    cJSON *root = NULL;
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    *ret_root = NULL;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0)
        return error_errno(err, "cannot read %s", path);
    if (!is_readable(fd, path, err))
        return false;
    buf_init(&buf, STATE_BYTES_MAX + 1);
    struct pare_error why;
    bool ok = file_read(path, &buf, &why) && json_parse(buf_string(&buf), buf.length, &root, &why);
    buf_done(&buf);
    if (ok && is_ours(root)) {
        *ret_root = root;
        return true;
    }
    cJSON_Delete(root);
    return error_set(err, PARE_ERR_FORMAT,
                     "%s is not what pare has written (%s): it is not read, and written anew when "
                     "something changes",
                     path, ok ? "sections of entries were expected" : why.text);
}

bool state_open(struct state *state, struct pare_error *err)
{
    *state = (struct state){ .path = find_path() };
    return !state->path || read_file(state->path, &state->known, err);
}

void state_done(struct state *state)
{
    free(state->path);
    cJSON_Delete(state->known);
    cJSON_Delete(state->fresh);
    *state = (struct state){ 0 };
}

const cJSON *state_get(const struct state *state, const char *section, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(state->known, section),
                                            key);
}

/* The entry becomes the newest of its section, and the oldest ones go. */
static bool set_entry(cJSON **root, const char *section, const char *key, cJSON *entry)
{
    if (!*root && !(*root = cJSON_CreateObject()))
        return false;
    cJSON *of = cJSON_GetObjectItemCaseSensitive(*root, section);
    if (!of && !(of = cJSON_AddObjectToObject(*root, section)))
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(of, key);
    if (!cJSON_AddItemToObject(of, key, entry))
        return false;
    while (cJSON_GetArraySize(of) > STATE_ENTRIES_MAX)
        cJSON_DeleteItemFromArray(of, 0);
    return true;
}

/* A copy of it goes there. */
static bool copy_entry(cJSON **root, const char *section, const char *key, const cJSON *entry)
{
    cJSON *copy = cJSON_Duplicate(entry, true);
    if (copy && set_entry(root, section, key, copy))
        return true;
    cJSON_Delete(copy);
    return false;
}

static bool is_small(const cJSON *entry)
{
    char *text = cJSON_PrintUnformatted(entry);
    bool small = text && strlen(text) <= STATE_ENTRY_MAX;
    cJSON_free(text);
    return small;
}

bool state_put(struct state *state, const char *section, const char *key, cJSON *entry,
               struct pare_error *err)
{
    bool ok = true, same = cJSON_Compare(state_get(state, section, key), entry, true);
    if (!same && !is_small(entry))
        ok = error_set(err, PARE_ERR_USAGE, "%s of %s is too long to be remembered", section, key);
    else if (!same && (!copy_entry(&state->known, section, key, entry) ||
                       !copy_entry(&state->fresh, section, key, entry)))
        ok = error_no_memory(err, STATE_ENTRY_MAX);
    cJSON_Delete(entry);
    return ok;
}

/* ---- writing ---- */

/* Where the bytes go: behind a link, which stays. */
static bool resolve(const char *path, char to[PATH_MAX], struct pare_error *err)
{
    struct stat st;
    if (realpath(path, to))
        return true;
    if (lstat(path, &st) == 0)
        return error_errno(err, "cannot follow the link %s", path);
    int length = snprintf(to, PATH_MAX, "%s", path);
    return length < PATH_MAX || error_set(err, PARE_ERR_USAGE, "the path %s is too long", path);
}

/* Whole or not at all; a browser that leaves does not wait for the disk. */
static bool write_file(const char *path, const char *text, struct pare_error *err)
{
    CLEANUP(file_out_done) struct file_out out;
    if (!file_out_open(&out, path, err))
        return false;
    out.sync = false;
    return (fchmod(out.fd, FILE_MODE) == 0 || error_errno(err, "cannot protect %s", path)) &&
           file_out_write(&out, text, strlen(text), err) && file_out_commit(&out, err);
}

static bool merge(cJSON **root, const cJSON *fresh)
{
    const cJSON *section, *entry;
    cJSON_ArrayForEach(section, fresh)
    {
        cJSON_ArrayForEach(entry, section)
        {
            if (!copy_entry(root, section->string, entry->string, entry))
                return false;
        }
    }
    return true;
}

/* The file as it is now with what is new; what cannot be read is replaced. */
static char *make_text(const struct state *state)
{
    cJSON *root = NULL;
    struct pare_error ignored;
    (void)!read_file(state->path, &root, &ignored);
    char *text = merge(&root, state->fresh) ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static bool make_folder(const char *path, struct pare_error *err)
{
    char folder[PATH_MAX];
    int length = snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
    return length < PATH_MAX ? file_make_folders(folder, FOLDER_MODE, err)
                             : error_set(err, PARE_ERR_USAGE, "the path %s is too long", path);
}

bool state_save(struct state *state, struct pare_error *err)
{
    char path[PATH_MAX];
    if (!state->path || !state->fresh)
        return true;
    if (!make_folder(state->path, err) || !resolve(state->path, path, err))
        return error_prefix(err, "what the browser remembers is not kept");
    char *text = make_text(state);
    if (!text)
        return error_no_memory(err, STATE_BYTES_MAX);
    bool ok = strlen(text) <= STATE_BYTES_MAX
                  ? write_file(path, text, err)
                  : error_set(err, PARE_ERR_USAGE, "%s would be larger than %d bytes", path,
                              STATE_BYTES_MAX);
    cJSON_free(text);
    if (!ok)
        return error_prefix(err, "what the browser remembers is not kept");
    cJSON_Delete(state->fresh);
    state->fresh = NULL;
    return true;
}
