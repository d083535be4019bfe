/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The saved machine of a template. Each clone has its devices and options, so that one of another
 * person's making could share this user's files with its guest. No other options than those of
 * templates are accepted.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/option_list.h>

#include <cvmm/option_table.h>
#include "template.h"

#define FILE_NAME "machine.json"
#define MAX_BYTES (1u << 20)

/*
 * Options of a template, at most one of each. A clone replaces the devices fs, console and net by its
 * own, and does not use serial, sandbox and daemon-path. It reads neither the kernel nor the command
 * line, as the machine ends when its guest restarts.
 */
static const char *const knowns[] = {
	"kernel", "memory", "cpus", "cmdline", "initrd", "serial", "sandbox", "daemon-path", "device", "console",
};

/* Options of cvmm's process. */
static const struct cvmm_option_row process_rows[] = {
	{ .option = { .name = "sandbox", .kind = VSU_OPTION_STRING } },
	{ .option = { .name = "daemon-path", .kind = VSU_OPTION_STRING } },
	{ .option = { .name = NULL } },
};

static unsigned int max_of(const struct cvmm_template_info *info, const char *name)
{
	unsigned int i;

	if (!strcmp(name, "fs"))
		return 1 + info->folders;
	if (!strcmp(name, "net"))
		return info->cards;
	for (i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++)
		if (!strcmp(name, knowns[i]))
			return 1;
	return 0;
}

/*
 * Whether a clone would share a file: memory that the guest cannot change. If memory is shared, or the guest
 * has changed it privately, a clone has the saved bytes.
 */
static bool is_in_file(const char *list)
{
	struct vsu_list_item item;
	bool is = false;

	while (!is && vsu_list_next(&list, &item))
		is = vsu_list_item_begins(&item, "readonly") && !vsu_list_item_is(&item, "readonly=off");
	return is;
}

/* Values that name no file of the host, and no other device. */
static bool is_own(const struct cvmm_option *o)
{
	const char *value = o->value.text;

	if (!strcmp(o->name, "memory"))
		return !is_in_file(value);
	if (!strcmp(o->name, "initrd"))
		return vsu_file_value_is_fd(value);
	return strcmp(o->name, "device") != 0 || !strcmp(value, "rng");
}

static int check_options(const struct cvmm_template_info *info, const struct cvmm_options *options, struct vsu_error *err)
{
	struct cvmm_option o, other;
	unsigned int i, k, n;

	for (i = 0; !cvmm_options_get(options, i, &o, NULL); i++) {
		for (n = 1, k = 0; k < i && !cvmm_options_get(options, k, &other, NULL); k++)
			n += !strcmp(other.name, o.name);
		if (n > max_of(info, o.name) || !is_own(&o))
			return vsu_error_set(err, -EPERM, "its machine has '%s=%.80s', which templates are not made with, and which each clone would have; make a template of your own",
					     o.name, o.value.text);
	}
	return 0;
}

static int read_file(const struct cvmm_template_info *info, char **text, struct vsu_error *err)
{
	char folder[PATH_MAX + sizeof("/machine")];
	int fd, rc;

	snprintf(folder, sizeof(folder), "%s/machine", info->path);
	fd = vsu_file_value_open_in(folder, FILE_NAME, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	rc = fd < 0 ? vsu_error_sys(err, fd, "cannot open it") : vsu_file_value_read_text(fd, MAX_BYTES, text, err);
	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_prefix(err, rc, "'machine/" FILE_NAME "'") : 0;
}

static int read_options(const char *text, struct cvmm_options *o, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	const int rc = cvmm_options_add_json(o, text, &why);

	if (rc == -ENOENT || rc == -EINVAL)
		return vsu_error_set(err, -EPERM, "its machine is not as templates are made, and each clone would be like it (%s); make a template of your own", why.msg);
	return rc < 0 ? vsu_error_set(err, rc, "%s", why.msg) : 0;
}

int cvmm_priv_template_check_machine(const struct cvmm_template_info *info, struct vsu_error *err)
{
	struct cvmm_options *o = NULL;
	char *text = NULL;
	int rc = read_file(info, &text, err);

	if (!rc)
		rc = cvmm_options_new_for(process_rows, &o, err);
	if (!rc)
		rc = read_options(text, o, err);
	if (!rc)
		rc = check_options(info, o, err);
	cvmm_options_free(o);
	free(text);
	return rc < 0 ? vsu_error_prefix(err, rc, "template '%s'", info->path) : 0;
}
