/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-exec: the command "cvmm exec". */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <vm-agent/end.h>

#include "common/command.h"
#include "common/helpers.h"
#include "common/needs.h"
#include "control/remedy.h"
#include "common/run_command.h"
#include "exec/exec_beside.h"
#include "exec/exec_emulated.h"
#include "exec/exec_machine.h"
#include "exec/named_client.h"
#include "exec/oci_image.h"
#include "exec/pool_client.h"

/* The time that a reader of standard error has. */
#define PATIENCE_MS 1000

static int show_exec_help(void)
{
	return vmm_command_help(vmm_exec_option_rows,
				"Usage: cvmm exec [OPTIONS] [--] COMMAND [WORD...]\n"
				"Runs a command in a machine of its own, with this host's kernel and files.");
}

/* A pool that runs is not used, which costs the time of a clone. The command runs anyway. */
static void report_pool(struct vsu_error *err)
{
	if (err->msg[0])
		vmm_complain_end(0, err);
	*err = (struct vsu_error)VSU_ERROR_INIT;
}

static int run_exec(struct vmm_exec_machine *m, const struct vmm_exec_options *options,
		    struct vsu_error *err)
{
	struct vmm_beside beside;
	int status;

	if (vmm_exec_machine_make(m, options, err) < 0)
		return VAGENT_STATUS_FAILED;
	if (options->emulate)
		return vmm_exec_emulated_run(m, options, err);
	status = options->from && !options->name && !options->oci ? vmm_pool_client_run(m, options, err) : -EAGAIN;
	if (status >= 0)
		return status;
	report_pool(err);
	if (options->from && cvmm_exec_check_kvm(cvmm_template_get_info(m->parts->template_of)->kernel, err) < 0)
		return VAGENT_STATUS_FAILED;
	beside = vmm_exec_machine_beside(m);
	status = vmm_run_machine(m->parts->options, &m->process, &beside, err);
	return vmm_exec_machine_status(m, status, err);
}

/* The command may have filled a pipe of which nothing is read, which must not delay the end. */
static bool error_is_read(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, PATIENCE_MS) != 0;
}

static int check_image(const struct vmm_exec_options *o, struct vsu_error *err)
{
	static const char option[] = "option --image: ";
	int rc = vmm_needs_image(o->image, option, err);

	return rc || o->init ? rc : vmm_needs_boot_init(vmm_helper_init(true), option, err);
}

static int check_exec(const struct vmm_exec_options *o, struct vsu_error *err)
{
	const struct vmm_needs needs = {
		.kernel = o->kernel, .modules = o->modules, .emulates = o->emulate, .may_emulate = !o->image,
	};
	int rc = o->image ? check_image(o, err) : 0;

	return rc < 0 || o->from ? rc : vmm_needs_check(&needs, err);
}

/* Nothing is printed that a command has printed already. */
static int report_end(const struct vmm_exec_options *o, int status, struct vsu_error *err)
{
	if (status == CVMM_EXEC_NOT_FOUND)
		vmm_needs_explain_command(o->command[0], err);
	return !err->msg[0] || vmm_exec_end_is_expected(status, err) || !error_is_read() ? status : vmm_complain_end(status, err);
}

static int exec_command(int argc, char **argv)
{
	static struct vmm_exec_options options;
	struct vmm_oci_image *image = NULL;
	struct vmm_exec_machine m;
	struct vsu_error err = VSU_ERROR_INIT;
	int status = VAGENT_STATUS_FAILED, rc;

	if (vmm_exec_options_parse(&options, argc, argv, &err) < 0)
		return vmm_complain_end(status, &err);
	if (options.help)
		return show_exec_help();
	if (options.in)
		return report_end(&options, vmm_named_client_run(&options, &err), &err);
	if (check_exec(&options, &err) < 0)
		return vmm_complain_end(status, &err);
	rc = options.oci ? vmm_oci_image_open(&image, &options, &err) : 0;
	if (rc < 0)
		return vmm_complain_end(rc == -ETIMEDOUT ? VAGENT_STATUS_TIMEOUT : status, &err);
	status = run_exec(&m, &options, &err);
	vmm_exec_machine_free(&m);
	status = report_end(&options, status, &err);
	vmm_oci_image_close(image);
	return status;
}

int main(int argc, char **argv)
{
	return vmm_command_main(argc, argv, exec_command);
}
