/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-boot: the command "cvmm boot". */
#include <config.h>

#include <stdio.h>

#include <vmm-sys-util/exit.h>

#include "boot/boot_command.h"
#include "common/command.h"
#include "common/needs.h"
#include "control/remedy.h"
#include "common/run_command.h"
#include "cvmm/exit_status.h"

static int show_boot_help(void)
{
	char lines[1024];

	vsu_option_help(vmm_boot_own_options, lines, sizeof(lines));
	printf("Usage: cvmm boot IMAGE [DISK...] [OPTIONS]\n"
	       "Boots a disk image by the kernel, the initrd and the boot menu that it has.\n\n%s\n"
	       "Other options are those of cvmm run; see cvmm help run.\n", lines);
	return 0;
}

static int check_boot(const struct vmm_boot_command *c, struct vsu_error *err)
{
	const struct vmm_needs needs = { .kernel = c->kernel, .modules = c->modules };

	return vmm_needs_check(&needs, err);
}

static int boot_image(struct vmm_boot_command *c, int argc, char **argv, struct vsu_error *err)
{
	int rc = vmm_boot_command_parse(c, argc, argv, err);

	if (rc < 0)
		return vmm_run_line_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), c->table, argc, argv, err);
	if (c->help)
		return show_boot_help();
	if (c->image && vmm_needs_image(c->image, "", err) < 0)
		return vmm_complain_end(VSU_EXIT_INPUT, err);
	if (!vmm_run_line_has(&c->line, "dry-run") && check_boot(c, err) < 0)
		return vmm_complain_end(VSU_EXIT_HOST, err);
	rc = vmm_boot_command_make(c, err);
	return rc < 0 ? vmm_complain_end(cvmm_exit_status(c->stage, rc), err) :
			vmm_run_line_run(&c->line, c->table, argc, argv, err);
}

static int boot_command(int argc, char **argv)
{
	static struct vmm_boot_command c;
	struct vsu_error err = VSU_ERROR_INIT;
	const int status = boot_image(&c, argc, argv, &err);

	vmm_boot_command_free(&c);
	return status;
}

int main(int argc, char **argv)
{
	return vmm_command_main(argc, argv, boot_command);
}
