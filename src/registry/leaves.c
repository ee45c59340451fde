/* SPDX-License-Identifier: MIT */
#include "registry/leaves.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/version.h"

enum { TEXT_MAX = 512, WORD_MAX = 32 };

struct reading {
    struct leaves *leaves;
    struct arena *arena;
    bool no_memory;
};

static char *clean_copy(struct arena *arena, const char *text, size_t length)
{
    char room[TEXT_MAX + 4];
    text_clean(text, MIN(length, TEXT_MAX), room, sizeof(room));
    return arena_strdup(arena, room);
}

static bool add(void *data, const char *path, const char *text, size_t length)
{
    struct reading *r = data;
    if (r->leaves->count == LEAVES_MAX) {
        r->leaves->cut = true;
        return false;
    }
    bool quoted = length >= 2 && text[0] == '"';
    struct leaf *leaf = &r->leaves->list[r->leaves->count];
    leaf->path = clean_copy(r->arena, path, strlen(path));
    leaf->text = clean_copy(r->arena, text + quoted, length - (quoted ? 2 : 0));
    bool digit = length > 0 && (isdigit((unsigned char)text[0]) || text[0] == '-');
    leaf->number = digit && leaf->text ? version_metric(leaf->text) : NAN;
    r->no_memory = !leaf->path || !leaf->text;
    r->leaves->count += !r->no_memory;
    return !r->no_memory;
}

bool leaves_read(const char *json, struct arena *arena, struct leaves *ret_leaves)
{
    struct leaves leaves = { 0 };
    struct reading reading = { &leaves, arena, false };
    struct pare_error ignored;
    if (json) {
        leaves.list = arena_array(arena, LEAVES_MAX, sizeof(*leaves.list));
        if (!leaves.list)
            return false;
        if (!json_walk(json, strlen(json), add, &reading, &ignored))
            leaves.count = 0; /* of what is no document nothing counts */
    }
    *ret_leaves = leaves;
    return !reading.no_memory;
}

const struct leaf *leaves_find(const struct leaves *leaves, const char *path)
{
    for (size_t i = 0; i < leaves->count; i++)
        if (!strcmp(leaves->list[i].path, path))
            return &leaves->list[i];
    return NULL;
}

double leaves_number(const struct leaves *leaves, const char *path)
{
    const struct leaf *leaf = leaves_find(leaves, path);
    return leaf ? leaf->number : NAN;
}

/* ---- which way is better ---- */

static const char *const less_words[] = {
    "ms",     "us",   "seconds", "latency", "size",       "bytes",    "kb",    "mb",     "gb",
    "memory", "loss", "error",   "errors",  "err",        "mae",      "mse",   "rmse",   "mape",
    "wer",    "cer",  "eer",     "ppl",     "perplexity", "failures", "flops", "params",
};
static const char *const more_words[] = {
    "accuracy", "acc",  "f1",  "precision", "recall",     "auc",      "auroc",
    "map",      "ndcg", "mrr", "bleu",      "rouge",      "iou",      "miou",
    "dice",     "r2",   "qps", "rps",       "throughput", "requests", "sqnr",
    "psnr",     "ssim", "snr", "agreement", "spearman",   "pearson",
};

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(word, words[i]))
            return true;
    return false;
}

int leaves_direction(const char *path)
{
    bool less = false, more = false;
    while (*path) {
        char word[WORD_MAX];
        size_t length = 0;
        while (*path && !isalnum((unsigned char)*path))
            path++;
        for (; isalnum((unsigned char)*path); path++)
            if (length + 1 < sizeof(word))
                word[length++] = (char)tolower((unsigned char)*path);
        word[length] = '\0';
        less = less || is_one_of(word, less_words, ARRAY_SIZE(less_words));
        more = more || is_one_of(word, more_words, ARRAY_SIZE(more_words));
    }
    return (int)more - (int)less; /* "accuracy_loss" is neither */
}
