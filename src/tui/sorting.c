/* SPDX-License-Identifier: MIT */
#include "tui/sorting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers for words ---- */

struct ranked {
    uint32_t word, rank;
};

struct ranks {
    struct ranked *words; /* ordered by word when done */
    size_t count;
};

static int by_word(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    return (left->word > right->word) - (left->word < right->word);
}

static int by_text(const void *a, const void *b, void *data)
{
    const struct ranked *left = a, *right = b;
    const struct browse_list *list = data;
    return order_compare_text(browse_word(list, left->word), browse_word(list, right->word));
}

/* A fact's word; 0: it has none, or is a number. */
static uint32_t word_of(const struct browse_list *list, const struct field *field, uint32_t place)
{
    const struct browse_row *row = &list->rows[place];
    switch (field->kind) {
    case FIELD_NAME:
        return list->models[row->model].name;
    case FIELD_VERSION:
        return row->version;
    case FIELD_TYPE:
        return row->type;
    case FIELD_OPTIMIZATION:
        return row->optimization;
    case FIELD_JSON: {
        const struct browse_value *value =
            list->values[field->slot] ? &list->values[field->slot][place] : NULL;
        return value && value->kind && isnan(value->number) ? value->text : 0;
    }
    default:
        return 0;
    }
}

/* Each different word once: a bit for each offset in the pool tells whether it was there. */
static bool collect_words(const struct browse_list *list, const struct field *field,
                          const uint32_t *index, size_t count, struct ranks *ranks)
{
    size_t room = 0;
    uint8_t *seen = calloc(list->words->used / 8 + 1, 1);
    bool ok = seen != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        uint32_t word = word_of(list, field, index[i]);
        if (!word || seen[word / 8] & 1 << word % 8)
            continue;
        seen[word / 8] |= (uint8_t)(1 << word % 8);
        if (ranks->count == room) {
            room = room ? 2 * room : 256;
            struct ranked *words = realloc(ranks->words, room * sizeof(*words));
            ok = words != NULL;
            ranks->words = ok ? words : ranks->words;
        }
        if (ok)
            ranks->words[ranks->count++].word = word;
    }
    free(seen);
    return ok;
}

static bool rank_words(const struct browse_list *list, const struct field *field,
                       const uint32_t *index, size_t count, struct ranks *ranks)
{
    bool ok = collect_words(list, field, index, count, ranks);
    if (!ok || ranks->count == 0)
        return ok;
    qsort_r(ranks->words, ranks->count, sizeof(*ranks->words), by_text, (void *)(uintptr_t)list);
    for (size_t i = 0; i < ranks->count; i++)
        ranks->words[i].rank = (uint32_t)i;
    qsort(ranks->words, ranks->count, sizeof(*ranks->words), by_word);
    return true;
}

static uint32_t rank_of(const struct ranks *ranks, uint32_t word)
{
    const struct ranked wanted = { .word = word };
    const struct ranked *found =
        bsearch(&wanted, ranks->words, ranks->count, sizeof(wanted), by_word);
    return found ? found->rank : 0;
}

/* ---- keys ---- */

static double goal_number(const struct browse_list *list, const struct filter *goal, uint32_t place)
{
    enum version_goal answer = goal ? goal_of_row(goal, list, place) : VERSION_GOAL_NONE;
    return answer ? (double)answer : (double)NAN;
}

static double number_of(const struct browse_list *list, const struct field *field, uint32_t place)
{
    const struct browse_row *row = &list->rows[place];
    switch (field->kind) {
    case FIELD_CREATED:
        return row->created_at ? (double)row->created_at : NAN; /* a float NAN would make floats */
    case FIELD_SIZE:
        return row->size_bytes;
    case FIELD_STORED:
        return browse_stored(list, row);
    case FIELD_LATENCY:
        return row->latency_ms;
    case FIELD_ACCURACY:
        return row->accuracy;
    case FIELD_ID:
        return (double)row->id;
    case FIELD_PARENT:
        return row->parent_id ? (double)row->parent_id : NAN;
    case FIELD_DEFAULT:
        return row->is_default;
    case FIELD_JSON:
        return list->values[field->slot] && list->values[field->slot][place].kind
                   ? list->values[field->slot][place].number
                   : NAN;
    default:
        return NAN;
    }
}

/* A double's bits so that they compare as it does. */
static uint64_t bits_of(double number)
{
    uint64_t bits;
    number += 0.0; /* there is one zero */
    memcpy(&bits, &number, sizeof(bits));
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* Numbers, then words, both in the direction asked for, then what is absent. */
static uint64_t key_of(const struct browse_list *list, const struct filter *goal,
                       const struct field *field, bool descending, const struct ranks *ranks,
                       uint32_t place)
{
    double number =
        field->kind == FIELD_GOAL ? goal_number(list, goal, place) : number_of(list, field, place);
    if (!isnan(number))
        return bits_of(descending ? -number : number);
    uint32_t word = word_of(list, field, place);
    if (!word)
        return UINT64_MAX;
    uint32_t rank = rank_of(ranks, word);
    return bits_of(INFINITY) + 1 + (descending ? UINT32_MAX - rank : rank);
}

/* ---- sorting ---- */

struct __attribute__((packed, aligned(4))) keyed {
    uint64_t key;
    uint32_t place;
};

enum { BYTES = sizeof(uint64_t), BUCKETS = 256 };

static unsigned byte_of(uint64_t key, int byte)
{
    return (unsigned)(key >> (8 * byte)) & (BUCKETS - 1);
}

/* By one byte of the key, from the one to the other. */
static void pass(const struct keyed *from, struct keyed *to, size_t count, int byte,
                 const uint32_t sizes[BUCKETS])
{
    uint32_t starts[BUCKETS], start = 0;
    for (int i = 0; i < BUCKETS; i++) {
        starts[i] = start;
        start += sizes[i];
    }
    for (size_t i = 0; i < count; i++)
        to[starts[byte_of(from[i].key, byte)]++] = from[i];
}

/* Keeps the order of equals. The result is in either; which is returned. */
static struct keyed *sort_keys(struct keyed *items, struct keyed *spare, size_t count)
{
    uint32_t sizes[BYTES][BUCKETS] = { 0 };
    for (size_t i = 0; i < count; i++)
        for (int byte = 0; byte < BYTES; byte++)
            sizes[byte][byte_of(items[i].key, byte)]++;
    for (int byte = 0; byte < BYTES; byte++) {
        if (sizes[byte][byte_of(items[0].key, byte)] == count)
            continue; /* they are all alike there */
        pass(items, spare, count, byte, sizes[byte]);
        struct keyed *sorted = spare;
        spare = items;
        items = sorted;
    }
    return items;
}

static void take_order(const struct keyed *items, uint32_t *index, size_t count)
{
    for (size_t i = 0; i < count; i++)
        index[i] = items[i].place;
}

static bool sort_by(const struct browse_list *list, const struct filter *goal,
                    const struct order *order, size_t at, struct keyed *items, uint32_t *index,
                    size_t count)
{
    struct ranks ranks = { 0 };
    const struct field *field = &order->keys[at].field;
    if (!rank_words(list, field, index, count, &ranks)) {
        free(ranks.words);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        items[i] =
            (struct keyed){ key_of(list, goal, field, order->keys[at].descending, &ranks, index[i]),
                            index[i] };
    free(ranks.words);
    take_order(sort_keys(items, items + count, count), index, count);
    return true;
}

bool sorting(const struct browse_list *list, const struct filter *goal, const struct order *order,
             uint32_t *index, size_t count)
{
    bool ok = true;
    if (count < 2)
        return true;
    struct keyed *items = malloc(2 * count * sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct keyed){ index[i], index[i] };
    take_order(sort_keys(items, items + count, count), index, count);
    for (size_t at = order->count; ok && at > 0; at--)
        ok = sort_by(list, goal, order, at - 1, items, index, count);
    free(items);
    return ok;
}
