/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Disk modules (<vmm-sys-util/module.h>): kinds of disks that depend on further libraries. A program
 * loads a module by the scheme of an address ("nbd+unix:///?socket=/run/disk.sock").
 *
 * Threads: one at a time.
 */
#ifndef DEVICE_KINDS_DISK_MODULE_H
#define DEVICE_KINDS_DISK_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/disk.h>
#include <vmm-sys-util/error.h>

struct devkind_priv_disk_want {
	const char *address;	/* "nbd://host/export"; borrowed for the call */
	bool read_only;
	uint32_t queues;	/* concurrent channels */
	bool waits;		/* requests wait for a lost server instead of failing */
	uint64_t patience_ns;	/* else how long they wait for it; 0: the module's default */
};

/* Arguments for virtdev_disk_new(). */
struct devkind_priv_disk_made {
	const struct virtdev_disk_ops *ops;
	struct virtdev_disk_info info;
	void *self;
};

struct devkind_priv_disk_module {
	const char *version;	/* PACKAGE_VERSION */
	int (*open)(const struct devkind_priv_disk_want *want,
		    struct devkind_priv_disk_made *out, struct vsu_error *err);
};

#define DEVKIND_PRIV_DISK_MODULE_SYMBOL "devkind_priv_disk_module"
extern VSU_EXPORT const struct devkind_priv_disk_module devkind_priv_disk_module;

/*
 * -EOPNOTSUPP: unknown scheme, or the module is not installed or has another
 * version. Errors of the module: -ECONNREFUSED and similar, -EINVAL for an invalid
 * address, -EACCES for a read-only disk.
 */
int devkind_priv_disk_open(const struct devkind_priv_disk_want *want,
			   struct virtdev_disk **out, struct vsu_error *err);

/* The folder of temporary overlays: TMPDIR, or /var/tmp. */
const char *devkind_priv_disk_folder(void);

#endif
