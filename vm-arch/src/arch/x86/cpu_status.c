/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of a vCPU as NT_PRSTATUS has them. */
#include <config.h>

#include <stddef.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include <vm-arch/layout.h>

#include "arch/own.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

static void put_registers(const struct kvm_regs *r, const struct kvm_sregs *s,
			  struct elf_prstatus *out)
{
	const struct user_regs_struct u = {
		.rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx,
		.rsi = r->rsi, .rdi = r->rdi, .rbp = r->rbp, .rsp = r->rsp,
		.r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11,
		.r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
		.orig_rax = UINT64_MAX,	/* not in a system call */
		.rip = r->rip, .eflags = r->rflags, .fs_base = s->fs.base, .gs_base = s->gs.base,
		.cs = s->cs.selector, .ds = s->ds.selector, .es = s->es.selector,
		.fs = s->fs.selector, .gs = s->gs.selector, .ss = s->ss.selector,
	};

	_Static_assert(offsetof(struct user_regs_struct, rip) == VARCH_STATUS_COUNTER * sizeof(out->pr_reg[0]),
		       "the program counter");
	_Static_assert(sizeof(out->pr_reg) == sizeof(u), "the same registers");
	memcpy(&out->pr_reg, &u, sizeof(u));
}

int varch_cpu_status(int cpu_fd, unsigned int cpu, struct elf_prstatus *out,
		       struct vsu_error *err)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	int rc = varch_ioctl(cpu_fd, KVM_GET_REGS, &regs);

	if (rc < 0)
		return vsu_error_sys(err, rc, "CPU %u: KVM_GET_REGS", cpu);
	rc = varch_ioctl(cpu_fd, KVM_GET_SREGS, &sregs);
	if (rc < 0)
		return vsu_error_sys(err, rc, "CPU %u: KVM_GET_SREGS", cpu);
	memset(out, 0, sizeof(*out));
	out->pr_pid = (pid_t)cpu + 1;
	put_registers(&regs, &sregs, out);
	return 0;
}
