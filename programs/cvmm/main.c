/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm: its commands, and what the whole process does only once. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/parse.h>

#include "control/commands.h"
#include "cvmm/exit_status.h"
#include "cli/cpu_command.h"
#include "ctl/ctl_command.h"
#include "ctl/ps_command.h"
#include "cli/executed.h"
#include "common/foreign_words.h"
#include "cli/help.h"
#include "cli/help_pages.h"
#include "cli/memory_command.h"
#include "cli/other_commands.h"
#include "control/remedy.h"
#include "cli/show_command.h"
#include "confine/privileges.h"
#include "process.h"
#include "common/run_command.h"

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
	struct vmem_sigbus *sigbus;
	int rc = vmm_memory_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (command.help)
		return show_memory_help();
	rc = prog_handle_signals(VMM_MAX_MAPPINGS, &sigbus, &err);
	if (rc < 0)
		return vmm_complain_end(VSU_EXIT_HOST, &err);
	return vmm_complain_end(vmm_memory_command_run(&command, sigbus, &err), &err);
}

static int show_control_help(void)
{
	const struct vmm_control_command *c;
	char lines[1024];

	vsu_option_help(vmm_ctl_command_options, lines, sizeof(lines));
	printf("Usage: cvmm ctl SOCKET COMMAND [WORD...]\n"
	       "Sends a command to a machine started with --control=SOCKET and prints its reply.\n\nCommands:\n");
	for (c = vmm_machine_commands; c->name; c++)
		printf("  %-16s %s%s%s\n", c->name, c->help, c->args ? ": " : "",
		       c->args ? c->args : "");
	printf("  %-16s %s\n  %-16s %s\n\n%s", "stats", "status; --prometheus for a scraper",
	       "watch", "status every two seconds: [TIME]", lines);
	return 0;
}

static int cmd_ctl(int argc, char **argv)
{
	static struct vmm_ctl_command command;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vmm_ctl_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (command.help)
		return show_control_help();
	return vmm_complain_end(vmm_ctl_command_run(&command, stdout, &err), &err);
}

static int cmd_ps(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_ps_command command;
	char lines[512];
	int rc = vmm_ps_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		vmm_foreign_explain(vmm_foreign_ps, vmm_ps_command_options, argc, argv, false, &err);
	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (!command.help) {
		rc = vmm_ps_command_run(&command, stdout, &err);
		return vmm_complain_end(rc < 0 ? cvmm_exit_status(CVMM_STEP_CONFIGURATION, rc) : 0, &err);
	}
	vsu_option_help(vmm_ps_command_options, lines, sizeof(lines));
	printf("Usage: cvmm ps [FOLDER...]\n"
	       "Lists machines by their control sockets, named control or NAME.control, and those of 'cvmm exec --name',\nbelow the folders (default /run/cvmm and $XDG_RUNTIME_DIR/cvmm).\n\n%s", lines);
	return 0;
}

static int cmd_show(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_show_command command;
	char lines[512];
	int rc = vmm_show_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (!command.help)
		return vmm_complain_end(vmm_show_command_run(&command, stdout, &err), &err);
	vsu_option_help(vmm_show_command_options, lines, sizeof(lines));
	printf("Usage: cvmm show FOLDER\nPrints the facts of a saved machine or template.\n\n%s", lines);
	return 0;
}

static int cmd_cpu(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_cpu_command command;
	char lines[512];
	int rc = vmm_cpu_command_parse(&command, argc, argv, &err);

	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (!command.help)
		return vmm_complain_end(vmm_cpu_command_run(&command, stdout, &err), &err);
	vsu_option_help(vmm_cpu_command_options, lines, sizeof(lines));
	printf("Usage: cvmm cpu [FILE...]\n"
	       "Describes the processor that this host's KVM can offer, or what the processors in the files have\nin common, for 'cvmm run --cpu=FILE'.\n\n%s", lines);
	return 0;
}

static const struct command {
	const char *name;
	const char *operands;
	const char *what;	/* one line of help */
	int (*fn)(int argc, char **argv); /* NULL: a program of its own */
} commands[] = {
	{ "run", "KERNEL [DISK...]", "runs a guest", vmm_run_command },
	{ "boot", "IMAGE [DISK...]", "boots a disk image by its own kernel", NULL },
	{ "exec", "COMMAND...", "runs a command in a guest of this host's files", NULL },
	{ "cp", "SOURCE DESTINATION", "copies files from and to a guest of exec with a name", NULL },
	{ "template", "ACTION [NAME]", "saves a guest that waits for a command", NULL },
	{ "pool", "TEMPLATE", "keeps clones of a template ready for commands", NULL },
	{ "initrd", "VERSION", "prints an initrd for a kernel", NULL },
	{ "oci", "COMMAND", "is an OCI runtime for engines of containers", NULL },
	{ "memory", "PROPERTIES...", "tries memory back-ends without a guest",
	  cmd_memory },
	{ "ctl", "SOCKET COMMAND", "controls a running guest", cmd_ctl },
	{ "ps", "[FOLDER...]", "lists running machines", cmd_ps },
	{ "cpu", "[FILE...]", "describes a processor for guests of several hosts", cmd_cpu },
	{ "show", "FOLDER", "describes a saved machine", cmd_show },
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
		printf("  %-9s%-17s  %s\n", commands[i].name,
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

typedef int (*refuse_fn)(const char *word, const char *const *commands, struct vsu_error *err);

static int refuse_word(refuse_fn refuse, const char *word, struct vsu_error *err)
{
	const char *names[NCOMMANDS + 2] = { "help" };
	unsigned int i;

	for (i = 0; i < NCOMMANDS; i++)
		names[i + 1] = commands[i].name;
	refuse(word, names, err);
	return vmm_complain_end(VSU_EXIT_USAGE, err);
}

static int no_command(struct vsu_error *err)
{
	vsu_error_set(err, -ENOENT, "no command; try 'cvmm help'");
	return vmm_complain_end(VSU_EXIT_USAGE, err);
}

static bool has_topic(const char *topic)
{
	return vmm_help_page(topic) || vmm_help_device(topic) || vmm_help_control(topic) || vmm_help_option(topic);
}

/* The help of a command is what its option --help prints, and its page. */
static int cmd_help(const char *word)
{
	static char option[] = "--help";
	const char *topic = word ? vmm_topic_meant(word) : NULL;
	const struct command *c = topic ? find_command(topic) : NULL;
	char *words[] = { NULL, option, NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	int status = 0;

	if (!topic)
		return show_help();
	if (c)
		status = c->fn ? c->fn(2, words) : vmm_executed_help(c->name, &err);
	if (status)
		return err.msg[0] ? vmm_complain_end(status, &err) : status;	/* the program has complained */
	return has_topic(topic) ? 0 : refuse_word(vmm_other_help, word, &err);
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
		vmm_foreign_explain(argc == 2 ? vmm_foreign_main : vmm_foreign_run, main_options, argc, argv, true, &err);
	if (rc < 0)
		return vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err);
	if (asked[OPT_HELP])
		return show_help();
	if (asked[OPT_VERSION])
		return show_version();
	if (first >= argc)
		return no_command(&err);
	if (!strcmp(argv[first], "help"))
		return cmd_help(first + 1 < argc ? argv[first + 1] : NULL);
	if (!strcmp(argv[first], "version"))
		return show_version();
	c = find_command(argv[first]);
	return c && c->fn ? c->fn(argc - first, argv + first) :
		   refuse_word(vmm_other_command, argv[first], &err);
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int missing = vmm_executed_become(argc, argv, &err);

	prog_begin("cvmm");
	confine_forbid_tracing();
	return prog_end(missing ? vmm_complain_end(missing, &err) : do_command(argc, argv));
}
