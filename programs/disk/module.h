/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Disk modules: kinds of disks that depend on further libraries. A program loads a
 * module by the scheme of an address ("nbd+unix:///?socket=/run/disk.sock"), from
 * the installed module folder, or from the one that CVMM_MODULES names.
 *
 * A module has the same version as the program that loads it, exports one struct by
 * the name below, and stays loaded until the program ends.
 *
 * Threads: one at a time.
 */
#ifndef PROGRAMS_DISK_MODULE_H
#define PROGRAMS_DISK_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/disk.h>
#include <vmm-sys-util/error.h>

struct prog_disk_want {
	const char *address;	/* "nbd://host/export"; borrowed for the call */
	bool read_only;
	uint32_t queues;	/* concurrent channels */
};

/* Arguments for virtdev_disk_new(). */
struct prog_disk_made {
	const struct virtdev_disk_ops *ops;
	struct virtdev_disk_info info;
	void *self;
};

struct prog_disk_module {
	const char *version;	/* PACKAGE_VERSION */
	int (*open)(const struct prog_disk_want *want,
		    struct prog_disk_made *out, struct vsu_error *err);
};

#define PROG_DISK_MODULE_SYMBOL "prog_disk_module"
extern const struct prog_disk_module prog_disk_module;

/* Returns whether it is an address; "./nbd:x" is a path. */
bool prog_disk_is_address(const char *text);

/*
 * -EOPNOTSUPP: unknown scheme, or the module is not installed or has another
 * version. Errors of the module: -ECONNREFUSED and similar, -EINVAL for an invalid
 * address, -EACCES for a read-only disk.
 */
int prog_disk_open(const struct prog_disk_want *want,
		   struct virtdev_disk **out, struct vsu_error *err);

#endif
