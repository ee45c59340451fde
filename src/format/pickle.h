/* SPDX-License-Identifier: MIT */
/*
 * Pickles as torch.save() writes them, read as data: nothing is imported, called or made.
 *
 * A pickle is a program for a stack machine. This machine knows the instructions of a state
 * dict (protocol 2: docs of Python's pickletools) and leaves each object as a value that says what
 * it is: a global is two names, held against a list; a call is its callable and arguments.
 * What was put together once and used twice is one value used twice, so that writing keeps it so.
 *
 * Values may hold themselves. Whoever walks them bounds how deep and how often.
 */
#ifndef PARE_FORMAT_PICKLE_H
#define PARE_FORMAT_PICKLE_H

#include "base/base.h"

struct arena;
struct buf;
struct pare_error;

enum {
    PICKLE_BYTES_MAX = 64 << 20,
    PICKLE_MEMORY_MAX = 1 << 30,
    PICKLE_STACK_MAX = 1 << 20,
    PICKLE_MEMO_MAX = 1 << 23,
    PICKLE_GLOBAL_MAX = 200, /* bytes of a module and a name */
    PICKLE_DEPTH_MAX = 64,   /* of what is written */
};

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_TEXT,
    PICKLE_BYTES, /* str of Python 2 */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_SET,
    PICKLE_DICT,
    PICKLE_GLOBAL,     /* text "module name", as the pickle has it */
    PICKLE_CALL,       /* items: the callable, a tuple of arguments */
    PICKLE_PERSISTENT, /* items: the one id */
};

struct pickle_value {
    enum pickle_kind kind;
    bool ordered;     /* of a dict: collections.OrderedDict */
    bool fresh;       /* of a call: a new object of a class, without its constructor */
    int64_t number;   /* of BOOL and INT */
    const char *text; /* zero-terminated; of a FLOAT and of an INT beyond 64 bits its bytes */
    size_t length;    /* of the text */
    struct pickle_value **items; /* of a dict keys and values in turn */
    size_t count, room;
    struct pickle_value *state; /* from BUILD; or NULL */
    size_t mark;                /* the user's: 0 at first */
    size_t id;                  /* 1, 2, ... in the pickle */
};

struct pickle {
    struct pickle_value *root;
    size_t value_count;
};

/*
 * Run a pickle; the values that it leaves live in `arena`. A global that is not in `allowed`
 * ("module name", ends with NULL) is refused by name.
 */
MUST_CHECK bool pickle_read(const unsigned char *bytes, size_t length, const char *const *allowed,
                            struct arena *arena, struct pickle *ret_pickle, struct pare_error *err);

/* "module name" */
bool pickle_is_global(const struct pickle_value *value, const char *global);

/* A call of that global: its arguments, a tuple; else NULL. */
const struct pickle_value *pickle_call(const struct pickle_value *value, const char *global);

/* ---- writing ---- */

struct pickle_writer {
    struct buf *buf;
    size_t *memos; /* by id: 1 + the number that a value is recalled by, 0 before it is written */
    size_t memo_count;
    int depth;
    /* Writes another thing in place of a value, and says so in *ret_done; or NULL. */
    bool (*replace)(struct pickle_writer *w, const struct pickle_value *value, bool *ret_done,
                    struct pare_error *err);
    /* Writes more pairs of keys and values behind one of a dict; or NULL. */
    bool (*more)(struct pickle_writer *w, const struct pickle_value *key,
                 const struct pickle_value *value, struct pare_error *err);
    void *data;
};

/* A whole pickle of protocol 2, with buf, replace and data set. What holds others is written once. */
MUST_CHECK bool pickle_write(struct pickle_writer *w, const struct pickle *pickle,
                             struct pare_error *err);

/* Parts, for replace(). Text and globals are not remembered. */
MUST_CHECK bool pickle_put(struct pickle_writer *w, const struct pickle_value *value,
                           struct pare_error *err);
void pickle_put_op(struct pickle_writer *w, char op);
void pickle_put_int(struct pickle_writer *w, int64_t number);
void pickle_put_text(struct pickle_writer *w, const char *text);
void pickle_put_global(struct pickle_writer *w, const char *global);
void pickle_put_tuple(struct pickle_writer *w, const int64_t *numbers, int count);

#endif
