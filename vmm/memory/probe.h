/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Looking for a page that its file cannot give: the file is long enough, but
 * its file system is full, its pool of huge pages is empty, or its disk does
 * not read.
 *
 * Threads: any; what is looked at stays mapped meanwhile.
 */
#ifndef VMM_PROBE_H
#define VMM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True when a page of the len bytes at hva cannot be had; *off is where it
 * begins. Only pages that are not there are asked for, and no more than 128 of
 * them: those of one file come from one place, and each that is given takes
 * room there. write: ask for pages to store to.
 */
bool vmm_probe(unsigned char *hva, uint64_t len, uint64_t page_size,
	       bool write, uint64_t *off);

#endif
