/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Settings of machines, from a file with a line NAME=VALUE for each, because engines pass no options
 * of their own. Lines that begin with # are comments.
 *
 * Threads: no state.
 */
#ifndef OCI_SETTINGS_H
#define OCI_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "oci/spec.h"

#define OCI_SETTINGS_BYTES 16384

struct oci_settings {
	char text[OCI_SETTINGS_BYTES];	/* to which the members refer */
	const char *kernel, *modules, *init; /* NULL: as those of "cvmm exec" */
	const char *append;	/* text for the kernel's command line */
	const char *log;	/* file for the kernel's messages; NULL: none */
	const char *daemons;	/* folder of the daemons of an emulated machine */
	const char *templates;	/* folder of templates, an absolute path; NULL: each machine boots */
	uint64_t memory;	/* bytes, of a container without a limit */
	uint64_t cpus;
	uint64_t start_ms;	/* for the start of a guest */
	bool emulate;		/* QEMU emulates the processor */
};

/* path NULL: the usual file, which need not exist. -ENOENT, -EINVAL: an unknown name, or a value. */
int oci_settings_read(struct oci_settings *s, const char *path, struct vsu_error *err);

/* The size of a container's machine: from its limits, else from the settings. */
uint64_t oci_settings_memory(const struct oci_settings *s, const struct oci_resources *r);
unsigned int oci_settings_cpus(const struct oci_settings *s, const struct oci_resources *r);

#endif
