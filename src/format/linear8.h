/* SPDX-License-Identifier: MIT */
/*
 * A Linear layer's weight in int8 as a checkpoint of bitsandbytes has it (LLM.int8()).
 *
 * For the tensor MODULE.weight of (outputs, inputs):
 *     MODULE.weight          int8 (outputs, inputs)
 *     MODULE.SCB             float (outputs)   the largest magnitude of each output's float16 weights
 *     MODULE.weight_format   uint8 ()          0: as they lie, row by row
 */
#ifndef PARE_FORMAT_LINEAR8_H
#define PARE_FORMAT_LINEAR8_H

#endif
