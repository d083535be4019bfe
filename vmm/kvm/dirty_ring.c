/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Collects the pages that CPUs have written from KVM's dirty rings. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/dirty_ring.h"
#include "kvm/uapi.h"

/* Of a reset that signals end early. */
#define MAX_TRIES 100000u

struct dirty_ring {
	struct kvm_dirty_gfn *entries;
	uint32_t next;		/* the first entry that was not collected */
};

struct vmm_dirty_rings {
	const struct vmm_kvm *kvm;
	struct dirty_ring *ring;
	unsigned int n;
};

static size_t ring_bytes(const struct vmm_kvm *kvm)
{
	return kvm->ring_entries * sizeof(struct kvm_dirty_gfn);
}

/* On x86 both have the same order of memory accesses; later kernels may have only one. */
static int find_capability(const struct vmm_kvm *kvm, unsigned int *max)
{
	static const int names[] = { KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
				     KVM_CAP_DIRTY_LOG_RING };
	unsigned int i;
	int bytes;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bytes = vmm_kvm_capability(kvm, names[i]);
		if (bytes <= 0)
			continue;
		*max = (unsigned int)bytes / sizeof(struct kvm_dirty_gfn);
		return names[i];
	}
	return -EOPNOTSUPP;
}

int vmm_dirty_rings_enable(struct vmm_kvm *kvm, unsigned int entries,
			   struct vsu_error *err)
{
	struct kvm_enable_cap cap = { .flags = 0 };
	unsigned int max = 0;
	int rc = find_capability(kvm, &max);

	if (rc < 0)
		return vsu_error_set(err, rc, "--dirty-ring=%u: this host's KVM lacks dirty rings (KVM_CAP_DIRTY_LOG_RING); --dirty-ring=off uses its bitmaps",
				     entries);
	if (entries > max)
		return vsu_error_set(err, -EOPNOTSUPP, "--dirty-ring=%u: this host's KVM has dirty rings of up to %u entries",
				     entries, max);
	cap.cap = (uint32_t)rc;
	cap.args[0] = entries * sizeof(struct kvm_dirty_gfn);
	rc = vmm_kvm_ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
	if (rc < 0)
		return vsu_error_sys(err, rc, "--dirty-ring=%u: KVM refuses rings of that size; --dirty-ring=off uses its bitmaps",
				     entries);
	kvm->ring_entries = entries;
	return 0;
}

int vmm_dirty_rings_new(const struct vmm_kvm *kvm, struct vmm_dirty_rings **out)
{
	struct vmm_dirty_rings *rings = calloc(1, sizeof(*rings));

	if (!rings)
		return -ENOMEM;
	rings->kvm = kvm;
	*out = rings;
	return 0;
}

void vmm_dirty_rings_free(struct vmm_dirty_rings *rings)
{
	unsigned int i;

	if (!rings)
		return;
	for (i = 0; i < rings->n; i++)
		munmap(rings->ring[i].entries, ring_bytes(rings->kvm));
	free(rings->ring);
	free(rings);
}

int vmm_dirty_rings_add(struct vmm_dirty_rings *rings, int cpu_fd,
			struct vsu_error *err)
{
	struct dirty_ring *more = realloc(rings->ring, (rings->n + 1) * sizeof(*more));
	const off_t at = KVM_DIRTY_LOG_PAGE_OFFSET * sysconf(_SC_PAGESIZE);
	void *map;

	if (!more)
		return vsu_error_sys(err, -ENOMEM, "dirty rings");
	rings->ring = more;
	map = mmap(NULL, ring_bytes(rings->kvm), PROT_READ | PROT_WRITE,
		   MAP_SHARED, cpu_fd, at);
	if (map == MAP_FAILED)
		return vsu_error_sys(err, -errno, "cannot map the dirty ring of CPU %u",
				     rings->n);
	more[rings->n++] = (struct dirty_ring){ .entries = map };
	return 0;
}

/*
 * The load of flags pairs with KVM's release of an entry that it has filled, the store
 * with its acquire when it resets the ring. A CPU that still runs can add entries
 * meanwhile; the bound is the size of the ring.
 */
static void collect_ring(struct dirty_ring *ring, uint32_t size, vmm_dirty_page_fn fn,
			 void *opaque)
{
	struct kvm_dirty_gfn *entry;
	uint32_t n;

	for (n = 0; n < size; n++) {
		entry = &ring->entries[ring->next % size];
		if (!(__atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) &
		      KVM_DIRTY_GFN_F_DIRTY))
			break;
		fn(opaque, entry->slot, entry->offset);
		__atomic_store_n(&entry->flags, KVM_DIRTY_GFN_F_RESET,
				 __ATOMIC_RELEASE);
		ring->next++;
	}
}

/* KVM resets the entries of a ring in their order, so the last one tells. */
static bool is_reset(const struct dirty_ring *ring, uint32_t size)
{
	const struct kvm_dirty_gfn *last = &ring->entries[(ring->next - 1) % size];

	return !(__atomic_load_n(&last->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_RESET);
}

static bool are_reset(const struct vmm_dirty_rings *rings)
{
	unsigned int i;

	for (i = 0; i < rings->n; i++)
		if (!is_reset(&rings->ring[i], rings->kvm->ring_entries))
			return false;
	return true;
}

/*
 * Linux since 6.17 ends a reset early if a signal is pending, and still returns a count.
 * The pages of other entries would be written without a new entry.
 */
static int reset_rings(const struct vmm_dirty_rings *rings)
{
	unsigned int tries;
	int rc = 0;

	for (tries = 0; rc >= 0 && !are_reset(rings); tries++)
		rc = tries < MAX_TRIES ?
		     vmm_kvm_ioctl(rings->kvm->vm_fd, KVM_RESET_DIRTY_RINGS, NULL) : -EIO;
	return rc < 0 ? rc : 0;
}

int vmm_dirty_rings_collect(struct vmm_dirty_rings *rings, vmm_dirty_page_fn fn,
			    void *opaque)
{
	unsigned int i;

	for (i = 0; i < rings->n; i++)
		collect_ring(&rings->ring[i], rings->kvm->ring_entries, fn, opaque);
	return reset_rings(rings);
}
