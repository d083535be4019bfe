/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A terminal of the host for a process of the guest: the engine receives one side by its console
 * socket, and the process's streams are the other. That side is raw, because the guest's kernel edits
 * lines and echoes.
 *
 * Threads: the main thread.
 */
#ifndef OCI_CONSOLE_H
#define OCI_CONSOLE_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

/*
 * Makes a terminal of a size (0: the host's default), sends one side to the UNIX socket at path, and
 * returns the other, which becomes the terminal of this session, if it has none, so that SIGWINCH reports
 * changes of the size. -ENOENT, -ECONNREFUSED: the socket.
 */
int oci_console_open(const char *path, uint32_t rows, uint32_t columns, struct vsu_error *err);

#endif
