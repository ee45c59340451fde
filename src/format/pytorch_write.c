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
#include "format/checkpoint_index.h"
#include "format/checkpoint_output.h"
#include "format/pytorch.h"
#include "format/safetensors.h"
#include "format/source.h"
#include "format/zip_write.h"

enum { DIGEST_CHARACTERS = 64, RECORDS_FIXED = 6 }; /* members beside storages */

/* A storage of the output. */
struct stored {
    struct segment from;
    const uint32_t *crc; /* NULL: not known */
};

/* A tensor as what it becomes, the storages of which follow one another. */
struct changed {
    struct checkpoint_part parts[CHECKPOINT_PARTS_MAX];
    size_t count;
    size_t first; /* in `stored` */
};

struct writing_archive {
    const struct model *model;
    const struct pytorch_archive *own; /* NULL: the model is in another format */
    const struct change *changes;
    const struct output_settings *settings;
    struct output *output;
    struct output_file *file;
    struct stored *stored;
    size_t stored_count;
    size_t *number_of_record; /* in `stored`, + 1; 0: not there yet */
    struct changed **changed; /* by tensor; NULL: not there yet */
    struct zip_writer zip;
    struct checkpoint_index index; /* of all archives so far */
};

/* ---- the objects ---- */

/* The tensor whose change is this one's. */
static size_t leader(const struct writing_archive *w, size_t index)
{
    const struct tensor *t = &w->model->tensors[index];
    return t->shares ? t->shares_with : index;
}

static bool check_changes(const struct writing_archive *w, struct pare_error *err)
{
    for (size_t i = 0; i < w->model->tensor_count; i++) {
        const struct tensor *t = &w->model->tensors[i];
        if (w->changes[i].kind != CHANGE_NONE && (t->shares || t->file_offset < 0))
            return error_set(err, PARE_ERR_UNSUPPORTED,
                             "tensor %.200s: it cannot change alone, for it shares its values",
                             t->shown.name);
    }
    return true;
}

/* What a tensor becomes, its values stored from the first mention on. */
static const struct changed *change_tensor(struct writing_archive *w, size_t lead,
                                           struct pare_error *err)
{
    if (w->changed[lead])
        return w->changed[lead];
    struct changed *c = arena_alloc(&w->output->arena, sizeof(*c));
    if (!c) {
        error_no_memory(err, sizeof(*c));
        return NULL;
    }
    if (!checkpoint_parts(w->model, w->changes, lead, w->output, c->parts, &c->count, err))
        return NULL;
    c->first = w->stored_count;
    for (size_t i = 0; i < c->count; i++)
        w->stored[w->stored_count++] = (struct stored){ .from = c->parts[i].from };
    w->changed[lead] = c;
    return c;
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
    struct pytorch_storage storage;
    if (!pytorch_storage(w->own, value, &storage, err))
        return false;
    const struct pytorch_record *record = &w->own->records[storage.record];
    size_t *number = &w->number_of_record[storage.record];
    if (!*number) {
        w->stored[w->stored_count] = (struct stored){ { .kind = SEGMENT_COPY,
                                                        .length = record->entry->size_bytes,
                                                        .file = w->own->file,
                                                        .offset = record->values_at },
                                                      &record->entry->crc };
        *number = ++w->stored_count;
    }
    put_storage(p, storage.class, *number - 1, storage.location, storage.count);
    return true;
}

/* The callable, and of its arguments those up to the strides: the only tensor of its storage. */
static bool begin_tensor(struct pickle_writer *p, const struct checkpoint_part *part, int own_type,
                         const char *location, size_t number, const struct pare_tensor *shaped,
                         const struct pytorch_type **ret_type, struct pare_error *err)
{
    const struct pytorch_type *type =
        part->same_type ? pytorch_type_like(own_type) : pytorch_type_of(part->dtype);
    const int64_t *dims = shaped ? shaped->dims : part->dims;
    int rank = shaped ? shaped->rank : part->rank;
    int64_t strides[PARE_RANK_MAX], step = 1;
    if (!type)
        return error_set(err, PARE_ERR_UNSUPPORTED, "PyTorch has no dtype %.20s",
                         own_type < 0 ? "of that kind" : safetensors_type_name(own_type));
    for (int i = rank; i-- > 0; step *= MAX(dims[i], 1))
        strides[i] = step;
    bool bytes = pytorch_is_untyped(type);
    pickle_put_global(p, bytes ? "torch._utils _rebuild_tensor_v3"
                               : "torch._utils _rebuild_tensor_v2");
    pickle_put_op(p, '(');
    put_storage(p, type->storage, number, location,
                bytes ? part->from.length : part->from.length / type->bytes);
    pickle_put_int(p, 0);
    pickle_put_tuple(p, dims, rank);
    pickle_put_tuple(p, strides, rank);
    *ret_type = type;
    return true;
}

/* A whole one that asks for no gradient and has no hooks. */
static bool put_tensor(struct pickle_writer *p, const struct checkpoint_part *part, int own_type,
                       size_t number, struct pare_error *err)
{
    const struct pytorch_type *type;
    if (!begin_tensor(p, part, own_type, "cpu", number, NULL, &type, err))
        return false;
    pickle_put_op(p, '\x89');
    pickle_put_global(p, "collections OrderedDict");
    pickle_put_op(p, ')');
    pickle_put_op(p, 'R');
    if (pytorch_is_untyped(type))
        pickle_put_global(p, type->dtype);
    pickle_put_op(p, 't');
    pickle_put_op(p, 'R');
    return true;
}

static bool is_packed(const struct change *change)
{
    return change->kind == CHANGE_LINEAR4 || change->kind == CHANGE_LINEAR8;
}

/* The tensor as the only one of a storage of its own; what else it says of itself stays. */
static bool replace_tensor(struct pickle_writer *p, const struct pickle_value *value, size_t index,
                           struct pare_error *err)
{
    struct writing_archive *w = p->data;
    const struct tensor *t = &w->model->tensors[index];
    const struct pickle_value *arguments = value->items[1];
    const struct changed *c = change_tensor(w, leader(w, index), err);
    const struct pytorch_type *type;
    struct pytorch_storage storage;
    if (!c || !pytorch_storage(w->own, arguments->items[0], &storage, err))
        return false;
    if (is_packed(&w->changes[leader(w, index)]))
        return put_tensor(p, c->parts, t->own_type, c->first, err);
    if (!begin_tensor(p, c->parts, t->own_type, storage.location, c->first, &t->shown, &type, err))
        return false;
    for (size_t i = 4; i < arguments->count; i++)
        if (!pickle_put(p, arguments->items[i], err))
            return false;
    pickle_put_op(p, 't');
    pickle_put_op(p, 'R');
    return true;
}

/* The call that makes a tensor, be it a parameter; one of integers is no parameter any more. */
static const struct pickle_value *inner(const struct writing_archive *w,
                                        const struct pickle_value *value)
{
    const struct pickle_value *parameter = pickle_call(value, "torch._utils _rebuild_parameter");
    const struct pickle_value *call =
        parameter && parameter->count > 0 ? parameter->items[0] : value;
    return call->mark && (call == value || is_packed(&w->changes[leader(w, call->mark - 1)]))
               ? call
               : value;
}

/* Behind a member of a dict that is such a tensor the others that it becomes. */
static bool put_more(struct pickle_writer *p, const struct pickle_value *key,
                     const struct pickle_value *value, struct pare_error *err)
{
    struct writing_archive *w = p->data;
    const struct pickle_value *call = inner(w, value);
    if (key->kind != PICKLE_TEXT || !call->mark ||
        !is_packed(&w->changes[leader(w, call->mark - 1)]))
        return true;
    const struct changed *c = change_tensor(w, leader(w, call->mark - 1), err);
    for (size_t i = 1; c && i < c->count; i++) {
        const char *name = checkpoint_part_name(&w->output->arena, &c->parts[i], key->text);
        if (!name)
            return error_no_memory(err, key->length);
        pickle_put_text(p, name);
        if (!put_tensor(p, &c->parts[i], -1, c->first + i, err))
            return false;
    }
    return c != NULL;
}

static bool replace(struct pickle_writer *p, const struct pickle_value *value, bool *ret_done,
                    struct pare_error *err)
{
    struct writing_archive *w = p->data;
    if (value->kind == PICKLE_PERSISTENT) {
        *ret_done = true;
        return replace_storage(p, value, err);
    }
    const struct pickle_value *call = inner(w, value);
    *ret_done = call->mark && w->changes[leader(w, call->mark - 1)].kind != CHANGE_NONE;
    return !*ret_done || replace_tensor(p, call, call->mark - 1, err);
}

/* A state dict of all tensors, where there are no objects to begin with. */
static bool put_state_dict(struct writing_archive *w, struct pickle_writer *p,
                           struct pare_error *err)
{
    buf_add(p->buf, "\x80\x02", 2);
    pickle_put_global(p, "collections OrderedDict");
    buf_text(p->buf, ")Rq");
    buf_char(p->buf, '\0');
    for (size_t i = 0; i < w->model->tensor_count; i++) {
        const struct tensor *t = &w->model->tensors[i];
        const struct changed *c = change_tensor(w, i, err);
        if (!c)
            return false;
        pickle_put_op(p, '(');
        for (size_t k = 0; k < c->count; k++) {
            const char *name = checkpoint_part_name(&w->output->arena, &c->parts[k], t->shown.name);
            if (!name)
                return error_no_memory(err, strlen(t->shown.name));
            pickle_put_text(p, name);
            if (!put_tensor(p, &c->parts[k], t->own_type, c->first + k, err))
                return error_prefix(err, "tensor %.200s", t->shown.name);
        }
        pickle_put_op(p, 'u');
    }
    pickle_put_op(p, '.');
    return buf_ok(p->buf, err);
}

/* ---- the members ---- */

/* Begin NAME/`folder``name`. */
static bool begin_member(struct writing_archive *w, const char *folder, const char *name,
                         int64_t size_bytes, const uint32_t *crc, size_t *ret_sum,
                         struct pare_error *err)
{
    const char *prefix = w->own ? w->own->prefix : "archive";
    const char *path = arena_printf(&w->output->arena, "%s/%s%s", prefix, folder, name);
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
    struct stored *stored = &w->stored[number];
    char key[32];
    snprintf(key, sizeof(key), "%zu", number);
    return begin_member(w, "data/", key, stored->from.length, stored->crc, &stored->from.sum,
                        err) &&
           output_add(w->output, w->file, &stored->from, err) && zip_write_end(&w->zip, err);
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
    struct pickle_writer p = { .buf = buf, .replace = replace, .more = put_more, .data = w };
    return (w->own ? pickle_write(&p, &w->own->objects, err) : put_state_dict(w, &p, err)) &&
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

/* Each storage and each tensor of an archive is stored once at most. */
static bool make_lists(struct writing_archive *w, size_t storages, size_t tensors,
                       struct pare_error *err)
{
    struct arena *arena = &w->output->arena;
    size_t most = storages + CHECKPOINT_PARTS_MAX * tensors;
    w->stored_count = 0;
    w->stored = arena_array(arena, most + 1, sizeof(*w->stored));
    w->number_of_record = arena_array(arena, storages + 1, sizeof(*w->number_of_record));
    return (w->stored && w->number_of_record) || error_no_memory(err, most * sizeof(*w->stored));
}

/* The archive's tensors into the index; values that are shared count once. */
static bool map_tensors(struct writing_archive *w, struct pare_error *err)
{
    for (size_t i = w->own->first; i < w->own->first + w->own->count; i++) {
        const struct tensor *t = &w->model->tensors[i];
        const struct checkpoint_part whole = { .suffix = "", .from.length = t->shown.size_bytes };
        const struct changed *c = w->changed[leader(w, i)];
        const struct checkpoint_part *parts = c ? c->parts : &whole;
        for (size_t k = 0; k < (c ? c->count : 1); k++) {
            const char *name = checkpoint_part_name(&w->output->arena, &parts[k], t->shown.name);
            if (!name)
                return error_no_memory(err, strlen(t->shown.name));
            checkpoint_index_add(&w->index, name, w->file->name,
                                 t->shares ? 0 : parts[k].from.length);
        }
    }
    return true;
}

/* A lone file goes by the name it is given; in a folder, and among shards, all keep theirs. */
static const char *file_name(const struct writing_archive *w, bool sharded)
{
    const struct source *source = w->model->source;
    if (!source->is_folder && !sharded)
        return w->settings->name;
    return w->own ? source->files[w->own->file].name : PYTORCH_MAIN;
}

/* All of w->own, or of a model that is no archive. */
static bool write_file(struct writing_archive *w, bool sharded, struct pare_error *err)
{
    size_t storages = w->own ? w->own->zip.count : 0;
    size_t tensors = w->own ? w->own->count : w->model->tensor_count;
    size_t members = storages + CHECKPOINT_PARTS_MAX * tensors + RECORDS_FIXED;
    if (!make_lists(w, storages, tensors, err) ||
        !checkpoint_begin_file(w->output, file_name(w, sharded), &w->file, err))
        return false;
    bool ok = zip_writer_init(&w->zip, w->output, w->file, members, err) && write_archive(w, err);
    zip_writer_done(&w->zip);
    return ok;
}

static bool write_shards(struct writing_archive *w, const struct pytorch *own,
                         struct pare_error *err)
{
    bool ok = true;
    checkpoint_index_init(&w->index);
    for (size_t i = 0; ok && i < own->archive_count; i++) {
        w->own = &own->archives[i];
        ok = write_file(w, true, err) && map_tensors(w, err);
    }
    ok = ok && checkpoint_index_put(&w->index, w->model, w->output, err);
    checkpoint_index_done(&w->index);
    return ok;
}

/* What is no archive of torch's becomes one, of a state dict. */
bool pytorch_plan(const struct model *model, const struct change *changes,
                  const struct output_settings *settings, struct output *output,
                  struct pare_error *err)
{
    const struct checkpoint *checkpoint = model->own;
    const struct pytorch *own = model->format == &format_pytorch ? model->own : NULL;
    struct writing_archive w = { .model = model,
                                 .own = own ? own->archives : NULL,
                                 .changes = changes,
                                 .settings = settings,
                                 .output = output };
    bool sharded = own && own->sharded;
    w.changed = arena_array(&output->arena, model->tensor_count + 1, sizeof(*w.changed));
    if (!w.changed)
        return error_no_memory(err, model->tensor_count * sizeof(*w.changed));
    return check_changes(&w, err) &&
           output_files(output, checkpoint->other_count + (own ? own->archive_count : 1) + sharded,
                        err) &&
           checkpoint_put_others(model, changes, output, err) &&
           (sharded ? write_shards(&w, own, err) : write_file(&w, false, err));
}
