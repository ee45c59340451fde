/* SPDX-License-Identifier: MIT */
#include "tui/view/job_choices.h"

static const struct pare_choice whats[WHAT_COUNT] = {
    [WHAT_QUANTIZE] = { "quantize", "fewer bits a weight" },
    [WHAT_PRUNE] = { "prune", "weights become zero" },
    [WHAT_MEASURE] = { "measure", "latency, memory and accuracy" },
};
static const struct pare_choice scales[] = {
    { "per channel", "one scale a channel" },
    { "per tensor", "one scale for all of it: smaller, less exact" },
};
static const struct pare_choice peers[] = {
    { "nobody", "what measures no slower than fp32" },
    { "onnxruntime", "exactly what its quantize_dynamic gives, or a refusal" },
};
static const struct pare_choice weight_types[] = {
    { "qint8", "no zero points" },
    { "quint8", "with zero points" },
};
static const struct pare_choice int8_forms[] = {
    { "auto", "what is the fastest for each tensor" },
    { "dynamic", "products of integers; inputs are quantized as they come" },
    { "weight-only", "weights become floats again before each product" },
};
static const struct pare_choice ranges[] = {
    { "8 bits", "" },
    { "7 bits", "for CPUs before VNNI, where 8 can overflow" },
};
static const struct pare_choice borders[] = {
    { "fp32", "inputs and outputs stay as they are" },
    { "fp16", "inputs and outputs become fp16 too" },
};
static const struct pare_choice forms[] = {
    { "matmulnbits", "an operator of ONNX Runtime's own" },
    { "qdq", "standard operators, opset 21" },
};
static const struct pare_choice blocks[] = {
    { "32", "weights that share a scale" }, { "64", "" },
    { "128", "smaller, less exact" },       { "256", "" },
    { "16", "larger, more exact" },
};
static const struct pare_choice float_blocks[] = {
    { "64", "weights that share a scale" },
    { "128", "smaller, less exact" },
    { "256", "" },
    { "16", "larger, more exact" },
    { "32", "" },
};
static const struct pare_choice zeros[] = {
    { "symmetric", "no zero points" },
    { "zero points", "a little larger, more exact" },
};
static const struct pare_choice tables[] = {
    { "float", "embeddings stay as they are" },
    { "int4", "those of Gather too; by ONNX Runtime alone" },
};
static const struct pare_choice levels[] = {
    { "4", "products of int8: the fastest" },
    { "3", "of bfloat16, where the runtime can" },
    { "2", "of float16, where the runtime can" },
    { "1", "of float: the most exact" },
};
static const struct pare_choice threads[] = {
    { "2", "of ONNX Runtime; numbers of unlike threads are not compared" },
    { "1", "" },
    { "4", "" },
    { "8", "" },
    { "16", "" },
    { "32", "" },
};

static const struct pare_choice dims[] = {
    { "0", "rows; of Linear and Conv the outputs" },
    { "1", "columns; of Linear and Conv the inputs" },
    { "-1", "along the last dimension" },
};
static const struct pare_choice norms[] = {
    { "2", "by the sum of squares" },
    { "1", "by the sum of magnitudes" },
};

#define CHOICES(list) list, ARRAY_SIZE(list)
static const struct job_choices fields[ASK_COUNT] = {
    [ASK_WHAT] = { "what", CHOICES(whats), NULL },
    [ASK_METHOD] = { "method", NULL, 0, NULL },
    [ASK_AMOUNT] = { "amount", NULL, 0, "a share from 0 to 1, or a number of weights, is wanted" },
    [ASK_SEED] = { "seed", NULL, 0, "a whole number is wanted" },
    [ASK_DIM] = { "dim", CHOICES(dims), NULL },
    [ASK_NORM] = { "norm", CHOICES(norms), NULL },
    [ASK_THEN] = { "then", NULL, 0, NULL },
    [ASK_SCHEME] = { "scheme", NULL, 0, NULL },
    [ASK_MATCH] = { "match", CHOICES(peers), NULL },
    [ASK_WEIGHTS] = { "weights", CHOICES(weight_types), NULL },
    [ASK_INT8_FORM] = { "form", CHOICES(int8_forms), NULL },
    [ASK_SCALES] = { "scales", CHOICES(scales), NULL },
    [ASK_RANGE] = { "range", CHOICES(ranges), NULL },
    [ASK_BORDERS] = { "borders", CHOICES(borders), NULL },
    [ASK_FORM] = { "form", CHOICES(forms), NULL },
    [ASK_BLOCK] = { "block", CHOICES(blocks), NULL },
    [ASK_ZEROS] = { "around 0", CHOICES(zeros), NULL },
    [ASK_TABLES] = { "tables", CHOICES(tables), NULL },
    [ASK_LEVEL] = { "products", CHOICES(levels), NULL },
    [ASK_FLOAT_BLOCK] = { "block", CHOICES(float_blocks), NULL },
    [ASK_INCLUDE] = { "only", NULL, 0, "all tensors; else names or patterns, as */kernel" },
    [ASK_EXCLUDE] = { "except", NULL, 0, "none" },
    [ASK_OPS] = { "ops", NULL, 0, "what feeds any operator; else some, as MatMul Conv" },
    [ASK_TENSORS] = { "tensors", NULL, 0,
                      "none by a scheme of its own; else as head*=fp16 lm*=keep" },
    [ASK_NAME] = { "new name", NULL, 0, "a name is wanted" },
    [ASK_DATASET] = { "dataset", NULL, 0, "none yet: pare dataset import FILE --name D" },
    [ASK_AGAINST] = { "against", NULL, 0, NULL },
    [ASK_THREADS] = { "threads", CHOICES(threads), NULL },
};

const struct job_choices *job_choices(enum job_field field)
{
    return &fields[field];
}
