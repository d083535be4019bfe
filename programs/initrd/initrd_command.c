/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm initrd": an initrd for other users of a kernel. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <vm-agent/initrd.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_place.h>

#include "common/helpers.h"
#include "initrd/initrd_command.h"
#include "common/machine_rows.h"

#define CHUNK 65536

enum { DEVICE, MODULE, MODULES, INIT, HELP, OF_VERSION };

const struct vsu_option vmm_initrd_command_options[] = {
	[DEVICE] = { .name = "device", .kind = VSU_OPTION_STRING, .arg = "KIND", .repeat = true,
		     .preset = "all kinds", .help = "include the driver of a kind of device" },
	[MODULE] = { .name = "module", .kind = VSU_OPTION_STRING, .arg = "NAME", .repeat = true,
		     .help = "include a module", .example = "ext4" },
	[MODULES] = { .name = "modules", .kind = VSU_OPTION_STRING, .arg = "FOLDER|none",
		      .preset = "/lib/modules/VERSION", .help = "modules of the kernel" },
	[INIT] = VMM_ROW_INIT,
	[HELP] = VSU_OPTION_ROW_HELP,
	[OF_VERSION] = { .name = "VERSION", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

static int add_name(struct vmm_initrd_command *c, const char *name, struct vsu_error *err)
{
	if (c->n == VMM_INITRD_COMMAND_NAMES)
		return vsu_error_set(err, -EINVAL, "initrd: more than %d modules are named", VMM_INITRD_COMMAND_NAMES);
	c->names[c->n++] = name;
	return 0;
}

/* A driver requires the bus. */
static int add_device(struct vmm_initrd_command *c, const char *kind, struct vsu_error *err)
{
	const char *driver = vagent_initrd_driver(strcmp(kind, "disk") ? kind : "blk");
	int rc;

	if (!driver)
		return vsu_error_set(err, -EINVAL, "option --device: no driver is known for '%s'; name its module with --module", kind);
	rc = add_name(c, "virtio_pci", err);
	return rc < 0 ? rc : add_name(c, driver, err);
}

#define PLACE(member) VSU_PLACE(struct vmm_initrd_command, member)
static const struct vsu_place places[] = {
	[MODULES] = PLACE(modules), [INIT] = PLACE(init), [HELP] = PLACE(help),
	[OF_VERSION] = PLACE(version),
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_initrd_command *c = opaque;

	if (vsu_place_store(&places[index], c, value))
		return 0;
	return index == DEVICE ? add_device(c, value->text, err) : add_name(c, value->text, err);
}

int vmm_initrd_command_parse(struct vmm_initrd_command *c, int argc, char *const *argv,
			     struct vsu_error *err)
{
	int rc;

	*c = (struct vmm_initrd_command){ .init = vmm_helper_init(false) };
	rc = vsu_option_parse_argv(vmm_initrd_command_options, argc, argv, take_option, c, NULL, err);
	if (rc < 0 || c->help)
		return rc;
	if (c->version && c->modules)
		return vsu_error_set(err, -EINVAL, "initrd: the version '%s' has no effect beside --modules: the folder has the modules of a version; leave one out", c->version);
	if (c->version || c->modules)
		return 0;
	return vsu_error_set(err, -ENOENT, "initrd: no version of a kernel; example: 'cvmm initrd \"$(uname -r)\"'");
}

static int copy_out(int from, int to, struct vsu_error *err)
{
	char chunk[CHUNK];
	ssize_t n, done;

	while ((n = vsu_fd_read_full(from, chunk, sizeof(chunk))) > 0) {
		done = vsu_fd_write_full(to, chunk, (size_t)n);
		if (done < n)
			return vsu_error_sys(err, done < 0 ? (int)done : -ENOSPC, "cannot write the initrd");
	}
	return n < 0 ? vsu_error_sys(err, (int)n, "cannot read the initrd") : 0;
}

int vmm_initrd_command_run(const struct vmm_initrd_command *c, int fd, struct vsu_error *err)
{
	char folder[VAGENT_INITRD_FOLDER];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = c->init, .modules = c->modules ? c->modules : folder, .names = c->names,
		.others = c->n ? NULL : vagent_initrd_drivers(), .boot = "/boot",
	};
	int initrd_fd, rc;

	if (isatty(fd))
		return vsu_error_set(err, -EINVAL, "an initrd is not for a terminal; redirect standard output to a file");
	rc = c->modules ? 0 : vagent_initrd_folder(c->version, folder, err);
	if (!rc)
		rc = vagent_initrd_make(&initrd, &initrd_fd, err);
	if (rc < 0)
		return rc;
	rc = copy_out(initrd_fd, fd, err);
	vsu_fd_close(&initrd_fd);
	return rc;
}
