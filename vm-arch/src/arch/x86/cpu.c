/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* CPUID and the registers a CPU starts with. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vm-arch/arch.h>

#include "arch/own.h"
#include "arch/x86/kvm_x86.h"
#include "kvm/ioctl.h"
#include "long_mode.h"
#include "mce.h"
#include "msrs.h"

#define MSR_TSC 0x10
#define MSR_UCODE_REVISION 0x8b
#define MSR_PLATFORM_INFO 0xce
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_MISC_ENABLE 0x1a0
#define MSR_MTRR_DEFAULT 0x2ff

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

int varch_phys_bits(struct varch_vm *kvm, struct vsu_error *err)
{
	const struct kvm_cpuid_entry2 *e;
	int rc = varch_cpuid_fetch(kvm, err);

	if (rc < 0)
		return rc;
	e = varch_cpuid_find(kvm->cpuid, 0x80000008, VARCH_CPUID_ANY);
	kvm->phys_bits = e ? e->eax & 0xff : 36;	/* what a CPU without the leaf has */
	return 0;
}

static int set_cpuid(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		     const struct varch_x86_start *start, struct vsu_error *err)
{
	const struct varch_cpuid_config config = {
		.choice = start->choice, .cpu = cpu,
		.ncpus = start->ncpus ? start->ncpus : cpu + 1,
		.tsc_deadline = varch_vm_capability(kvm,
						   KVM_CAP_TSC_DEADLINE_TIMER),
		.map_hypercall = kvm->map_hypercall,
	};
	struct kvm_cpuid2 *table = NULL;
	int rc = varch_cpuid_supported(kvm, &table, err);

	if (rc < 0)
		return rc;
	rc = varch_cpu_model_check(table, &config.choice, err);
	if (rc < 0) {
		free(table);
		return rc;
	}
	rc = varch_cpuid_shape(table, &config);
	if (!rc)
		rc = varch_ioctl(cpu_fd, KVM_SET_CPUID2, table);
	free(table);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_CPUID2") : 0;
}

/*
 * Sets the values that firmware sets: fast string operations on, and memory outside
 * the range registers is cached.
 */
static int set_msrs(int cpu_fd, struct vsu_error *err)
{
	struct varch_kvm_msrs msrs = {
		.nmsrs = 2,
		.entries = {
			{ .index = MSR_MISC_ENABLE, .data = 1 },
			{ .index = MSR_MTRR_DEFAULT, .data = 0xc06 },
		},
	};
	int rc = varch_ioctl(cpu_fd, KVM_SET_MSRS, &msrs);

	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_MSRS") : 0;
}

static struct kvm_segment segment_make(uint16_t selector, uint8_t dpl, bool code,
				       bool bits64)
{
	struct kvm_segment s = {
		.limit = UINT32_MAX, .present = 1, .s = 1, .g = 1,
		.selector = selector | dpl, .dpl = dpl,
		.type = code ? 11 : 3, .l = code && bits64,
		.db = !(code && bits64),
	};

	return s;
}

/* Segments and tables of each way to begin. */
static const struct entry_row {
	uint16_t gdt, gdt_limit;
	uint8_t code, data, dpl;
	bool bits64;
} entry_rows[] = {
	[VARCH_X86_LEVEL3] = { VARCH_BOOT_GDT_GPA, 39, 0x18, 0x20, 3, true },
	[VARCH_X86_LEVEL0] = { VARCH_BOOT_GDT_GPA, 39, 0x08, 0x10, 0, true },
	[VARCH_X86_LINUX] = { VARCH_BOOT_LINUX_GDT_GPA, 31, 0x10, 0x18, 0, true },
	[VARCH_X86_PVH] = { VARCH_BOOT_GDT_GPA, 39, 0x08, 0x10, 0, false },
};

static void enable_64_bit_mode(struct kvm_sregs *s)
{
	s->tr.base = VARCH_BOOT_TSS_GPA;
	s->tr.limit = VARCH_BOOT_TSS_LIMIT;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG;
	s->cr3 = VARCH_BOOT_TABLES_GPA;
	s->cr4 = CR4_PAE | CR4_OSFXSR;
	s->efer = EFER_LME_LMA;
}

/* Only the protection bit, and a task of 32 bits at address 0. */
static void enable_32_bit_mode(struct kvm_sregs *s)
{
	s->tr.base = 0;
	s->tr.limit = 0x67;
	s->tr.type = 11;
	s->tr.present = 1;
	s->cr0 = CR0_PE | CR0_ET;
	s->cr4 = 0;
	s->efer = 0;
}

static int set_system_registers(int cpu_fd, const struct entry_row *row,
				struct vsu_error *err)
{
	struct kvm_sregs s;
	int rc = varch_ioctl(cpu_fd, KVM_GET_SREGS, &s);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_GET_SREGS");
	s.cs = segment_make(row->code, row->dpl, true, row->bits64);
	s.ds = segment_make(row->data, row->dpl, false, row->bits64);
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.gdt.base = row->gdt;
	s.gdt.limit = row->gdt_limit;
	s.idt.limit = 0;	/* any exception shuts the CPU down */
	if (row->bits64)
		enable_64_bit_mode(&s);
	else
		enable_32_bit_mode(&s);
	rc = varch_ioctl(cpu_fd, KVM_SET_SREGS, &s);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_SREGS") : 0;
}

/* CPUs except CPU 0 wait for a start-up message; this call makes them runnable. */
static int make_runnable(int cpu_fd, struct vsu_error *err)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	int rc = varch_ioctl(cpu_fd, KVM_SET_MP_STATE, &state);

	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_MP_STATE") : 0;
}

static int set_registers(int cpu_fd, const struct varch_x86_start *start,
			 struct vsu_error *err)
{
	const bool level3 = start->how == VARCH_X86_LEVEL3;
	struct kvm_regs regs = {
		.rip = start->entry, .rsp = start->stack_top,
		.rbx = start->rbx, .rdi = start->rdi, .rsi = start->rsi,
		.rflags = RFLAGS_FIXED | (level3 ? RFLAGS_IOPL3 : 0),
	};
	int rc = set_system_registers(cpu_fd, &entry_rows[start->how], err);

	if (!rc)
		rc = make_runnable(cpu_fd, err);
	if (rc < 0)
		return rc;
	rc = varch_ioctl(cpu_fd, KVM_SET_REGS, &regs);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_REGS") : 0;
}

int varch_x86_start_cpu(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		      const struct varch_x86_start *start, struct vsu_error *err)
{
	int rc = set_cpuid(kvm, cpu_fd, cpu, start, err);

	if (!rc)
		rc = set_msrs(cpu_fd, err);
	varch_mce_setup(kvm, cpu_fd);
	if (rc < 0 || start->how == VARCH_X86_WAITS)
		return rc;
	return set_registers(cpu_fd, start, err);
}

/* ---------------------------------------------------- a CPU of a guest that runs */

/* Registers that a guest reads from CPU 0 and expects of all CPUs; KVM sets them by this host. */
static const uint32_t shared_msrs[] = {
	MSR_UCODE_REVISION, MSR_PLATFORM_INFO, MSR_ARCH_CAPABILITIES,
};

/* The table of CPU 0 may be that of another host, on which the guest booted. */
static int take_cpuid(int first_fd, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	struct kvm_cpuid2 *table;
	int rc = varch_cpuid_of_cpu(first_fd, &table);

	if (rc < 0)
		return vsu_error_sys(err, rc, "CPU 0: KVM_GET_CPUID2");
	varch_cpuid_set_number(table, cpu);
	rc = varch_ioctl(cpu_fd, KVM_SET_CPUID2, table);
	free(table);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_SET_CPUID2", cpu) : 0;
}

/* At the same rate, KVM takes 0 as the counter of the other CPUs. */
static int join_tsc(int first_fd, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	struct varch_kvm_msrs zero = { .nmsrs = 1, .entries = { { .index = MSR_TSC } } };
	const int khz = varch_ioctl(first_fd, KVM_GET_TSC_KHZ, NULL);
	int rc = 0;

	if (khz > 0 && khz != varch_ioctl(cpu_fd, KVM_GET_TSC_KHZ, NULL))
		rc = varch_ioctl(cpu_fd, KVM_SET_TSC_KHZ, (void *)(uintptr_t)(unsigned int)khz);
	if (rc >= 0)
		rc = varch_ioctl(cpu_fd, KVM_SET_MSRS, &zero);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: its time stamp counter", cpu) : 0;
}

/* KVM makes its map of local APICs before a new vCPU counts, and again when a state is set. */
static int join_apics(int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	struct kvm_lapic_state state;
	int rc = varch_ioctl(cpu_fd, KVM_GET_LAPIC, &state);

	if (rc >= 0)
		rc = varch_ioctl(cpu_fd, KVM_SET_LAPIC, &state);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: its local APIC", cpu) : 0;
}

int varch_cpu_add(const struct varch_vm *kvm, int first_fd, int cpu_fd, unsigned int cpu,
		     struct vsu_error *err)
{
	int rc = take_cpuid(first_fd, cpu_fd, cpu, err);

	if (!rc)
		rc = join_tsc(first_fd, cpu_fd, cpu, err);
	if (!rc)
		rc = join_apics(cpu_fd, cpu, err);
	if (!rc)
		rc = set_msrs(cpu_fd, err);
	varch_mce_setup(kvm, cpu_fd);
	varch_msrs_copy(first_fd, cpu_fd, shared_msrs, sizeof(shared_msrs) / sizeof(shared_msrs[0]));
	return rc;
}
