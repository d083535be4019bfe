/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A further command in a machine with a name.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_NAMED_CLIENT_H
#define VMM_EXEC_NAMED_CLIENT_H

#include <vm-agent/protocol.h>
#include <vmm-sys-util/error.h>

struct vagent_request;
struct vmm_exec_options;

/* The command of options with the name of a machine (in). Returns its exit status, and a sentence for others. */
int vmm_named_client_run(const struct vmm_exec_options *o, struct vsu_error *err);

#endif
