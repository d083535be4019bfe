/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options of a mount, as in "mount -o", as values of mount(2).
 *
 * Threads: constants.
 */
#ifndef OCI_MOUNT_OPTIONS_H
#define OCI_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "oci/spec.h"

enum oci_mount_effect {
	OCI_MOUNT_SETS,		/* flags of mount(2) */
	OCI_MOUNT_CLEARS,
	OCI_MOUNT_BINDS,
	OCI_MOUNT_PROPAGATES,	/* a flag of mount(2), alone */
	OCI_MOUNT_COPIES_UP,	/* a tmpfs begins with the files of the folder */
	OCI_MOUNT_NOTHING,
	OCI_MOUNT_REFUSED,
};

struct oci_mount_word {
	const char *name;
	enum oci_mount_effect effect;
	uint64_t flags;
	const char *why;	/* of OCI_MOUNT_REFUSED */
};

/* A name of NULL ends them. Other words are for the file system. */
extern const struct oci_mount_word oci_mount_words[];

#define OCI_MOUNT_DATA 4096	/* as many as mount(2) takes */

struct oci_mount_options {
	uint64_t flags;		/* of mount(2) */
	uint64_t propagation;	/* MS_PRIVATE and others; 0: not named */
	bool binds, copies_up;
	char data[OCI_MOUNT_DATA]; /* for the file system: "size=64k,mode=755" */
};

/*
 * Reads the options of a mount. -EOPNOTSUPP: one is not supported; -EINVAL: a bind has one that no
 * bind has; -E2BIG: more than OCI_MOUNT_DATA bytes for the file system.
 */
int oci_mount_options_read(const struct oci_mount *m, struct oci_mount_options *o, struct vsu_error *err);

#endif
