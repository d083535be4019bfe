/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Guests that crash for a reason on the host. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/exit.h>

#include "kvm/level0.h"
#include "machine/crash.h"

/* Page tables that read as zeros end in a triple fault before any file is checked. */
static bool has_lost_memory(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vsu_error crash = *err;
	enum vmm_memory_loss loss;
	uint64_t gpa;

	if (!vmm_memory_find_loss(&m->memory, false, &gpa, &loss) &&
	    !vmm_memory_next_failure(&m->memory, &gpa, &loss))
		return false;
	vsu_error_set(err, -EFAULT, "memory at %#" PRIx64 " is lost: %s; the guest crashed (%s)",
		      gpa, vmm_memory_loss_text(loss), crash.msg);
	return true;
}

static bool lacks_level0(const struct vmm_machine *m, struct vsu_error *err)
{
	const struct vsu_error crash = *err;

	if (m->loaded.protocol == VMM_PROTOCOL_BUILTIN ||
	    !vmm_kvm_emulates_level0(&m->kvm))
		return false;
	vsu_error_set(err, -EFAULT, "this host's KVM does not run privilege level 0 on the processor, which Linux requires; use a host with VT-x or AMD-V (%s)",
		      crash.msg);
	return true;
}

int vmm_crash_explain(struct vmm_machine *m, int status, struct vsu_error *err)
{
	if (err->code != -EFAULT)
		return status;
	return has_lost_memory(m, err) || lacks_level0(m, err) ? VSU_EXIT_HOST :
								 status;
}
