/* SPDX-License-Identifier: MIT */
/*
 * A recipe says what to do to which tensors, as JSON: ordered steps, each with
 * its settings and its globs. The schema is pare-recipe(5).
 */
#ifndef PARE_RECIPE_H
#define PARE_RECIPE_H

#include <pare/model.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pare_recipe;

/* One of the words that a recipe chooses from, and what it means in a line. Static. */
struct pare_choice {
    const char *name, *summary;
};

/* The schemes of a quantize step and the methods of a prune step, in order; NULL behind the last. */
PARE_API const struct pare_choice *pare_scheme(size_t index);
PARE_API const struct pare_choice *pare_method(size_t index);

/*
 * Parse `length` bytes of JSON. Strict: a key that is not known is an error that names it.
 * The text is copied where needed; the caller frees *ret_recipe.
 */
PARE_API bool pare_recipe_parse(const char *text, size_t length, struct pare_recipe **ret_recipe,
                                struct pare_error *err);
PARE_API void pare_recipe_free(struct pare_recipe *recipe); /* NULL is fine */

/*
 * The recipe as one line of JSON with every setting spelled out, equal for equal recipes.
 * Lives with the recipe.
 */
PARE_API const char *pare_recipe_text(const struct pare_recipe *recipe);

/* A sentence that is to be read before it is used: a scheme's known harm. "" when there is none. */
PARE_API const char *pare_recipe_warning(const struct pare_recipe *recipe);

#ifdef __cplusplus
}
#endif

#endif
