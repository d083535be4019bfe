/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A table of MSI-X vectors with masks and pending bits. Any thread may raise an interrupt
 * while another thread masks the vector; unmasking sends the pending interrupt.
 */
#ifndef VIRTIO_DEVICES_MSIX_H
#define VIRTIO_DEVICES_MSIX_H

#include <stdbool.h>
#include <stdint.h>

struct virtdev_state_reader;
struct virtdev_state_writer;

#define MSIX_ENTRY 16u	/* bytes of a table entry */

/* Each may be NULL; see struct virtdev_pci_ops. */
struct msix_ops {
	void (*message)(void *opaque, uint32_t vector);
	void (*route)(void *opaque, uint32_t vector, uint64_t address,
		      uint32_t data);
	void (*route_done)(void *opaque);
};

struct msix_vector {
	uint64_t address, reported_address;
	uint32_t data, reported_data;
	bool masked;		/* the vector's mask bit */
	uint32_t state;		/* atomic: see msix.c */
};

struct msix {
	struct msix_ops ops;
	void *opaque;
	bool open;		/* enabled and not masked by the function mask */
	uint32_t n;
	struct msix_vector *vectors;
};

/* All vectors are masked. -ENOMEM. */
int virtdev_msix_init(struct msix *m, uint32_t n, const struct msix_ops *ops,
	      void *opaque);
void virtdev_msix_exit(struct msix *m);

/* Enables or disables all messages, independent of the vectors' masks. */
void virtdev_msix_set_open(struct msix *m, bool open);

/* Any thread. Ignores vectors that do not exist. */
void virtdev_msix_interrupt(struct msix *m, uint32_t vector);

/* Accesses to the table and the pending bits: aligned, 4 or 8 bytes. */
uint64_t virtdev_msix_table_read(const struct msix *m, uint32_t at, uint32_t len);
void virtdev_msix_table_write(struct msix *m, uint32_t at, uint32_t len,
		      uint64_t value);
uint64_t virtdev_msix_pending_read(const struct msix *m, uint32_t at, uint32_t len);

/*
 * Saves and loads a vector's registers and pending bit (state.h). load reads into a
 * temporary vector; false: invalid. take copies it to a vector of the table; its
 * interrupts are pending until set_open.
 */
void virtdev_msix_vector_save(const struct msix *m, uint32_t i,
			      struct virtdev_state_writer *w);
bool virtdev_msix_vector_load(struct msix *m, uint32_t i,
			      struct virtdev_state_reader *r);
void virtdev_msix_vector_take(struct msix *m, uint32_t i,
			      const struct msix_vector *from);

#endif
