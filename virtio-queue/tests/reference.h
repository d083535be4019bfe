/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device side of a ring, written for clarity and not for speed: guest
 * memory is one array, positions are counters that never wrap, and nothing is
 * cached. Tests compare the engine with it.
 */
#ifndef VIRTIO_QUEUE_TESTS_REFERENCE_H
#define VIRTIO_QUEUE_TESTS_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/queue.h>

#define REF_MAX_SIZE	64
#define REF_MAX_PIECES	128

struct ref_piece {
	uint64_t gpa;
	uint32_t len;
};

struct ref_chain {
	uint16_t head;
	uint32_t nreadable, nwritable;
	uint64_t readable_len, writable_len;
	uint32_t bad, why;
	struct ref_piece piece[REF_MAX_PIECES];
};

struct ref {
	unsigned char *mem;
	uint64_t mem_len;
	struct vq_config config;
	bool packed, event_idx, indirect, in_order;
	enum vq_broken broken;
	uint64_t avail;		/* chains (packed: slots) taken so far */
	uint64_t known;		/* split: chains known to be available */
	uint64_t used;		/* chains (packed: slots) used so far */
	uint64_t published;	/* of them, those the driver sees */
	uint16_t held[4];	/* packed: the used slot that is not written yet */
	bool out[REF_MAX_SIZE];	/* by buffer id: the device's */
	uint32_t slots[REF_MAX_SIZE];
	/* in order: ids in the order of arrival, and ids that were pushed early */
	uint16_t order[REF_MAX_SIZE];
	uint64_t came, went;
	bool waits[REF_MAX_SIZE];
	uint32_t written[REF_MAX_SIZE];
};

void ref_init(struct ref *r, unsigned char *mem, uint64_t mem_len,
	      const struct vq_config *config);

/*
 * Equivalent of vq_pop_batch(); want is the number of chains that the caller
 * would accept.
 */
int ref_pop(struct ref *r, struct ref_chain *c, unsigned int want);
void ref_unpop(struct ref *r, const struct ref_chain *c);
void ref_push(struct ref *r, uint16_t id, uint32_t written);
bool ref_publish(struct ref *r);
void ref_disable_notify(struct ref *r);
bool ref_enable_notify(struct ref *r);
uint32_t ref_base(const struct ref *r);

#endif
