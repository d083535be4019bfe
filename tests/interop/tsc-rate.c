/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Prints the frequency of this processor's time stamp counter in kHz, which
 * machines emulated by QEMU have as well.
 */
#include <config.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)

#include <x86intrin.h>

#define SPAN_NS 40000000
#define LOOKS 200u

struct moment {
	uint64_t ticks, ns;
};

/*
 * Reads both clocks: of many attempts, returns the one with the shortest time
 * between the two reads.
 */
static struct moment look(void)
{
	struct moment best = { 0, 0 };
	uint64_t before, after, least = UINT64_MAX;
	struct timespec t;
	unsigned int i;

	for (i = 0; i < LOOKS; i++) {
		before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		after = __rdtsc();
		if (after - before >= least)
			continue;
		least = after - before;
		best.ticks = before + least / 2;
		best.ns = (uint64_t)t.tv_sec * 1000000000u +
			  (uint64_t)t.tv_nsec;
	}
	return best;
}

int main(void)
{
	const struct timespec span = { 0, SPAN_NS };
	const struct moment first = look();
	struct moment last;

	nanosleep(&span, NULL);
	last = look();
	printf("%" PRIu64 "\n", (last.ticks - first.ticks) * 1000000 /
				(last.ns - first.ns));
	return 0;
}

#else

int main(void)
{
	fputs("this processor has no such counter\n", stderr);
	return 1;
}

#endif
