/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Exits of x86-64: I/O ports, conversions of memory by a hypercall, triple faults. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/exits.h>
#include <vm-arch/layout.h>
#include <vmm-sys-util/exit.h>

#include "arch/exit_rows.h"
#include "arch/x86/kvm_x86.h"

static enum varch_cpu_next on_port(const struct varch_exiting *x)
{
	struct kvm_run *run = x->run;
	unsigned char *data = (unsigned char *)run + run->io.data_offset;
	struct varch_access access = { 0 };
	uint32_t i;

	access.len = run->io.size;
	access.write = run->io.direction == KVM_EXIT_IO_OUT;
	for (i = 0; i < run->io.count; i++, data += access.len) {
		access.value = 0;
		if (access.write)
			memcpy(&access.value, data, access.len);
		varch_bus_access(x->hooks->ports, run->io.port, &access);
		if (!access.write)
			memcpy(data, &access.value, access.len);
		if (access.park)
			return VARCH_CPU_PARK;
	}
	return VARCH_CPU_RUN;
}

static enum varch_cpu_next on_shutdown(const struct varch_exiting *x)
{
	varch_exit_end(x, VSU_EXIT_FAIL, "the guest shut down by a triple fault");
	x->verdict->why.code = -EFAULT;
	return VARCH_CPU_END;
}

/* KVM exits only for the enabled hypercall: conversion of memory. */
static enum varch_cpu_next on_hypercall(const struct varch_exiting *x)
{
	struct kvm_run *run = x->run;
	const struct varch_conversion c = {
		.gpa = run->hypercall.args[0],
		.len = run->hypercall.args[1] * VARCH_PAGE,
		.to_private = run->hypercall.args[2] &
			      VARCH_MAP_GPA_RANGE_ENCRYPTED,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = -EINVAL;

	if (run->hypercall.nr != KVM_HC_MAP_GPA_RANGE || !x->hooks->convert) {
		run->hypercall.ret = (uint64_t)-KVM_ENOSYS;
		return VARCH_CPU_RUN;
	}
	if (run->hypercall.args[1] <= UINT64_MAX / VARCH_PAGE &&
	    !(run->hypercall.args[2] & VARCH_MAP_GPA_RANGE_RESERVED))
		rc = x->hooks->convert(x->hooks->opaque, x->cpu, &c, &err);
	run->hypercall.ret = (uint64_t)(int64_t)rc;
	if (!rc || rc == -EINVAL || rc == -E2BIG || rc == -EBUSY || rc == -ECANCELED)
		return VARCH_CPU_RUN;
	return varch_exit_end(x, VSU_EXIT_INTERNAL, "%s", err.msg);
}

const struct varch_exit_row varch_exits[] = {
	{ KVM_EXIT_IO, on_port },
	{ KVM_EXIT_HYPERCALL, on_hypercall },
	{ KVM_EXIT_SHUTDOWN, on_shutdown },
};
const unsigned int varch_nexits = sizeof(varch_exits) / sizeof(varch_exits[0]);
