/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-initrd: the command "cvmm initrd". */
#include <config.h>

#include <unistd.h>

#include "common/command.h"
#include "control/remedy.h"
#include "initrd/initrd_command.h"
#include "cvmm/exit_status.h"

static int show_help(void)
{
	return vmm_command_help(vmm_initrd_command_options,
				"Usage: cvmm initrd VERSION|--modules=FOLDER|none [OPTIONS] >FILE\n"
				"Prints an initrd for a kernel: modules for the devices of a machine, and a first program\n"
				"that mounts root=/dev/NAME or root=TAG (virtiofs) and executes its init.");
}

static int run_command(int argc, char **argv)
{
	struct vmm_initrd_command command;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vmm_initrd_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (command.help)
		return show_help();
	rc = vmm_initrd_command_run(&command, STDOUT_FILENO, &err);
	return vmm_complain_end(rc < 0 ? cvmm_exit_status(CVMM_STEP_CONFIGURATION, rc) : 0, &err);
}

int main(int argc, char **argv)
{
	return vmm_command_main(argc, argv, run_command);
}
