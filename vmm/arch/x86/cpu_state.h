/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of one vCPU, as KVM reports it: registers, extended state, MSRs, local
 * interrupt controller, pending events and CPUID table.
 *
 * Threads: the main thread, while no CPU runs.
 */
#ifndef VMM_X86_CPU_STATE_H
#define VMM_X86_CPU_STATE_H

#include "kvm/kvm.h"
#include "state/sections.h"

/*
 * Appends section "cpu" of this number. -EOPNOTSUPP: the guest runs guests of its
 * own, or the processor has more extended state than is supported here.
 */
int vmm_x86_cpu_save(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		     struct vmm_state_writer *w, struct vsu_error *err);

/*
 * Loads the section into a new vCPU. The state's format was checked, but its values
 * are untrusted: KVM accepts or rejects them. -EBADMSG; -EOPNOTSUPP: this host lacks a
 * feature of the saved processor, which err names.
 */
int vmm_x86_cpu_load(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		     const struct vmm_state *state, struct vsu_error *err);

/* The name of the first processor in a checked state, padded with zeros. False: none. */
bool vmm_x86_cpu_name(const struct vmm_state *state, unsigned char name[48]);

#endif
