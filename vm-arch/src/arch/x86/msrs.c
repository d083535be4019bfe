/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* All model-specific registers of a vCPU. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86/kvm_x86.h"
#include "arch/x86/msrs.h"
#include "kvm/ioctl.h"

#define MSR_TSC_DEADLINE 0x6e0u
#define CHUNK 128u	/* KVM accepts fewer than 256 in a call */

/* False: the vCPU lacks the MSR. */
static bool read_msr(int cpu_fd, struct kvm_msr_entry *e)
{
	struct varch_kvm_msrs one = { .nmsrs = 1, .entries = { *e } };
	const bool done = varch_ioctl(cpu_fd, KVM_GET_MSRS, &one) == 1;

	*e = one.entries[0];
	return done;
}

/* KVM's list has all MSRs that KVM supports. */
int varch_msrs_read(const struct varch_vm *kvm, int cpu_fd, struct kvm_msr_entry *out)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) +
					   VARCH_MAX_MSRS * sizeof(list->indices[0]));
	uint32_t i, n = 0;
	int rc;

	if (!list)
		return -ENOMEM;
	list->nmsrs = VARCH_MAX_MSRS;
	rc = varch_ioctl(kvm->kvm_fd, KVM_GET_MSR_INDEX_LIST, list);
	for (i = 0; rc >= 0 && i < list->nmsrs; i++) {
		out[n].index = list->indices[i];
		n += read_msr(cpu_fd, &out[n]);
	}
	free(list);
	return rc < 0 ? rc : (int)n;
}

/* The time stamp counter must have its value when the deadline is set. */
static void move_deadline(struct kvm_msr_entry *e, uint32_t n)
{
	struct kvm_msr_entry deadline;
	uint32_t i;

	for (i = 0; i < n && e[i].index != MSR_TSC_DEADLINE; i++)
		;
	if (i == n)
		return;
	deadline = e[i];
	memmove(&e[i], &e[i + 1], (n - i - 1) * sizeof(*e));
	e[n - 1] = deadline;
}

/* A write that fails is no error if the MSR already has this value. */
static bool has_value(int cpu_fd, const struct kvm_msr_entry *e)
{
	struct kvm_msr_entry copy = *e;

	return read_msr(cpu_fd, &copy) && copy.data == e->data;
}

/* Returns the number that KVM accepted, up to CHUNK. */
static uint32_t write_some(int cpu_fd, struct kvm_msrs *msrs,
			   const struct kvm_msr_entry *from, uint32_t n)
{
	int rc;

	msrs->nmsrs = n;
	memcpy(msrs->entries, from, n * sizeof(*from));
	rc = varch_ioctl(cpu_fd, KVM_SET_MSRS, msrs);
	return rc > 0 ? (uint32_t)rc : 0;
}

/* One call writes many: KVM loads and stores the vCPU for each call. */
int varch_msrs_write(int cpu_fd, struct kvm_msr_entry *all, uint32_t n, uint32_t *refused)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + CHUNK * sizeof(*all));
	uint32_t at = 0, some, done;
	int rc = msrs ? 0 : -ENOMEM;

	move_deadline(all, n);
	while (!rc && at < n) {
		some = n - at < CHUNK ? n - at : CHUNK;
		done = write_some(cpu_fd, msrs, all + at, some);
		at += done;
		if (done >= some || has_value(cpu_fd, &all[at++]))
			continue;
		*refused = all[at - 1].index;
		rc = -EOPNOTSUPP;
	}
	free(msrs);
	return rc;
}

void varch_msrs_copy(int from_fd, int to_fd, const uint32_t *indices, unsigned int n)
{
	struct varch_kvm_msrs one = { .nmsrs = 1 };
	unsigned int i;

	for (i = 0; i < n; i++) {
		one.entries[0] = (struct kvm_msr_entry){ .index = indices[i] };
		if (read_msr(from_fd, &one.entries[0]))
			(void)!varch_ioctl(to_fd, KVM_SET_MSRS, &one);
	}
}
