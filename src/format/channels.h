/* SPDX-License-Identifier: MIT */
/*
 * Channels that can be taken out of a model: what hangs together, and the model without some.
 *
 * A channel is a slice of several tensors at once - a hidden unit of a feed-forward block is a row
 * of one matrix and a column of the next - so all of it goes or nothing does. What hangs together
 * is the format's knowledge; which channels go is the caller's choice.
 */
#ifndef PARE_FORMAT_CHANNELS_H
#define PARE_FORMAT_CHANNELS_H

#include "format/format.h"

enum { CHANNEL_KEYS_MAX = 3 };

/* Where the channels of a group are in one tensor: from `start` on, `width` indexes each. */
struct channel_part {
    size_t tensor;
    int axis;
    int64_t start, width;
    bool joins; /* its values and those of the part before are one vector for each channel */
    bool mute;  /* zeros there do not silence the channel, so its values do not score */
};

struct channel_group {
    const char *name; /* of the block */
    int64_t count;    /* channels */
    const struct channel_part *parts;
    size_t part_count; /* along at most two axes of a tensor, over all groups */
    const char *whole; /* why it must stay whole; or NULL */
};

/* A number of config.json: so many for each channel that stays, or, with 0, a fixed one. */
struct channel_key {
    const char *key;
    int64_t per_channel, fixed;
};

struct channels {
    struct channel_group *groups;
    size_t group_count;
    bool uniform; /* all groups keep the same number: one number in config.json tells it */
    struct channel_key keys[CHANNEL_KEYS_MAX];
    size_t key_count;
};

/* What of a tensor stays, along one axis, or along that and an earlier one. */
struct channel_cut {
    int axis;
    const int64_t *kept; /* indexes that stay, ascending; NULL: the tensor stays as it is */
    int64_t kept_count;
    struct channel_cut *outer; /* along the earlier axis; or NULL */
};

/* The dimensions of what stays; gives its bytes. */
int64_t channel_cut_shape(const struct channel_cut *cut, const struct pare_tensor *shown,
                          int64_t ret_dims[PARE_RANK_MAX]);

/* All groups there are; they live in `arena`. A format without any knows none. */
MUST_CHECK bool model_channels(const struct model *model, enum channel_method method,
                               struct arena *arena, struct channels *ret_channels,
                               struct pare_error *err);

/*
 * The model with only what `cuts`, one for each tensor, let stand, and `kept` channels in a group
 * where config.json is told of it. On top of `model`, which must outlive it, as the cuts must;
 * nothing of its values is held.
 */
MUST_CHECK bool model_cut(const struct model *model, const struct channels *channels,
                          const struct channel_cut *cuts, int64_t kept, struct model **ret_model,
                          struct pare_error *err);

/* ---- for the formats ---- */

MUST_CHECK bool onnx_channels(const struct model *model, enum channel_method method,
                              struct arena *arena, struct channels *ret_channels,
                              struct pare_error *err);

MUST_CHECK bool checkpoint_channels(const struct model *model, enum channel_method method,
                                    struct arena *arena, struct channels *ret_channels,
                                    struct pare_error *err);

/* config.json with the numbers of `channels`; nothing is appended when there is no such file. */
MUST_CHECK bool checkpoint_put_channels(const struct model *model, const struct channels *channels,
                                        int64_t kept, struct buf *buf, struct pare_error *err);

#endif
