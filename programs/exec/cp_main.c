/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-cp: the command "cvmm cp". */
#include <config.h>

#include <vmm-sys-util/exit.h>

#include "common/command.h"
#include "exec/cp_command.h"
#include "log.h"

static int fail_command(int status, const struct vsu_error *err)
{
	prog_complain(err);
	return status;
}

static int cp_command(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_cp_command c;

	if (vmm_cp_command_parse(&c, argc, argv, &err) < 0)
		return fail_command(VSU_EXIT_USAGE, &err);
	if (c.help)
		return vmm_command_help(vmm_cp_command_options,
					"Usage: cvmm cp NAME:PATH PATH\n       cvmm cp PATH NAME:PATH\n"
					"Copies files and folders from or to a machine of 'cvmm exec --name=NAME'.");
	return vmm_cp_command_run(&c, &err) < 0 ? fail_command(VSU_EXIT_FAIL, &err) : 0;
}

int main(int argc, char **argv)
{
	return vmm_command_main(argc, argv, cp_command);
}
