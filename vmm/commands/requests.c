/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests that concern the whole machine. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "commands/requests.h"
#include "machine/events.h"
#include "machine/stop.h"
#include "run/cpu_plug.h"
#include "run/run.h"
#include "transfer/core.h"
#include "transfer/migrate.h"
#include "transfer/save.h"

int vmm_request_pause(void *opaque, const void *none, FILE *answer, struct vsu_error *err)
{
	(void)none;
	(void)answer;
	(void)err;
	vmm_stop_for_user(opaque);
	return 0;
}

int vmm_request_resume(void *opaque, const void *none, FILE *answer, struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc;

	(void)none;
	(void)answer;
	rc = vmm_migrate_resume(m, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "resume");
	if (!rc)
		vmm_stop_end_for_user(m);
	return 0;
}

int vmm_request_save(void *opaque, const void *save, FILE *answer, struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_save_begin(m, save, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "save") :
			vmm_control_wait(m->control, m->pause.save);
}

int vmm_request_core(void *opaque, const void *core, FILE *answer, struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_core_begin(m, core, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "core") :
			vmm_control_wait(m->control, m->pause.core);
}

int vmm_request_migrate(void *opaque, const void *migration, FILE *answer,
			struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_migrate_begin(m, migration, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "migrate") :
			vmm_control_wait(m->control, m->pause.migration);
}

int vmm_request_cancel(void *opaque, const void *none, FILE *answer, struct vsu_error *err)
{
	(void)none;
	(void)answer;
	(void)err;
	vmm_migrate_cancel(opaque);
	return 0;
}

int vmm_request_cpus(void *opaque, const void *number, FILE *answer, struct vsu_error *err)
{
	int rc = vmm_machine_add_cpus(opaque, *(const unsigned int *)number, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "cpus") : 0;
}

/* Like SIGTERM, but any number of times. */
int vmm_request_power_button(void *opaque, const void *none, FILE *answer,
			     struct vsu_error *err)
{
	struct vmm_machine *m = opaque;

	(void)none;
	(void)answer;
	if (!vmm_arch_guest_finds(m->loaded.protocol, VMM_FINDS_BUTTON))
		return vsu_error_set(err, -EOPNOTSUPP, "power-button: a built-in guest has no power button; 'quit' ends it");
	vmm_machine_press_button(m);
	return 0;
}

int vmm_request_reset(void *opaque, const void *none, FILE *answer, struct vsu_error *err)
{
	struct vmm_machine *m = opaque;

	(void)none;
	(void)answer;
	(void)err;
	vmm_cpus_end(m->cpus, VSU_EXIT_REBOOT, "the command 'reset' ended the guest");
	return 0;
}

/* As a signal, it is possible at any time. */
int vmm_request_quit(void *opaque, const void *none, FILE *answer, struct vsu_error *err)
{
	struct vmm_machine *m = opaque;

	(void)none;
	(void)answer;
	(void)err;
	if (vmm_migrate_hand_over(m) == VMM_THEIRS)
		vmm_cpus_end(m->cpus, VSU_EXIT_FAIL, "the command 'quit' ended the source during post-copy: the guest is lost");
	vmm_cpus_end(m->cpus, VSU_EXIT_OK, "%s", "");
	return 0;
}
