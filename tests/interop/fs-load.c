/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * fs-load COMMAND OPERAND…: see fs-load.h
 *
 * A static program, for a guest, its host, or both at once.
 */
#define _GNU_SOURCE
#include "fs-load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct command {
	const char *name;
	int operands;
	load_fn run;
} commands[] = {
	{ "turns", 3, load_turns },   { "fill", 2, load_fill },
	{ "verify", 2, load_verify }, { "reads", 3, load_reads },
	{ "cut", 2, load_cut },
	{ "locks", 3, load_locks },   { "many", 2, load_many },
	{ "swap", 3, load_swap },     { "probe", 2, load_probe },
};

int load_failed(const char *what, const char *name)
{
	printf("%s: %s: %s\n", what, name, strerror(errno));
	return 1;
}

double load_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Yields to other processes on a single processor. */
void load_pause(void)
{
	const struct timespec t = { .tv_nsec = 200000 };

	nanosleep(&t, NULL);
}

uint64_t load_word(uint64_t seed, uint64_t n)
{
	uint64_t x = (seed + n) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 27;
}

int main(int argc, char **argv)
{
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc == 2 + commands[i].operands &&
		    !strcmp(argv[1], commands[i].name))
			return commands[i].run(argv + 2);
	fprintf(stderr, "use: fs-load COMMAND OPERAND...\n");
	return 64;
}
