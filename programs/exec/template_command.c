/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm template": its command line, and what it prints. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cvmm/template.h>
#include <vmm-sys-util/option_place.h>

#include "common/foreign_words.h"
#include "common/helpers.h"
#include "common/machine_rows.h"
#include "exec/template_command.h"
#include "plain.h"

#define DEFAULT_FOLDERS 4

enum { ROOT, KERNEL, MODULES, INIT, MEMORY, CPUS, FOLDERS, NET, APPEND, LOG, TIMEOUT, FOLDER, HELP,
       ACTION, NAME };

const struct vsu_option vmm_template_command_options[] = {
	[ROOT] = { .name = "root", .kind = VSU_OPTION_STRING, .arg = "FOLDER", .preset = "/",
		   .help = "root of commands that name no other" },
	[KERNEL] = VMM_ROW_KERNEL, [MODULES] = VMM_ROW_MODULES, [INIT] = VMM_ROW_INIT,
	[MEMORY] = VMM_ROW_MEMORY, [CPUS] = VMM_ROW_CPUS,
	[FOLDERS] = { .name = "folders", .kind = VSU_OPTION_U64, .max = VMM_EXEC_MAX_FOLDERS,
		      .preset = "4", .help = "maximum number of shared folders of a command" },
	[NET] = { .name = "net", .kind = VSU_OPTION_FLAG,
		  .help = "a network card, for commands with a network" },
	[APPEND] = VMM_ROW_APPEND, [LOG] = VMM_ROW_LOG,
	[TIMEOUT] = { .name = "timeout", .kind = VSU_OPTION_TIME, .min = 1,
		      .max = VMM_ROW_MAX_TIME, .preset = "none", .help = "end a guest that does not boot" },
	[FOLDER] = { .name = "folder", .kind = VSU_OPTION_STRING, .arg = "FOLDER",
		     .preset = "~/.local/share/cvmm/templates", .help = "folder of templates" },
	[HELP] = VSU_OPTION_ROW_HELP,
	[ACTION] = { .name = "make|list|show|remove", .kind = VSU_OPTION_OPERAND },
	[NAME] = { .name = "NAME", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

static const char *const actions[VMM_TEMPLATE_ACTIONS] = {
	[VMM_TEMPLATE_MAKE] = "make", [VMM_TEMPLATE_LIST] = "list",
	[VMM_TEMPLATE_SHOW] = "show", [VMM_TEMPLATE_REMOVE] = "remove",
};

/* -------------------------------------------------------------- command line */

/* Actions of other programs, separated by blanks. */
static const char *const actions_of_others[VMM_TEMPLATE_ACTIONS] = {
	[VMM_TEMPLATE_MAKE] = "create new build add save commit define", [VMM_TEMPLATE_LIST] = "ls ps images",
	[VMM_TEMPLATE_SHOW] = "inspect info get describe", [VMM_TEMPLATE_REMOVE] = "rm del delete rmi destroy prune",
};

static const char *action_meant(const char *text)
{
	const size_t len = strlen(text);
	const char *names;
	size_t n;
	int i;

	for (i = 0; i < VMM_TEMPLATE_ACTIONS; i++)
		for (names = actions_of_others[i]; *names; names += n + (names[n] == ' ')) {
			n = strcspn(names, " ");
			if (n == len && !memcmp(names, text, n))
				return actions[i];
		}
	return NULL;
}

static int take_action(struct vmm_template_command *c, const char *text, struct vsu_error *err)
{
	const char *meant = action_meant(text);

	for (c->action = 0; c->action < VMM_TEMPLATE_ACTIONS; c->action++)
		if (!strcmp(text, actions[c->action]))
			return 0;
	if (meant)
		return vsu_error_set(err, -ENOENT, "template: '%s' is unknown; write 'cvmm template %s'", text, meant);
	return vsu_error_set(err, -ENOENT, "template: '%s' is unknown; expected make, list, show or remove", text);
}

#define PLACE(member) VSU_PLACE(struct vmm_template_command, member)
static const struct vsu_place places[] = {
	[ROOT] = PLACE(machine.root), [KERNEL] = PLACE(machine.kernel),
	[MODULES] = PLACE(machine.modules), [INIT] = PLACE(machine.init),
	[MEMORY] = PLACE(machine.memory), [CPUS] = PLACE(machine.cpus), [FOLDERS] = PLACE(nfolders),
	[NET] = PLACE(net), [APPEND] = PLACE(machine.append), [LOG] = PLACE(machine.log),
	[TIMEOUT] = PLACE(machine.timeout_ms), [FOLDER] = PLACE(folder), [HELP] = PLACE(help),
	[ACTION] = { VSU_PLACE_NONE, 0 }, [NAME] = PLACE(name),
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_template_command *c = opaque;

	if (index < FOLDER)
		c->of_make = vmm_template_command_options[index].name;
	return vsu_place_store(&places[index], c, value) ? 0 : take_action(c, value->text, err);
}

int vmm_template_command_parse(struct vmm_template_command *c, int argc, char *const *argv,
			       struct vsu_error *err)
{
	int rc;

	*c = (struct vmm_template_command){
		.action = VMM_TEMPLATE_ACTIONS, .nfolders = DEFAULT_FOLDERS,
		.machine = { .root = "/", .memory = "1G", .cpus = 1 },
	};
	rc = vsu_option_parse_argv(vmm_template_command_options, argc, argv, take_option, c, NULL, err);
	if (rc < 0)
		vmm_foreign_explain(vmm_foreign_exec, vmm_template_command_options, argc, argv, false, err);
	if (rc < 0 || c->help)
		return rc;
	if (c->action == VMM_TEMPLATE_ACTIONS)
		return vsu_error_set(err, -ENOENT, "template: no action; example: 'cvmm template make base'");
	if (c->action != VMM_TEMPLATE_MAKE && c->of_make)
		return vsu_error_set(err, -EINVAL, "option --%s is one of 'template make'", c->of_make);
	if (c->action == VMM_TEMPLATE_LIST && c->name)
		return vsu_error_set(err, -ENOENT, "template list: '%s' is superfluous; 'template show' prints one template", c->name);
	if (c->folder && c->name && strchr(c->name, '/'))
		return vsu_error_set(err, -EINVAL, "option --folder has no effect beside the path '%s'; leave it out, or give a name", c->name);
	return c->action == VMM_TEMPLATE_LIST || c->name ?
		       vmm_helper_kernel(&c->machine.kernel, err) :
		       vsu_error_set(err, -ENOENT, "template %s: no name; example: 'cvmm template %s base'", actions[c->action], actions[c->action]);
}

/* --------------------------------------------------------------------- output */

/* Texts are those of the template's folder. */
static void print_line(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print_line(FILE *out, const char *fmt, ...)
{
	char line[PATH_MAX + 512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	vmm_print_plain(line, out);
	fputc('\n', out);
}

static const char *date_of(int64_t made, char text[32])
{
	const time_t when = (time_t)made;
	struct tm tm;

	if (!localtime_r(&when, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M", &tm))
		text[0] = '\0';
	return text;
}

static uint64_t mib_of(uint64_t bytes)
{
	return (bytes + (1u << 20) - 1) >> 20;
}

/* Whether clones are what the template would be now. */
static const char *state_of(const struct cvmm_template *t)
{
	const int rc = cvmm_template_check(t, NULL);

	return rc == -EPROTO ? "unusable" : rc < 0 ? "outdated" : "current";
}

static void print_row(void *opaque, const char *name, const struct cvmm_template *t,
		      const struct vsu_error *why)
{
	const struct cvmm_template_info *info = t ? cvmm_template_get_info(t) : NULL;
	char date[32];

	if (!info)
		print_line(opaque, "%-16s %s", name, why->msg);
	else
		print_line(opaque, "%-16s %-16s %5" PRIu64 "M %-8s %4u %-8s %s", name, date_of(info->made, date),
			mib_of(info->bytes), info->memory, info->cpus, state_of(t), info->kernel);
}

static int list_templates(const struct vmm_template_command *c, FILE *out, struct vsu_error *err)
{
	fprintf(out, "%-16s %-16s %6s %-8s %4s %-8s %s\n", "name", "date", "disk", "memory", "cpus", "state", "kernel");
	return cvmm_template_list(c->folder, print_row, out, err);
}

static void print_rows(FILE *out, const struct cvmm_template *t)
{
	const struct cvmm_template_info *info = cvmm_template_get_info(t);
	struct vsu_error why = VSU_ERROR_INIT;
	const int rc = cvmm_template_check(t, &why);
	char date[32];

	print_line(out, "path     %s", info->path);
	print_line(out, "date     %s", date_of(info->made, date));
	print_line(out, "disk     %" PRIu64 "M", mib_of(info->bytes));
	print_line(out, "memory   %s", info->memory);
	print_line(out, "cpus     %u", info->cpus);
	print_line(out, "folders  %u", info->folders);
	print_line(out, "network  %s", info->cards ? "yes" : "no");
	print_line(out, "root     %s", info->root);
	print_line(out, "kernel   %s", info->kernel);
	print_line(out, "cvmm     %s", info->version);
	print_line(out, "agent    %u", info->agent);
	print_line(out, "state    %s%s%s", state_of(t), rc < 0 ? ": " : "", why.msg);
}

void vmm_template_explain(const char *name, struct vsu_error *err)
{
	char why[sizeof(err->msg)];

	if (!err || err->code != -ENOENT || strchr(name, '/') || !strstr(err->msg, "template '"))
		return;
	memcpy(why, err->msg, sizeof(why));
	vsu_error_set(err, -ENOENT, "%s; 'cvmm template make %s' makes it, 'cvmm template list' lists others", why, name);
}

static int show_template(const struct vmm_template_command *c, FILE *out, struct vsu_error *err)
{
	struct cvmm_template *t;
	int rc = cvmm_template_open(c->folder, c->name, &t, err);

	if (rc < 0)
		return rc;
	print_rows(out, t);
	cvmm_template_close(t);
	return rc;
}

int vmm_template_command_run(const struct vmm_template_command *c, FILE *out, struct vsu_error *err)
{
	int rc;

	switch (c->action) {
	case VMM_TEMPLATE_LIST:
		return list_templates(c, out, err);
	case VMM_TEMPLATE_SHOW:
		rc = show_template(c, out, err);
		break;
	case VMM_TEMPLATE_REMOVE:
		rc = cvmm_template_remove(c->folder, c->name, err);
		break;
	default:
		return vsu_error_set(err, -EINVAL, "template: not an action that prints");
	}
	if (rc < 0)
		vmm_template_explain(c->name, err);
	return rc;
}
