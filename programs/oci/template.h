/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The template of "cvmm template" whose machine is that of a container. The guest of its clone has
 * booted already.
 *
 * Threads: no state.
 */
#ifndef OCI_TEMPLATE_H
#define OCI_TEMPLATE_H

#include <limits.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "oci/report.h"
#include "oci/settings.h"

/* The machine of a container. */
struct oci_shape {
	uint64_t memory;	/* bytes */
	unsigned int cpus;
	unsigned int cards;	/* a template may have more */
};

/*
 * Searches the folder of the settings for a template with this shape and the kernel of the settings. Stores the path
 * of the first one by name. 1: found; 0: none fits, or the settings have no folder, or one that does not exist or that
 * this user may not read. A template that is out of date or invalid is not used; the report has the reasons. Errors of
 * cvmm_template_list(), and of the kernel.
 */
int oci_template_find(const struct oci_settings *s, const struct oci_shape *shape, const struct oci_report *report,
		      char path[PATH_MAX], struct vsu_error *err);

#endif
