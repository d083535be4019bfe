/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The parts of the self-test; each prints its results and counts faults. */
#ifndef GUEST_SELFTEST_H
#define GUEST_SELFTEST_H

#include "protocol.h"
#include "virtio.h"

void test_memory(const struct cvmm_boot *boot);
/* Writes all of it, and checks what the call before has written. */
void load_memory(const struct cvmm_boot *boot);
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
