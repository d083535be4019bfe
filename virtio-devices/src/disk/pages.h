/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pages of a range of a file in RAM that are known to be allocated: a store to them
 * requires no space. The knowledge is a hint. It is wrong after another process, or a
 * concurrent request of this one, has punched a hole; a store then allocates the page or
 * raises SIGBUS, which the caller handles.
 *
 * Threads: any, concurrently.
 */
#ifndef VIRTIO_DEVICES_DISK_PAGES_H
#define VIRTIO_DEVICES_DISK_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct virtdev_priv_pages {
	uint64_t *words;	/* atomic; NULL: no page is ever known */
	uint32_t shift;		/* of the host's page size */
};

/* Makes a table for len bytes; initially no page is known. Without memory, none ever is. */
void virtdev_priv_pages_init(struct virtdev_priv_pages *pages, uint64_t len);
void virtdev_priv_pages_fini(struct virtdev_priv_pages *pages);

/* Whether all pages of the range, which is not empty, are known to be allocated. */
bool virtdev_priv_pages_known(const struct virtdev_priv_pages *pages,
			      uint64_t pos, uint64_t len);

/* The pages of the range were written, or freed. */
void virtdev_priv_pages_set(struct virtdev_priv_pages *pages, uint64_t pos,
			    uint64_t len, bool known);

#endif
