/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The namespace of mounts of a container's process, which engines enter to copy files: "podman cp". Its root is that
 * of the container, with the binds of the container. File systems in the guest, such as a tmpfs, are
 * empty there and cannot be written.
 *
 * Threads: the main thread.
 */
#ifndef OCI_VIEW_H
#define OCI_VIEW_H

#include <vmm-sys-util/error.h>

#include "oci/spec.h"

/*
 * Moves this thread into such a namespace; its root and working folder are those of the container. folder: where
 * oci_layout_make() has put the files, in the namespace until now.
 */
int oci_view_enter(const struct oci_spec *spec, const char *folder, struct vsu_error *err);

#endif
