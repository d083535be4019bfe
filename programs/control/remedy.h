/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Sentences of the libraries, for users of a command line or of the control socket.
 *
 * Threads: those of prog_complain(); the others are pure functions.
 */
#ifndef VMM_CONTROL_REMEDY_H
#define VMM_CONTROL_REMEDY_H

#include <vmm-sys-util/error.h>

/* Adds the option that is the remedy, if the sentence asks for one (enum cvmm_advice). */
void vmm_remedy_add(struct vsu_error *err);

/* Does so at the end of a command, if it failed or has a sentence. Returns status. */
int vmm_complain_end(int status, const struct vsu_error *err);

#endif
