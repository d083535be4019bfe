/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * --net=passt and --publish of "cvmm run" and "cvmm boot": passt is started, and its socket is the
 * network card's. Only command lines start it: in another place, a name of a program would be one
 * that a peer or a file chooses.
 *
 * Threads: the main thread, before others are started.
 */
#ifndef VMM_COMMON_USER_NETWORK_H
#define VMM_COMMON_USER_NETWORK_H

#include <vmm-sys-util/error.h>

#include "common/exec_network.h"
#include "common/passt.h"
#include "common/run_line.h"

struct vmm_user_network {
	struct vmm_exec_network network;
	struct vmm_passt passt;
};

#define VMM_USER_NETWORK_INIT { .passt = VMM_PASST_INIT }

/*
 * Takes --publish and --net=passt out of the line: starts passt, whose socket becomes the value of --net. -EINVAL;
 * -EEXIST: a second one; errors of vmm_exec_network_check() and vmm_passt_start().
 */
int vmm_user_network_take(struct vmm_user_network *u, struct vmm_run_line *l, struct vsu_error *err);
void vmm_user_network_end(struct vmm_user_network *u);

#endif
