/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of the process of "cvmm run", a row for each. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <vmm-sys-util/option_place.h>
#include <vmm-sys-util/parse.h>

#include "common/program_options.h"

enum {
	CONTROL, SOCKET_MODE, SOCKET_GROUP, SANDBOX, DAEMON_PATH, USER, JAIL, REBOOT, CONFIG, JSON,
	LOG_LEVEL, VERBOSE, HELP, ROWS,
};

#define INHERITED "fd:"

static const char *const reboots[] = { "exit", "restart", NULL };

#define VALUE .change = CVMM_CHANGE_VALUE
#define WITHOUT(origins) .without = (origins)
#define CLONE CVMM_WITHOUT_CLONE
#define STREAM CVMM_WITHOUT_STREAM

const struct cvmm_option_row vmm_program_rows[] = {
	[CONTROL] = {
		.option = { .name = "control", .kind = VSU_OPTION_STRING, .arg = "SOCKET|fd:N",
			    .help = "UNIX socket for commands while the guest runs" },
		VALUE, WITHOUT(CLONE | STREAM), .refers = CVMM_REFERS_FILE },
	[SOCKET_MODE] = { .option = DEVKIND_SOCKET_MODE_OPTION, VALUE, WITHOUT(STREAM) },
	[SOCKET_GROUP] = { .option = DEVKIND_SOCKET_GROUP_OPTION, VALUE, WITHOUT(STREAM) },
	[SANDBOX] = {
		.option = { .name = "sandbox", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES", .preset = "on",
			    .help = "restrict privileges, system calls and files: on[,folder=FOLDER...], log, off" },
		.change = CVMM_CHANGE_OWN, .kept_value = "on" },
	[DAEMON_PATH] = {
		.option = { .name = "daemon-path", .kind = VSU_OPTION_STRING, .arg = "FOLDER",
			    .preset = DAEMON_FOLDER,
			    .help = "folder of the daemons for devices with backend=spawn" },
		.change = CVMM_CHANGE_OWN, .refers = CVMM_REFERS_SERVERS },
	[USER] = {
		.option = { .name = "user", .kind = VSU_OPTION_STRING, .arg = "NAME",
			    .help = "run as this user after all files are opened" },
		VALUE, WITHOUT(STREAM) },
	[JAIL] = {
		.option = { .name = "jail", .kind = VSU_OPTION_FLAG,
			    .help = "run in own namespaces, with a root that has only the options' files" },
		VALUE, WITHOUT(STREAM) },
	[REBOOT] = {
		.option = { .name = "reboot", .kind = VSU_OPTION_CHOICE, .choices = reboots, .preset = "exit",
			    .help = "what to do when the guest reboots" } },
	[CONFIG] = {
		.option = { .name = "config", .kind = VSU_OPTION_STRING, .arg = "FILE",
			    .help = "read the arguments from the JSON of a dry run" },
		.refers = CVMM_REFERS_FILE },
	[JSON] = {
		.option = { .name = "json", .kind = VSU_OPTION_FLAG,
			    .help = "allocate and check everything, print the machine (--json: as JSON), and exit" },
		.change = CVMM_CHANGE_START },
	[LOG_LEVEL] = { .option = VSU_LOG_LEVEL_OPTION, VALUE },
	[VERBOSE] = { .option = VSU_LOG_VERBOSE_OPTION, VALUE },
	[HELP] = { .option = VSU_OPTION_ROW_HELP, .change = CVMM_CHANGE_START },
	[ROWS] = { .option = { .name = NULL } },
};

#define PLACE(member) VSU_PLACE(struct vmm_program_options, member)
static const struct vsu_place places[ROWS] = {
	[CONTROL] = PLACE(control.path), [SOCKET_MODE] = PLACE(sockets.mode),
	[SOCKET_GROUP] = PLACE(sockets.group), [SANDBOX] = PLACE(sandbox),
	[DAEMON_PATH] = PLACE(daemon_path), [USER] = PLACE(user), [JAIL] = PLACE(jail),
	[REBOOT] = PLACE(restart), [JSON] = PLACE(json),
	[LOG_LEVEL] = VSU_PLACE_LEVEL, [VERBOSE] = VSU_PLACE_VERBOSE,
};

void vmm_run_table(struct vsu_option table[VMM_RUN_ROWS])
{
	cvmm_option_table(vmm_program_rows, table, VMM_RUN_ROWS);
}

/* ---------------------------------------------------------------------- topics */

static const struct {
	const char *option;
	enum vmm_topic topic;
} topics[] = {
	{ "KERNEL", VMM_TOPIC_KERNEL },
	{ "initrd", VMM_TOPIC_KERNEL },
	{ "cmdline", VMM_TOPIC_KERNEL },
	{ "append", VMM_TOPIC_KERNEL },
	{ "control", VMM_TOPIC_CONTROL },
	{ "socket-mode", VMM_TOPIC_CONTROL },
	{ "socket-group", VMM_TOPIC_CONTROL },
	{ "sandbox", VMM_TOPIC_SANDBOX },
	{ "user", VMM_TOPIC_SANDBOX },
	{ "jail", VMM_TOPIC_SANDBOX },
	{ "config", VMM_TOPIC_WORDS },
	{ "from", VMM_TOPIC_MIGRATION },
	{ "base", VMM_TOPIC_MIGRATION },
	{ "clone", VMM_TOPIC_MIGRATION },
	{ "prefetch", VMM_TOPIC_MIGRATION },
	{ "changed-disks", VMM_TOPIC_MIGRATION },
	{ "incoming", VMM_TOPIC_MIGRATION },
};

enum vmm_topic vmm_run_topic(const char *option)
{
	size_t i;

	for (i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (!strcmp(topics[i].option, option))
			return topics[i].topic;
	return VMM_TOPIC_NONE;
}

/* ---------------------------------------------------------------------- values */

static void store_option(struct vmm_program_options *p, const struct cvmm_option *o)
{
	if (o->own < 0)
		p->dry_run |= !strcmp(o->name, "dry-run");
	else if (o->own == LOG_LEVEL)
		p->log_level = (enum vsu_log_level)o->value.number;
	else if (o->own == VERBOSE)
		p->log_level = VSU_LOG_INFO;
	else
		(void)vsu_place_store(&places[o->own], p, &o->value);
}

int vmm_control_end_read(struct vmm_control_end *end, struct vsu_error *err)
{
	const char *text = end->path;
	uint64_t fd;

	if (!text || strncmp(text, INHERITED, strlen(INHERITED)) != 0)
		return 0;
	text += strlen(INHERITED);
	if (vsu_parse_u64(text, &fd) < 0 || fd > INT_MAX)
		return vsu_error_set(err, -EINVAL, "option --control: '%s' is not the number of a descriptor",
				     text);
	*end = (struct vmm_control_end){ .inherited = true, .fd = (int)fd };
	return 0;
}

static int check_values(struct vmm_program_options *p, struct vsu_error *err)
{
	int rc = p->json && !p->dry_run ? vsu_error_set(err, -EINVAL, "option --json needs --dry-run") : 0;

	if (!rc)
		rc = devkind_socket_access_read(&p->sockets, err);
	if (!rc)
		rc = vmm_control_end_read(&p->control, err);
	return rc ? rc : vmm_sandbox_option_read(p->sandbox, &p->confinement, err);
}

int vmm_program_options_read(struct vmm_program_options *p, const struct cvmm_configuration *c,
			     struct vsu_error *err)
{
	struct cvmm_option o;
	unsigned int i;

	*p = (struct vmm_program_options){ .log_level = VSU_LOG_WARNING };
	for (i = 0; !cvmm_configuration_get_option(c, i, &o, NULL); i++)
		store_option(p, &o);
	return check_values(p, err);
}

void vmm_program_options_free(struct vmm_program_options *p)
{
	vmm_sandbox_option_free(&p->confinement);
}

const char *vmm_option_of_daemons(const struct vmm_program_options *p, unsigned int i, const char **name)
{
	static const int rows[VMM_DAEMON_OPTIONS] = { SOCKET_MODE, SOCKET_GROUP, USER };
	struct vsu_option_value value;

	*name = vmm_program_rows[rows[i]].option.name;
	(void)vsu_place_load(&places[rows[i]], p, &value);
	return value.text;
}
