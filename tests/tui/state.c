/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "pare/error.h"
#include "tap.h"
#include "tui/shape.h"
#include "tui/state.h"

static char folder[64], path[128];

static cJSON *entry_of(const char *sort)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "sort", sort);
    return entry;
}

static bool put(struct state *state, const char *key, const char *sort)
{
    struct pare_error err;
    return state_put(state, "models", key, entry_of(sort), &err);
}

static const char *sort_of(const struct state *state, const char *key)
{
    return json_string(state_get(state, "models", key), "sort", "none");
}

static void write_text(const char *where, const char *text)
{
    FILE *file = fopen(where, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static bool text_is(const char *text)
{
    struct buf buf;
    struct pare_error err;
    buf_init(&buf, STATE_BYTES_MAX);
    bool is = file_read(path, &buf, &err) && !strcmp(buf_string(&buf), text);
    buf_done(&buf);
    return is;
}

static void test_keeping(void)
{
    struct state state, other;
    struct pare_error err;
    struct stat st, again;
    OK(state_open(&state, &err) && !state_get(&state, "models", "a@h"),
       "nothing is there at first");
    OK(state_save(&state, &err) && stat(path, &st) != 0, "nothing new writes nothing");
    OK(put(&state, "a@h", "size"), "an entry is put");
    IS(sort_of(&state, "a@h"), "size", "and is known at once");
    OK(state_save(&state, &err) && stat(path, &st) == 0, "and written");
    OK((st.st_mode & 0777) == 0600, "for this user alone");
    snprintf(folder + strlen(folder), 8, "/pare");
    OK(stat(folder, &again) == 0 && (again.st_mode & 0777) == 0700, "in a folder of one's own");
    OK(put(&state, "a@h", "size") && state_save(&state, &err) && stat(path, &again) == 0 &&
           again.st_ino == st.st_ino,
       "the same once more writes nothing");
    OK(state_open(&other, &err) && put(&other, "b@h", "lat") && state_save(&other, &err),
       "another browser writes its own entry");
    OK(put(&state, "a@h", "lat:desc") && state_save(&state, &err), "the first one changes its own");
    state_done(&other);
    OK(state_open(&other, &err), "read again");
    IS(sort_of(&other, "a@h"), "lat:desc", "the one is there");
    IS(sort_of(&other, "b@h"), "lat", "and so is the other");
    state_done(&other);
    state_done(&state);
}

static void test_bounds(void)
{
    struct state state;
    struct pare_error err;
    char key[32], *large = calloc(1, STATE_ENTRY_MAX + 1);
    OK(state_open(&state, &err), "read again");
    for (int i = 0; i < 2 * STATE_ENTRIES_MAX; i++) {
        snprintf(key, sizeof(key), "r%d", i);
        if (!put(&state, key, "size"))
            abort();
    }
    OK(cJSON_GetArraySize(cJSON_GetObjectItem(state.known, "models")) == STATE_ENTRIES_MAX,
       "a section keeps so many entries");
    IS(sort_of(&state, "r99"), "size", "the newest is among them");
    IS(sort_of(&state, "r0"), "none", "the oldest is not");
    memset(large, 'x', STATE_ENTRY_MAX);
    OK(!state_put(&state, "models", "r99", entry_of(large), &err), "a large entry is refused");
    IS(sort_of(&state, "r99"), "size", "and what was known stays");
    free(large);
    state_done(&state);
}

static void test_hostile(void)
{
    static const char *const texts[] = { "{\"models\":",
                                         "[]",
                                         "{\"models\":1}",
                                         "{\"models\":{\"a\":1}}",
                                         "{\"models\":{},\"models\":{}}",
                                         "\xff\xfe",
                                         "" };
    struct state state;
    struct pare_error err;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        write_text(path, texts[i]);
        OK(!state_open(&state, &err) && strstr(err.text, "browser.json"), "a broken file is told");
        OK(state_save(&state, &err) && text_is(texts[i]), "and stays as long as nothing is new");
        state_done(&state);
    }
    OK(!state_open(&state, &err) && put(&state, "a@h", "size") && state_save(&state, &err),
       "what is new is written in its place");
    state_done(&state);
    OK(state_open(&state, &err), "and can be read");
    IS(sort_of(&state, "a@h"), "size", "as it was put");
    state_done(&state);
    unlink(path);
    OK(mkfifo(path, 0600) == 0 && !state_open(&state, &err), "a pipe makes nobody wait");
    OK(put(&state, "a@h", "lat") && !state_save(&state, &err), "and is not written over");
    state_done(&state);
    unlink(path);
}

static void test_links(void)
{
    struct state state;
    struct pare_error err;
    struct stat st;
    char target[160];
    snprintf(target, sizeof(target), "%s.elsewhere", path);
    write_text(target, "{}");
    OK(symlink(target, path) == 0 && state_open(&state, &err), "a link is read through");
    OK(put(&state, "a@h", "id") && state_save(&state, &err), "and written through");
    OK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode), "it stays a link");
    OK(lstat(target, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 10, "its target has it");
    state_done(&state);
    unlink(target);
    OK(state_open(&state, &err) && put(&state, "a@h", "lat") && !state_save(&state, &err),
       "a link to nowhere is told");
    state_done(&state);
    unlink(path);
}

static void test_nowhere(void)
{
    struct state state;
    struct pare_error err;
    setenv("XDG_STATE_HOME", "/dev/null/nowhere", 1);
    (void)!state_open(&state, &err);
    OK(put(&state, "a@h", "size") && !state_save(&state, &err), "what cannot be written is told");
    OK(strstr(err.text, "not kept") != NULL, "in words");
    IS(sort_of(&state, "a@h"), "size", "and is known all the same");
    state_done(&state);
    setenv("XDG_STATE_HOME", "relative", 1);
    unsetenv("HOME");
    OK(state_open(&state, &err) && put(&state, "a@h", "size") && state_save(&state, &err),
       "without a home nothing is kept, and that is no failure");
    state_done(&state);
}

static bool is_bad(const char *text)
{
    struct shape shape;
    struct pare_error err;
    return !shape_parse(text, &shape, &err);
}

static void test_shape(void)
{
    struct shape shape;
    struct pare_error err;
    struct buf buf;
    buf_init(&buf, SHAPE_TEXT_MAX);
    OK(shape_parse("name,version:12,lat:8,metrics.f1", &shape, &err), "columns as text");
    shape_put(&shape, true, &buf);
    IS(buf_string(&buf), "name,version:12,lat:8,metrics.f1", "go out as they came");
    OK(!shape_remove(&shape, 0) && !shape_move(&shape, 1, 1) && !shape_move(&shape, 2, -1),
       "name and version stay where they are");
    OK(shape_move(&shape, 2, 1) && !strcmp(shape.columns[2].word, "metrics.f1"), "others move");
    OK(shape_remove(&shape, 2) && shape.count == 3, "and go");
    OK(is_bad("lat:2") && is_bad("lat:999") && is_bad("lat:x") && is_bad("lat,,id"),
       "what is none is refused");
    OK(is_bad("a\x1b[2J"), "so is what would steer a terminal");
    OK(shape_parse("lat,lat", &shape, &err) && shape.count == 3, "one column comes once");
    for (int i = 0; i < SHAPE_COLUMNS_MAX + 1; i++) {
        char word[16];
        snprintf(word, sizeof(word), "m%d", i);
        if (!shape_add(&shape, word, &err))
            break;
    }
    OK(shape.count == SHAPE_COLUMNS_MAX, "there is an end to columns");
    buf_done(&buf);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "/tmp/pare-state.XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof(path), "%s/pare/browser.json", folder);
    setenv("XDG_STATE_HOME", folder, 1);
    test_keeping();
    test_bounds();
    test_hostile();
    test_links();
    test_nowhere();
    test_shape();
    rmdir(folder);
    *strrchr(folder, '/') = '\0';
    rmdir(folder);
    return tap_done();
}
