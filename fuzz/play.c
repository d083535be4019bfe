/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs a target whose input is a list of actions. */
#include <config.h>

#include <stdbool.h>

#include "play.h"

uint64_t take_u64(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes-- && in->p < in->end)
		v = v << 8 | *in->p++;
	return v;
}

uint32_t take(struct input *in, unsigned int bytes)
{
	return (uint32_t)take_u64(in, bytes);
}

int play(const struct play *play, void *guest, const uint8_t *data,
	 size_t size)
{
	struct input in = { data, data + size };
	static bool told;

	if (!told)
		atexit(play->report);
	told = true;
	play->init(guest, &in);
	while (in.p < in.end)
		play->act(guest, &in);
	play->fini(guest);
	return 0;
}
