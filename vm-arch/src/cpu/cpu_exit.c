/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handles exits of a CPU: bus accesses are carried out, others yield a verdict. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

#include "arch/exit_rows.h"
#include "cpu/cpu_exit.h"

/* Offset of the exit's data in struct kvm_run. */
#define FAULT_OFFSET offsetof(struct kvm_run, hw)

static enum varch_cpu_next on_mmio(const struct varch_exiting *x)
{
	struct kvm_run *run = x->run;
	struct varch_access access = { 0 };

	access.len = run->mmio.len;
	access.write = run->mmio.is_write;
	if (access.write)
		memcpy(&access.value, run->mmio.data, access.len);
	varch_bus_access(x->hooks->memory, run->mmio.phys_addr, &access);
	if (!access.write)
		memcpy(run->mmio.data, &access.value, access.len);
	return access.park ? VARCH_CPU_PARK : VARCH_CPU_RUN;
}

static enum varch_cpu_next on_entry_failure(const struct varch_exiting *x)
{
	return varch_exit_end(x, VSU_EXIT_INTERNAL, "KVM cannot enter the guest, hardware reason %#"
		     PRIx64, (uint64_t)
		     x->run->fail_entry.hardware_entry_failure_reason);
}

static enum varch_cpu_next on_internal_error(const struct varch_exiting *x)
{
	const struct kvm_run *run = x->run;

	varch_exit_end(x, VSU_EXIT_INTERNAL, "KVM internal error %" PRIu32 "%s",
		    run->internal.suberror,
		    run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ?
		    " (an instruction that it cannot emulate)" : "");
	x->verdict->why.code = -EFAULT;
	return VARCH_CPU_END;
}

static enum varch_cpu_next on_debug(const struct varch_exiting *x)
{
	if (x->hooks->debug)
		x->hooks->debug(x->hooks->opaque, x->cpu, &x->run->debug.arch);
	return VARCH_CPU_RUN;
}

static enum varch_cpu_next on_unknown(const struct varch_exiting *x)
{
	return varch_exit_end(x, VSU_EXIT_INTERNAL, "unexpected KVM exit %" PRIu32,
		     x->run->exit_reason);
}

static const struct varch_exit_row exit_rows[] = {
	{ KVM_EXIT_MMIO, on_mmio },
	{ KVM_EXIT_DEBUG, on_debug },
	{ KVM_EXIT_FAIL_ENTRY, on_entry_failure },
	{ KVM_EXIT_INTERNAL_ERROR, on_internal_error },
};

/* Returns true if the CPU may continue: after -EBUSY it has the same fault again. */
static bool take_half(const struct varch_exiting *x, struct vsu_error *err)
{
	const struct varch_memory_fault *fault =
		(const void *)((const char *)x->run + FAULT_OFFSET);
	const struct varch_conversion c = {
		.gpa = fault->gpa, .len = fault->size, .fault = true,
		.to_private = fault->flags & VARCH_MEMORY_FAULT_PRIVATE,
	};
	int rc;

	if (x->run->exit_reason != KVM_EXIT_MEMORY_FAULT ||
	    !x->hooks->convert)
		return false;
	rc = x->hooks->convert(x->hooks->opaque, x->cpu, &c, err);
	return !rc || rc == -EBUSY || rc == -ECANCELED;
}

static bool exit_repair(const struct varch_exiting *x)
{
	return x->run->exit_reason != KVM_EXIT_MEMORY_FAULT &&
	       x->hooks->repair &&
	       x->hooks->repair(x->hooks->opaque, x->cpu);
}

static enum varch_cpu_next on_failure(const struct varch_exiting *x, int rc)
{
	const struct kvm_run *run = x->run;
	struct vsu_error err = VSU_ERROR_INIT;
	const char *why = "is a file behind guest memory unreadable? the kernel's log may name the cause";

	if (rc == -EINTR || rc == -EAGAIN)
		return VARCH_CPU_RUN;
	if (rc == -EFAULT && (take_half(x, &err) || exit_repair(x)))
		return VARCH_CPU_RUN;
	if (rc == -EHWPOISON)
		why = "a page of guest memory is damaged";
	else if (err.msg[0])
		why = err.msg;
	return varch_exit_end(x, VSU_EXIT_INTERNAL, "KVM_RUN failed with error %d, exit %" PRIu32
		     " (%s)", -rc, run->exit_reason, why);
}

static const struct varch_exit_row *find_row(const struct varch_exit_row *rows, unsigned int n,
					   uint32_t reason)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (rows[i].reason == reason)
			return &rows[i];
	return NULL;
}

static enum varch_cpu_next exit_judge(const struct varch_exiting *x, int rc)
{
	const uint32_t reason = x->run->exit_reason;
	const struct varch_exit_row *row;

	if (rc < 0)
		return on_failure(x, rc);
	row = find_row(exit_rows, sizeof(exit_rows) / sizeof(exit_rows[0]), reason);
	if (!row)
		row = find_row(varch_exits, varch_nexits, reason);
	return row ? row->fn(x) : on_unknown(x);
}

void varch_cpu_exit(const struct varch_cpu_hooks *hooks, unsigned int cpu, int fd,
		  struct kvm_run *run, int rc, struct varch_cpu_verdict *verdict)
{
	const struct varch_exiting x = { hooks, run, cpu, fd, verdict };

	verdict->next = exit_judge(&x, rc);
}

void varch_cpu_poisoned(const struct varch_cpu_hooks *hooks, unsigned int cpu,
		      uint64_t hva, struct varch_cpu_verdict *verdict)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = hooks->poisoned ? hooks->poisoned(hooks->opaque, cpu, hva,
						   &err) :
		 vsu_error_set(&err, -EHWPOISON,
			       "a page of guest memory is damaged");

	verdict->next = rc < 0 ? VARCH_CPU_END : VARCH_CPU_RUN;
	if (rc >= 0)
		return;
	verdict->status = VSU_EXIT_HOST;
	vsu_error_set(&verdict->why, 0, "CPU %u: %s", cpu, err.msg);
}
