/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An input that is a list of actions, and the functions of a target that executes them. */
#ifndef FUZZ_PLAY_H
#define FUZZ_PLAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define CHECK(x) ((x) ? (void)0 : abort())

struct input {
	const uint8_t *p, *end;
};

/* Consumes a big-endian number of that many bytes; beyond the end of the input they are zeros. */
uint32_t take(struct input *in, unsigned int bytes);
uint64_t take_u64(struct input *in, unsigned int bytes);

struct play {
	void (*init)(void *guest, struct input *in);
	void (*act)(void *guest, struct input *in);
	void (*fini)(void *guest);
	void (*report)(void);	/* prints the reach, at the end of the program */
};

/* Creates a guest, lets it act until the input ends, and frees it. Returns 0. */
int play(const struct play *play, void *guest, const uint8_t *data,
	 size_t size);

#endif
