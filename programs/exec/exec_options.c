/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of "cvmm exec". */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include <vmm-sys-util/option_place.h>

#include "exec/exec_options.h"
#include "common/foreign_words.h"
#include "common/helpers.h"
#include "common/machine_rows.h"

static const char *const terminals[] = {
	[VMM_EXEC_TERMINAL_AUTO] = "auto", [VMM_EXEC_TERMINAL_ON] = "on",
	[VMM_EXEC_TERMINAL_OFF] = "off", NULL,
};

enum { ROOT, IMAGE, OCI, RW, DIR, HIDE, SHOW, FROM, KERNEL, MODULES, INIT, MEMORY, CPUS, ENV, CHDIR, USER, HOSTNAME,
       NET, PUBLISH, TERMINAL, TIMEOUT, NAME, IN, LOG, APPEND, SANDBOX, JAIL, EMULATE, DAEMON_PATH, HELP };

const struct vsu_option vmm_exec_option_rows[] = {
	[ROOT] = VMM_ROW_ROOT,
	[IMAGE] = { .name = "image", .kind = VSU_OPTION_STRING, .arg = "FILE",
		    .help = "a disk image with the root, and its kernel if that can be started" },
	[OCI] = { .name = "oci", .kind = VSU_OPTION_STRING, .arg = "IMAGE",
		  .help = "an OCI image with the root and the command: LAYOUT[:TAG], containers-storage:NAME" },
	[RW] = { .name = "rw", .kind = VSU_OPTION_FLAG, .help = "write to the root or image itself" },
	[DIR] = VMM_ROW_DIR,
	[HIDE] = VMM_ROW_HIDE,
	[SHOW] = VMM_ROW_SHOW,
	[FROM] = { .name = "from", .kind = VSU_OPTION_STRING, .arg = "TEMPLATE",
		   .help = "continue a template in place of booting, see 'cvmm template'" },
	[KERNEL] = VMM_ROW_KERNEL, [MODULES] = VMM_ROW_MODULES, [INIT] = VMM_ROW_INIT,
	[MEMORY] = { .name = "memory", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES", .repeat = true,
		     .preset = "1G", .help = "guest memory, or a piece of it" },
	[CPUS] = VMM_ROW_CPUS,
	[ENV] = { .name = "env", .kind = VSU_OPTION_STRING, .arg = "NAME[=VALUE]", .repeat = true,
		  .help = "set a variable; without a value, to that of the host" },
	[CHDIR] = VMM_ROW_CHDIR,
	[USER] = { .name = "user", .kind = VSU_OPTION_STRING, .arg = "USER[:GROUP]",
		   .preset = "root", .help = "run the command as a user of the guest, by name or number" },
	[HOSTNAME] = { .name = "hostname", .kind = VSU_OPTION_STRING, .arg = "NAME",
		       .preset = "cvmm", .help = "host name of the guest" },
	[NET] = { .name = "net", .kind = VSU_OPTION_STRING, .arg = "passt|tap:NAME", .preset = "none",
		  .help = "network of the guest, configured; see cvmm-exec(1)" },
	[PUBLISH] = VMM_ROW_PUBLISH,
	[TERMINAL] = { .name = "terminal", .kind = VSU_OPTION_CHOICE, .choices = terminals,
		       .preset = "auto", .help = "run on a terminal; auto: if standard input and output are one" },
	[TIMEOUT] = { .name = "timeout", .kind = VSU_OPTION_TIME, .min = 1,
		      .max = VMM_ROW_MAX_TIME, .preset = "none",
		      .help = "end the machine after seconds, or 500ms, 1.5m, 2h, with status 124" },
	[NAME] = { .name = "name", .kind = VSU_OPTION_STRING, .arg = "NAME", .preset = "none",
		   .help = "of the machine, for further commands with --in" },
	[IN] = { .name = "in", .kind = VSU_OPTION_STRING, .arg = "NAME",
		 .help = "run a further command in a machine with a name" },
	[LOG] = VMM_ROW_LOG, [APPEND] = VMM_ROW_APPEND,
	[SANDBOX] = VMM_ROW_SANDBOX,
	[JAIL] = VMM_ROW_JAIL,
	[EMULATE] = { .name = "emulate", .kind = VSU_OPTION_FLAG,
		      .help = "without KVM: QEMU emulates the processor, slowly" },
	[DAEMON_PATH] = { .name = "daemon-path", .kind = VSU_OPTION_STRING, .arg = "FOLDER",
			  .preset = DAEMON_FOLDER, .help = "as of cvmm run; for --emulate" },
	[HELP] = VSU_OPTION_ROW_HELP,
	{ .name = NULL },
};

#define PLACE(member) VSU_PLACE(struct vmm_exec_options, member)
static const struct vsu_place places[] = {
	[ROOT] = PLACE(root), [IMAGE] = PLACE(image), [OCI] = PLACE(oci), [RW] = PLACE(writable_root), [FROM] = PLACE(from),
	[KERNEL] = PLACE(kernel), [MODULES] = PLACE(modules), [INIT] = PLACE(init),
	[MEMORY] = PLACE(memory), [CPUS] = PLACE(cpus), [CHDIR] = PLACE(folder), [USER] = PLACE(user),
	[HOSTNAME] = PLACE(hostname), [TERMINAL] = PLACE(terminal), [TIMEOUT] = PLACE(timeout_ms),
	[NAME] = PLACE(name), [IN] = PLACE(in), [LOG] = PLACE(log), [APPEND] = PLACE(append), [SANDBOX] = PLACE(sandbox), [JAIL] = PLACE(jail),
	[EMULATE] = PLACE(emulate), [DAEMON_PATH] = PLACE(daemons), [HELP] = PLACE(help),
};

/* Options that are given several times: arrays of texts, and their lengths. */
#define LIST(texts, n, max) \
	{ offsetof(struct vmm_exec_options, texts), offsetof(struct vmm_exec_options, n), max }
static const struct list {
	size_t texts, n;
	unsigned int max;
} lists[] = {
	[VMM_EXEC_LIST_DIR] = LIST(folders, nfolders, VMM_EXEC_MAX_FOLDERS),
	[VMM_EXEC_LIST_HIDE] = LIST(hide, nhide, VMM_EXEC_MAX_PATHS),
	[VMM_EXEC_LIST_SHOW] = LIST(show, nshow, VMM_EXEC_MAX_PATHS),
	[VMM_EXEC_LIST_ENV] = LIST(settings, nsettings, VMM_EXEC_MAX_SETTINGS),
	[VMM_EXEC_LIST_MEMORY] = LIST(pieces, npieces, VMM_EXEC_MAX_PIECES),
};

static const enum vmm_exec_list list_of[] = {
	[DIR] = VMM_EXEC_LIST_DIR, [HIDE] = VMM_EXEC_LIST_HIDE, [SHOW] = VMM_EXEC_LIST_SHOW,
	[ENV] = VMM_EXEC_LIST_ENV, [MEMORY] = VMM_EXEC_LIST_MEMORY,
};

#define BOOTED "the guest of a template has booted; leave --from out, or make another template"

/* Options without an effect beside another one, or without it. */
static const struct rule {
	unsigned char option;
	enum { BESIDE, WITHOUT } how;
	unsigned char other;
	const char *why;
} rules[] = {
	{ KERNEL, BESIDE, FROM, BOOTED }, { MODULES, BESIDE, FROM, BOOTED }, { INIT, BESIDE, FROM, BOOTED },
	{ MEMORY, BESIDE, FROM, BOOTED }, { CPUS, BESIDE, FROM, BOOTED }, { APPEND, BESIDE, FROM, BOOTED },
	{ EMULATE, BESIDE, FROM, "a template is a machine of KVM" },
	{ IMAGE, BESIDE, FROM, "a template has no disk" },
	{ IMAGE, BESIDE, ROOT, "the image has the root" },
	{ IMAGE, BESIDE, EMULATE, "an emulated guest has no disk" },
	{ OCI, BESIDE, ROOT, "the image has the root" },
	{ OCI, BESIDE, IMAGE, "both have the root" },
	{ OCI, BESIDE, RW, "the unpacked image is temporary" },
	{ SANDBOX, BESIDE, EMULATE, "QEMU and the daemons of an emulated guest have their own" },
	{ JAIL, BESIDE, EMULATE, "QEMU and the daemons of an emulated guest have their own sandboxes" },
	{ DAEMON_PATH, WITHOUT, EMULATE, "other guests have no daemons" },
};

int vmm_exec_options_add(struct vmm_exec_options *o, enum vmm_exec_list which, const char *option,
			 const char *text, struct vsu_error *err)
{
	const struct list *list = &lists[which];
	const char **texts = (void *)((char *)o + list->texts);
	unsigned int *n = (void *)((char *)o + list->n);

	if (*n == list->max)	/* the first value of --memory is elsewhere */
		return vsu_error_set(err, -EINVAL, "option --%s is given more than %u times", option,
				     list->max + (which == VMM_EXEC_LIST_MEMORY));
	texts[(*n)++] = text;
	return 0;
}

_Static_assert(HELP < 32, "a bit for each option");

static bool is_given(const struct vmm_exec_options *o, unsigned int index)
{
	return o->given & 1u << index;
}

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_exec_options *o = opaque;
	const bool again = is_given(o, index);

	o->given |= 1u << index;
	if (!(index == MEMORY && again) && vsu_place_store(&places[index], o, value))
		return 0;
	if (index == NET)
		return vmm_exec_network_parse(&o->network, value->text, err);
	if (index == PUBLISH)
		return vmm_exec_network_publish(&o->network, value->text, err);
	if (index == ENV && (!*value->text || *value->text == '='))
		return vsu_error_set(err, -EINVAL, "option --env '%s' has no name; write NAME=VALUE", value->text);
	return vmm_exec_options_add(o, list_of[index], vmm_exec_option_rows[index].name, value->text, err);
}

/* A machine that runs has all that other options choose. */
static int check_further(const struct vmm_exec_options *o, struct vsu_error *err)
{
	static const unsigned int possible = 1u << IN | 1u << ENV | 1u << CHDIR | 1u << USER | 1u << TERMINAL;
	unsigned int i;

	for (i = 0; vmm_exec_option_rows[i].name; i++)
		if (o->in && is_given(o, i) && !(possible & 1u << i))
			return vsu_error_set(err, -EINVAL, "option --%s has no effect beside --in: the machine runs; leave one of them out", vmm_exec_option_rows[i].name);
	return 0;
}

static int check_rules(const struct vmm_exec_options *o, struct vsu_error *err)
{
	const struct rule *r;

	for (r = rules; r < rules + sizeof(rules) / sizeof(*rules); r++)
		if (is_given(o, r->option) && is_given(o, r->other) == (r->how == BESIDE))
			return vsu_error_set(err, -EINVAL, "option --%s %s --%s: %s", vmm_exec_option_rows[r->option].name,
					     r->how == BESIDE ? "has no effect beside" : "needs",
					     vmm_exec_option_rows[r->other].name, r->why);
	if (o->jail && o->network.kind == VMM_EXEC_NET_TAP)
		return vsu_error_set(err, -EINVAL, "option --jail hides the tap interfaces of this host; use --net=passt, or leave --jail out");
	return vmm_exec_network_check(&o->network, err);
}

int vmm_exec_options_parse(struct vmm_exec_options *o, int argc, char *const *argv,
			   struct vsu_error *err)
{
	int first, rc;

	*o = (struct vmm_exec_options){ .memory = "1G", .cpus = 1 };
	rc = vsu_option_parse_argv(vmm_exec_option_rows, argc, argv, take_option, o, &first, err);
	if (rc < 0)
		vmm_foreign_explain(vmm_foreign_exec, vmm_exec_option_rows, argc, argv, true, err);
	if (rc < 0 || o->help)
		return rc;
	rc = check_rules(o, err);
	if (!rc)
		rc = check_further(o, err);
	if (rc < 0)
		return rc;
	if (!o->root && !o->from && !o->image && !o->oci)
		o->root = "/";
	o->command = argv + first;
	if (first == argc && o->image)
		return vsu_error_set(err, -ENOENT, "no command; 'cvmm boot %s' boots the image's own system", o->image);
	if (first < argc && o->in)
		return 0;
	return first < argc || o->oci ? vmm_helper_kernel(&o->kernel, err) :
			      vsu_error_set(err, -ENOENT, "no command; example: 'cvmm exec -- uname -a'");
}
