/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rights of a monitor from the start of its guest on: those to serve connections, and the state of its
 * container. It may open no other file, and has no capability; the programs that it has started keep theirs.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MONITOR_CONFINEMENT_H
#define OCI_MONITOR_CONFINEMENT_H

#include <vmm-sys-util/error.h>

/*
 * folder: of the container. share: the folder that the machine of this process
 * serves, which needs capabilities and many system calls; NULL: other processes serve it.
 */
int oci_monitor_confine(int folder, const char *share, struct vsu_error *err);

#endif
