/* SPDX-License-Identifier: MIT */
/*
 * Weights of MatMul and Gemm that become the constants of another operator of a matrix product.
 * Around its nodes stands what a Gemm does beside the product:
 *
 *     o = product(x) [* alpha] [+ C [* beta]]      with a Transpose of x where a Gemm asks for it
 */
#ifndef PARE_FORMAT_ONNX_PRODUCT_H
#define PARE_FORMAT_ONNX_PRODUCT_H

#include "format/onnx_rewrite.h"

/* What one kind of change puts there. */
struct onnx_product {
    enum change_kind kind;
    bool contrib; /* it is one of ONNX Runtime's own operators */

    /* The constants, put into the text or the edit that takes the weight's place. */
    bool (*weight)(struct onnx_rewrite *p, size_t index, struct pare_error *err);

    /* The nodes that make `result` of x and the weight, put into the text. */
    void (*product)(struct onnx_rewrite *p, const struct onnx_node *node, size_t weight,
                    const char *x, const char *result);
};

/* All weights of the kind and all their products. */
MUST_CHECK bool rewrite_products(struct onnx_rewrite *p, const struct onnx_product *product,
                                 struct pare_error *err);

#endif
