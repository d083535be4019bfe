/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A table of MSI-X vectors with masks and pending bits. An interrupt may come
 * on any thread while another one masks: whoever takes the mask away sends what
 * came meanwhile.
 */
#ifndef VIRTIO_DEVICES_MSIX_H
#define VIRTIO_DEVICES_MSIX_H

#include <stdbool.h>
#include <stdint.h>

struct virtdev_state_reader;
struct virtdev_state_writer;

#define MSIX_ENTRY 16u	/* bytes of the table that a vector takes */

/* Each may be NULL; see struct virtdev_pci_ops. */
struct msix_ops {
	void (*message)(void *opaque, uint32_t vector);
	void (*route)(void *opaque, uint32_t vector, uint64_t address,
		      uint32_t data);
	void (*route_done)(void *opaque);
};

struct msix_vector {
	uint64_t address, told_address;
	uint32_t data, told_data;
	bool masked;		/* by its own bit */
	uint32_t state;		/* atomic: see msix.c */
};

struct msix {
	struct msix_ops ops;
	void *opaque;
	bool open;		/* neither off nor masked as a whole */
	uint32_t n;
	struct msix_vector *vectors;
};

/* All are masked. -ENOMEM. */
int virtdev_msix_init(struct msix *m, uint32_t n, const struct msix_ops *ops,
	      void *opaque);
void virtdev_msix_exit(struct msix *m);

/* Whether messages may leave, but for the vectors' own masks. */
void virtdev_msix_set_open(struct msix *m, bool open);

/* Any thread; a vector that does not exist is nobody's. */
void virtdev_msix_interrupt(struct msix *m, uint32_t vector);

/* The table and the pending bits, in aligned pieces of 4 or 8 bytes. */
uint64_t virtdev_msix_table_read(const struct msix *m, uint32_t at, uint32_t len);
void virtdev_msix_table_write(struct msix *m, uint32_t at, uint32_t len,
		      uint64_t value);
uint64_t virtdev_msix_pending_read(const struct msix *m, uint32_t at, uint32_t len);

/*
 * A vector's registers and its pending bit as state (state.h). Load reads into
 * a vector that is nobody's, false: it cannot be; take gives such a one to a
 * vector that is used, whose interrupts wait until set_open.
 */
void virtdev_msix_vector_save(const struct msix *m, uint32_t i,
			      struct virtdev_state_writer *w);
bool virtdev_msix_vector_load(struct msix *m, uint32_t i,
			      struct virtdev_state_reader *r);
void virtdev_msix_vector_take(struct msix *m, uint32_t i,
			      const struct msix_vector *from);

#endif
