/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Updates KVM's memory slots from the map. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-arch/cpus.h>
#include <vm-arch/slots.h>
#include <vm-memory/kvm.h>

#include "kvm/ioctl.h"
#include "kvm/uapi.h"
#include "slots/slots_private.h"

/* The guest does not write to it, or KVM has no log of it. */
static bool is_unlogged(const struct varch_slot *s)
{
	return s->flags & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD);
}

int varch_slots_new(const struct varch_vm *kvm, struct varch_slots **out)
{
	struct varch_slots *slots = calloc(1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	slots->kvm = kvm;
	pthread_mutex_init(&slots->lock, NULL);
	*out = slots;
	return 0;
}

/* KVM_MEM_READONLY, KVM_MEM_GUEST_MEMFD. */
static uint32_t slot_flags(const struct vmem_region *region)
{
	const struct vmem_block *block = vmem_region_block(region);

	if (vmem_block_is_bound(block) || vmem_block_private_fd(block) >= 0)
		return KVM_MEM_GUEST_MEMFD;
	return vmem_region_is_rom(region) ? KVM_MEM_READONLY : 0;
}

static int set_region2(const struct varch_slots *slots, const struct varch_slot *s,
		       uint64_t size)
{
	struct varch_region2 arg = {
		.slot = s->id, .flags = s->flags, .guest_phys_addr = s->gpa,
		.memory_size = size, .userspace_addr = s->hva,
		.guest_memfd = (uint32_t)s->fd,
		.guest_memfd_offset = s->file_pos,
	};

	return varch_ioctl(slots->kvm->vm_fd, VARCH_SET_REGION2, &arg);
}

/* Adds the slot to KVM, or changes its flags; size is its length, or 0 to remove it. */
static int slot_set(const struct varch_slots *slots, const struct varch_slot *s,
		    uint64_t size)
{
	struct kvm_userspace_memory_region arg = {
		.slot = s->id, .flags = s->flags, .guest_phys_addr = s->gpa,
		.memory_size = size, .userspace_addr = s->hva,
	};

	if (slots->logs && !is_unlogged(s))
		arg.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	if (s->flags & KVM_MEM_GUEST_MEMFD)
		return set_region2(slots, s, size);
	return varch_ioctl(slots->kvm->vm_fd, KVM_SET_USER_MEMORY_REGION,
			     &arg);
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	if (a < 0 || b < 0 || a == b)
		return a == b;
	return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* True if b continues a, in guest, host and file addresses. */
static bool slot_continues(const struct varch_slot *a, const struct varch_slot *b)
{
	return a->gpa + a->len == b->gpa && a->hva + a->len == b->hva &&
	       a->flags == b->flags && !(a->flags & KVM_MEM_GUEST_MEMFD) &&
	       a->file_pos + a->len == b->file_pos && same_file(a->fd, b->fd);
}

/* If a private half exists, KVM gets its file; the shared half is at hva. */
static void describe_file(const struct vmem_region *region, struct varch_slot *s)
{
	const struct vmem_block *block = vmem_region_block(region);

	s->file_pos = vmem_region_file_pos(region, 0);
	s->fd = vmem_block_fd(block);
	if (vmem_block_private_fd(block) < 0)
		return;
	s->file_pos = vmem_region_offset(region);
	s->fd = vmem_block_private_fd(block);
}

static void slot_describe(const struct vmem_region *region, struct varch_slot *s)
{
	memset(s, 0, sizeof(*s));
	s->gpa = vmem_region_gpa(region);
	s->len = vmem_region_len(region);
	s->hva = (uint64_t)(uintptr_t)vmem_region_hva(region);
	s->flags = slot_flags(region);
	describe_file(region, s);
}

/* The slots for the map, neighbours merged. */
static int slots_desired(const struct vmem_map *map, struct slot_list *out)
{
	unsigned int i, n = vmem_map_count(map);
	struct varch_slot s;

	out->n = 0;
	out->slot = calloc(n + 1, sizeof(s));
	if (!out->slot)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		slot_describe(vmem_map_region(map, i), &s);
		if (out->n && slot_continues(&out->slot[out->n - 1], &s))
			out->slot[out->n - 1].len += s.len;
		else
			out->slot[out->n++] = s;
	}
	return 0;
}

static bool same_slot(const struct varch_slot *a, const struct varch_slot *b)
{
	return a->gpa == b->gpa && a->len == b->len && a->hva == b->hva &&
	       a->flags == b->flags && a->file_pos == b->file_pos &&
	       same_file(a->fd, b->fd);
}

/* The number of slots that end at or before gpa. */
static unsigned int slots_before(const struct slot_list *list, uint64_t gpa)
{
	unsigned int low = 0, high = list->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (list->slot[mid].gpa + (list->slot[mid].len - 1) < gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The equal slot in the list, or NULL. */
static struct varch_slot *slot_find(const struct slot_list *list, const struct varch_slot *s)
{
	const unsigned int i = slots_before(list, s->gpa);

	return i < list->n && same_slot(&list->slot[i], s) ? &list->slot[i]
							   : NULL;
}

/* Kept slots keep their ids; the others get the lowest free ones. */
static int assign_ids(const struct slot_list *now, struct slot_list *want)
{
	const uint32_t limit = now->n + want->n;
	bool *used = calloc(limit + 1, sizeof(*used));
	const struct varch_slot *kept;
	uint32_t next = 0;
	unsigned int i;

	if (!used)
		return -ENOMEM;
	for (i = 0; i < now->n; i++)
		if (now->slot[i].id < limit)
			used[now->slot[i].id] = true;
	for (i = 0; i < want->n; i++) {
		kept = slot_find(now, &want->slot[i]);
		while (!kept && used[next])
			next++;
		want->slot[i].id = kept ? kept->id : next++;
	}
	free(used);
	return 0;
}

/* True if visible memory is replaced, not only added. */
static bool slots_replace(const struct slot_list *now, const struct slot_list *want)
{
	const struct varch_slot *s;
	unsigned int i, k;

	for (i = 0; i < now->n; i++) {
		s = &now->slot[i];
		k = slots_before(want, s->gpa);
		if (k < want->n && want->slot[k].gpa < s->gpa + s->len &&
		    !same_slot(&want->slot[k], s))
			return true;
	}
	return false;
}

/*
 * Adds (or removes) the slots of list that other lacks. Continues after a
 * failure; returns the first one.
 */
static int apply_missing(const struct varch_slots *slots, const struct slot_list *list,
		       const struct slot_list *other, bool in, struct vsu_error *err)
{
	const struct varch_slot *s;
	unsigned int i;
	int rc, first = 0;

	for (i = 0; i < list->n; i++) {
		s = &list->slot[i];
		if (slot_find(other, s))
			continue;
		rc = slot_set(slots, s, in ? s->len : 0);
		if (rc < 0 && !first)
			first = vsu_error_sys(err, rc, "KVM refuses %s at %#"
				PRIx64 ", %" PRIu64 " bytes", in ? "memory" :
				"to release memory", s->gpa, s->len);
	}
	return first;
}

/*
 * If KVM fails to remove a slot, restore everything: the guest would access
 * host addresses that are reused for something else.
 */
static int slots_change(struct varch_slots *slots, const struct slot_list *want,
			struct vsu_error *err)
{
	struct varch_cpus *cpus = slots->kvm->cpus;
	const bool pause = cpus && slots_replace(&slots->now, want);
	int rc;

	if (pause)
		varch_cpus_pause(cpus);
	rc = apply_missing(slots, &slots->now, want, false, err);
	if (!rc)
		rc = apply_missing(slots, want, &slots->now, true, err);
	if (rc < 0) {	/* restore, however far KVM had come */
		apply_missing(slots, want, &slots->now, false, NULL);
		apply_missing(slots, &slots->now, want, true, NULL);
	}
	if (pause)
		varch_cpus_resume(cpus);
	return rc;
}

/* On success *want is the previous list. */
static int slots_replace_list(struct varch_slots *slots, struct slot_list *want,
			      struct vsu_error *err)
{
	const struct slot_list before = slots->now;
	int rc;

	pthread_mutex_lock(&slots->lock);
	rc = slots_change(slots, want, err);
	if (!rc) {
		slots->now = *want;
		*want = before;
	}
	pthread_mutex_unlock(&slots->lock);
	return rc;
}

int varch_slots_apply(struct varch_slots *slots, struct vmem_map *map,
		    struct vsu_error *err)
{
	struct slot_list want;
	int rc = slots_desired(map, &want);

	if (rc < 0)
		return vsu_error_sys(err, rc, "memory slots");
	if (want.n > slots->kvm->max_slots)
		rc = vsu_error_set(err, -ENOSPC, "this memory needs %u slots; KVM has %u", want.n,
				   slots->kvm->max_slots);
	if (!rc && assign_ids(&slots->now, &want))
		rc = vsu_error_sys(err, -ENOMEM, "memory slots");
	if (!rc)
		rc = slots_replace_list(slots, &want, err);
	free(want.slot);
	if (rc < 0)
		return rc;
	vmem_map_ref(map);
	vmem_map_unref(slots->map);
	slots->map = map;
	return 0;
}

void varch_slots_free(struct varch_slots *slots)
{
	static const struct slot_list none;

	if (!slots)
		return;
	apply_missing(slots, &slots->now, &none, false, NULL);
	free(slots->now.slot);
	vmem_map_unref(slots->map);
	pthread_mutex_destroy(&slots->lock);
	free(slots);
}

/* ---------------------------- KVM's log of the pages that the guest writes */

#define LOG_PAGE UINT64_C(4096)	/* of a bit for the caller; one of KVM is a page of the host */

static int set_log(struct varch_slots *slots, bool on)
{
	const struct varch_slot *s;
	unsigned int i;
	int rc = 0;

	slots->logs = on;
	for (i = 0; rc >= 0 && i < slots->now.n; i++) {
		s = &slots->now.slot[i];
		if (!is_unlogged(s))
			rc = slot_set(slots, s, s->len);
	}
	return rc;
}

static bool has_guest_memfd(const struct slot_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->slot[i].flags & KVM_MEM_GUEST_MEMFD)
			return true;
	return false;
}

int varch_slots_log(struct varch_slots *slots, bool on, struct vsu_error *err)
{
	bool refused;
	int rc = 0;

	pthread_mutex_lock(&slots->lock);
	refused = on && has_guest_memfd(&slots->now);
	if (!refused)
		rc = set_log(slots, on);
	if (rc < 0)
		set_log(slots, false);
	pthread_mutex_unlock(&slots->lock);
	if (refused)
		return vsu_error_set(err, -EOPNOTSUPP, "KVM does not log writes to a guest_memfd that is bound to its slot; such a machine can be saved, not migrated, unless it is started with slot=plain");
	return rc < 0 ? vsu_error_sys(err, rc, "KVM cannot log writes") : 0;
}

/* Works in place, from the last bit on, as each moves to the right. */
static void widen_bits(uint64_t *words, uint64_t nbits, uint64_t factor)
{
	uint64_t i, bit;

	for (i = nbits * factor; factor > 1 && i--;) {
		bit = words[i / factor / 64] >> i / factor % 64 & 1;
		words[i / 64] = (words[i / 64] & ~(UINT64_C(1) << i % 64)) | bit << i % 64;
	}
}

static int harvest_slot(const struct varch_slots *slots, const struct varch_slot *s,
			varch_slots_log_fn fn, void *opaque)
{
	const uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t nwords = s->len / LOG_PAGE / 64 + 1;
	struct kvm_dirty_log log = { .slot = s->id };
	uint64_t *words = calloc(nwords, sizeof(*words));
	int rc;

	if (!words)
		return -ENOMEM;
	log.dirty_bitmap = words;
	rc = varch_ioctl(slots->kvm->vm_fd, KVM_GET_DIRTY_LOG, &log);
	if (rc >= 0) {
		widen_bits(words, s->len / host_page, host_page / LOG_PAGE);
		fn(opaque, s->gpa, words, s->len / LOG_PAGE);
	}
	free(words);
	return rc;
}

int varch_slots_harvest(struct varch_slots *slots, varch_slots_log_fn fn,
		      void *opaque, struct vsu_error *err)
{
	const struct varch_slot *s;
	unsigned int i;
	int rc = 0;

	pthread_mutex_lock(&slots->lock);
	for (i = 0; rc >= 0 && i < slots->now.n; i++) {
		s = &slots->now.slot[i];
		if (!is_unlogged(s))
			rc = harvest_slot(slots, s, fn, opaque);
	}
	pthread_mutex_unlock(&slots->lock);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM's log of writes") : 0;
}
