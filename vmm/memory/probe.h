/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Finds a page that its file cannot provide although the file is long enough:
 * its file system is full, its pool of huge pages is empty, or its disk reports
 * errors.
 *
 * Threads: any; the range must stay mapped.
 */
#ifndef VMM_PROBE_H
#define VMM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True if a page of the len bytes at hva is unavailable; *off is its offset.
 * Requests only missing pages, at most 128: pages of one file have one source,
 * and each request allocates space there. write: request writable pages.
 */
bool vmm_probe(unsigned char *hva, uint64_t len, uint64_t page_size,
	       bool write, uint64_t *off);

#endif
