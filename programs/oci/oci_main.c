/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm-oci: an OCI runtime whose containers run in machines of their own. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/option_place.h>

#include "confine/keeper.h"
#include "oci/commands.h"
#include "process.h"

enum { ROOT, LOG, LOG_FORMAT, DEBUG, SETTINGS, CGROUPS, SYSTEMD, HELP, OF_VERSION };
static const char *const cgroup_managers[] = { "disabled", "cgroupfs", "systemd", NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const struct vsu_option rows[] = {
	[ROOT] = { .name = "root", .kind = VSU_OPTION_STRING, .arg = "FOLDER", .preset = "/run/cvmm-oci",
		   .help = "folder of the state of containers; of users below XDG_RUNTIME_DIR" },
	[LOG] = { .name = "log", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "standard error",
		  .help = "append failures and warnings to a file" },
	[LOG_FORMAT] = { .name = "log-format", .kind = VSU_OPTION_CHOICE, .choices = log_formats, .preset = "text",
			 .help = "form of the lines" },
	[DEBUG] = { .name = "debug", .kind = VSU_OPTION_FLAG, .help = "log more lines" },
	[SETTINGS] = { .name = "settings", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "/etc/cvmm-oci.conf",
		       .help = "settings of the machines" },
	[CGROUPS] = { .name = "cgroup-manager", .kind = VSU_OPTION_CHOICE, .choices = cgroup_managers,
		      .preset = "cgroupfs", .help = "maker of the control group of a container" },
	[SYSTEMD] = { .name = "systemd-cgroup", .kind = VSU_OPTION_FLAG, .help = "as --cgroup-manager=systemd" },
	[HELP] = VSU_OPTION_ROW_HELP,
	[OF_VERSION] = VSU_OPTION_ROW_VERSION,
	{ .name = NULL },
};

struct options {
	const char *root, *log, *settings;
	int log_format, cgroups;
	bool debug, systemd, help, version;
};

static const struct vsu_place places[] = {
	[ROOT] = VSU_PLACE(struct options, root),
	[LOG] = VSU_PLACE(struct options, log),
	[LOG_FORMAT] = VSU_PLACE(struct options, log_format),
	[DEBUG] = VSU_PLACE(struct options, debug),
	[SETTINGS] = VSU_PLACE(struct options, settings),
	[CGROUPS] = VSU_PLACE(struct options, cgroups),
	[SYSTEMD] = VSU_PLACE(struct options, systemd),
	[HELP] = VSU_PLACE(struct options, help),
	[OF_VERSION] = VSU_PLACE(struct options, version),
};

static int store_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
			struct vsu_error *err)
{
	(void)err;
	vsu_place_store(&places[index], opaque, value);
	return 0;
}

static void show_command(const struct oci_command *command)
{
	char lines[2048] = "";

	printf("\n%s%s: %s\n", command->name, command->operands, command->help);
	if (command->options)
		vsu_option_help(command->options, lines, sizeof(lines));
	fputs(lines, stdout);
}

static int show_help(void)
{
	const struct oci_command *command;
	char lines[4096];

	vsu_option_help(rows, lines, sizeof(lines));
	puts("Usage: cvmm-oci [OPTIONS] COMMAND [WORD...]\n"
	     "An OCI runtime for podman, containerd and others: each container runs in a machine.\n");
	fputs(lines, stdout);
	for (command = oci_commands; command->name; command++)
		show_command(command);
	return EXIT_SUCCESS;
}

static int show_version(void)
{
	puts("cvmm-oci version " PACKAGE_VERSION "\nspec: " OCI_VERSION_MAX);
	return EXIT_SUCCESS;
}

static const struct oci_command *find_command(const char *name)
{
	const struct oci_command *command;

	for (command = oci_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static int open_context(struct oci_context *c, const struct options *o, struct vsu_error *err)
{
	int rc = o->log ? oci_report_open(&c->report, o->log, err) : 0;

	c->report.format = (enum oci_report_format)o->log_format;
	c->report.has_details = o->debug;
	c->settings = o->settings;
	c->cgroups = o->systemd ? OCI_CGROUPS_SYSTEMD : (enum oci_cgroup_manager)o->cgroups;
	return rc < 0 ? rc : oci_state_root(o->root, c->root, err);
}

static int run_command(struct oci_context *c, const struct options *o, int argc, char **argv)
{
	const struct oci_command *command = argc ? find_command(argv[0]) : NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = open_context(c, o, &err);

	if (!rc && !command)
		rc = argc ? vsu_error_set(&err, -EINVAL, "the command '%s' is unknown; 'cvmm-oci --help' lists them", argv[0]) :
			    vsu_error_set(&err, -EINVAL, "no command; 'cvmm-oci --help' lists them");
	return rc < 0 ? oci_report_failure(&c->report, &err) : command->run(c, argc, argv);
}

static int run_program(int argc, char **argv)
{
	static struct oci_context c = { .report = OCI_REPORT_INIT };
	struct vsu_error err = VSU_ERROR_INIT;
	struct options o = { .cgroups = OCI_CGROUPS_FILES };
	int status, first = 0;
	int rc = vsu_option_parse_argv(rows, argc, argv, store_option, &o, &first, &err);

	if (rc < 0)
		return oci_report_failure(&c.report, &err);
	if (o.help || o.version)
		return o.help ? show_help() : show_version();
	status = run_command(&c, &o, argc - first, argv + first);
	oci_report_close(&c.report);
	return status;
}

int main(int argc, char **argv)
{
	/* those of an engine would stay open in a monitor, which a guest may control */
	confine_close_range(STDERR_FILENO + 1, ~0u);
	prog_begin("cvmm-oci");
	return prog_end(run_program(argc, argv));
}
