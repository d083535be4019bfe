/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file in which an engine finds the number of a process.
 *
 * Threads: no state.
 */
#ifndef OCI_PID_FILE_H
#define OCI_PID_FILE_H

#include <sys/types.h>

#include <vmm-sys-util/error.h>

/* Replaces the file as a whole, because engines wait for it and read it at once. path NULL: none. */
int oci_pid_file_write(const char *path, pid_t pid, struct vsu_error *err);

#endif
