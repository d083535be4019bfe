/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm: its commands, and what the whole process does only once. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/parse.h>

#include "devices/devices.h"
#include "cli/exit_status.h"
#include "machine/machine.h"
#include "cli/dry_run.h"
#include "cli/memory_command.h"
#include "log.h"
#include "process.h"

#define MAX_MAPPINGS 4096
#define HELP_COLUMN 26

static struct vmem_sigbus *sigbus_table;

static int complain(int status, const struct vsu_error *err)
{
	if (status || err->msg[0])
		prog_complain(err);
	return status;
}

static void show_keys(const char *title, const struct vsu_option *keys)
{
	char left[64];

	printf("\n%s\n", title);
	for (; keys->name; keys++) {
		snprintf(left, sizeof(left), "%s%s%s", keys->name,
			 keys->arg ? "=" : "", keys->arg ? keys->arg : "");
		printf("  %-*s%s%s\n", HELP_COLUMN, left,
		       strlen(left) < HELP_COLUMN ? "" : "  ", keys->help);
	}
}

static int show_help(void)
{
	char lines[4096];

	vsu_option_help(vmm_run_options, lines, sizeof(lines));
	printf("Usage: cvmm run KERNEL [DISK...] [OPTIONS]\n"
	       "Runs a guest: KERNEL is a Linux (bzImage, or vmlinux with PVH),"
	       " builtin:selftest,\nbuiltin:irqtest or a static ELF of their "
	       "protocol.\n\n%s", lines);
	show_keys("Properties of --memory, besides at=ADDRESS:",
		  vmem_backend_options());
	show_keys("Properties of --disk:", vmm_disk_keys);
	show_keys("Properties of --device:", vmm_device_keys);
	return 0;
}

/* The life of one machine: its exit status, and the sentence for it. */
static int live_once(const struct vmm_options *options, struct vsu_error *err)
{
	static struct vmm_machine machine;
	int status;

	memset(&machine, 0, sizeof(machine));
	vsu_error_clear(err);
	status = vmm_machine_make(&machine, options, sigbus_table, err);
	if (!status && options->dry_run)
		vmm_report(&machine, stdout, options->json);
	else if (!status)
		status = vmm_machine_run(&machine, err);
	vmm_machine_free(&machine);
	return status;
}

/* A guest that reboots gets a new machine, made as the first one was. */
static int run_machine(const struct vmm_options *options)
{
	struct vsu_error err;
	int status;

	do
		status = live_once(options, &err);
	while (status == VSU_EXIT_REBOOT && options->restart);
	return complain(status, &err);
}

static int cmd_run(int argc, char **argv)
{
	static struct vmm_options options;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vmm_options_parse(&options, argc, argv, &err);

	if (rc)
		return complain(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err);
	if (options.help)
		return show_help();
	rc = prog_handle_signals(MAX_MAPPINGS, &sigbus_table, &err);
	if (rc)
		return complain(VSU_EXIT_HOST, &err);
	return run_machine(&options);
}

static int show_try_help(void)
{
	char lines[512];

	vsu_option_help(vmm_try_options, lines, sizeof(lines));
	printf("Usage: cvmm memory PROPERTIES... [OPTIONS]\n"
	       "Tries memory back-ends without a guest and shows what came "
	       "out.\n\n%s", lines);
	show_keys("Properties:", vmem_backend_options());
	return 0;
}

static int cmd_memory(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_try what;
	int rc = vmm_try_parse(&what, argc, argv, &err);

	if (rc)
		return complain(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err);
	if (what.help)
		return show_try_help();
	rc = prog_handle_signals(MAX_MAPPINGS, &sigbus_table, &err);
	if (rc)
		return complain(VSU_EXIT_HOST, &err);
	return complain(vmm_try_memory(&what, argc, argv, sigbus_table, &err),
			&err);
}

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return show_help();
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("cvmm " PACKAGE_VERSION);
	return 0;
}

static const struct command {
	const char *name;
	int (*fn)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },
	{ "memory", cmd_memory },
	{ "help", cmd_help },
	{ "--help", cmd_help },
	{ "--version", cmd_version },
};

static const char *const command_names[] = { "run", "memory", "help", NULL };

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "", *near;
	unsigned int i;

	prog_begin("cvmm");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].fn(argc - 1, argv + 1);
	near = vsu_nearest(name, command_names);
	if (argc < 2)
		fprintf(stderr, "cvmm: no command; try 'cvmm help'\n");
	else
		fprintf(stderr, "cvmm: no command '%s'; %s '%s'\n", name,
			near ? "did you mean" : "try", near ? near : "help");
	return VSU_EXIT_USAGE;
}
