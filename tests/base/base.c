/* SPDX-License-Identifier: MIT */
/* Memory, bytes, digests and files: what everything else stands on. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "tap.h"

static struct pare_error err;
static char folder[] = "/tmp/pare-base.XXXXXX";

static void test_arena(void)
{
    struct arena arena = { 0 };
    bool aligned = true, zeroed = true, apart = true;
    unsigned char *before = NULL;
    for (size_t size = 1; size < 40000; size += 37) {
        char *odd = arena_strndup(&arena, "x", 1);
        unsigned char *memory = arena_alloc(&arena, size);
        aligned &= (uintptr_t)memory % _Alignof(max_align_t) == 0;
        for (size_t i = 0; i < size; i++)
            zeroed &= memory[i] == 0;
        memset(memory, 0xAA, size);
        apart &= odd[0] == 'x' && (!before || before[0] == 0xAA);
        before = memory;
    }
    OK(aligned, "an allocation is aligned for any type");
    OK(zeroed, "and zeroed");
    OK(apart, "and nobody else's");
    OK(arena_alloc(&arena, 0) != NULL, "nothing is something");
    size_t used = arena.used_bytes;
    void *small = arena_alloc(&arena, 16), *large = arena_alloc(&arena, 100000);
    arena_drop(&arena, large);
    OK(arena.used_bytes == used + 16, "what is large can be given back alone");
    arena_drop(&arena, small);
    arena_drop(&arena, NULL);
    OK(arena.used_bytes == used + 16, "what is small stays with the others");
    memset(small, 1, 16);
    IS(arena_printf(&arena, "%s-%d", "a", 7), "a-7", "printf");
    IS(arena_strdup(&arena, ""), "", "an empty copy");
    OK(arena_strdup(&arena, NULL) == NULL, "a copy of NULL is NULL");
    IS(arena_strndup(&arena, "abc", 2), "ab", "a copy of a part ends with zero");
    OK(arena_array(&arena, SIZE_MAX / 2, 3) == NULL, "count * size that overflows is NULL");
    OK(arena_array(&arena, SIZE_MAX, 1) == NULL, "more than there is too");
    OK(arena_alloc(&arena, SIZE_MAX - 8) == NULL, "without wrapping round at the alignment");
    arena_done(&arena);
    OK(arena.newest == NULL && arena.used_bytes == 0, "done leaves an empty arena");
    IS(arena_strdup(&arena, "again"), "again", "which can be used again");
    arena_done(&arena);
}

static void test_buf(void)
{
    struct buf buf;
    buf_init(&buf, 10);
    IS(buf_string(&buf), "", "an empty buf is an empty string");
    buf_text(&buf, "12345");
    buf_printf(&buf, "%d", 67890);
    OK(buf_ok(&buf, &err), "bytes up to the ceiling fit");
    IS(buf_string(&buf), "1234567890", "and are there");
    buf_char(&buf, 'x');
    buf_char(&buf, 'y');
    OK(!buf_ok(&buf, &err), "one more does not");
    IS(err.text, "more than the limit of 10 bytes", "and the limit is named");
    IS(buf_string(&buf), "1234567890", "what was there stays");
    buf_clear(&buf);
    OK(buf_ok(&buf, &err) && buf.length == 0, "clear forgets the failure");
    buf_text(&buf, "12345678901");
    buf_text(&buf, "a");
    OK(!buf_ok(&buf, &err) && buf.length == 0, "after a failure nothing is appended");
    buf_clear(&buf);
    OK(buf_grow(&buf, SIZE_MAX) == NULL && buf_grow(&buf, 1) == NULL, "no length wraps round");
    buf_clear(&buf);
    buf_add(&buf, "a\0b", 3);
    OK(buf.length == 3 && buf.data[3] == '\0', "zero bytes are bytes, and a zero follows");
    buf_done(&buf);
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < 100000; i++)
        buf_printf(&buf, "%d,", i % 10);
    OK(buf_ok(&buf, &err) && buf.length == 200000, "it grows");
    buf_done(&buf);
}

static const char *hex_of(const void *bytes, size_t length)
{
    static char hex[DIGEST_HEX];
    unsigned char sum[DIGEST_BYTES];
    digest_of(bytes, length, sum);
    digest_hex(sum, hex);
    return hex;
}

/* The vectors of FIPS 180-4's examples. */
static void test_digest(void)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    unsigned char sum[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    struct digest digest;
    IS(hex_of("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "SHA-256 of nothing");
    IS(hex_of("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "of abc");
    IS(hex_of(two_blocks, 56), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
       "of two blocks");
    OK(digest_init(&digest, &err), "a digest begins");
    for (size_t i = 0; i < 56; i++)
        digest_add(&digest, two_blocks + i, 1);
    digest_take(&digest, sum);
    digest_hex(sum, hex);
    IS(hex, hex_of(two_blocks, 56), "byte by byte it is the same");
    digest_add(&digest, "abc", 3);
    digest_take(&digest, sum);
    digest_hex(sum, hex);
    IS(hex, hex_of("abc", 3), "and it starts anew after a take");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    IS(hex_of(million, 1000000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
       "of a million a");
    free(million);
    digest_done(&digest);
}

static const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int files(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static const char *content(const char *name)
{
    static char text[100];
    struct buf buf;
    buf_init(&buf, sizeof(text) - 1);
    if (!file_read(in_folder(name), &buf, &err))
        return NULL;
    snprintf(text, sizeof(text), "%s", buf_string(&buf));
    buf_done(&buf);
    return text;
}

static void test_file_out(void)
{
    struct file_out out;
    struct stat st;
    umask(027);
    OK(file_out_open(&out, in_folder("a"), &err), "a file is begun");
    OK(file_out_write(&out, "one", 3, &err), "written");
    OK(content("a") == NULL, "and not seen under its name");
    OK(file_out_commit(&out, &err), "until the commit");
    file_out_done(&out);
    IS(content("a"), "one", "then it is whole");
    OK(files() == 1, "and alone");
    OK(stat(in_folder("a"), &st) == 0 && (st.st_mode & 0777) == 0640, "with the mode of the umask");

    OK(file_out_open(&out, in_folder("a"), &err) && file_out_write(&out, "two", 3, &err),
       "a second one over it");
    IS(content("a"), "one", "does not touch the first");
    file_out_done(&out);
    IS(content("a"), "one", "not even when it is given up");
    OK(files() == 1, "which leaves nothing behind");
    OK(!file_out_open(&out, in_folder("no/where"), &err), "no folder, no file");
    OK(strstr(err.text, "/no/where: No such file") != NULL, "and the sentence names it");
    file_out_done(&out);

    mkdir(in_folder("d"), 0777);
    OK(!file_out_open(&out, in_folder("d"), &err), "a folder is not written over");
    rmdir(in_folder("d"));
    OK(file_out_open(&out, in_folder("d"), &err) && mkdir(in_folder("d"), 0777) == 0 &&
           !file_out_commit(&out, &err),
       "not even one that comes in between");
    file_out_done(&out);
    OK(files() == 2, "and leaves nothing behind");
    rmdir(in_folder("d"));
    int full = open("/dev/full", O_WRONLY);
    OK(file_out_open(&out, in_folder("b"), &err), "on a full disk");
    dup2(full, out.fd);
    close(full);
    OK(!file_out_write(&out, "x", 1, &err) && strstr(err.text, "No space left"),
       "a write fails in words");
    file_out_done(&out);
    OK(files() == 1, "and leaves nothing behind");
}

static void test_files(void)
{
    struct buf buf;
    struct arena arena = { 0 };
    const char *const *paths;
    size_t count;
    char three[3];
    buf_init(&buf, 2);
    OK(!file_read(in_folder("a"), &buf, &err), "a file larger than the limit is refused");
    OK(strstr(err.text, "larger than the limit of 2 bytes") != NULL, "and the limit named");
    buf_done(&buf);
    buf_init(&buf, 3);
    OK(file_read(in_folder("a"), &buf, &err), "one of just the limit is read");
    buf_done(&buf);
    int fd = open(in_folder("a"), O_RDWR);
    OK(file_pread(fd, three, 3, 0, &err) && !memcmp(three, "one", 3), "pread reads all");
    OK(!file_pread(fd, three, 3, 1, &err), "and fails where the file ends early");
    IS(err.text, "the file ends at byte 3, 1 bytes early", "saying where");
    OK(file_pwrite(fd, "X", 1, 2, &err), "pwrite writes");
    file_close(&fd);
    IS(content("a"), "onX", "in its place");
    OK(file_make_folders(in_folder("p/q/r"), 0777, &err), "folders are made");
    OK(file_make_folders(in_folder("p/q/r"), 0777, &err), "and are no failure when there");
    OK(!file_make_folders(in_folder("a/b"), 0777, &err), "below a file they cannot be");
    char path[300];
    snprintf(path, sizeof(path), "%s/p/q/r/z", folder);
    close(open(path, O_CREAT | O_WRONLY, 0666));
    OK(symlink(".", in_folder("p/loop")) == 0 && symlink("nowhere", in_folder("p/gone")) == 0,
       "(links that lead nowhere)");
    unlink(in_folder("p/gone"));
    OK(file_walk(folder, &arena, &paths, &count, &err), "a walk");
    OK(count == 2 && !strcmp(paths[0], "a") && !strcmp(paths[1], "p/q/r/z"),
       "finds the files in byte order, and follows no link to a folder");
    OK(!file_walk(in_folder("none"), &arena, &paths, &count, &err), "no folder, no walk");
    arena_done(&arena);
}

static void test_errors(void)
{
    error_set(&err, PARE_ERR_FORMAT, "bad %s", "x\033[31m\ny");
    IS(err.text, "bad x\u00b7[31m\u00b7y", "a sentence holds no control bytes");
    error_prefix(&err, "file \x01");
    IS(err.text, "file \u00b7: bad x\u00b7[31m\u00b7y", "nor a prefix");
    OK(err.code == PARE_ERR_FORMAT, "a prefix keeps the code");
    char longer[3000];
    memset(longer, 'a', sizeof(longer));
    longer[2999] = '\0';
    error_set(&err, PARE_ERR_FAILED, "%s", longer);
    OK(strlen(err.text) < PARE_ERROR_TEXT_MAX, "a long one is cut");
    for (int i = 0; i < 5; i++)
        error_prefix(&err, "%s", longer);
    OK(strlen(err.text) < PARE_ERROR_TEXT_MAX, "however often it is prefixed");
    IS(pare_error_name(PARE_ERR_REFUSED), "refused", "codes have names");
    IS(pare_error_name((enum pare_error_code)999), "unknown error", "all of them");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 99;
    test_arena();
    test_buf();
    test_digest();
    test_file_out();
    test_files();
    test_errors();
    unlink(in_folder("p/loop"));
    unlink(in_folder("p/q/r/z"));
    rmdir(in_folder("p/q/r"));
    rmdir(in_folder("p/q"));
    rmdir(in_folder("p"));
    unlink(in_folder("a"));
    OK(rmdir(folder) == 0, "nothing was left behind");
    return tap_done();
}
