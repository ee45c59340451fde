/* SPDX-License-Identifier: MIT */
/* The slots declared by hand, held against ONNX Runtime's own header where one is installed. */
#include "runtime/slots.h"

#include "tap.h"

#if __has_include(<onnxruntime/onnxruntime_c_api.h>)
#include <onnxruntime/onnxruntime_c_api.h>
#elif __has_include(<onnxruntime/core/session/onnxruntime_c_api.h>)
#include <onnxruntime/core/session/onnxruntime_c_api.h>
#elif __has_include(<onnxruntime_c_api.h>)
#include <onnxruntime_c_api.h>
#endif

#ifdef ORT_API_VERSION

#include "runtime/session.h"

/* Number and signature of one slot. */
#define CHECK_SLOT(number, name, result, args)                                                     \
    OK(offsetof(OrtApi, name) == (number) * sizeof(void *), #name " is slot " #number);            \
    OK(__builtin_types_compatible_p(__typeof__(((OrtApi *)0)->name),                               \
                                    __typeof__(((struct ort_api *)0)->name)),                      \
       #name " has the signature declared here");

#define CHECK_TYPE(name, number, text, bytes)                                                      \
    OK((int)SESSION_TYPE_##name == (int)ONNX_TYPE_OF_##name, text " has its number");

#define ONNX_TYPE_OF_F32 ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
#define ONNX_TYPE_OF_U8 ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8
#define ONNX_TYPE_OF_I8 ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8
#define ONNX_TYPE_OF_U16 ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16
#define ONNX_TYPE_OF_I16 ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16
#define ONNX_TYPE_OF_I32 ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32
#define ONNX_TYPE_OF_I64 ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64
#define ONNX_TYPE_OF_BOOL ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL
#define ONNX_TYPE_OF_F16 ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16
#define ONNX_TYPE_OF_F64 ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE
#define ONNX_TYPE_OF_U32 ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32
#define ONNX_TYPE_OF_U64 ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64

int main(void)
{
    printf("# the header of version %d\n", ORT_API_VERSION);
    OK(ORT_API_VERSION >= ORT_API_WANTED, "the header is no older than what is asked for");
    OK(offsetof(OrtApiBase, GetApi) == 0, "GetApi comes first in the base");
    OK(offsetof(OrtApiBase, GetVersionString) == sizeof(void *), "GetVersionString comes second");
    ORT_SLOTS(CHECK_SLOT)
    SESSION_TYPES(CHECK_TYPE)
    OK((int)ORT_SEVERITY_FATAL == (int)ORT_LOGGING_LEVEL_FATAL, "the severity of fatal");
    OK((int)ORT_OPTIMIZE_ALL == (int)ORT_ENABLE_ALL, "the level of all optimizations");
    OK((int)ORT_ALLOCATOR_ARENA == (int)OrtArenaAllocator, "the arena allocator");
    OK((int)ORT_MEMORY_DEFAULT == (int)OrtMemTypeDefault, "the default memory");
    return tap_done();
}

#else

int main(void)
{
    printf("1..0 # SKIP no onnxruntime_c_api.h is installed: install libonnxruntime-dev\n");
    return 0;
}

#endif
