/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Confines a monitor before its guest starts: it can write only the files of its container, can also
 * read those below root, and has a filter of system calls. On KVM it keeps the capabilities that serve
 * a shared folder; otherwise it has none.
 * Programs that it has started keep their rights.
 * The folder of the container's files becomes the root, because Landlock does not restrict who may change owners,
 * modes and attributes of files. The caller has closed all other folders.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MONITOR_CONFINEMENT_H
#define OCI_MONITOR_CONFINEMENT_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "oci/spec.h"

/*
 * Call it in a namespace of mounts of this process, before a machine is made in it. That opens /proc/self/fd, from
 * which no path leads up after oci_monitor_confine().
 */
int oci_monitor_separate(struct vsu_error *err);

/* Files of the container. */
struct oci_monitor_files {
	const struct oci_spec *spec;
	const char *folder;	/* of oci_layout_make(), in the namespace of this process */
	bool serves;		/* the machine of this process serves the folder, which needs capabilities and many calls */
};

/*
 * *remark: what this host lacks, with its remedy, or unchanged. files: a further namespace of mounts shows them to
 * engines (oci/view.h), and this process serves those of its former one, which exists until it ends; NULL: none.
 */
int oci_monitor_confine(const struct oci_monitor_files *files, const char **remark, struct vsu_error *err);

#endif
