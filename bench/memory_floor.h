/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The system calls without which memory cannot come and go by messages: a
 * wait, a receive and a send of each side for each round trip, and for each
 * file what judges and maps it. The same bytes, descriptors and checks as
 * between ours, no protocol.
 *
 *	floor.add_rem_mem_reg		a slot comes or goes
 *	floor.set_mem_table_8		seven fresh files of eight, by turns
 *	floor.set_mem_grown_8		one of eight files comes or goes
 *	floor.shmem_map_unmap_pair	a page comes into a window, or goes
 */
#ifndef BENCH_MEMORY_FLOOR_H
#define BENCH_MEMORY_FLOOR_H

void bench_memory_floor(void);
void bench_shmem_floor(void);

#endif
