/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm: its commands, and what the whole process does only once. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/parse.h>

#include "machine/commands.h"
#include "machine/exit_status.h"
#include "api/configuration.h"
#include "cli/confinement.h"
#include "cli/control_command.h"
#include "cli/daemons.h"
#include "cli/help.h"
#include "cli/life.h"
#include "cli/memory_command.h"
#include "config/options.h"
#include "cli/program_log.h"
#include "config/spellings.h"
#include "closer.h"
#include "log.h"
#include "process.h"
#include "spawn/spawn.h"

#define MAX_MAPPINGS 32768	/* of files, in all windows and memory */

static struct vmem_sigbus *sigbus_table;

static int complain(int status, const struct vsu_error *err)
{
	if (status || err->msg[0])
		prog_complain(err);
	return status;
}

/* Daemons are outside of the jail, and have their own. The exit status of a failure, or 0. */
static int restrict_process(const struct vmm_options *options, struct vmm_confinement *confinement,
			    struct vmm_spawner *spawner, struct vsu_error *err)
{
	int rc = vmm_daemons_prepare(options, spawner, err);

	if (rc < 0)
		return vmm_exit_status(VMM_STAGE_SOCKET, rc);
	rc = vmm_confinement_close(confinement, options, err);
	return rc < 0 ? vmm_exit_status(VMM_STAGE_OPTIONS, rc) : 0;
}

/* Initialises the process once, then runs its machines. */
static int run_options(const struct vmm_options *options)
{
	static struct vmm_confinement confinement;
	struct vmm_spawner spawner = VMM_SPAWNER_INIT;
	const struct vmm_daemons daemons = vmm_spawn_daemons(&spawner);
	struct vmm_owner owner;
	struct vsu_error err = VSU_ERROR_INIT;
	int status, rc;

	prog_log_set_level(options->process.log_level);
	prog_raise_fd_limit();
	rc = vmm_confinement_make(&confinement, options, &err);
	rc = rc < 0 ? rc : confine_execute(&confinement.plan, CONFINE_SEPARATE, &err);
	if (rc < 0)
		return complain(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err);
	vmm_life_prepare(options, &confinement.plan, &owner);
	status = restrict_process(options, &confinement, &spawner, &err);
	if (status)
		return complain(status, &err);
	rc = prog_handle_signals(MAX_MAPPINGS, &sigbus_table, &err);
	if (!rc)
		rc = prog_closer_allow(&err);
	if (rc < 0)
		return complain(VSU_EXIT_HOST, &err);
	owner.sigbus = sigbus_table;
	owner.daemons = &daemons;
	rc = vmm_life_run(options, &owner, &err);
	complain(rc, &err);
	vmm_spawn_end(&spawner);
	prog_closer_end();
	return rc;
}

static int show_run_help(void)
{
	vmm_help_run();
	return 0;
}

static int cmd_run(int argc, char **argv)
{
	static struct vmm_options options, saved;
	struct vmm_configuration c;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vmm_configuration_read(&c, argc, argv, &vmm_program_log, &err);
	int status = rc < 0 ? vmm_exit_status(c.incoming ? VMM_STAGE_STREAM :
					      VMM_STAGE_CONFIGURATION, rc)
			    : vmm_configuration_parse(&c, &options, &saved, &err);

	if (status)
		complain(status, &err);
	else
		status = options.process.help ? show_run_help() : run_options(&options);
	vmm_options_free(&options);
	vmm_options_free(&saved);
	vmm_configuration_free(&c);
	return status;
}

static int show_memory_help(void)
{
	char lines[512];

	vsu_option_help(vmm_memory_command_options, lines, sizeof(lines));
	printf("Usage: cvmm memory PROPERTIES... [OPTIONS]\n"
	       "Allocates memory without a guest and prints its properties, for example\ncvmm memory size=1G,backend=memfd\n\n%s",
		      lines);
	vmm_help_memory();
	return 0;
}

static int cmd_memory(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_memory_command command;
	int rc = vmm_memory_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return complain(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err);
	if (command.help)
		return show_memory_help();
	rc = prog_handle_signals(MAX_MAPPINGS, &sigbus_table, &err);
	if (rc < 0)
		return complain(VSU_EXIT_HOST, &err);
	return complain(vmm_memory_command_run(&command, sigbus_table, &err),
			&err);
}

static int show_control_help(void)
{
	const struct vmm_control_command *c;
	char lines[1024];

	vsu_option_help(vmm_control_command_options, lines, sizeof(lines));
	printf("Usage: cvmm ctl SOCKET COMMAND [WORD...]\n"
	       "Sends a command to a machine started with --control=SOCKET and prints its reply.\n\nCommands:\n");
	for (c = vmm_machine_commands; c->name; c++)
		printf("  %-16s %s%s%s\n", c->name, c->help, c->args ? ": " : "",
		       c->args ? c->args : "");
	printf("  %-16s %s\n  %-16s %s\n\n%s", "stats", "status; --prometheus for a scraper",
	       "watch", "status every two seconds: [SECONDS]", lines);
	return 0;
}

static int cmd_ctl(int argc, char **argv)
{
	static struct vmm_control_request request;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vmm_control_request_parse(&request, argc, argv, &err);

	if (rc < 0)
		return complain(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err);
	if (request.help)
		return show_control_help();
	return complain(vmm_control_request_run(&request, stdout, &err), &err);
}

static const struct command {
	const char *name;
	const char *operands;
	const char *what;	/* one line of help */
	int (*fn)(int argc, char **argv);
} commands[] = {
	{ "run", "KERNEL [DISK...]", "runs a guest", cmd_run },
	{ "memory", "PROPERTIES...", "tries memory back-ends without a guest",
	  cmd_memory },
	{ "ctl", "SOCKET COMMAND", "controls a running guest", cmd_ctl },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ------------------------------------------------------- without a command */

enum { OPT_HELP, OPT_VERSION };

static const struct vsu_option main_options[] = {
	[OPT_HELP] = VSU_OPTION_ROW_HELP,
	[OPT_VERSION] = VSU_OPTION_ROW_VERSION,
	{ .name = NULL },
};

static int show_help(void)
{
	char lines[512];
	unsigned int i;

	vsu_option_help(main_options, lines, sizeof(lines));
	printf("Usage: cvmm COMMAND [OPTIONS]\n"
	       "A virtual machine monitor.\n\nCommands:\n");
	for (i = 0; i < NCOMMANDS; i++)
		printf("  %-7s%-17s  %s\n", commands[i].name,
		       commands[i].operands, commands[i].what);
	printf("\nOptions:\n%s\n", lines);
	vmm_help_topics();
	puts("\nExamples:\n"
	     "  cvmm run /boot/vmlinuz root.img --append='root=/dev/vda rw' --memory=1G\n"
	     "  cvmm run /boot/vmlinuz --initrd=initrd.img --fs=/srv/shared --net=tap0\n"
	     "  cvmm run builtin:selftest disk.img");
	return 0;
}

static int show_version(void)
{
	puts("cvmm " PACKAGE_VERSION);
	return 0;
}

static int take_main_option(void *opaque, unsigned int index,
			    const struct vsu_option_value *value,
			    struct vsu_error *err)
{
	bool *asked = opaque;

	(void)value;
	(void)err;
	asked[index] = true;
	return 0;
}

static const struct command *find_command(const char *name)
{
	unsigned int i;

	for (i = 0; i < NCOMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int no_command(const char *name, struct vsu_error *err)
{
	const char *near = name ? vmm_help_nearest(name) : NULL;

	if (!name)
		vsu_error_set(err, -ENOENT, "no command; try 'cvmm help'");
	else
		vsu_error_set(err, -ENOENT, "no command '%s'; %s '%s'", name,
			      near ? "did you mean" : "try",
			      near ? near : "help");
	return complain(VSU_EXIT_USAGE, err);
}

/* Of a command the same as "--help" behind it. */
static int cmd_help(const char *topic)
{
	static char option[] = "--help";
	const struct command *c = topic ? find_command(topic) : NULL;
	char *words[] = { NULL, option, NULL };
	struct vsu_error err = VSU_ERROR_INIT;

	if (!topic)
		return show_help();
	if (c)
		return c->fn(2, words);
	return vmm_help_device(topic) || vmm_help_control(topic) ? 0 : no_command(topic, &err);
}

static int do_command(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	bool asked[] = { [OPT_HELP] = false, [OPT_VERSION] = false };
	const struct command *c;
	int first, rc;

	rc = vsu_option_parse_argv(main_options, argc, argv, take_main_option,
				   asked, &first, &err);
	if (rc == -ENOENT)
		vmm_spellings_explain(main_options, argc, argv, &err);
	if (rc < 0)
		return complain(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err);
	if (asked[OPT_HELP])
		return show_help();
	if (asked[OPT_VERSION])
		return show_version();
	if (first >= argc)
		return no_command(NULL, &err);
	if (!strcmp(argv[first], "help"))
		return cmd_help(first + 1 < argc ? argv[first + 1] : NULL);
	c = find_command(argv[first]);
	return c ? c->fn(argc - first, argv + first) :
		   no_command(argv[first], &err);
}

int main(int argc, char **argv)
{
	prog_begin("cvmm");
	return prog_end(do_command(argc, argv));
}
