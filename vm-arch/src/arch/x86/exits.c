/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Exits of x86-64: I/O ports, conversions of memory by a hypercall, triple faults. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/exits.h>
#include <vm-arch/layout.h>
#include <vmm-sys-util/exit.h>

#include "arch/x86/kvm_x86.h"

static enum vmm_cpu_next on_port(const struct vmm_exiting *x)
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

static enum vmm_cpu_next on_shutdown(const struct vmm_exiting *x)
{
	vmm_exit_end(x, VSU_EXIT_FAIL, "the guest shut down by a triple fault");
	x->verdict->why.code = -EFAULT;
	return VMM_CPU_END;
}

/* KVM exits only for the enabled hypercall: conversion of memory. */
static enum vmm_cpu_next on_hypercall(const struct vmm_exiting *x)
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
	return vmm_exit_end(x, VSU_EXIT_INTERNAL, "%s", err.msg);
}

const struct vmm_exit_row vmm_arch_exits[] = {
	{ KVM_EXIT_IO, on_port },
	{ KVM_EXIT_HYPERCALL, on_hypercall },
	{ KVM_EXIT_SHUTDOWN, on_shutdown },
};
const unsigned int vmm_arch_nexits = sizeof(vmm_arch_exits) / sizeof(vmm_arch_exits[0]);
