/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost of mapping a piece of a file into a shared memory region and of unmapping it, as
 * requested by a back-end; the front-end, on another thread, maps it.
 *
 *	vu.shmem_map_unmap_pair.S.mmap	one request at a time, each awaited
 *	vu.shmem_map_unmap_16.S.mmap	16 maps together, then 16 unmaps
 *	vu.shmem_map_unmap_pair.4k.heldN	a pair, while N other mappings exist
 *	floor.shmem_map_unmap_pair	the bare system calls of a pair of 4k
 *
 * The figure is requests per second. S is 4k or 2M.
 */
#include <config.h>

#include <stdio.h>

#include "bench.h"
#include "memory_floor.h"
#include "shmem_rig.h"

#define MIB (UINT64_C(1) << 20)
#define HELD 4000u

/* -------------------------------------------------------------------- cases */

static void measure_held(unsigned int n)
{
	struct shmem_requests r = { SHMEM_RIG_PAGE, 1, SHMEM_RIG_FREE };
	char name[64];

	snprintf(name, sizeof(name), "vu.shmem_map_unmap_pair.4k.held%u", n);
	if (!bench_selected(name))
		return;
	shmem_rig_hold(n);
	bench_rate(name, shmem_rig_run, &r, 1e3, "k/s");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		struct shmem_requests r;
	} cases[] = {
		{ "vu.shmem_map_unmap_pair.4k.mmap", { SHMEM_RIG_PAGE, 1, 0 } },
		{ "vu.shmem_map_unmap_pair.2M.mmap", { 2 * MIB, 1, 0 } },
		{ "vu.shmem_map_unmap_16.4k.mmap", { SHMEM_RIG_PAGE, 16, 0 } },
		{ "vu.shmem_map_unmap_16.2M.mmap", { 2 * MIB, 16, 0 } },
	};
	unsigned int i;

	bench_init(argc, argv);
	bench_shmem_floor();
	shmem_rig_open();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shmem_requests r = cases[i].r;

		bench_rate(cases[i].name, shmem_rig_run, &r, 1e3, "k/s");
	}
	measure_held(0);
	measure_held(HELD);
	shmem_rig_close();
	return 0;
}
