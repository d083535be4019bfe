/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-template: the command "cvmm template". */
#include <config.h>

#include <stdio.h>

#include <vm-agent/end.h>

#include "common/command.h"
#include "common/needs.h"
#include "control/remedy.h"
#include "common/machine_loop.h"
#include "common/run_command.h"
#include "exec/template_command.h"
#include "exec/template_maker.h"
#include "cvmm/exit_status.h"

static int show_template_help(void)
{
	return vmm_command_help(vmm_template_command_options,
				"Usage: cvmm template make|show|remove NAME [OPTIONS], or cvmm template list\n"
				"Saves a guest that waits for a command, for 'cvmm exec --from NAME'.");
}

/* The child prints what failed in it, and the parent what failed beside it. */
static int make_template(const struct vmm_template_command *command, struct vsu_error *err)
{
	static struct vmm_template_maker maker;
	struct vmm_beside beside;
	bool child = false;
	int status = VAGENT_STATUS_FAILED;
	const struct vmm_needs needs = { .kernel = command->machine.kernel, .modules = command->machine.modules };
	int rc = vmm_needs_check(&needs, err);

	if (rc < 0)
		return vmm_complain_end(status, err);
	rc = vmm_template_maker_prepare(&maker, command, err);
	if (!rc)
		rc = vmm_template_maker_fork(&child, &status, err);
	if (!child) {
		status = vmm_template_maker_end(&maker, status, err);
		return rc < 0 || err->msg[0] ? vmm_complain_end(status, err) : status;
	}
	beside = vmm_template_maker_beside(&maker);
	status = vmm_run_machine(maker.exec.parts->options, &maker.exec.process, &beside, err);
	return vmm_complain_end(vmm_template_maker_status(&maker, status, err), err);
}

static int template_command(int argc, char **argv)
{
	struct vmm_template_command command;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vmm_template_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (command.help)
		return show_template_help();
	if (command.action == VMM_TEMPLATE_MAKE)
		return make_template(&command, &err);
	rc = vmm_template_command_run(&command, stdout, &err);
	return vmm_complain_end(rc < 0 ? cvmm_exit_status(CVMM_STEP_CONFIGURATION, rc) : 0, &err);
}

int main(int argc, char **argv)
{
	return vmm_command_main(argc, argv, template_command);
}
