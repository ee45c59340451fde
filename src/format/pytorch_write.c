/* SPDX-License-Identifier: MIT */
/*
 * Laying out a changed copy: the objects again, with other storages where values or types
 * change, in an archive as torch writes it - stored, each member's bytes at a multiple of 64, its
 * CRC-32 behind it and in the directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "format/pytorch.h"
#include "format/source.h"
#include "format/zip_write.h"

enum { DIGEST_CHARACTERS = 64, RECORDS_FIXED = 6 }; /* members beside storages */

/* A storage of the output: one of the source, or the values of a changed tensor. */
struct stored {
    int64_t tensor; /* -1: a storage of the source */
    size_t record;
    int64_t bytes;
};

struct writing_archive {
    const struct model *model;
    const struct change *changes;
    const struct output_settings *settings;
    struct output *output;
    struct output_file *file;
    struct stored *stored;
    size_t stored_count;
    size_t *number_of_record, *number_of_tensor; /* in `stored`, + 1; 0: not there yet */
    struct zip_writer zip;
};

/* ---- the objects ---- */

/* The tensor whose change is this one's. */
static size_t leader(const struct writing_archive *w, size_t index)
{
    const struct pytorch *own = w->model->own;
    return own->tensors[index].twin < 0 ? index : (size_t)own->tensors[index].twin;
}

static bool check_changes(const struct writing_archive *w, struct pare_error *err)
{
    for (size_t i = 0; i < w->model->tensor_count; i++) {
        enum change_kind kind = w->changes[i].kind;
        const char *name = w->model->tensors[i].shown.name;
        if (kind != CHANGE_NONE && kind != CHANGE_VALUES && kind != CHANGE_FP16 &&
            kind != CHANGE_BF16)
            return error_set(err, PARE_ERR_UNSUPPORTED,
                             "tensor %.200s: a PyTorch file has no form for this change", name);
        if (kind != CHANGE_NONE && (leader(w, i) != i || w->model->tensors[i].file_offset < 0))
            return error_set(err, PARE_ERR_UNSUPPORTED,
                             "tensor %.200s: it cannot change alone, for it shares its values",
                             name);
    }
    return true;
}

/* The number under which it is stored, from the first mention on. */
static size_t store(struct writing_archive *w, size_t *io_number, const struct stored *what)
{
    if (!*io_number) {
        w->stored[w->stored_count++] = *what;
        *io_number = w->stored_count;
    }
    return *io_number - 1;
}

static void put_storage(struct pickle_writer *p, const char *class, size_t number,
                        const char *location, int64_t count)
{
    char key[32];
    snprintf(key, sizeof(key), "%zu", number);
    pickle_put_op(p, '(');
    pickle_put_text(p, "storage");
    pickle_put_global(p, class);
    pickle_put_text(p, key);
    pickle_put_text(p, location);
    pickle_put_int(p, count);
    pickle_put_op(p, 't');
    pickle_put_op(p, 'Q');
}

static bool replace_storage(struct pickle_writer *p, const struct pickle_value *value,
                            struct pare_error *err)
{
    struct writing_archive *w = p->data;
    const struct pytorch *own = w->model->own;
    struct pytorch_storage storage;
    if (!pytorch_storage(w->model, value, &storage, err))
        return false;
    const struct stored whole = { -1, storage.record,
                                  own->records[storage.record].entry->size_bytes };
    size_t number = store(w, &w->number_of_record[storage.record], &whole);
    put_storage(p, storage.class, number, storage.location, storage.count);
    return true;
}

/* The tensor as the only one of a storage of its own; what else it says of itself stays. */
static bool replace_tensor(struct pickle_writer *p, const struct pickle_value *value, size_t index,
                           struct pare_error *err)
{
    struct writing_archive *w = p->data;
    const struct pare_tensor *shown = &w->model->tensors[index].shown;
    const struct pickle_value *arguments = value->items[1];
    struct pytorch_storage storage;
    size_t lead = leader(w, index);
    enum change_kind kind = w->changes[lead].kind;
    const struct pytorch_type *type = pytorch_type_of(kind == CHANGE_FP16   ? PARE_F16
                                                      : kind == CHANGE_BF16 ? PARE_BF16
                                                                            : shown->dtype);
    int64_t strides[PARE_RANK_MAX], step = 1;
    if (!pytorch_storage(w->model, arguments->items[0], &storage, err))
        return false;
    for (int i = shown->rank; i-- > 0; step *= MAX(shown->dims[i], 1))
        strides[i] = step;
    const struct stored values = { (int64_t)lead, 0, shown->element_count * type->bytes };
    size_t number = store(w, &w->number_of_tensor[lead], &values);
    pickle_put_global(p, "torch._utils _rebuild_tensor_v2");
    pickle_put_op(p, '(');
    put_storage(p, type->storage, number, storage.location, shown->element_count);
    pickle_put_int(p, 0);
    pickle_put_tuple(p, shown->dims, shown->rank);
    pickle_put_tuple(p, strides, shown->rank);
    for (size_t i = 4; i < arguments->count; i++)
        if (!pickle_put(p, arguments->items[i], err))
            return false;
    pickle_put_op(p, 't');
    pickle_put_op(p, 'R');
    return true;
}

static bool replace(struct pickle_writer *p, const struct pickle_value *value, bool *ret_done,
                    struct pare_error *err)
{
    struct writing_archive *w = p->data;
    if (value->kind == PICKLE_PERSISTENT) {
        *ret_done = true;
        return replace_storage(p, value, err);
    }
    *ret_done = value->mark && w->changes[leader(w, value->mark - 1)].kind != CHANGE_NONE;
    return !*ret_done || replace_tensor(p, value, value->mark - 1, err);
}

/* ---- the members ---- */

/* Begin NAME/`folder``name`. */
static bool begin_member(struct writing_archive *w, const char *folder, const char *name,
                         int64_t size_bytes, const uint32_t *crc, size_t *ret_sum,
                         struct pare_error *err)
{
    const struct pytorch *own = w->model->own;
    const char *path = arena_printf(&w->output->arena, "%s/%s%s", own->prefix, folder, name);
    return path ? zip_write_begin(&w->zip, path, size_bytes, crc, ret_sum, err)
                : error_no_memory(err, strlen(name));
}

/* One whose bytes are here. */
static bool add_text(struct writing_archive *w, const char *name, const char *bytes, size_t length,
                     struct pare_error *err)
{
    const uint32_t crc = zip_crc(0, bytes, length);
    size_t sum;
    return begin_member(w, "", name, (int64_t)length, &crc, &sum, err) &&
           zip_write_bytes(&w->zip, bytes, length, sum, err) && zip_write_end(&w->zip, err);
}

/* A storage of the source goes through with the CRC-32 that it has there. */
static bool add_storage(struct writing_archive *w, size_t number, struct pare_error *err)
{
    const struct pytorch *own = w->model->own;
    const struct stored *stored = &w->stored[number];
    const struct pytorch_record *record = &own->records[stored->record];
    bool copied = stored->tensor < 0;
    struct segment values = { .kind = SEGMENT_VALUES, .length = stored->bytes };
    char key[32];
    snprintf(key, sizeof(key), "%zu", number);
    if (!begin_member(w, "data/", key, stored->bytes, copied ? &record->entry->crc : NULL,
                      &values.sum, err))
        return false;
    if (copied) {
        values.kind = SEGMENT_COPY;
        values.file = w->model->main_file;
        values.offset = record->values_at;
    } else {
        values.tensor = (size_t)stored->tensor;
    }
    return output_add(w->output, w->file, &values, err) && zip_write_end(&w->zip, err);
}

/* What the output says of itself; where the digest goes, or the end, in *ret_digest_at. */
static void put_note(const struct writing_archive *w, struct buf *note, size_t *ret_digest_at)
{
    size_t digest_at = SIZE_MAX;
    for (size_t i = 0; i < w->settings->label_count; i++) {
        const struct label *label = &w->settings->labels[i];
        buf_char(note, i ? ',' : '{');
        json_put_string(note, label->key);
        buf_char(note, ':');
        json_put_string(note, label->value);
        if (label->digest)
            digest_at = note->length - 1 - DIGEST_CHARACTERS;
    }
    buf_char(note, '}');
    *ret_digest_at = MIN(digest_at, note->length);
}

static bool add_note_bytes(struct writing_archive *w, const struct buf *note, size_t digest_at,
                           size_t sum, struct pare_error *err)
{
    const struct segment digest = { .kind = SEGMENT_DIGEST,
                                    .length = DIGEST_CHARACTERS,
                                    .sum = sum };
    size_t rest = digest_at + DIGEST_CHARACTERS;
    if (!zip_write_bytes(&w->zip, note->data, digest_at, sum, err))
        return false;
    return digest_at == note->length ||
           (output_add(w->output, w->file, &digest, err) &&
            zip_write_bytes(&w->zip, note->data + rest, note->length - rest, sum, err));
}

static bool add_note(struct writing_archive *w, struct pare_error *err)
{
    struct buf note;
    size_t digest_at, sum;
    buf_init(&note, PYTORCH_NOTE_MAX);
    put_note(w, &note, &digest_at);
    bool ok = buf_ok(&note, err) &&
              begin_member(w, "", PYTORCH_NOTE, (int64_t)note.length, NULL, &sum, err) &&
              add_note_bytes(w, &note, digest_at, sum, err) && zip_write_end(&w->zip, err);
    buf_done(&note);
    return ok;
}

/* ---- all files ---- */

/* The walk over the objects finds the storages that are wanted, in their order. */
static bool put_objects(struct writing_archive *w, struct buf *buf, struct pare_error *err)
{
    const struct pytorch *own = w->model->own;
    struct pickle_writer p = { .buf = buf, .replace = replace, .data = w };
    return pickle_write(&p, &own->objects, err) &&
           add_text(w, "data.pkl", buf->data, buf->length, err);
}

static bool write_archive(struct writing_archive *w, struct pare_error *err)
{
    struct buf buf;
    buf_init(&buf, PICKLE_BYTES_MAX);
    bool ok = put_objects(w, &buf, err);
    buf_done(&buf);
    ok = ok && add_text(w, ".format_version", "1", 1, err) &&
         add_text(w, ".storage_alignment", "64", 2, err) &&
         add_text(w, "byteorder", "little", 6, err);
    for (size_t i = 0; ok && i < w->stored_count; i++)
        ok = add_storage(w, i, err);
    return ok && add_text(w, "version", "3\n", 2, err) &&
           (!w->settings->label_count || add_note(w, err)) && zip_write_directory(&w->zip, err);
}

static bool begin_file(struct writing_archive *w, const char *name, struct pare_error *err)
{
    w->file = &w->output->files[w->output->file_count];
    w->file->name = arena_strdup(&w->output->arena, name);
    if (!w->file->name)
        return error_no_memory(err, strlen(name));
    w->output->file_count++;
    return true;
}

static bool copy_others(struct writing_archive *w, struct pare_error *err)
{
    const struct pytorch *own = w->model->own;
    for (size_t i = 0; i < own->checkpoint.other_count; i++) {
        size_t number = own->checkpoint.others[i];
        const struct source_file *from = &w->model->source->files[number];
        const struct segment all = { .kind = SEGMENT_COPY,
                                     .length = from->size_bytes,
                                     .file = number };
        if (!begin_file(w, from->name, err) || !output_add(w->output, w->file, &all, err))
            return false;
    }
    return true;
}

/* Each storage and each tensor is stored once at most. */
static bool make_lists(struct writing_archive *w, struct pare_error *err)
{
    const struct pytorch *own = w->model->own;
    struct arena *arena = &w->output->arena;
    size_t storages = own->zip.count, tensors = w->model->tensor_count;
    w->stored = arena_array(arena, storages + tensors + 1, sizeof(*w->stored));
    w->number_of_record = arena_array(arena, storages + 1, sizeof(*w->number_of_record));
    w->number_of_tensor = arena_array(arena, tensors + 1, sizeof(*w->number_of_tensor));
    return (w->stored && w->number_of_record && w->number_of_tensor) ||
           error_no_memory(err, (storages + tensors) * sizeof(*w->stored));
}

bool pytorch_plan(const struct model *model, const struct change *changes,
                  const struct output_settings *settings, struct output *output,
                  struct pare_error *err)
{
    const struct pytorch *own = model->own;
    struct writing_archive w = {
        .model = model, .changes = changes, .settings = settings, .output = output
    };
    const char *name = model->source->is_folder ? model->source->main_name : settings->name;
    size_t members_max = own->zip.count + model->tensor_count + RECORDS_FIXED;
    if (!check_changes(&w, err) || !make_lists(&w, err) ||
        !output_files(output, own->checkpoint.other_count + 1, err) || !copy_others(&w, err) ||
        !begin_file(&w, name, err))
        return false;
    bool ok = zip_writer_init(&w.zip, output, w.file, members_max, err) && write_archive(&w, err);
    zip_writer_done(&w.zip);
    return ok;
}
