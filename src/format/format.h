/* SPDX-License-Identifier: MIT */
/*
 * A model, whatever file format it is in: its tensors, what each of them can
 * become, and the writing of a changed copy. Nothing above this folder knows
 * which format it is.
 *
 * The way through: model_open() indexes the structure; the caller looks at the
 * tensors, decides on a change for each and reads values with model_read();
 * output_plan() lays the new files out to the byte; output_write() streams
 * them, asking the caller's filler for the values that change and copying all
 * else from the source, known or not, as it is.
 */
#ifndef PARE_FORMAT_FORMAT_H
#define PARE_FORMAT_FORMAT_H

#include "base/arena.h"
#include "base/base.h"
#include "pare/model.h"

struct buf;
struct channel_cut;
struct channels;
struct format;
struct match;
struct match_options;
struct model;
struct nested4;
struct output;
struct pare_error;
struct sink;
struct source;

/* ---- a model ---- */

enum channel_method {
    CHANNEL_FFN,   /* hidden units of feed-forward blocks */
    CHANNEL_HEADS, /* heads of attention, those that share keys and values together */
};

/* Where int8 weights with their scales would be used, and by what arithmetic. */
enum int8_form {
    INT8_NONE,
    INT8_WEIGHT_ONLY, /* multiplied back to float when the model is loaded */
    INT8_DYNAMIC,     /* integer products; activations are quantized as they come */
    INT8_LOOKUP,      /* of a table: rows are multiplied back to float as they are taken */
};

enum { TENSOR_OPS_MAX = 16 };

struct tensor {
    struct pare_tensor shown; /* what the world sees */

    /* The operators that take it or what is only moved or retyped of it, each once; those beyond
       TENSOR_OPS_MAX are not listed. */
    const char **ops;
    size_t op_count;

    /* Contiguous values, or file_offset -1 and the reason why they cannot be had. */
    size_t file;
    int64_t file_offset;
    const char *unreadable;

    /*
     * For weights of a matrix product or a convolution: the best int8 form the format has and
     * the axis of the output channels (-1: not known, so one scale for all). For tables that are
     * nothing else INT8_LOOKUP. For others INT8_NONE and no_int8 says why. `weight` without a
     * form: its values may still change.
     */
    bool alone;   /* in a checkpoint: no graph changes with it */
    bool widens;  /* F16 or BF16 that is worked on as the float32 it stands for */
    int own_type; /* of a checkpoint: its dtype as safetensors counts them; -1: it has none */
    bool shares;  /* it is where tensor `shares_with`, an earlier one, is, and changes with it */
    size_t shares_with;
    bool weight;
    enum int8_form int8;
    int channel_axis;
    const char *no_weight, *no_int8;
    const char *no_fp16;   /* why it cannot become float16, as far as it alone tells; or NULL */
    const char *no_blocks; /* why it cannot be 4-bit blocks; or NULL */
    const char *no_qdq4;   /* nor such with standard operators; or NULL */
    const char *no_bf16;   /* why it cannot be bfloat16; or NULL */

    /* Rows are looked up in it by a Gather; no_table says why not in one of fewer bits, or NULL. */
    bool table;
    const char *no_table;

    /*
     * When this tensor holds another one's values as int8 or bfloat16: that one's name, and of
     * int8 its factors.
     */
    const char *stands_for;    /* NULL when it does not */
    int64_t scale, zero_point; /* indexes of tensors; -1: none, zero_point is 0 then */
    int scale_axis;            /* -1: one scale for all */
};

struct model {
    const struct format *format;
    struct source *source; /* owned */
    size_t main_file;
    struct arena arena; /* everything below, and what the format keeps for itself */
    struct tensor *tensors;
    size_t tensor_count;
    struct pare_fact *facts;
    size_t fact_count;
    void *own;             /* the format's */
    const char *quantized; /* what tells that it is quantized already; or NULL */
};

/* Take over `source`, also on failure, and index what is in it. */
MUST_CHECK bool model_open(struct source *source, struct model **ret_model, struct pare_error *err);
void model_close(struct model *model); /* NULL is fine */

/* Part of a tensor's values. */
MUST_CHECK bool model_read(const struct model *model, const struct tensor *tensor, int64_t start,
                           size_t length, void *to, struct pare_error *err);

/* Fail for a graph that no runtime loads, as far as names tell. It can be looked at all the same. */
MUST_CHECK bool model_check(const struct model *model, struct pare_error *err);

/* ---- the same, simpler ---- */

/* What becomes of a tensor when a model is optimized. */
struct fate {
    const char *text; /* "merged with W"; "" when it stays as it is */
    bool gone;
};

struct optimized {
    size_t folded; /* nodes on constants */
    size_t passed; /* Identity and Dropout */
    size_t fused;  /* BatchNormalization into Conv */
    size_t merged; /* constants that are equal to another */
    size_t unused_nodes, unused_tensors;
    struct fate *fates; /* by tensor */
};

/*
 * A model that computes the same with less: on top of `model`, which must outlive it, and of
 * which it reads what it does not change. Strings of *ret_found live in `arena`. *ret_model is
 * NULL when there is nothing to do.
 */
MUST_CHECK bool model_optimize(const struct model *model, struct arena *arena,
                               struct optimized *ret_found, struct model **ret_model,
                               struct pare_error *err);

/* ---- a changed copy ---- */

enum change_kind {
    CHANGE_NONE,
    CHANGE_VALUES,  /* other values of the same type */
    CHANGE_INT8,    /* int8 of the same shape, and float scales */
    CHANGE_FP16,    /* float16 of the same shape, and what computes with it too */
    CHANGE_INT4,    /* 4-bit numbers in blocks, float scales and 4-bit zero points: format/int4.h */
    CHANGE_QDQ4,    /* as CHANGE_INT4, for standard operators: format/qdq4.h */
    CHANGE_BNB4,    /* 4-bit floats in blocks, float scales: format/bnb4.h */
    CHANGE_TABLE4,  /* as CHANGE_INT4, for a Gather: format/table4.h */
    CHANGE_BF16,    /* bfloat16 of the same shape, made float again when the model is loaded */
    CHANGE_LINEAR4, /* 4-bit floats in blocks, of a checkpoint: format/linear4.h */
    CHANGE_CUT,     /* fewer indexes along an axis, of the same type: format/channels.h */
    CHANGE_LINEAR8, /* int8 with a magnitude for each output, of a checkpoint: format/linear8.h */
};

/* What becomes of a tensor; one for each, by index. */
struct change {
    enum change_kind kind;
    enum int8_form form; /* of CHANGE_INT8 */
    int axis;            /* of the scales; -1: one scale; of 4-bit blocks, of the output channels */
    int64_t scale_count;
    bool io16;          /* of CHANGE_FP16: the model's own inputs and outputs become float16 too */
    int block;          /* of 4-bit blocks: elements that share a scale */
    bool symmetric;     /* of CHANGE_INT4, CHANGE_QDQ4 and CHANGE_TABLE4: without zero points */
    int accuracy_level; /* of CHANGE_INT4: of the products, as ONNX Runtime counts it */
    int float4; /* of CHANGE_BNB4 and CHANGE_LINEAR4: 0 fp4, 1 nf4, as ONNX Runtime counts */
    const struct nested4 *nested;  /* of CHANGE_LINEAR4: the scales are quantized too; or NULL */
    const float *absmax;           /* of CHANGE_LINEAR8: of each output */
    const struct channel_cut *cut; /* of CHANGE_CUT */
    const struct match *match;     /* of every tensor, of CHANGE_NONE: format/match.h; NULL: none */
};

/* Magnitudes, by the bits of a float: from the one on float16 is infinite, up to the other 0. */
#define FP16_OVERFLOW 0x477ff000u  /* 65520 */
#define FP16_UNDERFLOW 0x33000000u /* 2^-25 */

/*
 * Of the tensors that are to become float16, leave those that nothing would take so: they get
 * CHANGE_NONE and a reason in `arena`. What is left is what output_plan() takes; a tensor that is
 * F32 and not among it keeps in float32 what computes with it.
 */
MUST_CHECK bool model_settle_fp16(const struct model *model, struct change *io_changes,
                                  struct arena *arena, const char **ret_reasons,
                                  struct pare_error *err);

/* A line that the output says of itself. */
struct label {
    const char *key, *value;
    bool digest; /* the value's bytes come from the filler when they are wanted */
};

/* Labels that begin so are pare's: an output carries those of its own making only. */
#define LABEL_PREFIX "pare."

/* How the copy is written. */
struct output_settings {
    const char *name; /* of the main file */
    const struct label *labels;
    size_t label_count;
    /* Values of so many bytes and more go to a file beside; 0: those whose source is such a file.
       A main file that its format cannot hold becomes smaller so in any case. */
    int64_t external_bytes;
    const struct format *format; /* NULL: the model's own */
};

/*
 * The format of a copy of that name. A lone checkpoint becomes what a suffix says that is not its
 * own; a folder with one the other format of such where `converts`; all else keeps its own.
 */
const struct format *output_format(const struct model *model, const char *name, bool converts);

/*
 * Lay out the changed copy. `changes` has model->tensor_count elements. The output borrows the
 * model, which must outlive it, and nothing else.
 */
MUST_CHECK bool output_plan(const struct model *model, const struct change *changes,
                            const struct output_settings *settings, struct output **ret_output,
                            struct pare_error *err);
void output_free(struct output *output); /* NULL is fine */

/* Its files in the order of writing; the main file is the last. */
size_t output_file_count(const struct output *output);
const char *output_file_name(const struct output *output, size_t file);
int64_t output_file_bytes(const struct output *output, size_t file);
int64_t output_bytes(const struct output *output);

/*
 * Gives the changed values. For each changed tensor values() is called once and then, for
 * CHANGE_INT8 and 4-bit blocks, scales() once, and where those are not symmetric
 * zero_points() once; in the order of the output, not of the tensors. Of 4-bit blocks no other
 * tensor comes between. Of CHANGE_LINEAR4 scales() may come first, where there is no `nested`. Each writes all its bytes to the sink. copied() tells of bytes that went
 * through unchanged; false stops.
 */
struct filler {
    bool (*values)(void *data, size_t tensor, struct sink *sink, struct pare_error *err);
    bool (*scales)(void *data, size_t tensor, struct sink *sink, struct pare_error *err);
    bool (*zero_points)(void *data, size_t tensor, struct sink *sink, struct pare_error *err);
    bool (*digest)(void *data, struct sink *sink, struct pare_error *err);
    bool (*copied)(void *data, int64_t bytes, struct pare_error *err);
    void *data;
    /* The values of a weight of the match; not needed where there is none. */
    bool (*matched)(void *data, size_t weight, struct sink *sink, struct pare_error *err);
};

/* Write all files. The commit is the caller's. */
MUST_CHECK bool output_write(const struct output *output, struct sink *sink,
                             const struct filler *filler, struct pare_error *err);

/* ---- for the formats themselves ---- */

struct format {
    const char *name; /* "onnx" */
    /* Whether a main file of that name that begins so is one. */
    bool (*sniff)(const char *name, const unsigned char *start, size_t length);
    /* Fill in model->tensors, facts and own, from the main file on. */
    bool (*open)(struct model *model, struct pare_error *err);
    bool (*check)(const struct model *model, struct pare_error *err);
    /* *ret_source NULL: nothing to do. */
    bool (*optimize)(const struct model *model, struct arena *arena, struct optimized *ret_found,
                     struct source **ret_source, struct pare_error *err);
    bool (*settle_fp16)(const struct model *model, struct change *io_changes, struct arena *arena,
                        const char **ret_reasons, struct pare_error *err);
    bool (*plan)(const struct model *model, const struct change *changes,
                 const struct output_settings *settings, struct output *output,
                 struct pare_error *err);
    /* NULL: the format knows of no channels; or nothing tells of them beside the tensors. */
    bool (*channels)(const struct model *model, enum channel_method method, struct arena *arena,
                     struct channels *ret_channels, struct pare_error *err);
    bool (*put_channels)(const struct model *model, const struct channels *channels, int64_t kept,
                         struct buf *buf, struct pare_error *err);
    bool (*match)(const struct model *model, const struct match_options *options,
                  struct arena *arena, struct match **ret_match, struct pare_error *err);
};

extern const struct format format_onnx, format_pytorch, format_safetensors;

enum segment_kind {
    SEGMENT_COPY,
    SEGMENT_LITERAL,
    SEGMENT_VALUES,
    SEGMENT_SCALES,
    SEGMENT_ZERO_POINTS,
    SEGMENT_MATCHED,
    SEGMENT_DIGEST, /* a label's value */
    SEGMENT_ZEROS,  /* padding */
    SEGMENT_SUM,    /* four bytes, lowest first: the CRC-32 numbered `sum` */
};

/* A stretch of an output file and where its bytes come from. */
struct segment {
    enum segment_kind kind;
    int64_t length;
    int64_t offset; /* of a copy, in source file `file` */
    size_t file;
    const char *bytes; /* of a literal */
    size_t tensor;     /* of values, scales and zero points; of a match the weight's number */
    size_t sum;        /* the CRC-32 that its bytes go into, 1, 2, ... in the file; 0: none */
};

struct output_file {
    const char *name;
    int64_t size_bytes;
    struct segment *segments;
    size_t segment_count, segment_room;
    size_t sum_count;
};

struct output {
    const struct model *model;
    struct arena arena; /* files, names, segments, literals */
    struct output_file *files;
    size_t file_count;
};

/* Make room for so many files; none is there yet. */
MUST_CHECK bool output_files(struct output *output, size_t count, struct pare_error *err);

/* Append; a segment of no bytes is left out, a copy that continues the last one joins it. */
MUST_CHECK bool output_add(struct output *output, struct output_file *file,
                           const struct segment *segment, struct pare_error *err);

#endif
