/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Launch of virtual machines whose memory the processor encrypts: AMD SEV-SNP and
 * Intel TDX. A table of operations per technology; the order is the same for both:
 *
 *   vmm_launch_open()    probe, KVM_CREATE_VM, init    no guest memory exists yet
 *   vmm_launch_run()     start, vcpu_init of each CPU, add of each range, finish
 *
 * The caller creates the slots (with guest_memfd) and CPUs between both, and converts the
 * ranges to private. It destroys the machine after any failure: no step can be undone.
 *
 * Not complete, because no such host was available: see "Encrypted machines" in
 * ARCHITECTURE.md for the missing parts.
 *
 * Threads: confined to one thread.
 */
#ifndef VMM_KVM_LAUNCH_H
#define VMM_KVM_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "kvm/kvm.h"

enum vmm_launch_kind {
	VMM_LAUNCH_PLAIN,	/* not encrypted */
	VMM_LAUNCH_SNP,
	VMM_LAUNCH_TDX,
};

/* Initial contents of whole guest pages. */
struct vmm_launch_range {
	uint64_t gpa, len;
	void *content;		/* len bytes, page-aligned */
	bool measured;		/* part of the measurement that the guest attests */
};

struct vmm_launch;

/*
 * Each operation returns 0 or a negative errno with a sentence that names the step.
 * Optional ones are NULL. explain: names what the host lacks for the VM type; 0: unknown.
 */
struct vmm_launch_ops {
	const char *name;
	unsigned long vm_type;	/* of KVM_CREATE_VM; a bit of KVM_CAP_VM_TYPES */
	int (*explain)(struct vsu_error *err);
	int (*init)(struct vmm_launch *l, struct vsu_error *err);
	int (*start)(struct vmm_launch *l, struct vsu_error *err);
	int (*vcpu_init)(struct vmm_launch *l, int vcpu_fd,
			 struct vsu_error *err);
	int (*add)(struct vmm_launch *l, const struct vmm_launch_range *range,
		   struct vsu_error *err);
	int (*finish)(struct vmm_launch *l, struct vsu_error *err);
};

extern const struct vmm_launch_ops vmm_launch_snp, vmm_launch_tdx;

struct vmm_launch {
	const struct vmm_launch_ops *ops;
	struct vmm_kvm kvm;	/* only its descriptors */
	int device_fd;		/* /dev/sev; -1: not required */
	int first_vcpu_fd;	/* borrowed, from vmm_launch_run() */
};

/* On failure everything is closed. -EOPNOTSUPP: the host lacks something. */
int vmm_launch_open(struct vmm_launch *l, enum vmm_launch_kind kind,
		    struct vsu_error *err);
void vmm_launch_close(struct vmm_launch *l);

/* vcpus: n descriptors, at least one. Stops at the first failure. */
int vmm_launch_run(struct vmm_launch *l, const int *vcpus, unsigned int n,
		   const struct vmm_launch_range *ranges, unsigned int nranges,
		   struct vsu_error *err);

/*
 * Opens and closes such a machine. Fails always: with what the host lacks, or because
 * cvmm cannot boot a guest in it.
 */
int vmm_launch_refuse(enum vmm_launch_kind kind, struct vsu_error *err);

#endif
