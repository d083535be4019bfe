/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handles exits of a CPU: bus accesses are carried out, others yield a verdict. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

#include "arch/x86/kvm_x86.h"
#include "cpu/cpu_exit.h"
#include "target/layout.h"

/* Offset of the exit's data in struct kvm_run. */
#define FAULT_OFFSET offsetof(struct kvm_run, hw)

/* The CPU that exited. */
struct exiting {
	const struct vmm_cpu_hooks *hooks;
	struct kvm_run *run;
	unsigned int cpu;
	struct vmm_cpu_verdict *verdict;
};

/* Ends the machine with a status and a message that names the CPU. */
VSU_PRINTF(3, 4) static enum vmm_cpu_next end_machine(const struct exiting *x,
						      int status,
						      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsu_error_setv(&x->verdict->why, 0, fmt, ap);
	va_end(ap);
	vsu_error_prefix(&x->verdict->why, 0, "CPU %u", x->cpu);
	x->verdict->status = status;
	return VMM_CPU_END;
}

static enum vmm_cpu_next on_port(const struct exiting *x)
{
	struct kvm_run *run = x->run;
	unsigned char *data = (unsigned char *)run + run->io.data_offset;
	struct vmm_access access = { 0 };
	uint32_t i;

	access.len = run->io.size;
	access.write = run->io.direction == KVM_EXIT_IO_OUT;
	for (i = 0; i < run->io.count; i++, data += access.len) {
		access.value = 0;
		if (access.write)
			memcpy(&access.value, data, access.len);
		vmm_bus_access(x->hooks->ports, run->io.port, &access);
		if (!access.write)
			memcpy(data, &access.value, access.len);
		if (access.park)
			return VMM_CPU_PARK;
	}
	return VMM_CPU_RUN;
}

static enum vmm_cpu_next on_mmio(const struct exiting *x)
{
	struct kvm_run *run = x->run;
	struct vmm_access access = { 0 };

	access.len = run->mmio.len;
	access.write = run->mmio.is_write;
	if (access.write)
		memcpy(&access.value, run->mmio.data, access.len);
	vmm_bus_access(x->hooks->memory, run->mmio.phys_addr, &access);
	if (!access.write)
		memcpy(run->mmio.data, &access.value, access.len);
	return access.park ? VMM_CPU_PARK : VMM_CPU_RUN;
}

static enum vmm_cpu_next on_shutdown(const struct exiting *x)
{
	end_machine(x, VSU_EXIT_FAIL, "the guest shut down by a triple fault");
	x->verdict->why.code = -EFAULT;
	return VMM_CPU_END;
}

static enum vmm_cpu_next on_entry_failure(const struct exiting *x)
{
	return end_machine(x, VSU_EXIT_INTERNAL, "KVM cannot enter the guest, hardware reason %#"
		     PRIx64, (uint64_t)
		     x->run->fail_entry.hardware_entry_failure_reason);
}

static enum vmm_cpu_next on_internal_error(const struct exiting *x)
{
	const struct kvm_run *run = x->run;

	end_machine(x, VSU_EXIT_INTERNAL, "KVM internal error %" PRIu32 "%s",
		    run->internal.suberror,
		    run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ?
		    " (an instruction that it cannot emulate)" : "");
	x->verdict->why.code = -EFAULT;
	return VMM_CPU_END;
}

/* KVM exits only for the enabled hypercall: conversion of memory. */
static enum vmm_cpu_next on_hypercall(const struct exiting *x)
{
	struct kvm_run *run = x->run;
	const struct vmm_conversion c = {
		.gpa = run->hypercall.args[0],
		.len = run->hypercall.args[1] * VMM_PAGE,
		.to_private = run->hypercall.args[2] &
			      VMM_MAP_GPA_RANGE_ENCRYPTED,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = -EINVAL;

	if (run->hypercall.nr != KVM_HC_MAP_GPA_RANGE || !x->hooks->convert) {
		run->hypercall.ret = (uint64_t)-KVM_ENOSYS;
		return VMM_CPU_RUN;
	}
	if (run->hypercall.args[1] <= UINT64_MAX / VMM_PAGE &&
	    !(run->hypercall.args[2] & VMM_MAP_GPA_RANGE_RESERVED))
		rc = x->hooks->convert(x->hooks->opaque, x->cpu, &c, &err);
	run->hypercall.ret = (uint64_t)(int64_t)rc;
	if (!rc || rc == -EINVAL || rc == -E2BIG || rc == -EBUSY || rc == -ECANCELED)
		return VMM_CPU_RUN;
	return end_machine(x, VSU_EXIT_INTERNAL, "%s", err.msg);
}

static enum vmm_cpu_next on_unknown(const struct exiting *x)
{
	return end_machine(x, VSU_EXIT_INTERNAL, "unexpected KVM exit %" PRIu32,
		     x->run->exit_reason);
}

typedef enum vmm_cpu_next (*exit_fn)(const struct exiting *x);

static const struct exit_row {
	uint32_t reason;
	exit_fn fn;
} exit_rows[] = {
	{ KVM_EXIT_MMIO, on_mmio },
	{ KVM_EXIT_IO, on_port },
	{ KVM_EXIT_HYPERCALL, on_hypercall },
	{ KVM_EXIT_SHUTDOWN, on_shutdown },
	{ KVM_EXIT_FAIL_ENTRY, on_entry_failure },
	{ KVM_EXIT_INTERNAL_ERROR, on_internal_error },
};

/* Returns true if the CPU may continue: after -EBUSY it has the same fault again. */
static bool take_half(const struct exiting *x, struct vsu_error *err)
{
	const struct vmm_kvm_memory_fault *fault =
		(const void *)((const char *)x->run + FAULT_OFFSET);
	const struct vmm_conversion c = {
		.gpa = fault->gpa, .len = fault->size, .fault = true,
		.to_private = fault->flags & VMM_MEMORY_FAULT_PRIVATE,
	};
	int rc;

	if (x->run->exit_reason != KVM_EXIT_MEMORY_FAULT ||
	    !x->hooks->convert)
		return false;
	rc = x->hooks->convert(x->hooks->opaque, x->cpu, &c, err);
	return !rc || rc == -EBUSY || rc == -ECANCELED;
}

static bool exit_repair(const struct exiting *x)
{
	return x->run->exit_reason != KVM_EXIT_MEMORY_FAULT &&
	       x->hooks->repair &&
	       x->hooks->repair(x->hooks->opaque, x->cpu);
}

static enum vmm_cpu_next on_failure(const struct exiting *x, int rc)
{
	const struct kvm_run *run = x->run;
	struct vsu_error err = VSU_ERROR_INIT;
	const char *why = "is a file behind guest memory unreadable?";

	if (rc == -EINTR || rc == -EAGAIN)
		return VMM_CPU_RUN;
	if (rc == -EFAULT && (take_half(x, &err) || exit_repair(x)))
		return VMM_CPU_RUN;
	if (rc == -EHWPOISON)
		why = "a page of guest memory is damaged";
	else if (err.msg[0])
		why = err.msg;
	return end_machine(x, VSU_EXIT_INTERNAL, "KVM_RUN failed with error %d, exit %" PRIu32
		     " (%s)", -rc, run->exit_reason, why);
}

static enum vmm_cpu_next exit_judge(const struct exiting *x, int rc)
{
	unsigned int i;

	if (rc < 0)
		return on_failure(x, rc);
	for (i = 0; i < sizeof(exit_rows) / sizeof(exit_rows[0]); i++)
		if (exit_rows[i].reason == x->run->exit_reason)
			return exit_rows[i].fn(x);
	return on_unknown(x);
}

void vmm_cpu_exit(const struct vmm_cpu_hooks *hooks, unsigned int cpu,
		  struct kvm_run *run, int rc, struct vmm_cpu_verdict *verdict)
{
	const struct exiting x = { hooks, run, cpu, verdict };

	verdict->next = exit_judge(&x, rc);
}

void vmm_cpu_poisoned(const struct vmm_cpu_hooks *hooks, unsigned int cpu,
		      uint64_t hva, struct vmm_cpu_verdict *verdict)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = hooks->poisoned ? hooks->poisoned(hooks->opaque, cpu, hva,
						   &err) :
		 vsu_error_set(&err, -EHWPOISON,
			       "a page of guest memory is damaged");

	verdict->next = rc < 0 ? VMM_CPU_END : VMM_CPU_RUN;
	if (rc >= 0)
		return;
	verdict->status = VSU_EXIT_HOST;
	vsu_error_set(&verdict->why, 0, "CPU %u: %s", cpu, err.msg);
}
