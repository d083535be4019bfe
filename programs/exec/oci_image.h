/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An OCI image as the root of a command: programs of this host (skopeo, umoci) copy and unpack it into a temporary
 * folder, and its configuration completes the options. The machine reads the folder, which is removed when
 * this process has ended in any way.
 *
 * Threads: the main thread, before it is confined.
 */
#ifndef VMM_EXEC_OCI_IMAGE_H
#define VMM_EXEC_OCI_IMAGE_H

#include <vmm-sys-util/error.h>

struct vmm_exec_options;
struct vmm_oci_image;

/*
 * Unpacks the image that the options name, and sets root, command, variables, working folder and user: what is not given
 * is the image's. -ENOENT: a program, the image or a command is missing; -EINVAL: the name; -EBADMSG: its
 * configuration; -ETIMEDOUT: its unpacking took longer than the command may. The options refer to the image.
 */
int vmm_oci_image_open(struct vmm_oci_image **out, struct vmm_exec_options *o, struct vsu_error *err);
/* i may be NULL. */
void vmm_oci_image_close(struct vmm_oci_image *i);

#endif
