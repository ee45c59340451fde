/* SPDX-License-Identifier: MIT */
#include "engine/structure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "engine/choice.h"
#include "engine/meter.h"
#include "engine/plan.h"
#include "engine/prune.h"
#include "engine/reading.h"
#include "engine/recipe.h"
#include "format/channels.h"

enum { STEP_FLOATS = 16384 };

/* What is said of a tensor. */
struct note {
    const char *tensor, *action, *reason;
};

struct structure {
    struct model *layers[RECIPE_STEPS_MAX]; /* each on top of the one before */
    size_t layer_count;
    struct note *notes; /* by the tensor's name, once all are there */
    size_t note_count, note_room;
};

static const struct {
    enum prune_method method;
    enum channel_method channels;
    const char *name, *many, *place;
} kinds[] = {
    { METHOD_FFN, CHANNEL_FFN, "ffn", "channels", "feed-forward block" },
    { METHOD_HEADS, CHANNEL_HEADS, "heads", "key-value heads", "attention" },
};

static size_t kind_of(const struct step *step)
{
    size_t i = 0;
    while (i < ARRAY_SIZE(kinds) && kinds[i].method != step->method)
        i++;
    return i;
}

bool structure_is_step(const struct step *step)
{
    return step->kind == STEP_PRUNE && kind_of(step) < ARRAY_SIZE(kinds);
}

/* One step at work. */
struct structuring {
    struct pare_plan *plan;
    struct meter *meter;
    const struct step *step;
    struct channels channels;
    struct channel_cut *cuts; /* by tensor of plan->work */
    int64_t kept;             /* of the channels of a group, where all keep the same number */
};

/* ---- what is left out, and why ---- */

static bool is_covered(const struct structuring *s, const struct channel_group *group)
{
    for (size_t i = 0; i < group->part_count; i++)
        if (step_covers(s->step, &s->plan->work->tensors[group->parts[i].tensor]))
            return true;
    return group->part_count == 0;
}

/* Where one number tells all, one block that stays whole keeps all others. */
static bool settle_uniform(struct structuring *s, struct pare_error *err)
{
    const struct channel_group *odd = NULL;
    struct channels *c = &s->channels;
    for (size_t i = 0; !odd && c->uniform && i < c->group_count; i++)
        if (c->groups[i].whole || c->groups[i].count != c->groups[0].count)
            odd = &c->groups[i];
    if (!odd)
        return true;
    const char *why =
        arena_printf(&s->plan->arena, "config.json has one number for all blocks, and %s %s",
                     odd->name, odd->whole ? "stays whole" : "has another");
    if (!why)
        return error_no_memory(err, strlen(odd->name));
    for (size_t i = 0; i < c->group_count; i++)
        if (!c->groups[i].whole)
            c->groups[i].whole = why;
    return true;
}

/* ---- how much a channel matters ---- */

/* The channel of each index of a part's axis; -1: of none. The caller frees it. */
static int32_t *channel_of(const struct channel_part *part, int64_t length, int64_t count)
{
    int32_t *of = malloc(((size_t)length + 1) * sizeof(*of));
    for (int64_t i = 0; of && i < length; i++) {
        int64_t channel = i < part->start ? -1 : (i - part->start) / part->width;
        of[i] = channel < count ? (int32_t)channel : -1;
    }
    return of;
}

/* Add the squares of a step's values, which begin at element `start`, to their channels'. */
static void add_squares(const float *x, size_t n, int64_t start, const int32_t *of, int64_t length,
                        int64_t inner, double *sums)
{
    int64_t index = start / inner % length, left = inner - start % inner;
    for (size_t i = 0; i < n; index = index + 1 == length ? 0 : index + 1, left = inner) {
        size_t end = MIN(n, i + (size_t)left);
        double sum = 0;
        for (; i < end; i++)
            sum += (double)x[i] * (double)x[i];
        if (of[index] >= 0)
            sums[of[index]] += sum;
    }
}

static bool sum_part(struct structuring *s, const struct channel_part *part, int64_t count,
                     double *io_sums, struct pare_error *err)
{
    const struct model *model = s->plan->work;
    const struct tensor *t = &model->tensors[part->tensor];
    int64_t length = t->shown.dims[part->axis], inner = 1;
    int32_t *of = channel_of(part, length, count);
    float *x = malloc(STEP_FLOATS * sizeof(*x));
    uint16_t *half = malloc(STEP_FLOATS * sizeof(*half));
    bool ok = (of && x && half) || error_no_memory(err, (size_t)length * sizeof(*of));
    for (int i = part->axis + 1; i < t->shown.rank; i++)
        inner *= t->shown.dims[i];
    for (int64_t at = 0; ok && at < t->shown.element_count;) {
        size_t n = (size_t)MIN(t->shown.element_count - at, (int64_t)STEP_FLOATS);
        ok = reading_floats(model, t, (size_t)at, n, half, x, err) &&
             meter_add(s->meter, (int64_t)(n * reading_element_bytes(t)), err);
        if (ok)
            add_squares(x, n, at, of, length, inner, io_sums);
        at += (int64_t)n;
    }
    free(of);
    free(x);
    free(half);
    return ok;
}

/* ---- which channels go ---- */

struct channel {
    double score;
    int64_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct channel *left = a, *right = b;
    if (left->score != right->score)
        return left->score < right->score ? -1 : 1;
    return (left->index > right->index) - (left->index < right->index);
}

/* The product of the norms of what each channel is. */
static bool score(struct structuring *s, struct channel_group *group, struct channel *channels,
                  struct pare_error *err)
{
    double *sums = malloc((size_t)group->count * sizeof(*sums));
    if (!sums)
        return error_no_memory(err, (size_t)group->count * sizeof(*sums));
    for (int64_t i = 0; i < group->count; i++)
        channels[i] = (struct channel){ 1, i };
    bool ok = true;
    for (size_t i = 0; ok && i < group->part_count; i++) {
        if (!group->parts[i].joins)
            memset(sums, 0, (size_t)group->count * sizeof(*sums));
        ok = sum_part(s, &group->parts[i], group->count, sums, err);
        bool last = i + 1 == group->part_count || !group->parts[i + 1].joins;
        for (int64_t k = 0; ok && last && k < group->count; k++) {
            channels[k].score *= group->parts[i].mute ? 1 : sqrt(sums[k]);
            if (!isfinite(sums[k]))
                group->whole = "its weights hold infinities or NaNs";
        }
    }
    free(sums);
    return ok;
}

/* What is cut along the part's axis so far; NULL when memory ends. */
static struct channel_cut *cut_along(struct structuring *s, const struct channel_part *part)
{
    struct channel_cut *cut = &s->cuts[part->tensor];
    if (!cut->kept || cut->axis == part->axis)
        return cut;
    if (cut->outer)
        return cut->outer;
    cut->outer = arena_alloc(&s->plan->arena, sizeof(*cut->outer));
    if (!cut->outer || part->axis < cut->axis)
        return cut->outer;
    *cut->outer = (struct channel_cut){ cut->axis, cut->kept, cut->kept_count, NULL };
    cut->kept = NULL;
    return cut;
}

/* The indexes of a tensor that stay, when `kept` channels of the group do. */
static bool cut_part(struct structuring *s, const struct channel_part *part,
                     const struct channel_group *group, const bool *goes, struct pare_error *err)
{
    const struct tensor *t = &s->plan->work->tensors[part->tensor];
    struct channel_cut *cut = cut_along(s, part);
    if (!cut)
        return error_no_memory(err, sizeof(*cut));
    int64_t length = cut->kept ? cut->kept_count : t->shown.dims[part->axis], n = 0;
    int64_t *kept = arena_array(&s->plan->arena, (size_t)length + 1, sizeof(*kept));
    if (!kept)
        return error_no_memory(err, (size_t)length * sizeof(*kept));
    for (int64_t i = 0; i < length; i++) {
        int64_t index = cut->kept ? cut->kept[i] : i;
        int64_t channel = index < part->start ? -1 : (index - part->start) / part->width;
        if (channel < 0 || channel >= group->count || !goes[channel])
            kept[n++] = index;
    }
    *cut = (struct channel_cut){ part->axis, kept, n, cut->outer };
    return true;
}

/* Choose among scored channels and cut what they are in. */
static bool cut_group(struct structuring *s, const struct channel_group *group,
                      struct channel *channels, int64_t gone, struct pare_error *err)
{
    bool *goes = calloc((size_t)group->count, sizeof(*goes));
    if (!goes)
        return error_no_memory(err, (size_t)group->count);
    qsort(channels, (size_t)group->count, sizeof(*channels), by_score);
    for (int64_t i = 0; i < gone; i++)
        goes[channels[i].index] = true;
    bool ok = true;
    for (size_t i = 0; ok && i < group->part_count; i++)
        ok = cut_part(s, &group->parts[i], group, goes, err);
    free(goes);
    return ok;
}

/* ---- notes ---- */

static bool add_note(struct structuring *s, const char *tensor, const char *action,
                     const char *reason, struct pare_error *err)
{
    struct structure *all = s->plan->structure;
    if (all->note_count == all->note_room) {
        size_t room = all->note_room ? 2 * all->note_room : 256;
        struct note *more = realloc(all->notes, room * sizeof(*more));
        if (!more)
            return error_no_memory(err, room * sizeof(*more));
        all->notes = more;
        all->note_room = room;
    }
    all->notes[all->note_count++] = (struct note){ tensor, action, reason };
    return true;
}

/* The same of every tensor of the group, each once; names live as long as the first model. */
static bool note_group(struct structuring *s, const struct channel_group *group, int64_t gone,
                       struct pare_error *err)
{
    const char *name = kinds[kind_of(s->step)].name, *many = kinds[kind_of(s->step)].many;
    const char *text = group->whole ? arena_printf(&s->plan->arena, "%s: %s", name, group->whole)
                                    : arena_printf(&s->plan->arena, "%s: %lld of %lld %s stay",
                                                   name, (long long)(group->count - gone),
                                                   (long long)group->count, many);
    if (!text)
        return error_no_memory(err, 64);
    for (size_t i = 0; i < group->part_count; i++) {
        size_t tensor = group->parts[i].tensor;
        if ((i == 0 || group->parts[i - 1].tensor != tensor) &&
            !add_note(s, s->plan->work->tensors[tensor].shown.name, group->whole ? "" : text,
                      group->whole ? text : "", err))
            return false;
    }
    return true;
}

/* ---- one step ---- */

/* How many channels of a group go. All of them never do. */
static bool count_gone(const struct structuring *s, const struct channel_group *group,
                       int64_t *ret_gone, struct pare_error *err)
{
    uint64_t count = (uint64_t)group->count;
    uint64_t gone = s->step->count ? s->step->count : prune_count(s->step->amount, count);
    if (gone >= count)
        return error_set(err, PARE_ERR_USAGE,
                         "prune %s takes %llu of the %llu %s of %s: at least one must stay",
                         kinds[kind_of(s->step)].name, (unsigned long long)gone,
                         (unsigned long long)count, kinds[kind_of(s->step)].many, group->name);
    *ret_gone = (int64_t)gone;
    return true;
}

static bool score_groups(struct structuring *s, struct arena *arena, struct channel ***ret_channels,
                         struct pare_error *err)
{
    struct channels *c = &s->channels;
    struct channel **channels = arena_array(arena, c->group_count + 1, sizeof(*channels));
    if (!channels)
        return error_no_memory(err, c->group_count * sizeof(*channels));
    for (size_t i = 0; i < c->group_count; i++) {
        struct channel_group *group = &c->groups[i];
        if (group->whole)
            continue;
        channels[i] = arena_array(arena, (size_t)group->count, sizeof(**channels));
        if (!channels[i])
            return error_no_memory(err, (size_t)group->count * sizeof(**channels));
        if (!score(s, group, channels[i], err))
            return false;
    }
    *ret_channels = channels;
    return settle_uniform(s, err);
}

static bool cut_groups(struct structuring *s, struct channel **channels, bool *ret_any,
                       struct pare_error *err)
{
    struct channels *c = &s->channels;
    *ret_any = false;
    for (size_t i = 0; i < c->group_count; i++) {
        struct channel_group *group = &c->groups[i];
        int64_t gone = 0;
        if (!group->whole && !count_gone(s, group, &gone, err))
            return false;
        if (!group->whole && gone == 0)
            group->whole = "the amount takes none of its channels";
        if ((!group->whole && !cut_group(s, group, channels[i], gone, err)) ||
            !note_group(s, group, gone, err))
            return false;
        s->kept = group->count - gone;
        *ret_any = *ret_any || !group->whole;
    }
    return true;
}

/* Lay what is left over plan->work. */
static bool add_layer(struct structuring *s, struct pare_error *err)
{
    struct structure *all = s->plan->structure;
    struct model *model;
    if (!model_cut(s->plan->work, &s->channels, s->cuts, s->kept, &model, err))
        return false;
    all->layers[all->layer_count++] = model;
    s->plan->work = model;
    return true;
}

static bool take_step(struct structuring *s, struct pare_error *err)
{
    struct pare_plan *plan = s->plan;
    size_t kind = kind_of(s->step);
    struct arena arena = { 0 };
    struct channel **channels;
    bool any = false;
    if (!model_channels(plan->work, kinds[kind].channels, &plan->arena, &s->channels, err))
        return false;
    if (s->channels.group_count == 0)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "prune %s finds no %s that it knows in this model", kinds[kind].name,
                         kinds[kind].place);
    for (size_t i = 0; i < s->channels.group_count; i++)
        if (!s->channels.groups[i].whole && !is_covered(s, &s->channels.groups[i]))
            s->channels.groups[i].whole = "no pattern of the step covers it";
    s->cuts = arena_array(&plan->arena, plan->work->tensor_count + 1, sizeof(*s->cuts));
    bool ok = s->cuts || error_no_memory(err, plan->work->tensor_count * sizeof(*s->cuts));
    ok = ok && settle_uniform(s, err) && score_groups(s, &arena, &channels, err) &&
         cut_groups(s, channels, &any, err) && (!any || add_layer(s, err));
    arena_done(&arena);
    return ok;
}

/* ---- all steps ---- */

static int by_tensor(const void *a, const void *b)
{
    const struct note *left = a, *right = b;
    return strcmp(left->tensor, right->tensor);
}

/* Notes of one tensor become one. */
static bool join_notes(struct pare_plan *plan, struct pare_error *err)
{
    struct structure *all = plan->structure;
    size_t n = 0;
    if (all->note_count)
        qsort(all->notes, all->note_count, sizeof(*all->notes), by_tensor);
    for (size_t i = 0; i < all->note_count; i++) {
        struct note *last = n ? &all->notes[n - 1] : NULL, note = all->notes[i];
        if (!last || strcmp(last->tensor, note.tensor) != 0) {
            all->notes[n++] = note;
            continue;
        }
        last->action = arena_printf(&plan->arena, "%s%s%s", last->action,
                                    *last->action && *note.action ? ", " : "", note.action);
        last->reason = *last->reason ? last->reason : note.reason;
        if (!last->action)
            return error_no_memory(err, 64);
    }
    all->note_count = n;
    return true;
}

bool structure_plan(struct pare_plan *plan, struct meter *meter, struct pare_error *err)
{
    const struct pare_recipe *recipe = plan->recipe;
    plan->structure = calloc(1, sizeof(*plan->structure));
    if (!plan->structure)
        return error_no_memory(err, sizeof(*plan->structure));
    for (size_t i = 0; i < recipe->step_count; i++) {
        struct structuring s = { .plan = plan, .meter = meter, .step = &recipe->steps[i] };
        if (structure_is_step(s.step) && !take_step(&s, err))
            return false;
    }
    return join_notes(plan, err);
}

void structure_free(struct structure *structure)
{
    if (!structure)
        return;
    while (structure->layer_count > 0)
        model_close(structure->layers[--structure->layer_count]);
    free(structure->notes);
    free(structure);
}

static const struct note *find_note(const struct structure *structure, const char *tensor)
{
    const struct note wanted = { .tensor = tensor };
    return structure->note_count == 0 ? NULL
                                      : bsearch(&wanted, structure->notes, structure->note_count,
                                                sizeof(*structure->notes), by_tensor);
}

const char *structure_action(const struct structure *structure, const char *tensor)
{
    const struct note *note = find_note(structure, tensor);
    return note ? note->action : "";
}

const char *structure_reason(const struct structure *structure, const char *tensor)
{
    const struct note *note = find_note(structure, tensor);
    return note ? note->reason : "";
}
