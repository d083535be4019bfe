/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parts of FUSE requests, made from random bytes. */
#ifndef FUZZ_FS_WORDS_H
#define FUZZ_FS_WORDS_H

#include <stdint.h>

#include "play.h"

#define OPCODES 56u

/* Stores a name, which exists or leads outside, and its end; returns the number of bytes. */
uint32_t put_name(unsigned char *at, struct input *in);
/* Stores a label of a new file, as an extension of its request; returns the number of bytes. */
uint32_t put_label(unsigned char *at, struct input *in);
/* The number of bytes of an operation before its names, at most 127. */
uint32_t args_of(uint32_t opcode, struct input *in);

#endif
