/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes the options of a machine that boots a disk image. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <device-kinds/disk.h>
#include <vm-agent/initrd.h>
#include <vm-agent/protocol.h>
#include <vm-arch/kernel_version.h>
#include <vm-arch/layout.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/option_place.h>

#include "common/helpers.h"
#include "boot/boot_command.h"
#include "common/machine_rows.h"

#define CMDLINE "console=ttyS0 quiet panic=-1" VARCH_CMDLINE_NO_BUS " " VAGENT_IMAGE_WORD
/* A kernel and its initrd are in memory twice when it is started. */
#define MEMORY "1G"
/* Operands of "cvmm run". */
#define KERNEL_FILE "KERNEL"
#define DISK "DISK"

enum { CLOUD_INIT, KERNEL, MODULES, INIT, APPEND, PUBLISH, HELP, IMAGE, OWN_ROWS };

const struct vsu_option vmm_boot_own_options[] = {
	[CLOUD_INIT] = { .name = "cloud-init", .kind = VSU_OPTION_STRING, .arg = "KEY=VALUE|FILE",
			 .repeat = true, .help = "settings for cloud-init, on a disk of their own",
			 .example = "user=me,ssh-key=me.pub" },
	[KERNEL] = { .name = "kernel", .kind = VSU_OPTION_STRING, .arg = "FILE",
		     .preset = "the host's", .help = "Linux kernel that finds the image's kernel" },
	[MODULES] = { .name = "modules", .kind = VSU_OPTION_STRING, .arg = "FOLDER|none",
		      .preset = "/lib/modules/VERSION", .help = "modules of this kernel" },
	[INIT] = VMM_ROW_INIT,
	[APPEND] = { .name = "append", .kind = VSU_OPTION_STRING,
		     .help = "text to append to the command line of the image's kernel" },
	[PUBLISH] = VMM_ROW_PUBLISH,
	[HELP] = VSU_OPTION_ROW_HELP,
	[IMAGE] = { .name = "IMAGE", .kind = VSU_OPTION_OPERAND, .repeat = true },
	[OWN_ROWS] = { .name = NULL },
};

static bool is_own(const char *name)
{
	const struct vsu_option *own = vmm_boot_own_options;

	while (own->name && strcmp(own->name, name) != 0)
		own++;
	return own->name;
}

/* The image has the kernel, and the machine is a new one. */
static bool is_left_out(const struct vsu_option *row)
{
	const enum vmm_topic topic = vmm_run_topic(row->name);

	return is_own(row->name) || row->kind == VSU_OPTION_OPERAND ||
	       topic == VMM_TOPIC_WORDS || topic == VMM_TOPIC_KERNEL || topic == VMM_TOPIC_MIGRATION;
}

static void make_table(struct vmm_boot_command *c)
{
	struct vsu_option run[VMM_RUN_ROWS], *to = c->table;
	const struct vsu_option *row;

	memcpy(to, vmm_boot_own_options, sizeof(vmm_boot_own_options));
	to += OWN_ROWS;
	vmm_run_table(run);
	for (row = run; row->name; row++)
		if (!is_left_out(row))
			*to++ = *row;
	*to = (struct vsu_option){ .name = NULL };
}

/* The first disk is the image, be it an operand or an option. */
static bool has_image(const struct vmm_boot_command *c)
{
	return vmm_run_line_has(&c->line, DISK) || vmm_run_line_has(&c->line, "disk");
}

static int add_operand(struct vmm_boot_command *c, const char *path, struct vsu_error *err)
{
	if (!has_image(c))
		c->image = path;
	return vmm_run_line_add(&c->line, err, DISK, "%s", path);
}

#define PLACE(member) VSU_PLACE(struct vmm_boot_command, member)
static const struct vsu_place places[OWN_ROWS] = {
	[KERNEL] = PLACE(kernel), [MODULES] = PLACE(modules), [INIT] = PLACE(init),
	[APPEND] = PLACE(append), [HELP] = PLACE(help),
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_boot_command *c = opaque;

	if (index >= OWN_ROWS || index == PUBLISH)
		return vmm_run_line_add(&c->line, err, c->table[index].name, "%s", value->text);
	if (vsu_place_store(&places[index], c, value))
		return 0;
	return index == IMAGE ? add_operand(c, value->text, err) :
				vmm_cloud_init_read(&c->seed, value->text, err);
}

/* The first operand becomes the kernel, since operands keep their order. */
int vmm_boot_command_parse(struct vmm_boot_command *c, int argc, char *const *argv,
			   struct vsu_error *err)
{
	int rc;

	*c = (struct vmm_boot_command){ .init = vmm_helper_init(true), .initrd_fd = -1, .seed_fd = -1, .server = VMM_IMAGE_SERVER_INIT, .network = VMM_USER_NETWORK_INIT };
	make_table(c);
	vmm_run_line_init(&c->line);
	rc = vmm_run_line_add(&c->line, err, KERNEL_FILE, "none");
	if (!rc)
		rc = vsu_option_parse_argv(c->table, argc, argv, take_option, c, NULL, err);
	if (rc < 0 || c->help || has_image(c))
		return rc;
	return vsu_error_set(err, -ENOENT, "boot: no disk image; example: 'cvmm boot debian.raw'");
}

/* ------------------------------------------------------------------ parts */

static int find_modules(const struct vmm_boot_command *c, const char *kernel,
			char folder[VAGENT_INITRD_FOLDER], struct vsu_error *err)
{
	char version[VARCH_KERNEL_VERSION];
	int rc;

	if (c->modules)
		return 0;
	rc = varch_kernel_version(kernel, version, err);
	return rc < 0 ? rc : vagent_initrd_folder(version, folder, err);
}

static int make_initrd(struct vmm_boot_command *c, const char *kernel, struct vsu_error *err)
{
	static const char *const names[] = { "virtio_pci", "virtio_blk", NULL };
	static const char *const others[] = { "virtio_mmio", "pvpanic_mmio", NULL };
	char folder[VAGENT_INITRD_FOLDER];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = c->init, .modules = c->modules ? c->modules : folder,
		.names = names, .others = others, .later = vagent_initrd_file_systems(), .boot = "/boot",
	};
	const int rc = find_modules(c, kernel, folder, err);

	return rc < 0 ? rc : vagent_initrd_make(&initrd, &c->initrd_fd, err);
}

/* An image that is not raw becomes a disk behind a socket. */
static int serve_image(struct vmm_boot_command *c, struct vsu_error *err)
{
	char *value;
	int rc = c->image && devkind_disk_format(c->image) ?
		 vmm_image_server_disk(&c->server, c->image, true, &value, err) : 0;

	if (rc < 0 || c->server.sock < 0)
		return rc;
	rc = vmm_run_line_set(&c->line, vmm_run_line_find(&c->line, DISK), "disk", value, err);
	free(value);
	return rc;
}

/* A file can be opened again by the process that continues the guest. */
static int add_seed(struct vmm_boot_command *c, struct vsu_error *err)
{
	const char *path = vmm_run_line_has(&c->line, "dry-run") ? NULL : vmm_cloud_init_file(&c->seed);
	char *value = path ? vsu_list_escape(path) : NULL;
	int rc = path ? vmm_cloud_init_keep(&c->seed, c->seed_fd, err) : 0;

	if (path && !rc && !value)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (!rc)
		rc = value ? vmm_run_line_add(&c->line, err, "disk", "path=%s,readonly", value) :
			     vmm_run_line_add(&c->line, err, "disk", "fd:%d:cloud-init,readonly", c->seed_fd);
	free(value);
	return rc;
}

static int add_own(struct vmm_boot_command *c, struct vsu_error *err)
{
	int rc = vmm_run_line_add(&c->line, err, "initrd", "fd:%d:initrd", c->initrd_fd);

	if (!rc)
		rc = vmm_run_line_add(&c->line, err, "cmdline", CMDLINE "%s%s", c->append ? " -- " : "", c->append ? c->append : "");
	if (!rc && !vmm_run_line_has(&c->line, "memory"))
		rc = vmm_run_line_add(&c->line, err, "memory", MEMORY);
	return rc < 0 || c->seed_fd < 0 ? rc : add_seed(c, err);
}

int vmm_boot_command_make(struct vmm_boot_command *c, struct vsu_error *err)
{
	char host[VAGENT_KERNEL_PATH];
	const char *kernel = c->kernel ? c->kernel : host;
	int rc;

	c->stage = CVMM_STEP_CONFIGURATION;
	rc = c->kernel ? 0 : vagent_host_kernel("/boot", "/lib/modules", host, err);
	if (!rc)
		rc = make_initrd(c, kernel, err);
	if (!rc && c->seed.is_given)
		rc = vmm_cloud_init_make(&c->seed, &c->seed_fd, err);
	if (rc < 0)
		return rc;
	c->stage = CVMM_STEP_OPTIONS;
	rc = vmm_run_line_set(&c->line, 0, KERNEL_FILE, kernel, err);
	if (!rc)
		rc = serve_image(c, err);
	if (!rc)
		rc = vmm_user_network_take(&c->network, &c->line, err);
	return rc < 0 ? rc : add_own(c, err);
}

void vmm_boot_command_free(struct vmm_boot_command *c)
{
	vmm_run_line_free(&c->line);
	vsu_fd_close(&c->initrd_fd);
	vsu_fd_close(&c->seed_fd);
	vmm_cloud_init_free(&c->seed);
	vmm_image_server_end(&c->server);
	vmm_user_network_end(&c->network);
}
