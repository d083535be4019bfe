/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * random-reads FILE N
 *
 * Reads 4 KiB from N random places of a file or disk, one after another and not from the
 * page cache. The places are the same in each run.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK 4096

static _Alignas(BLOCK) char block[BLOCK];

/* Marsaglia's xorshift: the next number of a sequence */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

int main(int argc, char **argv)
{
	uint64_t state = 88172645463325252u, blocks;
	long n;
	int fd;

	if (argc != 3)
		return 64;
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	blocks = fd < 0 ? 0 : (uint64_t)lseek(fd, 0, SEEK_END) / BLOCK;
	if (!blocks) {
		perror(argv[1]);
		return 66;
	}
	for (n = atol(argv[2]); n > 0; n--)
		if (pread(fd, block, BLOCK, (off_t)(next(&state) % blocks * BLOCK)) != BLOCK) {
			perror("pread");
			return 74;
		}
	close(fd);
	return 0;
}
