/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A process of the host that stands for one of a guest: signals to it are those of that process, whose exit
 * status becomes its own.
 *
 * Threads: the main thread.
 */
#ifndef OCI_STAND_IN_H
#define OCI_STAND_IN_H

#include <vmm-sys-util/error.h>

/* Blocks the signals that are passed on, ignores SIGPIPE, and returns a descriptor that reads the former. */
int oci_stand_in_watch_signals(struct vsu_error *err);

/* Replaces the standard streams. Engines have their own descriptors of them, and wait for the end of all others. */
void oci_stand_in_release_streams(void);

/*
 * Passes signals, and sizes of the terminal console (-1: none), to the monitor until the process has ended. id: of
 * a pod's member; NULL: the process is that of the connection. Returns its exit status.
 */
int oci_stand_in_await(int sock, int signals, int console, const char *id);

#endif
