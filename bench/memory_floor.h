/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Floors of memory messages: the necessary system calls, without a protocol. Each round
 * trip has a wait, a receive and a send of both sides, and each file the calls that check
 * and map it. Bytes, descriptors and checks are those of our front-end and back-end.
 *
 *	floor.add_rem_mem_reg		a slot is added or removed
 *	floor.set_mem_table_8		seven of eight files are new, in turn with others
 *	floor.set_mem_grown_8		one of eight files is added or removed
 *	floor.shmem_map_unmap_pair	a page is mapped into a window, or unmapped
 */
#ifndef BENCH_MEMORY_FLOOR_H
#define BENCH_MEMORY_FLOOR_H

void bench_memory_floor(void);
void bench_shmem_floor(void);

#endif
