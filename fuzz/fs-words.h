/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pieces of FUSE requests that are made from random bytes. */
#ifndef FUZZ_FS_WORDS_H
#define FUZZ_FS_WORDS_H

#include <stdint.h>

#include "play.h"

#define OPCODES 56u

/* A name, there or leading outside, and its end: how many bytes. */
uint32_t put_name(unsigned char *at, struct input *in);
/* A label of a new file, as an extension of its request: how many bytes. */
uint32_t put_label(unsigned char *at, struct input *in);
/* The bytes that an operation takes in front of its names, at most 127. */
uint32_t args_of(uint32_t opcode, struct input *in);

#endif
