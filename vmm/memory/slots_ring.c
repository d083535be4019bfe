/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Entries of KVM's dirty rings become the bits that KVM_GET_DIRTY_LOG would return. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "kvm/dirty_ring.h"
#include "memory/slots_ring.h"

#define LOG_PAGE UINT64_C(4096)
#define BITS 64u

/*
 * Pages of the slot whose id is the index. The bitmap of a removed slot is kept until
 * vmm_slots_ring_forget().
 */
struct slot_bits {
	uint64_t *words;	/* NULL: not logged */
	uint64_t npages;
};

struct vmm_slots_ring {
	struct vmm_dirty_rings *rings;
	pthread_mutex_t lock;	/* of rings' entries and the members below */
	struct slot_bits *slot;
	uint32_t n;
};

static uint64_t *new_words(uint64_t npages)
{
	return calloc(npages / BITS + 1, sizeof(uint64_t));
}

int vmm_slots_ring_new(const struct vmm_kvm *kvm, struct vmm_slots_ring **out)
{
	struct vmm_slots_ring *ring = calloc(1, sizeof(*ring));
	int rc = ring ? vmm_dirty_rings_new(kvm, &ring->rings) : -ENOMEM;

	if (rc < 0) {
		free(ring);
		return rc;
	}
	pthread_mutex_init(&ring->lock, NULL);
	*out = ring;
	return 0;
}

void vmm_slots_ring_free(struct vmm_slots_ring *ring)
{
	if (!ring)
		return;
	vmm_slots_ring_forget(ring);
	vmm_dirty_rings_free(ring->rings);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

int vmm_slots_ring_add(struct vmm_slots_ring *ring, int cpu_fd, struct vsu_error *err)
{
	return vmm_dirty_rings_add(ring->rings, cpu_fd, err);
}

/* Extends the table to all ids below n. Requires the lock. */
static int grow_table(struct vmm_slots_ring *ring, uint32_t n)
{
	struct slot_bits *more;

	if (n <= ring->n)
		return 0;
	more = realloc(ring->slot, n * sizeof(*more));
	if (!more)
		return -ENOMEM;
	ring->slot = more;
	while (ring->n < n)
		ring->slot[ring->n++] = (struct slot_bits){ 0 };
	return 0;
}

static int prepare_slot(struct vmm_slots_ring *ring, const struct vmm_slot *s)
{
	const uint64_t npages = s->len / LOG_PAGE;
	struct slot_bits *bits;
	uint64_t *words;
	int rc = grow_table(ring, s->id + 1);

	if (rc < 0)
		return rc;
	bits = &ring->slot[s->id];
	if (bits->words && bits->npages == npages)
		return 0;
	words = new_words(npages);
	if (!words)
		return -ENOMEM;
	free(bits->words);
	*bits = (struct slot_bits){ words, npages };
	return 0;
}

int vmm_slots_ring_prepare(struct vmm_slots_ring *ring, const struct vmm_slot_list *list)
{
	unsigned int i;
	int rc = 0;

	pthread_mutex_lock(&ring->lock);
	for (i = 0; !rc && i < list->n; i++)
		if (!vmm_slot_is_unlogged(&list->slot[i]))
			rc = prepare_slot(ring, &list->slot[i]);
	pthread_mutex_unlock(&ring->lock);
	return rc;
}

void vmm_slots_ring_forget(struct vmm_slots_ring *ring)
{
	uint32_t i;

	pthread_mutex_lock(&ring->lock);
	for (i = 0; i < ring->n; i++)
		free(ring->slot[i].words);
	free(ring->slot);
	ring->slot = NULL;
	ring->n = 0;
	pthread_mutex_unlock(&ring->lock);
}

/*
 * If a new slot has the id of a removed one, a late entry at worst marks a page that was
 * not written.
 */
static void on_page(void *opaque, uint32_t slot, uint64_t page)
{
	const struct vmm_slots_ring *ring = opaque;

	if (slot < ring->n && page < ring->slot[slot].npages)
		ring->slot[slot].words[page / BITS] |= UINT64_C(1) << page % BITS;
}

int vmm_slots_ring_collect(struct vmm_slots_ring *ring)
{
	int rc;

	pthread_mutex_lock(&ring->lock);
	rc = vmm_dirty_rings_collect(ring->rings, on_page, ring);
	pthread_mutex_unlock(&ring->lock);
	return rc;
}

/* Calls fn without the lock, for which CPUs with a full ring wait. */
int vmm_slots_ring_read(struct vmm_slots_ring *ring, const struct vmm_slot *s,
			vmm_slots_log_fn fn, void *opaque)
{
	const uint64_t npages = s->len / LOG_PAGE;
	uint64_t *words = new_words(npages), *other;
	bool logged;

	if (!words)
		return -ENOMEM;
	pthread_mutex_lock(&ring->lock);
	logged = s->id < ring->n && ring->slot[s->id].npages == npages;
	if (logged) {
		other = ring->slot[s->id].words;
		ring->slot[s->id].words = words;
		words = other;
	}
	pthread_mutex_unlock(&ring->lock);
	if (logged)
		fn(opaque, s->gpa, words, npages);
	free(words);
	return logged ? 0 : -ENOENT;
}
