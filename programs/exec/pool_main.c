/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-pool: the command "cvmm pool". */
#include <config.h>

#include <stdio.h>

#include <vm-agent/end.h>

#include "common/command.h"
#include "control/remedy.h"
#include "common/machine_loop.h"
#include "common/run_command.h"
#include "exec/pool_command.h"
#include "exec/pool_server.h"
#include "exec/pool_worker.h"
#include "cvmm/exit_status.h"

static int show_pool_help(void)
{
	return vmm_command_help(vmm_pool_command_options,
				"Usage: cvmm pool TEMPLATE [OPTIONS]\n"
				"Keeps clones of a template that wait for 'cvmm exec --from=TEMPLATE' with these options.");
}

/* The process of one machine prints what failed in it, unless a client has received that. */
static int run_pool_machine(const struct vmm_pool_command_line *command, int fd, struct vsu_error *err)
{
	static struct vmm_pool_worker worker;
	struct vmm_beside beside;
	int status = VAGENT_STATUS_FAILED;

	if (!vmm_pool_worker_make(&worker, &command->machine, fd, err)) {
		beside = vmm_pool_worker_beside(&worker);
		status = vmm_run_machine(worker.exec.parts->options, &worker.exec.process, &beside, err);
	}
	return vmm_pool_worker_end(&worker, status, err);
}

static int pool_command(int argc, char **argv)
{
	static struct vmm_pool_command_line command;
	static struct vmm_pool_server server;
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = -1, status, rc = vmm_pool_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (command.help)
		return show_pool_help();
	rc = vmm_pool_server_open(&server, &command, &err);
	status = rc < 0 ? VAGENT_STATUS_FAILED : vmm_pool_server_run(&server, &fd, &err);
	if (fd >= 0)
		status = run_pool_machine(&command, fd, &err);
	else
		vmm_pool_server_close(&server);
	return vmm_complain_end(status, &err);
}

int main(int argc, char **argv)
{
	return vmm_command_main(argc, argv, pool_command);
}
