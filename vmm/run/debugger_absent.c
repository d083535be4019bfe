/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine without a debugger, of a build without gdb (--disable-gdb, or on arm64). */
#include <config.h>

#include <errno.h>

#include "run/debugger.h"

int vmm_debugger_open(struct vmm_machine *m, struct vsu_error *err)
{
	return m->config->gdb ? vsu_error_set(err, -EOPNOTSUPP, "option --gdb: this build of libcvmm has no debugging of guests; leave it out") : 0;
}

void vmm_debugger_start(struct vmm_machine *m)
{
	(void)m;
}

void vmm_debugger_stop(struct vmm_machine *m)
{
	(void)m;
}

void vmm_debugger_free(struct vmm_debugger *d)
{
	(void)d;
}

bool vmm_debugger_is_connected(const struct vmm_machine *m)
{
	(void)m;
	return false;
}

void vmm_debugger_exit(void *opaque, unsigned int cpu, const struct kvm_debug_exit_arch *exit)
{
	(void)opaque;
	(void)cpu;
	(void)exit;
}
