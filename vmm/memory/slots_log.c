/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's log of the pages that the guest writes. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vm-memory/kvm.h>

#include "memory/slots_private.h"

#define LOG_PAGE UINT64_C(4096)	/* of a bit of KVM's log */

static int set_log(struct vmm_slots *slots, bool on)
{
	const struct vmm_slot *s;
	unsigned int i;
	int rc = 0;

	slots->logs = on;
	for (i = 0; rc >= 0 && i < slots->now.n; i++) {
		s = &slots->now.slot[i];
		if (!vmm_slot_is_unlogged(s))
			rc = vmm_slot_set(slots, s, s->len);
	}
	return rc;
}

static bool has_guest_memfd(const struct vmm_slot_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->slot[i].flags & KVM_MEM_GUEST_MEMFD)
			return true;
	return false;
}

int vmm_slots_log(struct vmm_slots *slots, bool on, struct vsu_error *err)
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

static int harvest_slot(const struct vmm_slots *slots, const struct vmm_slot *s,
			vmm_slots_log_fn fn, void *opaque)
{
	const uint64_t nwords = s->len / LOG_PAGE / 64 + 1;
	struct kvm_dirty_log log = { .slot = s->id };
	uint64_t *words = calloc(nwords, sizeof(*words));
	int rc;

	if (!words)
		return -ENOMEM;
	log.dirty_bitmap = words;
	rc = vmm_kvm_ioctl(slots->kvm->vm_fd, KVM_GET_DIRTY_LOG, &log);
	if (rc >= 0)
		fn(opaque, s->gpa, words, s->len / LOG_PAGE);
	free(words);
	return rc;
}

int vmm_slots_harvest(struct vmm_slots *slots, vmm_slots_log_fn fn,
		      void *opaque, struct vsu_error *err)
{
	const struct vmm_slot *s;
	unsigned int i;
	int rc = 0;

	pthread_mutex_lock(&slots->lock);
	for (i = 0; rc >= 0 && i < slots->now.n; i++) {
		s = &slots->now.slot[i];
		if (!vmm_slot_is_unlogged(s))
			rc = harvest_slot(slots, s, fn, opaque);
	}
	pthread_mutex_unlock(&slots->lock);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM's log of writes") : 0;
}
