/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers, memory and breakpoints of a CPU for a debugger, by KVM. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/debug_cpu.h>
#include <vm-arch/vm.h>

#include "arch/x86/gdb/registers.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

/* ---------------------------------------------------------------------- registers */

/* The order of gdb; segments follow. */
#define FOR_EACH_GENERAL(X) \
	X(0, rax) X(1, rbx) X(2, rcx) X(3, rdx) X(4, rsi) X(5, rdi) X(6, rbp) X(7, rsp) \
	X(8, r8) X(9, r9) X(10, r10) X(11, r11) X(12, r12) X(13, r13) X(14, r14) X(15, r15) X(16, rip)

/* KVM has a bit per register, gdb the processor's two: 3 is empty. */
static uint32_t tags_from(uint8_t used)
{
	uint32_t tags = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		tags |= used >> i & 1 ? 0 : UINT32_C(3) << (2 * i);
	return tags;
}

static uint8_t tags_to(uint32_t tags)
{
	unsigned int i, used = 0;

	for (i = 0; i < 8; i++)
		used |= (tags >> (2 * i) & 3) == 3 ? 0 : 1u << i;
	return (uint8_t)used;
}

static void fpu_from(struct varch_x86_registers *out, const struct kvm_fpu *fpu)
{
	const uint32_t words[8] = {
		fpu->fcw, fpu->fsw, tags_from(fpu->ftwx), (uint32_t)(fpu->last_ip >> 32),
		(uint32_t)fpu->last_ip, (uint32_t)(fpu->last_dp >> 32), (uint32_t)fpu->last_dp, fpu->last_opcode,
	};
	unsigned int i;

	for (i = 0; i < 8; i++)
		memcpy(out->st[i], fpu->fpr[i], sizeof(out->st[i]));
	memcpy(out->fpu, words, sizeof(words));
	memcpy(out->xmm, fpu->xmm, sizeof(out->xmm));
	out->mxcsr = fpu->mxcsr;
}

static void fpu_to(struct kvm_fpu *fpu, const struct varch_x86_registers *regs)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		memcpy(fpu->fpr[i], regs->st[i], sizeof(regs->st[i]));
	fpu->fcw = (uint16_t)regs->fpu[0];
	fpu->fsw = (uint16_t)regs->fpu[1];
	fpu->ftwx = tags_to(regs->fpu[2]);
	fpu->last_ip = (uint64_t)regs->fpu[3] << 32 | regs->fpu[4];
	fpu->last_dp = (uint64_t)regs->fpu[5] << 32 | regs->fpu[6];
	fpu->last_opcode = (uint16_t)regs->fpu[7];
	memcpy(fpu->xmm, regs->xmm, sizeof(regs->xmm));
	fpu->mxcsr = regs->mxcsr;
}

static void general_from(struct varch_x86_registers *out, const struct kvm_regs *regs)
{
#define FROM(i, name) out->general[i] = regs->name;
	FOR_EACH_GENERAL(FROM)
	out->eflags = (uint32_t)regs->rflags;
}

static void general_to(struct kvm_regs *regs, const struct varch_x86_registers *from)
{
#define TO(i, name) regs->name = from->general[i];
	FOR_EACH_GENERAL(TO)
	regs->rflags = (regs->rflags & ~(uint64_t)UINT32_MAX) | from->eflags;
}

static void segments_from(struct varch_x86_registers *out, const struct kvm_sregs *sregs)
{
	const uint32_t selectors[6] = {
		sregs->cs.selector, sregs->ss.selector, sregs->ds.selector,
		sregs->es.selector, sregs->fs.selector, sregs->gs.selector,
	};

	memcpy(out->segments, selectors, sizeof(selectors));
	out->fs_base = sregs->fs.base;
	out->gs_base = sregs->gs.base;
}

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
};

static int get_state(const struct varch_cpus *cpus, unsigned int cpu, struct state *s)
{
	const int fd = cpus->cpu[cpu].fd;
	int rc = varch_ioctl(fd, KVM_GET_REGS, &s->regs);

	if (!rc)
		rc = varch_ioctl(fd, KVM_GET_SREGS, &s->sregs);
	return rc ? rc : varch_ioctl(fd, KVM_GET_FPU, &s->fpu);
}

static int get_registers(const struct varch_cpus *cpus, unsigned int cpu, struct varch_gdb_registers *out)
{
	struct varch_x86_registers regs = { .eflags = 0 };
	struct state s = { 0 };
	int rc = get_state(cpus, cpu, &s);

	if (rc < 0)
		return rc;
	general_from(&regs, &s.regs);
	segments_from(&regs, &s.sregs);
	fpu_from(&regs, &s.fpu);
	memcpy(out->bytes, &regs, sizeof(regs));
	return 0;
}

/* Only what changes is written: some of it has effects on the CPU. */
static int set_registers(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_gdb_registers *from)
{
	const int fd = cpus->cpu[cpu].fd;
	struct varch_x86_registers regs;
	struct state now = { 0 }, next;
	int rc = get_state(cpus, cpu, &now);

	if (rc < 0)
		return rc;
	memcpy(&regs, from->bytes, sizeof(regs));
	next = now;
	general_to(&next.regs, &regs);
	fpu_to(&next.fpu, &regs);
	next.sregs.fs.base = regs.fs_base;
	next.sregs.gs.base = regs.gs_base;
	if (memcmp(&now.sregs, &next.sregs, sizeof(now.sregs)) != 0)
		rc = varch_ioctl(fd, KVM_SET_SREGS, &next.sregs);
	if (!rc && memcmp(&now.fpu, &next.fpu, sizeof(now.fpu)) != 0)
		rc = varch_ioctl(fd, KVM_SET_FPU, &next.fpu);
	if (!rc && memcmp(&now.regs, &next.regs, sizeof(now.regs)) != 0)
		rc = varch_ioctl(fd, KVM_SET_REGS, &next.regs);
	return rc;
}

/* ------------------------------------------------------------------------- memory */

static int find_memory(const struct varch_cpus *cpus, unsigned int cpu, uint64_t address, uint64_t *gpa)
{
	struct kvm_translation t = { .linear_address = address };
	int rc = varch_ioctl(cpus->cpu[cpu].fd, KVM_TRANSLATE, &t);

	if (rc < 0 || !t.valid)
		return -EFAULT;
	*gpa = t.physical_address;
	return 0;
}

/* -------------------------------------------------------------------- breakpoints */

#define DR7_ALWAYS_ON UINT64_C(0x400)
#define DR7_EXACT UINT64_C(0x200)

/* The field LEN of DR7 has 0 to 3 for 1, 2, 8 and 4 bytes. */
static uint64_t length_code(unsigned int len)
{
	return len == 8 ? 2 : len - 1;
}

static uint64_t kind_code(enum varch_gdb_kind kind)
{
	return kind == VARCH_GDB_EXECUTION ? 0 : kind == VARCH_GDB_WRITE ? 1 : 3;
}

#ifndef KVM_GUESTDBG_BLOCKIRQ
#define KVM_GUESTDBG_BLOCKIRQ 0x00100000
#endif

/* A step enters no interrupt handler, if KVM supports that (Linux 5.15). */
static int set_debug(int fd, struct kvm_guest_debug *debug)
{
	int rc = varch_ioctl(fd, KVM_SET_GUEST_DEBUG, debug);

	if (rc != -EINVAL || !(debug->control & KVM_GUESTDBG_BLOCKIRQ))
		return rc;
	debug->control &= ~(uint32_t)KVM_GUESTDBG_BLOCKIRQ;
	return varch_ioctl(fd, KVM_SET_GUEST_DEBUG, debug);
}

static int set_control(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_debug_control *c)
{
	struct kvm_guest_debug debug = { 0 };
	unsigned int i;

	if (c->on)
		debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	if (c->on && c->steps)
		debug.control |= KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ;
	if (c->on && c->injects)
		debug.control |= KVM_GUESTDBG_INJECT_BP;
	if (c->on && c->n)
		debug.control |= KVM_GUESTDBG_USE_HW_BP;
	debug.arch.debugreg[7] = DR7_ALWAYS_ON | DR7_EXACT;
	for (i = 0; i < c->n; i++) {
		debug.arch.debugreg[i] = c->list[i].address;
		debug.arch.debugreg[7] |= UINT64_C(2) << (2 * i) | kind_code(c->list[i].kind) << (16 + 4 * i) |
					  length_code(c->list[i].len) << (18 + 4 * i);
	}
	return set_debug(cpus->cpu[cpu].fd, &debug);
}

#define BREAKPOINT 3u	/* the exception of int3 */

static bool is_software(const struct kvm_debug_exit_arch *exit, uint64_t *address)
{
	*address = exit->pc;
	return exit->exception == BREAKPOINT;
}

static const struct varch_gdb_breakpoint *find_hit(const struct kvm_debug_exit_arch *exit,
					       const struct varch_gdb_breakpoint *list, unsigned int n)
{
	unsigned int i;

	/* int3 leaves the register as it was */
	for (i = 0; exit->exception != BREAKPOINT && i < n; i++)
		if (exit->dr6 >> i & 1)
			return &list[i];
	return NULL;
}

const struct varch_debug *varch_debug(void)
{
	static const struct varch_debug ops = {
		.target = &varch_x86_target,
		.get_registers = get_registers, .set_registers = set_registers, .find = find_memory,
		.control = set_control, .is_software = is_software, .hit = find_hit,
	};

	return &ops;
}
