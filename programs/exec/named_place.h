/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The sockets of machines with names, and how a command is sent to them. They are files of a folder that only the user of this process can enter:
 * cvmm/exec in XDG_RUNTIME_DIR, or in /run for root without that variable.
 *
 * Threads: no state, but that of the environment.
 */
#ifndef VMM_EXEC_NAMED_PLACE_H
#define VMM_EXEC_NAMED_PLACE_H

#include <vm-agent/request.h>
#include <vmm-sys-util/error.h>

/* Names are files: the first character is neither '-' nor '.'. */
#define VMM_NAMED_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define VMM_NAMED_MAX 64

/*
 * Listens as a machine. -EADDRINUSE: one with this name runs; -EINVAL: no name; -EPERM: the folder is
 * another user's, or others can enter it; -ENOENT: there is no runtime folder.
 */
int vmm_named_listen(const char *name, struct vsu_error *err);

/* Connects to a machine. -ENOENT: none with this name runs. */
int vmm_named_connect(const char *name, struct vsu_error *err);

/*
 * Sends a command with its three streams, UNIX sockets of the caller, and waits until the machine has room. What
 * follows is in pool_wire.h. A machine that has disconnected is no failure here: its reason is received next.
 */
int vmm_named_execute(int sock, const struct vagent_request *r, const int *streams, struct vsu_error *err);

#endif
