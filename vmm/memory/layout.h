/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The addresses of memory in the guest: a pure computation from sizes and wishes.
 *
 * Requests with an address of their own are placed first. The others fill, in
 * order, from 0 to 3 GiB and go on at 4 GiB, around what is placed. One that
 * meets the hole at 3 GiB is split there and nowhere else; its second piece
 * goes on where the first ended in the backing memory. 3 to 4 GiB belongs to
 * devices. Windows of shared memory lie above all memory, each aligned to its
 * size.
 */
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#define VMM_HOLE_FIRST	(UINT64_C(3) << 30)
#define VMM_HOLE_END	(UINT64_C(4) << 30)
#define VMM_PAGE	UINT64_C(4096)

struct vmm_layout_request {
	uint64_t size;
	uint64_t at;
	bool has_at;
	char name[40];	/* in sentences: "--memory 2" */
};

struct vmm_layout_piece {
	uint64_t gpa, len;
	uint64_t offset;	/* in the memory of its request */
	unsigned int request;
};

/* Two pieces for each request at most. */
#define VMM_LAYOUT_MAX_REQUESTS 16
#define VMM_LAYOUT_MAX (2 * VMM_LAYOUT_MAX_REQUESTS)

struct vmm_layout {
	struct vmm_layout_piece pieces[VMM_LAYOUT_MAX]; /* by address */
	unsigned int n;
	uint64_t end;		/* first address above all memory, >= 4 GiB */
};

/* phys_bits: width of a guest address. */
int vmm_layout_memory(const struct vmm_layout_request *requests,
		      unsigned int n, unsigned int phys_bits,
		      struct vmm_layout *out, struct vsu_error *err);

/*
 * Address space that a window of size bytes takes: the next power of two, since
 * a base address register of PCI decodes no other size. size: at most 2^63.
 */
uint64_t vmm_layout_window_room(uint64_t size);

/*
 * An address for a window of size bytes, aligned to its room, at or above
 * *next, which moves on behind the room. -ENOSPC when it exceeds phys_bits.
 */
int vmm_layout_window(uint64_t *next, uint64_t size, unsigned int phys_bits,
		      uint64_t *gpa, struct vsu_error *err);

#endif
