/* SPDX-License-Identifier: MIT */
#include "measure/dataset.h"

#include <unistd.h>

#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;
static char folder[] = "/tmp/pare-dataset-XXXXXX";

static struct dataset open_data(const char *name)
{
    struct dataset dataset = { 0 };
    if (!dataset_open(data_path(name), &dataset, &err))
        printf("# %s\n", err.text);
    return dataset;
}

/* A dataset of this text; rows 0 when it was refused. */
static struct dataset open_text(const char *text)
{
    char path[4096];
    struct dataset dataset = { 0 };
    snprintf(path, sizeof(path), "%s/x.csv", folder);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    if (!dataset_open(path, &dataset, &err))
        dataset.rows = 0;
    unlink(path);
    return dataset;
}

static bool text_refused(const char *text, const char *part)
{
    struct dataset dataset = open_text(text);
    bool refused = dataset.rows == 0 && error_says(&err, part);
    dataset_close(&dataset);
    return refused;
}

static void test_npz(void)
{
    struct dataset points = open_data("points.npz"), words = open_data("words.npz");
    const struct session_tensor *x = dataset_find(&points, "x");
    OK(points.rows == 60 && points.array_count == 1 && x && x->rank == 2 && x->dims[1] == 4 &&
           x->type == SESSION_TYPE_F32,
       "an array for an input is found by its name");
    OK(points.labels && !points.label_texts && points.labels[0] == 2 && points.labels[1] == 2,
       "labels may be integers");
    IS(points.queries ? points.queries[59] : NULL, "which one is point 59?", "queries are text");
    OK(words.label_texts && !words.labels && !words.queries, "labels may be text, deflated too");
    IS(words.label_texts ? words.label_texts[0] : NULL, "c\xc3\xa4t", "in UTF-8");
    OK(x && !memcmp(x->data, dataset_find(&words, "x")->data, 60 * 4 * sizeof(float)),
       "stored and deflated hold the same values");
    OK(strlen(points.digest) == 64 && strcmp(points.digest, words.digest) != 0,
       "every file has its own digest");
    dataset_close(&points);
    dataset_close(&words);
}

static void test_npz_refusals(void)
{
    struct dataset dataset;
    OK(!dataset_open(data_path("kinds.npz"), &dataset, &err) &&
           error_says(&err, "kinds.npz: array scalar: it is a single value"),
       "an array without rows is refused");
    OK(!dataset_open(data_path("refused_object.npz"), &dataset, &err) &&
           error_says(&err, "refused_object.npz: array array: "),
       "what .npz cannot bring is refused with file and array");
    OK(!dataset_open(data_path("linear.onnx"), &dataset, &err) &&
           error_says(&err, "neither a .npz nor the text of a .csv"),
       "a file of another kind is told");
    OK(!dataset_open(data_path("nothing.npz"), &dataset, &err) && error_says(&err, "nothing.npz"),
       "a file that is not there is named");
}

static bool has(const struct dataset *dataset, int64_t rows, int64_t columns, float last)
{
    if (dataset->rows != rows || dataset->arrays[0].dims[1] != columns)
        return false;
    return ((const float *)dataset->arrays[0].data)[rows * columns - 1] == last;
}

static void test_csv(void)
{
    struct dataset csv = open_data("points.csv"), npz = open_data("points.npz");
    OK(csv.rows == 60 && csv.arrays[0].dims[1] == 4 && csv.labels &&
           !memcmp(csv.labels, npz.labels, 60 * sizeof(int64_t)),
       "a column headed label is the label");
    OK(!memcmp(csv.arrays[0].data, npz.arrays[0].data, 60 * 4 * sizeof(float)),
       "the other columns are the values, to the bit");
    dataset_close(&csv);
    dataset_close(&npz);
    csv = open_text("1,2\n3,4.5\n");
    OK(has(&csv, 2, 2, 4.5F) && !csv.labels && csv.last_may_be_label,
       "without a header all columns are numbers");
    dataset_close(&csv);
    csv = open_text("\xef\xbb\xbf"
                    "label,a , b\r\n\r\n7, 1 ,2\r\n8,-3,4e2");
    OK(has(&csv, 2, 2, 400) && csv.labels && csv.labels[1] == 8,
       "byte order mark, blanks, empty lines, CR and a missing last newline are fine");
    dataset_close(&csv);
    csv = open_text("1,2,\"a, \"\"b\"\"\"\n3,4,c\n");
    OK(has(&csv, 2, 2, 4) && csv.label_texts, "a last column of text is the label");
    IS(csv.label_texts ? csv.label_texts[0] : NULL, "a, \"b\"", "quotes keep commas and quotes");
    dataset_close(&csv);
    csv = open_text("0,1,2,label\n1,2,3,x\n");
    OK(has(&csv, 1, 3, 3), "a header of numbers that ends in label is a header");
    dataset_close(&csv);
}

static void test_csv_refusals(void)
{
    OK(text_refused("", "empty"), "nothing");
    OK(text_refused("\n \n", "no rows"), "only blanks");
    OK(text_refused("a,b\n", "a header but no rows"), "only a header");
    OK(text_refused("1,2\n3\n", "line 2: 1 columns, the first line has 2"), "a short line");
    OK(text_refused("1,2\n3,x\n", "line 2, column 2: \"x\" is no number"), "a word among numbers");
    OK(text_refused("1,2\n3,\n", "line 2, column 2: \"\""), "a missing number");
    OK(text_refused("1,2\n3,1e39\n", "1e39"), "a number that no float32 holds");
    OK(text_refused("1,2\n3,nan\n", "nan"), "a number that is none");
    OK(text_refused("1,\"2\n", "line 1: a quote is not closed"), "an open quote");
    OK(text_refused("1,\"2\" 3\n", "after a closing quote"), "text after a quote");
    OK(text_refused("label\na\n", "no column of numbers"), "only labels");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_npz();
    test_npz_refusals();
    test_csv();
    test_csv_refusals();
    rmdir(folder);
    return tap_done();
}
