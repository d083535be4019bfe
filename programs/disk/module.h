/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Disks of modules: kinds of disks that need more libraries than every program
 * should load. A program loads the module when it is asked for such a disk, by
 * the scheme of an address ("nbd+unix:///?socket=/run/disk.sock"), from its own
 * folder in the installed tree, or from the one that CVMM_MODULES names.
 *
 * A module is of the same version as the program that loads it, exports one
 * struct by the name below, and stays loaded until the program ends.
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
	uint32_t queues;	/* channels at once */
};

/* To be made a disk of by virtdev_disk_new(). */
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

/* Is it an address, rather than a path? "./nbd:x" is a path. */
bool prog_disk_is_address(const char *text);

/*
 * -EOPNOTSUPP: no module knows the scheme, or the module is not installed or
 * not of this version. Otherwise as the module says: -ECONNREFUSED and its kin,
 * -EINVAL for what the address says, -EACCES for a disk that is read-only.
 */
int prog_disk_open(const struct prog_disk_want *want,
		   struct virtdev_disk **out, struct vsu_error *err);

#endif
