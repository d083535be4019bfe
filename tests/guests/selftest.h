/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of the self-test; each prints its results and counts faults. A device has a file:
 * balloon.c, disk.c, entropy.c, shared.c.
 */
#ifndef GUEST_SELFTEST_H
#define GUEST_SELFTEST_H

#include <vm-arch/boot_protocol.h>

#include "machine.h"
#include "virtio.h"

#define LOAD_FROM (MEMORY_BASE + (16u << 20))	/* above the guest's own memory */

void test_memory(const struct cvmm_boot *boot);
/*
 * Writes all of it above LOAD_FROM, and checks what the previous call has written; with the
 * word "edges", the first and the last MiB of each region.
 */
void load_memory(const struct cvmm_boot *boot);
/* Writes into a page what the last load_memory() has written there. */
void restore_page(uint64_t at);
void test_balloon(struct device *dev, const struct cvmm_boot *boot);
void test_disk(struct device *dev, unsigned int number);
/* Writes the pattern of the test without a flush. */
void write_disk(struct device *dev, unsigned int number);
/*
 * Writes the contents of private memory to the disk and reads them back, each
 * through a shared buffer; area has two pages. Then requests that the disk reads or
 * writes them itself, which must fail.
 */
void test_bounced(struct device *dev, unsigned int number, void *area);
void test_entropy(struct device *dev, unsigned int number);
void show_shared(struct device *dev, unsigned int number);

#endif
