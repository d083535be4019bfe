/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checksums of the guest's memory in a saved machine: one of each slice of the file, in section
 * "checksums" of the state. The sum of a slice is the CRC-32C of its pages that are not zero,
 * each behind its position in the file: so holes and written zeros are the same.
 *
 * Threads: any; the sums of different slices may be computed at once.
 */
#ifndef VMM_MEMORY_IMAGE_SUMS_H
#define VMM_MEMORY_IMAGE_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

#define VMM_IMAGE_SLICE (UINT64_C(16) << 20)
#define VMM_IMAGE_PAGE UINT64_C(4096)

/* Bytes from the first on that are all zeros or all not, by pages, up to 1 MiB. */
uint64_t vmm_image_run(const unsigned char *bytes, uint64_t left, bool *zeros);

struct vmm_image_sums {
	uint32_t *list;		/* owned */
	uint64_t n, total;	/* slices, and bytes of the file */
};

/* -ENOMEM. */
int vmm_image_sums_new(struct vmm_image_sums *sums, uint64_t total);
void vmm_image_sums_free(struct vmm_image_sums *sums);

/*
 * Adds len bytes that begin at a page in a slice of the file. Pages of a slice are added in
 * ascending order, and none that is zero.
 */
void vmm_image_sums_add(struct vmm_image_sums *sums, uint64_t file_at, const unsigned char *bytes,
			uint64_t len);

/* Appends the section. */
void vmm_image_sums_put(const struct vmm_image_sums *sums, struct vsu_state_writer *w);

/*
 * Compares a file with the section of a checked state. -ENODATA: the state has no checksums;
 * -EBADMSG: the section or the memory is damaged; else why the file cannot be read.
 */
int vmm_image_sums_verify(const struct vsu_state *state, int fd, struct vsu_error *err);

#endif
