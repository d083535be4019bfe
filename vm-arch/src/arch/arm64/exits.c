/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Exits of arm64: power off, reset and suspend by PSCI, and accesses to devices that KVM cannot decode. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-arch/exits.h>
#include <vmm-sys-util/exit.h>

#include "arch/arm64/cpu.h"
#include "arch/exit_rows.h"
#include "kvm/uapi.h"

/* Events that end the machine, and events after which the CPU continues. */
static const struct event {
	uint32_t type;
	int status;
	const char *text;
	int (*change)(int cpu_fd);
} events[] = {
	{ KVM_SYSTEM_EVENT_SHUTDOWN, VSU_EXIT_OK, "the guest powered off", NULL },
	{ KVM_SYSTEM_EVENT_RESET, VSU_EXIT_REBOOT, "the guest asked for a reboot", NULL },
	{ KVM_SYSTEM_EVENT_SUSPEND, 0, NULL, varch_arm64_suspend_cpu },
	{ KVM_SYSTEM_EVENT_WAKEUP, 0, NULL, varch_arm64_wake_cpu },
};

static enum varch_cpu_next change_cpu(const struct varch_exiting *x, const struct event *event)
{
	const int rc = event->change(x->fd);

	return !rc ? VARCH_CPU_RUN :
	       varch_exit_end(x, VSU_EXIT_INTERNAL, "KVM cannot suspend or wake it, error %d", -rc);
}

static enum varch_cpu_next on_system_event(const struct varch_exiting *x)
{
	const uint32_t type = x->run->system_event.type;
	const struct event *event;

	for (event = events; event < events + sizeof(events) / sizeof(events[0]); event++) {
		if (event->type != type)
			continue;
		if (event->change)
			return change_cpu(x, event);
		vsu_error_set(&x->verdict->why, 0, "%s", event->text);
		x->verdict->status = event->status;
		return VARCH_CPU_END;
	}
	return varch_exit_end(x, VSU_EXIT_INTERNAL, "unexpected system event %" PRIu32 " of KVM", type);
}

/* Loads and stores of several registers, or that change the address register. */
static enum varch_cpu_next on_undecoded(const struct varch_exiting *x)
{
	varch_exit_end(x, VSU_EXIT_INTERNAL, "the guest accessed %#" PRIx64 ", where no memory is, by an instruction that KVM cannot decode",
		     (uint64_t)x->run->arm_nisv.fault_ipa);
	x->verdict->why.code = -EFAULT;
	return VARCH_CPU_END;
}

const struct varch_exit_row varch_exits[] = {
	{ KVM_EXIT_SYSTEM_EVENT, on_system_event },
	{ KVM_EXIT_ARM_NISV, on_undecoded },
};
const unsigned int varch_nexits = sizeof(varch_exits) / sizeof(varch_exits[0]);
