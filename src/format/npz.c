/* SPDX-License-Identifier: MIT */
#include "format/npz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

/* The reader of a header's dict: one array's text, and how far it is read. */
struct dict {
    const char *at, *end;
};

static const struct {
    const char *code, *text;
    int64_t bytes;
} types[] = {
#define NPZ_TYPE_ROW(name, code, text, bytes) [NPZ_##name] = { code, text, bytes },
    NPZ_TYPES(NPZ_TYPE_ROW)
#undef NPZ_TYPE_ROW
        [NPZ_TEXT] = { "U", "text", 4 },
};

const char *npz_type_name(enum npz_type type)
{
    return types[type].text;
}

/* ---- the header ---- */

static void skip_blanks(struct dict *dict)
{
    while (dict->at < dict->end && (*dict->at == ' ' || *dict->at == '\n' || *dict->at == '\t'))
        dict->at++;
}

static bool take_char(struct dict *dict, char c)
{
    skip_blanks(dict);
    if (dict->at == dict->end || *dict->at != c)
        return false;
    dict->at++;
    return true;
}

/* A quoted word without escapes into `room` bytes; false for anything else. */
static bool take_word(struct dict *dict, char *to, size_t room)
{
    char quote = '\'';
    if (!take_char(dict, quote) && !take_char(dict, quote = '"'))
        return false;
    const char *close = memchr(dict->at, quote, (size_t)(dict->end - dict->at));
    if (!close || (size_t)(close - dict->at) >= room ||
        memchr(dict->at, '\\', (size_t)(close - dict->at)))
        return false;
    memcpy(to, dict->at, (size_t)(close - dict->at));
    to[close - dict->at] = '\0';
    dict->at = close + 1;
    return true;
}

static bool take_name(struct dict *dict, const char *name)
{
    size_t length = strlen(name);
    skip_blanks(dict);
    if ((size_t)(dict->end - dict->at) < length || memcmp(dict->at, name, length) != 0)
        return false;
    dict->at += length;
    return true;
}

static bool take_number(struct dict *dict, int64_t *ret_value)
{
    int64_t value = 0;
    skip_blanks(dict);
    const char *start = dict->at;
    for (; dict->at < dict->end && *dict->at >= '0' && *dict->at <= '9'; dict->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *dict->at - '0', &value))
            return false;
    *ret_value = value;
    return dict->at > start;
}

/* "<f4", "|i1", "<U12": what the elements are. Byte order matters from two bytes on. */
static bool read_descr(const char *descr, struct npz_array *array, struct pare_error *err)
{
    char order = descr[0];
    const char *code = descr[0] ? descr + 1 : descr;
    struct dict width = { code + (*code == 'U'), code + strlen(code) };
    for (size_t i = 0; i < ARRAY_SIZE(types) && strchr("<|", order); i++) {
        if (i == NPZ_TEXT || strcmp(code, types[i].code) != 0)
            continue;
        array->type = (enum npz_type)i;
        array->element_bytes = types[i].bytes;
        if (order == '<' || types[i].bytes == 1)
            return true;
    }
    if (order == '<' && *code == 'U' && take_number(&width, &array->element_bytes) &&
        width.at == width.end && array->element_bytes > 0 && array->element_bytes < INT32_MAX) {
        array->type = NPZ_TEXT;
        array->element_bytes *= types[NPZ_TEXT].bytes;
        return true;
    }
    return error_set(err, PARE_ERR_UNSUPPORTED,
                     "its type %s is not read: save it as little-endian numbers, booleans or "
                     "fixed-width text (np.asarray(x, 'float32'))",
                     descr);
}

static bool read_shape(struct dict *dict, struct npz_array *array, struct pare_error *err)
{
    array->rank = 0;
    array->count = 1;
    bool ok = take_char(dict, '(');
    while (ok && !take_char(dict, ')')) {
        if (array->rank == NPZ_RANK_MAX)
            return error_set(err, PARE_ERR_UNSUPPORTED, "more than %d axes", NPZ_RANK_MAX);
        int64_t *dim = &array->dims[array->rank++];
        ok = take_number(dict, dim) && !__builtin_mul_overflow(array->count, *dim, &array->count);
        if (ok && !take_char(dict, ',')) {
            ok = take_char(dict, ')');
            break;
        }
    }
    return ok || error_set(err, PARE_ERR_FORMAT, "the shape in its header is malformed");
}

static bool read_value(struct dict *dict, const char *key, struct npz_array *array,
                       struct pare_error *err)
{
    char descr[32];
    if (!strcmp(key, "shape"))
        return read_shape(dict, array, err);
    if (!strcmp(key, "descr"))
        return take_word(dict, descr, sizeof(descr))
                   ? read_descr(descr, array, err)
                   : error_set(err, PARE_ERR_UNSUPPORTED, "an array of records is not read");
    if (take_name(dict, "False"))
        return true;
    if (take_name(dict, "True"))
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "it is in Fortran order: save np.ascontiguousarray(x)");
    return error_set(err, PARE_ERR_FORMAT, "the header is malformed");
}

/* The dict: exactly the three keys, each once, in any order. */
static bool read_dict(struct dict *dict, struct npz_array *array, struct pare_error *err)
{
    static const char *const keys[] = { "descr", "fortran_order", "shape" };
    bool seen[ARRAY_SIZE(keys)] = { false };
    bool ok = take_char(dict, '{');
    while (ok && !take_char(dict, '}')) {
        char key[16];
        size_t k = 0;
        ok = take_word(dict, key, sizeof(key)) && take_char(dict, ':');
        while (ok && k < ARRAY_SIZE(keys) && strcmp(key, keys[k]) != 0)
            k++;
        ok = ok && k < ARRAY_SIZE(keys) && !seen[k];
        if (!ok)
            break;
        seen[k] = true;
        if (!read_value(dict, key, array, err))
            return false;
        if (!take_char(dict, ',')) {
            ok = take_char(dict, '}');
            break;
        }
    }
    skip_blanks(dict);
    if (!ok || !seen[0] || !seen[1] || !seen[2] || dict->at != dict->end)
        return error_set(err, PARE_ERR_FORMAT, "the header is malformed");
    return true;
}

/* The header's text into `header`; *ret_used counts all that comes before the elements. */
static bool read_header(struct zip_stream *stream, struct buf *header, int64_t *ret_used,
                        struct pare_error *err)
{
    unsigned char start[8], size[4] = { 0 };
    if (!zip_read(stream, start, sizeof(start), err))
        return false;
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return error_set(err, PARE_ERR_FORMAT, "it is no .npy array");
    if (start[6] < 1 || start[6] > 3)
        return error_set(err, PARE_ERR_UNSUPPORTED, "version %d of .npy is not read", start[6]);
    size_t size_bytes = start[6] == 1 ? 2 : 4;
    if (!zip_read(stream, size, size_bytes, err))
        return false;
    size_t length = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    char *text = buf_grow(header, length);
    *ret_used = (int64_t)(sizeof(start) + size_bytes + length);
    return buf_ok(header, err) && zip_read(stream, text, length, err);
}

static bool check_size(const struct npz_array *array, int64_t header_bytes, struct pare_error *err)
{
    int64_t wanted, there = array->entry->size_bytes - header_bytes;
    if (!__builtin_mul_overflow(array->count, array->element_bytes, &wanted) && wanted == there)
        return true;
    return error_set(err, PARE_ERR_FORMAT,
                     "its header promises %lld elements of %lld bytes, the member holds %lld bytes",
                     (long long)array->count, (long long)array->element_bytes, (long long)there);
}

/* Start reading the member of `array` up to its first element. The caller ends the stream. */
static bool begin_array(const struct npz *npz, struct npz_array *array,
                        struct zip_stream **ret_stream, struct pare_error *err)
{
    struct buf header;
    int64_t used = 0;
    if (!zip_begin(&npz->zip, array->entry, ret_stream, err))
        return false;
    buf_init(&header, NPZ_HEADER_MAX);
    bool ok = read_header(*ret_stream, &header, &used, err);
    if (ok) {
        struct dict dict = { buf_string(&header), buf_string(&header) + header.length };
        ok = read_dict(&dict, array, err) && check_size(array, used, err);
    }
    buf_done(&header);
    return ok;
}

/* ---- opening ---- */

static bool add_array(struct npz *npz, const struct zip_entry *entry, struct pare_error *err)
{
    size_t length = strlen(entry->name);
    if (length <= 4 || strcmp(entry->name + length - 4, ".npy") != 0)
        return error_set(err, PARE_ERR_FORMAT, "the member %s is no .npy array", entry->name);
    struct npz_array array = { .entry = entry,
                               .name = arena_strndup(&npz->arena, entry->name, length - 4) };
    if (!array.name)
        return error_no_memory(err, length);
    if (npz_find(npz, array.name))
        return error_set(err, PARE_ERR_FORMAT, "the array %s is there twice", array.name);
    struct zip_stream *stream = NULL;
    bool ok = begin_array(npz, &array, &stream, err);
    zip_end(stream);
    if (!ok)
        return error_prefix(err, "array %s", array.name);
    npz->arrays[npz->count++] = array;
    return true;
}

static bool add_arrays(struct npz *npz, struct pare_error *err)
{
    if (npz->zip.count > NPZ_ARRAYS_MAX)
        return error_set(err, PARE_ERR_FORMAT, "%zu arrays, more than %d", npz->zip.count,
                         NPZ_ARRAYS_MAX);
    npz->arrays = arena_array(&npz->arena, npz->zip.count, sizeof(*npz->arrays));
    if (!npz->arrays)
        return error_no_memory(err, npz->zip.count * sizeof(*npz->arrays));
    for (size_t i = 0; i < npz->zip.count; i++)
        if (!add_array(npz, &npz->zip.entries[i], err))
            return false;
    return true;
}

bool npz_open(struct source *source, size_t file, struct npz *ret_npz, struct pare_error *err)
{
    struct npz npz = { 0 };
    arena_init(&npz.arena);
    if (!zip_open(source, file, &npz.arena, &npz.zip, err) || !add_arrays(&npz, err)) {
        arena_done(&npz.arena);
        return false;
    }
    *ret_npz = npz;
    return true;
}

void npz_close(struct npz *npz)
{
    arena_done(&npz->arena);
    *npz = (struct npz){ 0 };
}

const struct npz_array *npz_find(const struct npz *npz, const char *name)
{
    for (size_t i = 0; i < npz->count; i++)
        if (!strcmp(npz->arrays[i].name, name))
            return &npz->arrays[i];
    return NULL;
}

/* ---- elements ---- */

/* A byte of a boolean array is 0 or 1: compilers of what reads it take that for granted. */
static bool check_booleans(const unsigned char *bytes, size_t count, struct pare_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] > 1)
            return error_set(err, PARE_ERR_FORMAT, "element %zu is neither false nor true", i);
    return true;
}

/* All elements as they are in the member, whose CRC-32 is checked. */
static bool load_bytes(const struct npz *npz, const struct npz_array *array, void **ret_bytes,
                       struct pare_error *err)
{
    struct zip_stream *stream = NULL;
    struct npz_array again = { .entry = array->entry };
    size_t length = (size_t)(array->count * array->element_bytes);
    void *bytes = aligned_alloc(NPZ_ALIGN, (length + NPZ_ALIGN) / NPZ_ALIGN * NPZ_ALIGN);
    if (!bytes)
        return error_no_memory(err, length);
    bool ok = begin_array(npz, &again, &stream, err);
    if (ok && (again.count != array->count || again.element_bytes != array->element_bytes))
        ok = error_set(err, PARE_ERR_FORMAT, "the file changed while it was read");
    ok = ok && zip_read(stream, bytes, length, err) && zip_finish(stream, err) &&
         (array->type != NPZ_BOOL || check_booleans(bytes, length, err));
    zip_end(stream);
    if (!ok) {
        free(bytes);
        return error_prefix(err, "array %s", array->name);
    }
    *ret_bytes = bytes;
    return true;
}

bool npz_load(const struct npz *npz, const struct npz_array *array, void **ret_data,
              struct pare_error *err)
{
    if (array->type == NPZ_TEXT)
        return error_set(err, PARE_ERR_FORMAT, "array %s: it holds text, numbers are wanted",
                         array->name);
    return load_bytes(npz, array, ret_data, err);
}

/* One code point as UTF-8 into 4 bytes (RFC 3629); what is none becomes U+FFFD. */
static size_t put_utf8(uint32_t c, char to[4])
{
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        c = 0xfffd;
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = length; i-- > 1; c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(lead[length] | c);
    return length;
}

/* One element: code points up to the padding. `to` has room for four bytes each and a zero. */
static size_t put_element(const unsigned char *from, size_t width, char *to)
{
    size_t used = 0;
    for (size_t i = 0; i < width; i++) {
        const unsigned char *p = from + 4 * i;
        uint32_t c = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        if (c == 0)
            break;
        used += put_utf8(c, to + used);
    }
    to[used] = '\0';
    return used;
}

bool npz_load_text(const struct npz *npz, const struct npz_array *array, struct arena *arena,
                   const char *const **ret_texts, struct pare_error *err)
{
    void *bytes = NULL;
    if (array->type != NPZ_TEXT)
        return error_set(err, PARE_ERR_FORMAT, "array %s: it holds %s, text is wanted", array->name,
                         npz_type_name(array->type));
    if (!load_bytes(npz, array, &bytes, err))
        return false;
    size_t count = (size_t)array->count, width = (size_t)array->element_bytes / 4;
    const char **texts = arena_array(arena, count, sizeof(*texts));
    char *element = malloc(4 * width + 1);
    bool ok = texts && element;
    for (size_t i = 0; ok && i < count; i++) {
        size_t length = put_element((unsigned char *)bytes + i * 4 * width, width, element);
        texts[i] = arena_strndup(arena, element, length);
        ok = texts[i] != NULL;
    }
    free(element);
    free(bytes);
    if (!ok)
        return error_no_memory(err, count * sizeof(*texts));
    *ret_texts = texts;
    return true;
}
