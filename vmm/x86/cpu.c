/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* CPUID and the registers a CPU starts with. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "kvm/uapi.h"
#include "long_mode.h"

#define CPUID_MAX 256
#define KVM_FEATURES 0x40000001	/* leaf, eax */
#define HYPERVISOR_BIT (1u << 31)	/* leaf 1, ecx */

#define CR0_PE 0x1u
#define CR0_ET 0x10u
#define CR0_MP 0x2u
#define CR0_NE 0x20u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define CR4_OSFXSR 0x600u	/* and unmasked SSE exceptions */
#define EFER_LME_LMA 0x500u
#define RFLAGS_FIXED 0x2u
#define RFLAGS_IOPL3 0x3000u

static int supported_cpuid(const struct vmm_kvm *kvm, struct kvm_cpuid2 **out,
			   struct vsu_error *err)
{
	struct kvm_cpuid2 *table;
	int rc;

	table = calloc(1, sizeof(*table) +
			  CPUID_MAX * sizeof(table->entries[0]));
	if (!table)
		return vsu_error_sys(err, -ENOMEM, "CPUID table");
	table->nent = CPUID_MAX;
	rc = vmm_kvm_ioctl(kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, table);
	if (rc < 0) {
		free(table);
		return vsu_error_sys(err, rc, "KVM_GET_SUPPORTED_CPUID");
	}
	*out = table;
	return 0;
}

int vmm_x86_phys_bits(struct vmm_kvm *kvm, struct vsu_error *err)
{
	struct kvm_cpuid2 *table;
	uint32_t i;
	int rc = supported_cpuid(kvm, &table, err);

	if (rc)
		return rc;
	kvm->phys_bits = 36;	/* what a CPU without the leaf has */
	for (i = 0; i < table->nent; i++)
		if (table->entries[i].function == 0x80000008)
			kvm->phys_bits = table->entries[i].eax & 0xff;
	free(table);
	return 0;
}

static int set_cpuid(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		     struct vsu_error *err)
{
	struct kvm_cpuid2 *table;
	struct kvm_cpuid_entry2 *e;
	int rc = supported_cpuid(kvm, &table, err);

	if (rc)
		return rc;
	for (e = table->entries; e < table->entries + table->nent; e++) {
		if (e->function == 1) {
			e->ecx |= HYPERVISOR_BIT;
			e->ebx = (e->ebx & 0x00ffffff) | (cpu << 24);
		} else if (e->function == 0xb) {
			e->edx = cpu;
		} else if (e->function == KVM_FEATURES && kvm->map_hypercall) {
			e->eax |= 1u << KVM_FEATURE_HC_MAP_GPA_RANGE;
		}
	}
	rc = vmm_kvm_ioctl(cpu_fd, KVM_SET_CPUID2, table);
	free(table);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_CPUID2") : 0;
}

static struct kvm_segment segment(uint16_t selector, uint8_t dpl, bool code)
{
	struct kvm_segment s = {
		.limit = UINT32_MAX, .present = 1, .s = 1, .g = 1,
		.selector = selector | dpl, .dpl = dpl,
		.type = code ? 11 : 3, .l = code, .db = !code,
	};

	return s;
}

static int set_system_registers(int cpu_fd, bool level0, struct vsu_error *err)
{
	const uint8_t dpl = level0 ? 0 : 3;
	struct kvm_sregs s;
	int rc = vmm_kvm_ioctl(cpu_fd, KVM_GET_SREGS, &s);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_GET_SREGS");
	s.cs = segment(level0 ? 0x08 : 0x18, dpl, true);
	s.ds = segment(level0 ? 0x10 : 0x20, dpl, false);
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.gdt.base = VMM_BOOT_GDT_GPA;
	s.gdt.limit = 5 * 8 - 1;
	s.idt.limit = 0;	/* any exception shuts the CPU down */
	s.tr.base = VMM_BOOT_TSS_GPA;
	s.tr.limit = VMM_BOOT_TSS_LIMIT;
	s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG;
	s.cr3 = VMM_BOOT_TABLES_GPA;
	s.cr4 = CR4_PAE | CR4_OSFXSR;
	s.efer = EFER_LME_LMA;
	rc = vmm_kvm_ioctl(cpu_fd, KVM_SET_SREGS, &s);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_SREGS") : 0;
}

/* Others than CPU 0 wait for a start-up message unless told to run. */
static int make_runnable(int cpu_fd, struct vsu_error *err)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	int rc = vmm_kvm_ioctl(cpu_fd, KVM_SET_MP_STATE, &state);

	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_MP_STATE") : 0;
}

int vmm_x86_start_cpu(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		      const struct vmm_x86_start *start, struct vsu_error *err)
{
	struct kvm_regs regs = {
		.rip = start->entry, .rsp = start->stack_top,
		.rdi = start->rdi, .rsi = start->rsi,
		.rflags = RFLAGS_FIXED | (start->level0 ? 0 : RFLAGS_IOPL3),
	};
	int rc = set_cpuid(kvm, cpu_fd, cpu, err);

	if (!rc)
		rc = set_system_registers(cpu_fd, start->level0, err);
	if (!rc)
		rc = make_runnable(cpu_fd, err);
	if (rc)
		return rc;
	rc = vmm_kvm_ioctl(cpu_fd, KVM_SET_REGS, &regs);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_REGS") : 0;
}
