/* SPDX-License-Identifier: MIT */
/*
 * Signatures of operators, from the standard's own definitions (onnx.ai/onnx/operators) and, for
 * com.microsoft, from ONNX Runtime's ContribOperators. `since` is where float16 is allowed.
 * What stays in float32 is what onnxruntime's and onnxconverter-common's float16 tools leave.
 */
#include <string.h>

#include "format/onnx_fp16.h"

#define MICROSOFT "com.microsoft"

/* Sorted by domain and name. */
static const struct onnx_signature signatures[] = {
    { "", "Abs", 1, false, "T", "T" },
    { "", "Acos", 7, false, "T", "T" },
    { "", "Acosh", 9, false, "T", "T" },
    { "", "Add", 7, false, "TT", "T" },
    { "", "ArgMax", 1, false, "A", "-" },
    { "", "ArgMin", 1, false, "A", "-" },
    { "", "Asin", 7, false, "T", "T" },
    { "", "Asinh", 9, false, "T", "T" },
    { "", "Atan", 7, false, "T", "T" },
    { "", "Atanh", 9, false, "T", "T" },
    { "", "AveragePool", 1, false, "T", "T" },
    { "", "BatchNormalization", 7, false, "TTTTT", "T" },
    { "", "Cast", 6, false, "A", "-" },
    { "", "CastLike", 15, true, "-T", "T" },
    { "", "Ceil", 1, false, "T", "T" },
    { "", "Clip", 6, false, "TTT", "T" },
    { "", "Compress", 9, false, "T-", "T" },
    { "", "Concat", 4, false, "T*", "T" },
    { "", "Conv", 1, false, "TTT", "T" },
    { "", "ConvTranspose", 1, false, "TTT", "T" },
    { "", "Cos", 7, false, "T", "T" },
    { "", "Cosh", 9, false, "T", "T" },
    { "", "CumSum", 11, true, "T-", "T" },
    { "", "DepthToSpace", 1, false, "T", "T" },
    { "", "DequantizeLinear", 10, true, "-T-", "T" },
    { "", "Div", 7, false, "TT", "T" },
    { "", "Dropout", 12, false, "T--", "T-" },
    { "", "Dropout", 7, false, "T", "T" },
    { "", "DynamicQuantizeLinear", 11, true, "T", "-T-" },
    { "", "Einsum", 12, false, "T*", "T" },
    { "", "Elu", 6, false, "T", "T" },
    { "", "Equal", 11, false, "TT", "-" },
    { "", "Erf", 9, false, "T", "T" },
    { "", "Exp", 6, false, "T", "T" },
    { "", "Expand", 8, false, "T-", "T" },
    { "", "Flatten", 1, false, "T", "T" },
    { "", "Floor", 6, false, "T", "T" },
    { "", "GRU", 7, false, "TTTT-T", "TT" },
    { "", "Gather", 1, false, "T-", "T" },
    { "", "GatherElements", 11, false, "T-", "T" },
    { "", "GatherND", 11, false, "T-", "T" },
    { "", "Gelu", 20, false, "T", "T" },
    { "", "Gemm", 7, false, "TTT", "T" },
    { "", "GlobalAveragePool", 1, false, "T", "T" },
    { "", "GlobalLpPool", 2, false, "T", "T" },
    { "", "GlobalMaxPool", 1, false, "T", "T" },
    { "", "Greater", 7, false, "TT", "-" },
    { "", "GreaterOrEqual", 12, false, "TT", "-" },
    { "", "GridSample", 16, true, "T-", "T" },
    { "", "GroupNormalization", 18, false, "TTT", "T" },
    { "", "HardSigmoid", 6, false, "T", "T" },
    { "", "HardSwish", 14, false, "T", "T" },
    { "", "Hardmax", 1, false, "T", "T" },
    { "", "Identity", 1, false, "T", "T" },
    { "", "InstanceNormalization", 6, false, "TTT", "T" },
    { "", "IsNaN", 9, false, "A", "-" },
    { "", "LRN", 1, false, "T", "T" },
    { "", "LSTM", 7, false, "TTTT-TTT", "TTT" },
    { "", "LayerNormalization", 17, false, "TTT", "T" },
    { "", "LeakyRelu", 6, false, "T", "T" },
    { "", "Less", 7, false, "TT", "-" },
    { "", "LessOrEqual", 12, false, "TT", "-" },
    { "", "Log", 6, false, "T", "T" },
    { "", "LogSoftmax", 1, false, "T", "T" },
    { "", "LpNormalization", 1, false, "T", "T" },
    { "", "LpPool", 2, false, "T", "T" },
    { "", "MatMul", 1, false, "TT", "T" },
    { "", "Max", 6, true, "T*", "T" },
    { "", "MaxPool", 1, false, "T", "T-" },
    { "", "MaxUnpool", 9, false, "T--", "T" },
    { "", "Mean", 6, false, "T*", "T" },
    { "", "MeanVarianceNormalization", 9, false, "T", "T" },
    { "", "Min", 6, true, "T*", "T" },
    { "", "Mish", 18, false, "T", "T" },
    { "", "Mod", 10, false, "TT", "T" },
    { "", "Mul", 7, false, "TT", "T" },
    { "", "Neg", 6, false, "T", "T" },
    { "", "NonZero", 9, false, "A", "-" },
    { "", "OneHot", 9, false, "--T", "T" },
    { "", "PRelu", 7, false, "TT", "T" },
    { "", "Pad", 11, false, "T-T-", "T" },
    { "", "Pad", 2, false, "T", "T" },
    { "", "Pow", 12, false, "TF", "T" },
    { "", "Pow", 7, false, "TT", "T" },
    { "", "RMSNormalization", 23, false, "TT", "T" },
    { "", "RNN", 7, false, "TTTT-T", "TT" },
    { "", "Range", 11, true, "TTT", "T" },
    { "", "Reciprocal", 6, false, "T", "T" },
    { "", "ReduceL1", 1, false, "T-", "T" },
    { "", "ReduceL2", 1, false, "T-", "T" },
    { "", "ReduceLogSum", 1, false, "T-", "T" },
    { "", "ReduceLogSumExp", 1, false, "T-", "T" },
    { "", "ReduceMax", 1, false, "T-", "T" },
    { "", "ReduceMean", 1, false, "T-", "T" },
    { "", "ReduceMin", 1, false, "T-", "T" },
    { "", "ReduceProd", 1, false, "T-", "T" },
    { "", "ReduceSum", 1, false, "T-", "T" },
    { "", "ReduceSumSquare", 1, false, "T-", "T" },
    { "", "Relu", 6, false, "T", "T" },
    { "", "Reshape", 5, false, "T-", "T" },
    { "", "Resize", 10, true, "T---", "T" },
    { "", "ReverseSequence", 10, false, "T-", "T" },
    { "", "RoiAlign", 10, true, "TT-", "T" },
    { "", "Round", 11, false, "T", "T" },
    { "", "ScatterElements", 11, false, "T-T", "T" },
    { "", "ScatterND", 11, false, "T-T", "T" },
    { "", "Selu", 6, false, "T", "T" },
    { "", "Shape", 1, false, "A", "-" },
    { "", "Shrink", 9, false, "T", "T" },
    { "", "Sigmoid", 6, false, "T", "T" },
    { "", "Sign", 9, false, "T", "T" },
    { "", "SimplifiedLayerNormalization", 1, false, "TT", "T" },
    { "", "Sin", 7, false, "T", "T" },
    { "", "Sinh", 9, false, "T", "T" },
    { "", "Size", 1, false, "A", "-" },
    { "", "Slice", 1, false, "T----", "T" },
    { "", "Softmax", 1, false, "T", "T" },
    { "", "Softplus", 1, false, "T", "T" },
    { "", "Softsign", 1, false, "T", "T" },
    { "", "SpaceToDepth", 1, false, "T", "T" },
    { "", "Split", 2, false, "T-", "T*" },
    { "", "Sqrt", 6, false, "T", "T" },
    { "", "Squeeze", 1, false, "T-", "T" },
    { "", "Sub", 7, false, "TT", "T" },
    { "", "Sum", 6, false, "T*", "T" },
    { "", "Swish", 24, false, "T", "T" },
    { "", "Tan", 7, false, "T", "T" },
    { "", "Tanh", 6, false, "T", "T" },
    { "", "ThresholdedRelu", 10, false, "T", "T" },
    { "", "Tile", 6, false, "T-", "T" },
    { "", "TopK", 1, true, "T-", "T-" },
    { "", "Transpose", 1, false, "T", "T" },
    { "", "Trilu", 14, false, "T-", "T" },
    { "", "Unsqueeze", 1, false, "T-", "T" },
    { "", "Upsample", 7, true, "T-", "T" },
    { "", "Where", 9, false, "-TT", "T" },
    { MICROSOFT, "BiasGelu", 1, false, "TT", "T" },
    { MICROSOFT, "FastGelu", 1, false, "TT", "T" },
    { MICROSOFT, "FusedMatMul", 1, false, "TT", "T" },
    { MICROSOFT, "Gelu", 1, false, "T", "T" },
    { MICROSOFT, "QuickGelu", 1, false, "T", "T" },
    { MICROSOFT, "SkipLayerNormalization", 1, false, "TTTTT", "T--T" },
    { MICROSOFT, "SkipSimplifiedLayerNormalization", 1, false, "TTTT", "T--T" },
};

static const char *domain_of(const struct onnx_node *node)
{
    return strcmp(node->domain, "ai.onnx") != 0 ? node->domain : "";
}

static int compare(const struct onnx_node *node, const struct onnx_signature *signature)
{
    int order = strcmp(domain_of(node), signature->domain);
    return order ? order : strcmp(node->op, signature->op);
}

const struct onnx_signature *onnx_signature(const struct onnx_node *node, int64_t opset)
{
    size_t low = 0, high = ARRAY_SIZE(signatures);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(node, &signatures[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < ARRAY_SIZE(signatures) && compare(node, &signatures[low]) == 0; low++)
        if (opset >= signatures[low].since)
            return &signatures[low];
    return NULL;
}

char onnx_letter(const char *letters, int position)
{
    char last = 0;
    for (; *letters && *letters != '*' && position >= 0; position--)
        last = *letters++;
    return position < 0 || *letters == '*' ? last : 0;
}
